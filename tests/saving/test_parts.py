"""What is a part of a model is saved and loaded; a file that doesn't fit changes nothing."""

import io
import warnings

import h5py
import numpy as np
import pytest

import kernelkit as kk

# Words of kernelkit's own books, under which a layer of the user may keep its parts all the same.
NAMES = [
    *("loss", "history", "optimizer_map", "input_spec", "dtype_policy", "optimizer", "metrics", "layers", "path"),
    *("_graph_layers", "_stack", "_input_layer", "_training", "_slots", "_shared", "_variables"),
    *("_trainable_variables", "_display_run", "state", "variables_of"),
]
TAKEN = {"metrics", "path", "dtype_policy", "input_spec"}  # properties and settings of every layer


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TAKEN])
def test_a_part_is_saved_whatever_the_attribute_is_called(tmp_path, name):
    @kk.saving.register_keras_serializable(package="parts")
    class Owner(kk.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            setattr(self, name, kk.layers.Dense(2))

        def build(self, shape):
            getattr(self, name).build(shape)

        def call(self, x):
            return getattr(self, name)(x)

    model = kk.Sequential([kk.Input((3,)), Owner(), kk.layers.Dense(1)])
    x = np.ones((4, 3), "float32")
    assert len(model.weights) == 4
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(kk.models.load_model(tmp_path / "m.keras")(x), model(x))


def test_a_property_that_raises_is_told_when_weights_are_saved(tmp_path):
    class Owner(kk.layers.Layer):
        @property
        def head(self):
            raise OSError("no head today")

        def call(self, x):
            return x

    model = kk.Sequential([kk.Input((3,)), Owner(), kk.layers.Dense(1)])
    with pytest.warns(UserWarning, match=r"Owner\.head raised OSError: no head today .* neither saved nor loaded"):
        model.save_weights(tmp_path / "m.weights.h5")


class Counted(kk.layers.Dense):
    """Has a loader of its own, which finds out late that the file doesn't fit."""

    def save_own_variables(self, store):
        store["kernel"], store["bias"] = self.kernel.numpy(), self.bias.numpy()

    def load_own_variables(self, store):
        self.kernel.assign(np.asarray(store["kernel"]))
        self.bias.assign(np.asarray(store["bias"]))


def stack():
    return kk.Sequential(
        [kk.Input((3,)), kk.layers.Dense(4), Counted(5, name="own"), kk.layers.Dense(2), Counted(2, name="last")]
    )


def changed(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def drop_bias(file):
    del file["layers/counted_1/vars/bias"]


def wrong_shape(file):
    del file["layers/counted_1/vars/bias"]
    file["layers/counted_1/vars/bias"] = np.zeros(7, "float32")


@pytest.mark.parametrize("change", [drop_bias, wrong_shape])
def test_a_loader_of_ones_own_that_fails_leaves_the_whole_model_as_it_was(tmp_path, change):
    path = tmp_path / "m.weights.h5"
    stack().save_weights(path)
    changed(path, change)
    model = stack()
    before = model.get_weights()
    with pytest.raises(ValueError, match="last.*Counted"):
        model.load_weights(path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_with_skip_mismatch_the_layer_alone_is_left_as_it_was(tmp_path):
    path = tmp_path / "m.weights.h5"
    saved, model = stack(), stack()
    saved.save_weights(path)
    changed(path, drop_bias)
    kernel, bias = (v.numpy() for v in model.layers[-1].weights)
    with pytest.warns(UserWarning, match="last"):
        model.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), kernel)
    np.testing.assert_array_equal(model.layers[-1].bias.numpy(), bias)
    np.testing.assert_array_equal(model.layers[1].kernel.numpy(), saved.layers[1].kernel.numpy())


def test_a_packed_array_that_is_damaged_is_found_before_anything_is_assigned(tmp_path):
    path = tmp_path / "m.weights.h5"
    make = lambda: kk.Sequential([kk.Input((30,)), kk.layers.Dense(40), kk.layers.Dense(50)])  # noqa: E731
    make().save_weights(path)
    place = "layers/dense_1/vars/0"
    numbers = np.random.default_rng(0).random((40, 50))

    def pack(file):
        del file[place]
        file.create_dataset(place, data=numbers, chunks=(40, 50), compression="gzip", fletcher32=True)

    changed(path, pack)
    with h5py.File(path) as file:
        where = file[place].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[where.byte_offset + where.size // 2] ^= 0xFF
    path.write_bytes(data)
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match="damaged"):
        model.load_weights(path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# Errors ---------------------------------------------------------------------------------------------------------------


def saved_with(layer):
    file = io.BytesIO()
    kk.Sequential([kk.Input((3,)), layer]).save(file)
    file.seek(0)
    return file


@pytest.mark.parametrize("kind", [RuntimeError, TypeError, AttributeError, KeyError, IndexError])
def test_an_error_of_the_users_own_code_stays_what_it_is(kind):
    broken = []

    @kk.saving.register_keras_serializable(package="parts")
    class Breaks(kk.layers.Layer):
        def call(self, x):
            if broken:
                raise kind("a bug of mine")
            return x

    file = saved_with(Breaks())
    broken.append(True)
    with pytest.raises(kind, match="a bug of mine") as caught:
        kk.models.load_model(file)
    assert any("while an open file was loaded" in note for note in caught.value.__notes__)


def test_a_config_that_does_not_fit_is_told_as_such():
    @kk.saving.register_keras_serializable(package="parts")
    class Takes(kk.layers.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def call(self, x):
            return x

    file = saved_with(Takes(3))

    class Takes(kk.layers.Layer):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="size"):
        kk.models.load_model(file, custom_objects={"parts>Takes": Takes})


@pytest.mark.parametrize("error", [MemoryError("no room"), None])
def test_no_memory_is_not_blamed_on_the_config(monkeypatch, error):
    import jax

    error = error or jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")

    def fail(*args, **kwargs):
        raise error

    file = saved_with(kk.layers.Dense(1))
    monkeypatch.setattr(kk.initializers.GlorotUniform, "__call__", fail)
    with pytest.raises(type(error), match=r"no room|RESOURCE_EXHAUSTED"):
        kk.models.load_model(file)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    for save in (
        lambda path: model.save(f"{path}/m.keras"),
        lambda path: model.save(f"{path}/m", zipped=False),
        lambda path: model.save_weights(f"{path}/m.weights.h5"),
        lambda path: model.save_weights(f"{path}/m.weights.json", max_shard_size=1),
    ):
        with pytest.raises(FileNotFoundError, match=r"The folder '[^']*nowhere' does not exist"):
            save(tmp_path / "nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(tmp_path / "m.keras")


def test_a_text_may_stand_for_an_object_that_the_caller_names():
    class Mine(kk.layers.Layer):
        pass

    read = kk.saving.deserialize_keras_object
    assert isinstance(read("mine", module_objects={"mine": Mine}), Mine)
    assert read("mine", custom_objects={"mine": Mine}) is Mine
    assert read("relu", module_objects={"relu": kk.activations.relu}) is kk.activations.relu
    assert read("other", module_objects={"mine": Mine}) == "other"


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_own_functions_and_classes_are_found_by_name_in_all_roles(ending, tmp_path):
    """Packages load their models with `custom_objects`: activations, initializers, losses, optimizers of their own."""

    def twice(x):
        return 2 * x

    def threes(shape, dtype=None):
        return 3 * kk.ops.ones(shape, dtype)

    def total(w):
        return kk.ops.sum(w)

    def halved(w):
        return w / 2

    def distance(y, p):
        return kk.ops.mean(p - y)

    class Steps(kk.optimizers.SGD):
        pass

    class Lines(kk.layers.Dense):
        pass

    own = {f.__name__: f for f in (twice, threes, total, halved, distance, Steps, Lines)}
    lines = Lines(1, twice, kernel_initializer=threes, kernel_regularizer=total, bias_constraint=halved)
    model = kk.Sequential([kk.Input((2,)), lines, kk.layers.Activation(twice)])
    model.compile(Steps(0.1), distance, metrics=[distance])
    x = np.ones((2, 2), "float32")
    model.save(tmp_path / f"m{ending}")
    loaded = kk.models.load_model(tmp_path / f"m{ending}", custom_objects=own)
    assert loaded.predict(x, verbose=0).ravel().tolist() == [24.0, 24.0]
    assert loaded.evaluate(x, x[:, :1], verbose=0) == [23.0 + 6.0, 23.0]
    assert type(loaded.optimizer) is Steps and type(loaded.layers[0]) is Lines
    with pytest.raises(ValueError, match="Lines"):
        kk.models.load_model(tmp_path / f"m{ending}")


def test_errors_about_configs_are_those_of_keras_and_value_errors_too():
    """Code that was written for Keras catches a TypeError, or a NotImplementedError."""
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match="`input_dim` must be a positive integer"):
            kk.layers.Embedding.from_config({"input_dim": 3.7, "output_dim": 8})
    with pytest.raises(ValueError, match="`input_dim` must be a positive integer") as caught:
        kk.layers.Embedding(3.7, 8)
    assert type(caught.value) is ValueError
    for kind in (NotImplementedError, ValueError):
        with pytest.raises(kind, match="object cannot be saved: it has no get_config"):
            kk.saving.serialize_keras_object(object())
