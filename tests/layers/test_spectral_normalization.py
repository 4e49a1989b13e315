"""SpectralNormalization: the kernel divided by its largest singular value."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check_config, equal, rand, share_weights

CASES = [("Dense", (4,), (2, 3)), ("Conv2D", (4, 2), (2, 5, 5, 3))]


def pair(name, args, shape, power_iterations=2):
    ours, theirs = (
        m.layers.SpectralNormalization(getattr(m.layers, name)(*args), power_iterations=power_iterations)
        for m in (kk, keras)
    )
    ours.build(shape)
    theirs.build(shape)
    share_weights(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize(("name", "args", "shape"), CASES)
def test_equals_keras_in_training_and_after(name, args, shape):
    ours, theirs = pair(name, args, shape)
    x = rand(*shape)
    equal(ours(x), theirs(x))
    for _ in range(2):
        equal(ours(x, training=True), theirs(x, training=True))
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            equal(a.value, b.value)
    check_config(ours, theirs)


def test_embeddings_equal_keras():
    ours, theirs = pair("Embedding", (6, 4), (2, 3))
    indices = np.arange(6).reshape(2, 3)
    outputs = ours(indices, training=True)
    theirs(indices, training=True)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        equal(a.value, b.value)
    # Keras casts the vectors to the dtype of the indices, which leaves nothing of them.
    equal(outputs, theirs.layer(indices))


def test_the_kernel_comes_to_have_the_norm_one():
    layer = kk.layers.SpectralNormalization(kk.layers.Dense(4), power_iterations=200)
    layer(rand(2, 3), training=True)
    assert abs(np.linalg.norm(layer.layer.kernel.numpy(), 2) - 1) < 1e-3


def test_a_layer_without_kernel_is_refused():
    with pytest.raises(ValueError, match="SpectralNormalization"):
        kk.layers.SpectralNormalization(kk.layers.Dropout(0.5))(rand(2, 3))
