"""Callbacks that save: checkpoints, backups, CSV files."""

import json
import pathlib

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import callbacks
from kernelkit.training.callback_list import CallbackList


def logs(*values, name="val_loss"):
    return [{name: value} for value in values]


CHECKPOINTS = [
    ("a.keras", {}, logs(3, 2, 4), 0),
    ("a.keras", {"save_best_only": True}, logs(3, 2, 4, 1), 0),
    ("b-{epoch:02d}-{val_loss:.2f}.keras", {}, logs(3, 2, 4), 0),
    ("b-{epoch}.weights.h5", {"save_weights_only": True}, logs(3, 2), 0),
    ("b-{epoch}.h5", {}, logs(3, 2), 0),
    ("b-{epoch}-{batch}.keras", {"save_freq": 3}, logs(3, 2), 4),
    ("c.keras", {"save_freq": 3, "save_best_only": True, "monitor": "loss", "mode": "max"}, logs(3, 2, 1), 4),
    ("c.keras", {"save_best_only": True, "initial_value_threshold": 2.5}, logs(3, 2, 1), 0),
]


@pytest.mark.parametrize(("path", "settings", "values", "batches"), CHECKPOINTS, ids=range(len(CHECKPOINTS)))
def test_model_checkpoint_equals_keras(both, tmp_path, path, settings, values, batches):
    (own, model, _), (theirs, expected, _) = both(
        lambda family: family.ModelCheckpoint(tmp_path / path, **settings), values, batches=batches
    )
    assert model.saved == expected.saved
    assert own.best == theirs.best


def test_model_checkpoint_says_what_it_does(pretend, tmp_path, capsys):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "new" / "a.keras", save_best_only=True, verbose=1)
    pretend.run(checkpoint, logs(3, 4), pretend.model())
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1: val_loss improved to 3, saved to {tmp_path / 'new' / 'a.keras'}.",
        "Epoch 2: val_loss did not improve on 3.",
    ]


def test_model_checkpoint_saves_all_if_it_cannot_tell(pretend, tmp_path):
    model = pretend.model()
    with pytest.warns(UserWarning, match="ModelCheckpoint cannot tell which model is best and saves all"):
        pretend.run(
            callbacks.ModelCheckpoint(tmp_path / "a.keras", save_best_only=True), logs(3, 4, name="loss"), model
        )
    assert len(model.saved) == 2


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        ("a", {}, "must end with .keras or .h5 to save a model"),
        ("a.h5", {"save_weights_only": True}, "must end with .weights.h5 to save weights"),
        ("a.keras", {"save_freq": "often"}, "save_freq .* it must be 'epoch' or a number of batches"),
        ("a.keras", {"save_freq": 0}, "save_freq .* it must be 'epoch' or a number of batches"),
    ],
)
def test_model_checkpoint_with_wrong_settings(path, settings, message):
    with pytest.raises(ValueError, match=message):
        callbacks.ModelCheckpoint(path, **settings)


def test_model_checkpoint_with_an_unknown_name_in_the_path(pretend, tmp_path):
    with pytest.raises(KeyError, match="needs 'acc', but only epoch, val_loss are known"):
        pretend.run(callbacks.ModelCheckpoint(tmp_path / "{acc}.keras"), logs(1), pretend.model())


def test_batches_cost_only_those_who_want_them(tmp_path):
    def needs(callback):
        told = CallbackList([callback])
        return told.needs_batches, told.needs_model_between_batches

    free, by_logs, one_by_one = (False, False), (True, False), (True, True)
    assert needs(callbacks.ModelCheckpoint("a.keras")) == free
    assert needs(callbacks.ModelCheckpoint("a.keras", save_freq=5)) == one_by_one
    assert needs(callbacks.BackupAndRestore("a")) == free
    assert needs(callbacks.BackupAndRestore("a", save_freq=False)) == free
    assert needs(callbacks.BackupAndRestore("a", save_freq=5)) == one_by_one
    assert needs(callbacks.OrbaxCheckpoint(tmp_path)) == free
    assert needs(callbacks.OrbaxCheckpoint(tmp_path, save_freq=5)) == one_by_one
    assert needs(callbacks.TensorBoard()) == free
    assert needs(callbacks.TensorBoard(update_freq="batch")) == by_logs
    assert needs(callbacks.TensorBoard(profile_batch=3)) == one_by_one
    assert needs(callbacks.TerminateOnNaN()) == by_logs
    assert needs(callbacks.ProgbarLogger()) == by_logs
    assert needs(callbacks.LambdaCallback(on_epoch_end=print)) == free
    assert needs(callbacks.LambdaCallback(on_train_batch_end=print)) == one_by_one
    assert needs(callbacks.LambdaCallback(on_batch_begin=print)) == one_by_one
    for callback in (callbacks.EarlyStopping(), callbacks.CSVLogger("a"), callbacks.SwapEMAWeights()):
        assert needs(callback) == free

    class Own(callbacks.ModelCheckpoint):
        def on_train_batch_begin(self, batch, logs=None):
            pass

    assert needs(Own("a.keras")) == one_by_one


# Backups --------------------------------------------------------------------------------------------------------------


class Failure(Exception):
    pass


def failing_at(epoch, batch):
    """A backup whose training dies at a batch."""

    class Failing(callbacks.BackupAndRestore):
        def on_train_batch_begin(self, b, logs=None):
            if (self._epoch, b) == (epoch, batch):
                raise Failure

    return Failing


