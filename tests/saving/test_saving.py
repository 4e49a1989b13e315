"""Saving and loading with kernelkit alone: round trips, errors that help, files that are whole whatever happens."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.saving.parts import parts_of

X, Y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")


def make(units=3, dropout=0.0):
    layers = [kk.Input((4,)), kk.layers.Dense(units, name="first"), kk.layers.Dropout(dropout, seed=1)]
    model = kk.Sequential([*layers, kk.layers.Dense(2, name="last")])
    model.compile(kk.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def same(a, b):
    assert [v.shape for v in a] == [v.shape for v in b]
    assert all(np.array_equal(x.numpy(), y.numpy()) for x, y in zip(a, b))


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "folder"])
def test_training_goes_on_as_if_nothing_had_been(tmp_path, name):
    model = make(dropout=0.5 if name != "m.h5" else 0)  # that format has no place for seeds
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / name, **({"zipped": False} if name == "folder" else {}))
    again = kk.models.load_model(tmp_path / name)
    same(model.variables if name != "m.h5" else model.weights, again.variables if name != "m.h5" else again.weights)
    same(model.optimizer.variables, again.optimizer.variables)
    for one in (model, again):
        one.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    same(model.weights, again.weights)
    assert model.evaluate(X, Y, verbose=0, return_dict=True).keys() == {"loss", "mae"}


def test_without_its_optimizer(tmp_path):
    make().save(tmp_path / "m.keras")
    assert not kk.models.load_model(tmp_path / "m.keras", compile=False).compiled
    again = kk.models.load_model(tmp_path / "m.keras")
    assert type(again.optimizer).__name__ == "Adam" and again.compiled


def test_one_layer_in_two_models_stays_one(tmp_path):
    shared = kk.layers.Dense(3)
    a = kk.Input((3,))
    model = kk.Model(a, kk.Sequential([kk.Input((3,)), shared])(shared(a)))
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        again = kk.models.load_model(tmp_path / name)
        assert again.count_params() == 12
        np.testing.assert_array_equal(again(np.eye(3)), model(np.eye(3)))


def test_functions_that_keras_has_no_class_for(tmp_path):
    @kk.saving.register_keras_serializable(package="tests")
    @kk.op
    def scaled(x, factor):
        return x * factor

    a = kk.Input((3,))
    model = kk.Model(a, scaled(kk.layers.Dense(2)(a), factor=3))
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(kk.models.load_model(tmp_path / "m.keras")(np.eye(3)), model(np.eye(3)))


def test_files_of_layers(tmp_path):
    @kk.saving.register_keras_serializable(package="tests")
    class Words(kk.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.words = []

        def call(self, x):
            return x

        def save_assets(self, folder):
            with open(os.path.join(folder, "words.txt"), "w") as file:
                file.write("\n".join(self.words))

        def load_assets(self, folder):
            with open(os.path.join(folder, "words.txt")) as file:
                self.words = file.read().split("\n")

    layer = Words()
    layer.words = ["a", "b"]
    model = kk.Sequential([kk.Input((2,)), layer])
    for name, options in (("m.keras", {}), ("folder", {"zipped": False})):
        model.save(tmp_path / name, **options)
        assert kk.models.load_model(tmp_path / name).layers[0].words == ["a", "b"]


def test_own_way_to_save_variables(tmp_path):
    class Own(kk.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight((2,), name="w")

        def call(self, x):
            return x * self.w

        def save_own_variables(self, store):
            store["mine"] = self.w.numpy() * 2

        def load_own_variables(self, store):
            assert "mine" in store and store["mine"].shape == (2,)
            self.w.assign(store["mine"][:] / 2)

    model, again = (kk.Sequential([kk.Input((2,)), Own()]) for _ in range(2))
    model.save_weights(tmp_path / "m.weights.h5")
    again.load_weights(tmp_path / "m.weights.h5")
    same(model.weights, again.weights)


def test_shards_are_replaced(tmp_path):
    path = tmp_path / "m.weights.json"
    model = make()
    for _ in range(3):
        model.fit(X, Y, verbose=0)
        model.save_weights(path, max_shard_size=1e-7)
        again = make()
        again.load_weights(path)
        same(model.weights, again.weights)
        same(model.optimizer.variables, again.optimizer.variables)
    index = {f for files in kk.saving.weights_file.read_index(str(path)).values() for f in files}
    assert {p.name for p in tmp_path.iterdir()} == index | {"m.weights.json"}


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda p: kk.models.load_model(p / "m.kears"), "File format not supported"),
        (lambda p: kk.models.load_model(p / "none.keras"), "File not found: .*The folder has: m.keras, m.weights.h5"),
        (lambda p: kk.models.load_model(p / "no" / "m.keras"), "The folder .* doesn't exist"),
        (lambda p: kk.models.load_model(p / "m.weights.h5"), "holds only weights. Build the model"),
        (lambda p: make().load_weights(p / "none.weights.h5"), "File not found"),
        (lambda p: make().load_weights(p / "m.txt"), "File format not supported"),
        (lambda p: make().save(p / "m.model"), "must end with '.keras'"),
        (lambda p: make().save_weights(p / "m.h5"), "must end with '.weights.h5'"),
        (lambda p: make().save(p / "m.keras", compression=3), r"argument\(s\) are not supported"),
        (
            lambda p: make(units=5).load_weights(p / "m.weights.h5"),
            r"layer 'first' \(Dense, 'layers/dense' in the file\): shapes must match, expected \(4, 5\), \(5,\), "
            r"the file has \(4, 3\), \(3,\); layer 'last'",
        ),
        (
            lambda p: kk.Sequential([kk.layers.Dense(3), kk.layers.Dense(2)]).load_weights(p / "m.weights.h5"),
            "has not yet been built: .* Call it on data",
        ),
        (lambda p: kk.Sequential([kk.layers.Lambda(lambda x: (x, p)[0])]).save(p / "l.keras"), "Give the function"),
    ],
)
def test_errors_say_what_to_do(tmp_path, act, message):
    make().save(tmp_path / "m.keras")
    make().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match=message):
        act(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.keras", "m.weights.h5"]


def test_an_unknown_class(tmp_path):
    class Mine(kk.layers.Layer):
        def call(self, x):
            return x

    kk.Sequential([kk.Input((2,)), Mine()]).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"'Mine' .*register_keras_serializable\(\), or pass custom_objects"):
        kk.models.load_model(tmp_path / "m.keras")
    assert kk.models.load_model(tmp_path / "m.keras", custom_objects={"Mine": Mine}).count_params() == 0


def test_nothing_is_changed_by_weights_that_do_not_fit(tmp_path):
    make(units=5).save_weights(tmp_path / "m.weights.h5")
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match="don't fit"):
        model.load_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match="They are unchanged"):
        model.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0])


def test_no_overwriting_unasked(tmp_path):
    path = tmp_path / "m.keras"
    model = make()
    model.save(path, overwrite=False)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(path, overwrite=False)


def test_a_format_that_is_not_written_names_those_that_are(tmp_path):
    with pytest.raises(
        ValueError,
        match="format='caffe': kernelkit writes litert, onnx, openvino, stablehlo, tf_saved_model, torch, web",
    ):
        make().export(tmp_path / "m", format="caffe")


# Whole files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_a_killed_process_leaves_the_old_file(tmp_path, name):
    """The process is killed in the midst of writing, after the old weights could have been lost."""
    script = f"""
        import os, signal, sys
        import numpy as np
        import kernelkit as kk
        model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3), kk.layers.Dense(2)])
        save = model.save_weights if "weights" in {name!r} else model.save
        model.set_weights([np.ones(w.shape) for w in model.weights])
        save({str(tmp_path / name)!r})
        model.set_weights([np.zeros(w.shape) for w in model.weights])
        from kernelkit.saving import hdf5
        wait = []
        write = lambda *_: wait.append(1) if len(wait) < 2 else os.kill(os.getpid(), signal.SIGKILL)
        from kernelkit.saving import legacy_h5, weights_file
        weights_file.write_array = legacy_h5.write_array = write
        save({str(tmp_path / name)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert any("unfinished" in p.name for p in tmp_path.iterdir())
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3), kk.layers.Dense(2)])
    model.load_weights(tmp_path / name)
    assert all((w == 1).all() for w in model.get_weights())


