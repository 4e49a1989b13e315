"""`kernelkit.random` and initializers: shapes, and numbers equal to those of Keras with jax."""

import random as python_random

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import initializers, ops, processes, random


def test_a_number_is_the_shape_of_a_vector():
    for draw in (random.normal, random.uniform, random.truncated_normal):
        np.testing.assert_array_equal(draw(3, seed=1), draw((3,), seed=1))
    assert random.randint(np.int64(3), 0, 9, seed=1).shape == (3,)
    assert random.gamma(3, 2.0, seed=1).shape == random.beta(3, 2.0, 3.0, seed=1).shape == (3,)
    for make in (initializers.Ones(), initializers.RandomNormal(seed=1), initializers.TruncatedNormal(seed=1)):
        np.testing.assert_array_equal(make(3), make((3,)))
    assert ops.broadcast_to(1.0, 3).tolist() == [1.0, 1.0, 1.0]


def seeded_draws(library):
    """Return what a library draws without a seed after `set_random_seed(1)`."""
    library.utils.set_random_seed(1)
    drawn = [library.random.normal((2,)), library.random.uniform((3,)), library.random.truncated_normal((3,))]
    drawn += [library.random.randint((5,), 0, 100), library.random.categorical(np.zeros((2, 4), "float32"), 3)]
    drawn += [library.random.shuffle(np.arange(7)), library.random.dropout(np.ones((4, 5), "float32"), 0.3)]
    return [np.asarray(value) for value in drawn]


def test_draws_without_a_seed_are_those_of_keras():
    for ours, theirs in zip(seeded_draws(kk), seeded_draws(keras), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


LAYERS = {
    "Dense": ({"units": 4}, (None, 3)),
    "Conv2D": ({"filters": 3, "kernel_size": 2}, (None, 5, 5, 2)),
    "SeparableConv2D": ({"filters": 3, "kernel_size": 2}, (None, 5, 5, 2)),
    "Embedding": ({"input_dim": 5, "output_dim": 3}, (None, 4)),
    "LSTM": ({"units": 3, "dropout": 0.2}, (None, 4, 2)),
    "GRU": ({"units": 3}, (None, 4, 2)),
    "SimpleRNN": ({"units": 3}, (None, 4, 2)),
    "ConvLSTM2D": ({"filters": 2, "kernel_size": 2}, (None, 3, 5, 5, 2)),
    "Dropout": ({"rate": 0.5}, (None, 3)),
    "GaussianNoise": ({"stddev": 0.5}, (None, 3)),
}


def built(library, name):
    """Return the initial weights of a layer, and the next number of Python's `random`."""
    library.utils.set_random_seed(3)
    arguments, shape = LAYERS[name]
    layer = getattr(library.layers, name)(**arguments)
    layer.build(shape)
    return [np.asarray(w) for w in layer.weights], python_random.random()


@pytest.mark.parametrize("name", LAYERS)
def test_initial_weights_are_those_of_keras(name):
    (ours, our_next), (theirs, their_next) = built(kk, name), built(keras, name)
    assert our_next == their_next  # as many seeds were drawn: the next layer gets Keras's weights too
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def trained(library):
    """Return losses and weights of a short training with dropout."""
    library.utils.set_random_seed(5)
    layers = [library.layers.Dense(8, "relu"), library.layers.Dropout(0.5), library.layers.Dense(3)]
    model = library.Sequential([library.Input((4,)), *layers])
    model.compile("sgd", "mse")
    x = np.arange(40, dtype="float32").reshape(10, 4) / 40
    history = model.fit(x, x[:, :3], epochs=3, batch_size=4, shuffle=False, verbose=0)
    return history.history["loss"], model.get_weights()


def test_a_training_with_dropout_has_keras_s_numbers():
    (our_losses, ours), (their_losses, theirs) = trained(kk), trained(keras)
    np.testing.assert_allclose(our_losses, their_losses, rtol=1e-5)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_randint_without_a_dtype():
    assert random.randint((3,), 0, 9, dtype=None, seed=1).dtype == "int32"


def test_seeds_out_of_order():
    ours, theirs = random.SeedGenerator(7), keras.random.SeedGenerator(7)
    pairs = [
        (np.asarray(ours.next(ordered=o)), np.asarray(theirs.next(ordered=o))) for o in (False, False, True, False)
    ]
    for a, b in pairs:
        assert a.tolist() == b.tolist()


def test_split_has_keras_s_order():
    ours, _ = kk.utils.split_dataset(np.arange(10), left_size=6, shuffle=True, seed=4)
    order = list(range(10))
    python_random.Random(4).shuffle(order)
    assert [int(x) for x in ours] == order[:6]


def test_a_draw_of_the_program_changes_no_seed_where_processes_train_together(monkeypatch):
    def seeds(others):
        random.set_random_seed(7)
        for _ in range(others):
            python_random.random()
        return [random.make_default_seed() for _ in range(3)]

    assert seeds(0) != seeds(1)  # as in Keras
    alone = seeds(0)
    monkeypatch.setattr(processes, "count", lambda: 2)
    assert seeds(0) == seeds(1) == alone
