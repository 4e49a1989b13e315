"""`Sequential`: layers that are added one by one, used twice, taken out again."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk

X = np.arange(6, dtype="float32").reshape(2, 3)


def test_layers_added_one_by_one_can_be_cut_out_as_outputs():
    model = kk.Sequential([kk.Input((3,))])
    model.add(kk.layers.Dense(4))
    model.add(kk.layers.Dense(5))
    features = kk.Model(model.inputs, [layer.output for layer in model.layers])
    assert features.output_shape == [(None, 4), (None, 5)]
    np.testing.assert_array_equal(features(X)[1], model(X))


def test_adding_a_layer_wires_that_layer_alone():
    model = kk.Sequential([kk.Input((3,))])
    for _ in range(30):
        model.add(kk.layers.Dense(3))
    assert [len(layer._inbound_nodes) for layer in model.layers] == [1] * 30
    assert model.output_shape == (None, 3) and model.count_params() == 30 * 12


def test_a_layer_that_does_not_fit_leaves_the_model_as_it_was():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    with pytest.raises(ValueError, match="expected"):
        model.add(kk.layers.Conv2D(3, 3))
    assert len(model.layers) == 1 and model(X).shape == (2, 2)


def test_one_layer_object_used_twice_is_shared(tmp_path):
    dense, relu = kk.layers.Dense(3), kk.layers.ReLU()
    for model in (
        kk.Sequential([kk.Input((3,)), dense, relu, dense, relu]),
        kk.Sequential([dense, relu, dense, relu]),
    ):
        expected = np.maximum(np.maximum(dense(X), 0) @ dense.kernel.numpy() + dense.bias.numpy(), 0)
        np.testing.assert_allclose(model(X), expected, rtol=1e-6)
        assert len(model.layers) == 4 and len(model.variables) == 2
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded, clone = kk.models.load_model(tmp_path / "m.keras"), kk.models.clone_model(model)
    np.testing.assert_array_equal(loaded(X), model(X))
    assert len(loaded.variables) == len(clone.variables) == 2
    with pytest.raises(ValueError, match="unique names"):
        kk.Sequential([kk.layers.Dense(3, name="a"), kk.layers.Dense(3, name="a")])


def test_the_output_of_a_layer_is_that_of_its_first_call():
    dense, i = kk.layers.Dense(3), kk.Input((3,))
    first = dense(i)
    dense(first)
    assert dense.output is first and dense.input is i
    with pytest.raises(AttributeError, match="never called"):
        kk.layers.Dense(1).output


def test_the_output_of_a_sequential_inside_a_model_is_where_it_was_called():
    inner = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    assert inner.output is inner.outputs[0]
    i = kk.Input((3,))
    outer = kk.Model(i, kk.layers.Dense(1)(inner(i)))
    assert kk.Model(outer.inputs, [layer.output for layer in outer.layers]).output_shape == [
        (None, 3),
        (None, 2),
        (None, 1),
    ]


def test_a_shape_of_another_library_builds():
    class TensorShape:  # as tf.TensorShape
        def as_list(self):
            return [None, 3]

        def __iter__(self):
            return iter(self.as_list())

    model = kk.Sequential([kk.layers.Dense(2)])
    model.build(TensorShape())
    assert model.built and model.input_shape == (None, 3)


def test_layers_are_taken_out_and_added_again():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(4), kk.layers.Dense(5)])
    model.pop()
    model.add(kk.layers.Dense(6))
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 6)), verbose=0)
    model.add(kk.layers.Dense(1))
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 1)), verbose=0)
    assert model.predict(X, verbose=0).shape == (2, 1)


def test_arrays_of_other_sizes_run_where_the_layers_take_them():
    recurrent = kk.Sequential([kk.Input((5, 3)), kk.layers.LSTM(4), kk.layers.Dense(2)])
    longer = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    dense, lstm = recurrent.layers[1], recurrent.layers[0]
    np.testing.assert_allclose(recurrent.predict(longer, verbose=0), dense(lstm(longer)), rtol=1e-5)
    assert recurrent(kk.Input((9, 3))).shape == (None, 2)
    with pytest.raises(ValueError, match=r"expected shape=\(None, 5, 3\), found shape=\(2, 9, 4\)"):
        recurrent(np.ones((2, 9, 4)))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 5, 3\), found shape=\(2, 3\)"):
        recurrent(np.ones((2, 3)))
    flat = kk.Sequential([kk.Input((4, 4)), kk.layers.Flatten(), kk.layers.Dense(2, name="head")])
    with pytest.raises(ValueError, match=r"/head' .Dense.: expected the last axis to have size 16"):
        flat(np.ones((1, 3, 4)))


@pytest.mark.parametrize("first", [[], [kk.layers.Dropout(0.1)], [kk.layers.Permute((3, 1, 2))]])
def test_pictures_with_channels_first_may_have_another_height_and_width_but_not_other_channels(first):
    moved = any(isinstance(layer, kk.layers.Permute) for layer in first)
    layers = [kk.layers.Conv2D(4, 3, data_format="channels_first"), kk.layers.GlobalMaxPooling2D("channels_first")]

    def shape(height, width, channels):
        return (height, width, channels) if moved else (channels, height, width)

    model = kk.Sequential([kk.Input(shape(8, 9, 3)), *first, *layers])
    for height, width in ((8, 9), (12, 9), (8, 12), (5, 4)):
        assert model(np.zeros((2, *shape(height, width, 3)))).shape == (2, 4)
    with pytest.raises(ValueError, match="expected shape="):
        model(np.zeros((2, *shape(8, 9, 2))))


@pytest.mark.parametrize("config", [{"layers": []}, {"name": "m"}, [], "m"])
def test_a_config_has_a_name_and_layers(config):
    with pytest.raises(ValueError, match="must be a dictionary containing the 'name' and 'layers' keys"):
        kk.Sequential.from_config(config)
    assert kk.Sequential.from_config({"name": "m", "layers": []}).name == "m"
