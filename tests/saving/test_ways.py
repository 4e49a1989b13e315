"""Further ways to save and load: open files, parts of a model, other names, checkpoints of Orbax."""

import io

import numpy as np
import pytest

import kernelkit as kk

X = np.linspace(-1, 1, 8, dtype="float32").reshape(4, 2)


def make():
    return kk.Sequential([kk.Input((2,)), kk.layers.Dense(3, name="first"), kk.layers.Dense(1, name="last")])


def test_an_open_file_takes_and_gives_a_model():
    model = make()
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], verbose=0)
    file = io.BytesIO(b"before")
    file.seek(0, io.SEEK_END)
    model.save(file)
    file.seek(len(b"before"))
    again = kk.models.load_model(file)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert int(again.optimizer.iterations.value) == 1


def test_layers_are_left_out(tmp_path):
    path = tmp_path / "m.weights.h5"
    model = make()
    model.save_weights(path, objects_to_skip=[model.layers[0]])
    other = make()
    before = other.layers[0].get_weights()[0]
    with pytest.raises(ValueError, match="'first'.* expected 2 variables, but received 0 variables"):
        other.load_weights(path)
    other.load_weights(path, objects_to_skip=[other.layers[0]])
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], before)
    np.testing.assert_array_equal(other.layers[1].get_weights()[0], model.layers[1].get_weights()[0])


class Named(kk.Model):
    def __init__(self):
        super().__init__()
        self.dense = kk.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class Renamed(kk.Model):
    def __init__(self):
        super().__init__()
        self.a_dense = kk.layers.Dense(3)
        self.ring = [self.a_dense]
        self.ring.append(self.ring)  # a list that holds itself is searched once

    @property
    def dense(self):
        return self.a_dense

    def call(self, x):
        return self.dense(x)


def test_weights_are_found_under_another_name(tmp_path):
    model, other = Named(), Renamed()
    for one in (model, other):
        one(X)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other(X), model(X))
    with pytest.raises(ValueError, match="has not yet been built"):
        Named().save_weights(tmp_path / "m.weights.h5")


@kk.saving.register_keras_serializable(package="ways")
class OwnCompile(kk.Sequential):
    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)


def test_a_compile_of_ones_own_is_not_called(tmp_path):
    model = OwnCompile([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="The loaded model is not compiled"):
        assert not kk.models.load_model(tmp_path / "m.keras").compiled


@kk.saving.register_keras_serializable(package="ways")
class Around(kk.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {"inner": self.inner}  # an object, not its config


def test_objects_in_a_config_are_described():
    described = kk.saving.serialize_keras_object(Around(kk.layers.Dense(2)))
    assert described["config"]["inner"]["class_name"] == "Dense"
    assert isinstance(kk.saving.deserialize_keras_object(described).inner, kk.layers.Dense)


@pytest.mark.parametrize("weights_only", [False, True])
def test_checkpoints_of_orbax(tmp_path, weights_only):
    pytest.importorskip("orbax.checkpoint")
    model = make()
    model.compile("adam", "mse")
    saving = kk.callbacks.OrbaxCheckpoint(tmp_path, save_weights_only=weights_only, save_on_background=False)
    model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[saving])
    other = make()
    other.load_weights(tmp_path)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    if weights_only:
        with pytest.raises(ValueError, match="holds only weights"):
            kk.models.load_model(tmp_path)
        return
    again = kk.models.load_model(tmp_path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert int(again.optimizer.iterations.value) == 2


def test_a_checkpoint_without_a_config_says_so(tmp_path):
    class Undescribed(kk.Model):
        def __init__(self, units):
            super().__init__()
            self.units = object()
            self.dense = kk.layers.Dense(units)

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            raise NotImplementedError("no config here")

    model = Undescribed(2)
    model.compile("sgd", "mse")
    checkpoint = kk.callbacks.OrbaxCheckpoint(tmp_path / "ck")
    with pytest.warns(UserWarning, match="only the values of model .*no config here.*save_weights_only=True"):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0, callbacks=[checkpoint])
