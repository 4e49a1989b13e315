"""Methods of Keras's layers that subclasses override: a run calls them, as Keras does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kernelkit as kk

X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
SETTINGS = {"kernel_initializer": "ones", "recurrent_initializer": "ones", "dropout": 0.5, "recurrent_dropout": 0.5}


def rnn_of_own_masks(k, name):
    class Cell(getattr(k.layers, name)):
        def get_dropout_mask(self, step_input):
            mask = k.ops.convert_to_tensor([[0.25, 2.0]])
            return [mask] * 4 if k is keras and name == "LSTMCell" and getattr(self, "dropout_mask_count", 0) else mask

        def get_recurrent_dropout_mask(self, step_input):
            mask = k.ops.convert_to_tensor([[0.5, 1.5, 0.0]])
            return [mask] * 4 if k is keras and name == "LSTMCell" and getattr(self, "dropout_mask_count", 0) else mask

    return np.asarray(k.layers.RNN(Cell(3, **SETTINGS))(X, training=True))


@pytest.mark.parametrize("name", ["SimpleRNNCell", "LSTMCell"])
def test_dropout_masks_of_a_cell(name):
    np.testing.assert_allclose(rnn_of_own_masks(kk, name), rnn_of_own_masks(keras, name), rtol=1e-5, atol=1e-6)


def merged(k, base, inputs, **kwargs):
    class Weighted(getattr(k.layers, base)):
        def _merge_function(self, inputs):
            return 2.0 * inputs[0] + 3.0 * inputs[1]

    wired = [k.Input((4, 2)) for _ in inputs]
    model = k.Model(wired, Weighted(**kwargs)(wired))
    return np.asarray(model([k.ops.convert_to_tensor(x) for x in inputs]))


@pytest.mark.parametrize(("base", "kwargs"), [("Add", {}), ("Maximum", {})])
def test_merge_function(base, kwargs):
    inputs = [X, 1 + X]
    result = merged(kk, base, inputs, **kwargs)
    np.testing.assert_allclose(result, 5 * X + 3, rtol=1e-5)
    np.testing.assert_allclose(result, merged(keras, base, inputs, **kwargs), rtol=1e-5)


def normalized(k):
    class Halved(k.layers.SpectralNormalization):
        def normalized_weights(self):
            return k.ops.multiply(self.vector_u, 1.0), k.ops.multiply(self.layer.kernel, 0.5)

    layer = Halved(k.layers.Dense(2, kernel_initializer="ones"))
    layer(X, training=True)
    layer(X, training=True)
    return np.asarray(layer.layer.kernel)


def test_normalized_weights():
    np.testing.assert_array_equal(normalized(kk), np.full((2, 2), 0.25))
    np.testing.assert_array_equal(normalized(keras), normalized(kk))


def test_an_rnn_resets_the_masks_that_a_cell_keeps():
    class Keeps(kk.layers.SimpleRNNCell):
        kept, resets = None, 0

        def get_dropout_mask(self, step_input):
            if self.kept is None:
                self.kept = super().get_dropout_mask(step_input)
            return self.kept

        def reset_dropout_mask(self):
            self.kept, self.resets = None, self.resets + 1

    cell = Keeps(4, dropout=0.5)
    model = kk.Sequential([kk.Input((3, 2)), kk.layers.RNN(cell)])
    model.compile("sgd", "mse")
    before = cell.resets
    model.fit(np.ones((4, 3, 2)), np.ones((4, 4)), verbose=0)  # a kept mask would belong to the compiled program
    assert cell.kept is None and cell.resets > before
    assert np.isfinite(model.layers[0](np.ones((4, 3, 2), "float32"), training=True)).all()