def test_a_failed_save_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    make().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(kk.saving.weights_file, "write_array", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make().save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


def test_links_and_modes_of_files_stay(tmp_path):
    real, link = tmp_path / "real.keras", tmp_path / "link.keras"
    make().save(real)
    real.chmod(0o640)
    link.symlink_to(real)
    make().save(link)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640


# Callbacks ------------------------------------------------------------------------------------------------------------


def test_model_checkpoint_saves_what_it_says(tmp_path):
    model = make()
    seen = {}

    class Keep(kk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen[epoch + 1] = self.model.get_weights()

    checkpoints = [
        kk.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        kk.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
        kk.callbacks.ModelCheckpoint(
            tmp_path / "batch-{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=2
        ),
    ]
    model.fit(X, Y, epochs=2, batch_size=2, verbose=0, callbacks=[*checkpoints, Keep()])
    for epoch, weights in seen.items():
        again = make()
        again.load_weights(tmp_path / f"{epoch}.weights.h5")
        for loaded in (kk.models.load_model(tmp_path / f"{epoch}.keras"), again):
            assert all(np.array_equal(a, b) for a, b in zip(loaded.get_weights(), weights))
    assert len(list(tmp_path.glob("batch-*"))) == 4


def test_backup_goes_on_where_training_was_cut_off(tmp_path):
    class Cut(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    straight, model = make(dropout=0.5), make(dropout=0.5)
    model.set_weights(straight.get_weights())
    straight.fit(X, Y, epochs=5, verbose=0, shuffle=False)
    with pytest.raises(KeyboardInterrupt):
        backup = kk.callbacks.BackupAndRestore(tmp_path / "backup")
        model.fit(X, Y, epochs=5, verbose=0, shuffle=False, callbacks=[backup, Cut()])
    again = make(dropout=0.5)
    backup = kk.callbacks.BackupAndRestore(tmp_path / "backup")
    history = again.fit(X, Y, epochs=5, verbose=0, shuffle=False, callbacks=[backup])
    assert len(history.history["loss"]) == 2
    same(straight.variables, again.variables)
    same(straight.optimizer.variables, again.optimizer.variables)
    assert not (tmp_path / "backup").exists()
    assert len(again.fit(X, Y, epochs=2, verbose=0).history["loss"]) == 2


def test_each_of_many_models_inside_a_layer_is_saved(tmp_path):
    def model():
        inputs = kk.Input((1,))
        return kk.Model(inputs, kk.layers.Dense(1)(inputs))

    class Tower(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [model() for _ in range(100)]

        def call(self, inputs):
            return kk.ops.sum([block(inputs) for block in self.blocks], axis=0)

    x = np.ones((1, 1), "float32")
    tower, other = (kk.Sequential([Tower()]) for _ in range(2))
    tower(x)
    for i, variable in enumerate(tower.weights):
        variable.assign(np.full(variable.shape, i, "float32"))
    tower.save_weights(tmp_path / "tower.weights.h5")
    other(x)
    other.load_weights(tmp_path / "tower.weights.h5")
    for mine, theirs in zip(tower.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, mine)
    assert len([part for part in parts_of(tower) if isinstance(part.thing, kk.layers.Dense)]) == 100
