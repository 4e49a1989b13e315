"""What happens while a model is wired, and what it answers with afterwards."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_model_of_one_output_in_a_list_answers_with_one_array(wrap, tmp_path):
    i = kk.Input((3,))
    model = kk.Model(inputs=wrap([i]), outputs=wrap([kk.layers.Dense(2)(i)]))
    model.save(tmp_path / "m.keras")
    for one in (model, kk.models.clone_model(model), kk.models.load_model(tmp_path / "m.keras")):
        assert one(X).shape == (2, 2)
        assert one.predict(X, verbose=0).shape == (2, 2)
        assert one.predict_on_batch(X).shape == (2, 2)
        assert one.output_shape == (None, 2) and one.input_shape == (None, 3)
        assert len(one.outputs) == 1
    model.compile("sgd", "mse", metrics=["mae"])
    assert sorted(model.fit(X, np.zeros((2, 2)), verbose=0).history) == ["loss", "mae"]


def test_shapes_of_nested_inputs_and_outputs_are_a_flat_list():
    i, j = kk.Input((3,)), kk.Input((4,))
    a, b = kk.layers.Dense(2)(i), kk.layers.Dense(5)(j)
    model = kk.Model({"i": i, "j": j}, {"x": a, "y": b})
    assert model.output_shape == [(None, 2), (None, 5)] and model.input_shape == [(None, 3), (None, 4)]
    assert kk.Model({"i": i}, {"x": a}).output_shape == (None, 2)
    assert isinstance(model({"i": X, "j": np.ones((2, 4))}), dict)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (kk.layers.LayerNormalization(axis=5), (4, 3)),
        (kk.layers.LayerNormalization(axis=-5), (4, 3)),
        (kk.layers.LayerNormalization(axis=[1, 2]), (4, 3)),
        (kk.layers.RMSNormalization(axis=2), (4, 3)),
        (kk.layers.BatchNormalization(axis=5), (4, 3)),
        (kk.layers.BatchNormalization(axis=-3), (4, 3)),
        (kk.layers.GroupNormalization(1, axis=5), (4, 3)),
        (kk.layers.UnitNormalization(axis=5), (4, 3)),
        (kk.layers.PReLU(shared_axes=[5]), (4, 3)),
        (kk.layers.Softmax(axis=5), (4, 3)),
    ],
)
def test_an_axis_that_inputs_do_not_have_is_an_error(layer, shape):
    with pytest.raises((ValueError, IndexError), match="axis"):
        layer(np.ones(shape, "float32"))


def test_an_axis_that_inputs_do_not_have_is_an_error_while_a_model_is_wired():
    with pytest.raises(ValueError, match=r"axis=3 does not fit inputs of the shape \(None, 3\)"):
        kk.layers.LayerNormalization(axis=3)(kk.Input((3,)))


def test_a_layer_made_trainable_inside_a_frozen_one_is_trained_with_the_model():
    # As in Keras: a variable counts if it and the object that is asked are trainable.
    inner = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2), kk.layers.Dense(2)])
    model = kk.Sequential([kk.Input((3,)), inner])
    inner.trainable = False
    inner.layers[0].trainable = True
    assert len(model.trainable_weights) == 2 and inner.trainable_weights == []
    before = [w.numpy() for w in model.weights]
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 2)), verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [True, True, False, False]


def test_names_of_attention_that_packages_use():
    layer, x = kk.layers.MultiHeadAttention(2, 3), np.random.default_rng(0).normal(size=(1, 4, 5)).astype("float32")
    expected, weights = layer(x, x, return_attention_scores=True, use_causal_mask=True)
    heads = layer._query_dense(x), layer._key_dense(x), layer._value_dense(x)
    mask = np.tril(np.ones((1, 4, 4), bool))
    found, scores = layer._compute_attention(*heads, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_allclose(layer._output_dense(found), expected, atol=1e-6)
    np.testing.assert_allclose(scores, weights, atol=1e-6)
    assert layer._compute_attention(*heads)[1] is None
    assert (layer._num_heads, layer._key_dim, layer._value_dim, layer._use_bias) == (2, 3, 3, True)