@pytest.mark.parametrize(("settings", "first", "weight"), [({}, 1, 0.0), ({"save_freq": 3}, 1, 1.0)])
def test_training_goes_on_where_it_was_cut_off(pretend, tmp_path, settings, first, weight):
    folder = tmp_path / "backup"
    with pytest.raises(Failure):
        pretend.run(failing_at(1, 3)(folder, **settings), logs(1, 1, 1), pretend.model(), batches=4)
    model = pretend.model()
    backup = callbacks.BackupAndRestore(folder, **settings)
    backup.set_model(model)
    backup.on_train_begin()
    assert (model._initial_epoch, float(model.weight.numpy())) == (first, weight)
    assert len(pretend.run(backup, logs(1, 1, 1), model, batches=4)) == 3 - first
    assert not folder.exists()


def test_a_backup_has_the_files_of_keras(pretend, tmp_path):
    left = []
    for package, family in ((kk, callbacks), (keras, keras.callbacks)):
        folder = tmp_path / package.__name__
        backup = family.BackupAndRestore(folder, double_checkpoint=True, delete_checkpoint=False)
        pretend.run(backup, logs(1, 1), pretend.model(package))
        left.append(
            (sorted(p.name for p in folder.iterdir()), json.loads((folder / "training_metadata.json").read_text()))
        )
    (own, written), (theirs, expected) = left
    assert own == theirs
    assert {name: written[name] for name in expected} == expected


def test_the_second_backup_serves_when_the_last_is_broken(pretend, tmp_path):
    settings = {"double_checkpoint": True, "delete_checkpoint": False}
    pretend.run(callbacks.BackupAndRestore(tmp_path, **settings), logs(1, 1), pretend.model())
    (tmp_path / "latest.weights.h5").write_text("{")
    model = pretend.model()
    again = callbacks.BackupAndRestore(tmp_path, **settings)
    again.set_model(model)
    again.on_train_begin()
    assert (model._initial_epoch, float(model.weight.numpy())) == (1, 0.0)
    (tmp_path / "training_metadata.json.bkp").unlink()
    with pytest.raises(OSError, match="could not read the backup"):
        again.on_train_begin()


def test_deleting_a_backup_leaves_other_files_alone(pretend, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    pretend.run(callbacks.BackupAndRestore(tmp_path), logs(1), pretend.model())
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_backup_with_wrong_settings(pretend):
    with pytest.raises(ValueError, match="Empty `backup_dir`"):
        callbacks.BackupAndRestore("")
    with pytest.raises(ValueError, match="Invalid value: it must be"):
        callbacks.BackupAndRestore("a", save_freq="often")
    model = pretend.model()
    model.built = False
    backup = callbacks.BackupAndRestore("a")
    backup.set_model(model)
    with pytest.raises(ValueError, match="needs a model that is built"):
        backup.on_train_begin()


# Orbax ----------------------------------------------------------------------------------------------------------------


def test_orbax_keeps_the_best_and_gives_it_back(pretend, tmp_path):
    model = pretend.model()
    checkpoint = callbacks.OrbaxCheckpoint(tmp_path / "state", save_best_only=True, max_to_keep=2)
    model.optimizer.build(model.trainable_variables)
    pretend.run(checkpoint, logs(3, 2, 4), model)
    again = pretend.model(rate=0.5)
    again.optimizer.build(again.trainable_variables)
    other = callbacks.OrbaxCheckpoint(tmp_path / "state")
    other.set_model(again)
    assert other.restore() == 1
    assert float(again.weight.numpy()) == 1.0
    assert float(again.optimizer.learning_rate) == pytest.approx(0.1)
    assert other.restore(0) == 0
    assert float(again.weight.numpy()) == 0.0


def test_orbax_by_batches_and_weights_only(pretend, tmp_path):
    model = pretend.model()
    settings = {"save_freq": 2, "save_weights_only": True, "save_on_background": False, "max_to_keep": None}
    checkpoint = callbacks.OrbaxCheckpoint(tmp_path, **settings)
    pretend.run(checkpoint, logs(1, 1), model, batches=3)
    assert sorted(p.name for p in pathlib.Path(tmp_path).iterdir()) == ["2", "4", "6"]
    model.weight.assign(9.0)
    checkpoint.restore(2)
    assert float(model.weight.numpy()) == 0.0
    empty = callbacks.OrbaxCheckpoint(tmp_path / "none")
    empty.set_model(model)
    with pytest.raises(ValueError, match="there is no checkpoint"):
        empty.restore()


# CSV ------------------------------------------------------------------------------------------------------------------

TABLES = [
    ([{"loss": 1.5, "acc": 0.5}, {"loss": 2.0, "acc": 0.25, "val_loss": 3}], {}),
    ([{"loss": 1.5, "acc": np.array([1.0, 2.0])}, {"loss": "x"}], {}),
    ([{"val_loss": 1.5, "loss": 2.5}, {"val_loss": 1.0, "loss": 2.0}], {"separator": ";"}),
    ([{"loss": 1.5}], {"append": True}),
]


@pytest.mark.parametrize(("rows", "settings"), TABLES, ids=range(len(TABLES)))
def test_csv_logger_equals_keras(both, tmp_path, rows, settings):
    paths = {callbacks: tmp_path / "own.csv", keras.callbacks: tmp_path / "theirs.csv"}
    for _ in range(2):  # the second time the file is there already
        both(lambda family: family.CSVLogger(paths[family], **settings), rows)
    own, theirs = (path.read_bytes() for path in paths.values())
    assert own == theirs


def test_csv_logger_takes_device_scalars(pretend, tmp_path):
    pretend.run(callbacks.CSVLogger(tmp_path / "a.csv"), [{"loss": jnp.float32(0.5)}], pretend.model())
    assert (tmp_path / "a.csv").read_text().splitlines()[1].startswith("0,0.5")
