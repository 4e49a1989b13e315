"""Sizes that layers compute with ops: known ones stay known in traced functions, unknown ones are not taken for 0."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import ops

X = np.arange(6, dtype="float32").reshape(2, 3)


def ints(*values):
    return ops.convert_to_tensor(list(values))


def rows(x):
    return ops.cast(ops.shape(x)[0], "int32")


USES = {
    "ones": lambda x: ops.ones((rows(x),)),
    "arange": lambda x: ops.arange(rows(x)),
    "eye": lambda x: ops.eye(rows(x)),
    "one_hot": lambda x: ops.one_hot(np.arange(2), rows(x)),
    "tile": lambda x: ops.tile(x, ops.concatenate([ops.expand_dims(rows(x), -1), ints(1)], axis=0)),
    "tile by keyword": lambda x: ops.tile(x, ops.concatenate(xs=[ops.stack([rows(x)]), ints(1)])),
    "reshape": lambda x: ops.reshape(x, ops.stack([rows(x), 3])),
    "repeat": lambda x: ops.repeat(x, rows(x), axis=0),
    "transpose": lambda x: ops.transpose(x, ints(1, 0)),
    "split": lambda x: ops.split(x, rows(x))[0],
    "pad": lambda x: ops.pad(x, ops.stack([ints(1, 1), ints(0, 2)])),
    "broadcast_to": lambda x: ops.broadcast_to(x, ops.stack([4, rows(x), 3])),
    "zeros": lambda x: ops.zeros(ops.stack([rows(x), 3])),
    "full": lambda x: ops.full(ops.stack([rows(x), 3]), 7.0),
    "slice": lambda x: ops.slice(x, (0, 1), ops.stack([rows(x), 2])),
    "normal": lambda x: kk.random.normal(ops.stack([rows(x), 2]), seed=1),
    "resize": lambda x: ops.image.resize(ops.reshape(x, (1, 2, 3, 1)), ints(4, 4)),
    "take": lambda x: ops.take(x, ints(0), axis=ops.convert_to_tensor(1)),
}


@pytest.mark.parametrize("name", USES)
def test_a_size_that_is_computed_by_ops_is_a_size_inside_jit_too(name):
    use = USES[name]
    np.testing.assert_array_equal(jax.jit(use)(X), use(X))


def test_only_few_whole_numbers_are_computed_while_tracing():
    traced = {}

    def look(x):
        traced["floats"] = ops.cast(1.5, "float32")
        traced["many"] = ops.cast(np.arange(40), "int32")
        traced["bools"] = ops.cast(True, "int32")
        traced["few"] = ops.cast(np.arange(4), "int32")
        return x

    jax.jit(look)(X)
    assert {k: isinstance(v, jax.core.Tracer) for k, v in traced.items()} == {
        "floats": True,
        "many": True,
        "bools": True,
        "few": False,
    }


class Positions(kk.layers.Layer):
    """Token and position embeddings, as tutorials write them."""

    def __init__(self, positions):
        super().__init__()
        self.tokens = kk.layers.Embedding(20, 4)
        self.places = kk.layers.Embedding(50, 4)
        self.positions = positions

    def call(self, x):
        return self.tokens(x) + self.places(self.positions(ops.shape(x)[-1]))


@pytest.mark.parametrize(
    "positions",
    [
        lambda n: ops.arange(0, n, 1),
        lambda n: ops.arange(start=0, stop=n, step=1),
        lambda n: ops.arange(0, n),
        lambda n: ops.arange(1, n + 1) - 1,
        lambda n: ops.arange(n),
        lambda n: ops.cumsum(ops.ones((n,), "int32")) - 1,
        lambda n: np.arange(0, n, 1),
        lambda n: np.arange(n),
        lambda n: np.arange(0, n),
    ],
)
def test_positions_of_a_sequence_of_unknown_length(positions):
    layer = Positions(positions)
    x = kk.Input((None,), dtype="int32")
    y = layer(x)
    assert y.shape == (None, None, 4)
    model = kk.Model(x, kk.layers.Dense(2)(y))
    tokens = np.arange(14).reshape(2, 7)
    expected = layer.tokens.embeddings.value[tokens] + layer.places.embeddings.value[:7]
    np.testing.assert_allclose(layer(tokens), expected, rtol=1e-6)
    assert model.predict(tokens, verbose=0).shape == (2, 7, 2)
    assert model.predict(tokens[:, :3], verbose=0).shape == (2, 3, 2)


@pytest.mark.parametrize("first", [1, 2, 5])
def test_arange_to_an_unknown_end_is_not_arange_of_its_first_number(first):
    class Steps(kk.layers.Layer):
        def call(self, x):
            return x + ops.cast(ops.arange(first, ops.shape(x)[1], 1), "float32")[-1]

    class Places(kk.layers.Layer):
        def call(self, x):
            return ops.cast(ops.arange(first, ops.shape(x)[1]), "float32")

    assert Steps()(kk.Input((None,))).shape == (None, None)
    assert Places()(kk.Input((None,))).shape == (None,)
    assert ops.arange(first, None, 1).shape == (first,)  # outside of models as in NumPy


SHAPES = {
    "heads": (lambda x, b, t: ops.reshape(x, (b, 2, t, 4)), (None, 2, None, 4)),
    "heads last": (lambda x, b, t: ops.reshape(x, (b, t, 2, 4)), (None, None, 2, 4)),
    "heads as batch": (
        lambda x, b, t: ops.reshape(ops.transpose(ops.reshape(x, (b, t, 2, 4)), (0, 2, 1, 3)), (-1, t, 4)),
        (None, None, 4),
    ),
    "flat": (lambda x, b, t: ops.reshape(x, (b, -1)), (None, None)),
    "batch and time swapped": (lambda x, b, t: ops.reshape(x, (t, b, 8)), (None, None, 8)),
    "broadcast": (lambda x, b, t: ops.broadcast_to(ops.ones((1, 1, 8)), (b, t, 8)), (None, None, 8)),
    "broadcast of rows": (lambda x, b, t: ops.broadcast_to(ops.ones((1, 8)), (t, 8)), (None, 8)),
    "a first token": (
        lambda x, b, t: ops.concatenate([ops.tile(ops.ones((1, 1, 8)), (b, 1, 1)), x], 1),
        (None, None, 8),
    ),
    "half": (lambda x, b, t: x[:, : t // 2], (None, None, 8)),
    "few positions": (lambda x, b, t: ops.ones((1, 20, 8))[:, :t] + x, (None, None, 8)),
    "causal": (lambda x, b, t: ops.tril(ops.ones((t, t))), (None, None)),
    "every second": (lambda x, b, t: ops.take(x, ops.arange(0, t, 2), axis=1), (None, None, 8)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_unknown_sizes_in_a_layer_stay_unknown(name):
    use, expected = SHAPES[name]

    class Uses(kk.layers.Layer):
        def call(self, x):
            b, t, _ = ops.shape(x)
            return use(x, b, t)

    inputs = kk.Input((None, 8))
    outputs = Uses()(inputs)
    assert outputs.shape == expected
    model = kk.Model(inputs, outputs)
    for length in (6, 10):
        x = np.random.default_rng(0).random((2, length, 8), dtype="float32")
        found = model(x)
        assert all(size in (None, real) for size, real in zip(expected, found.shape, strict=True))
        np.testing.assert_array_equal(found, use(x, 2, length))


@pytest.mark.parametrize(
    "use",
    [
        lambda x: ops.reshape(x, (ops.shape(x)[0], 2, ops.shape(x)[1], 4)),
        lambda x: ops.reshape(ops.transpose(x, (0, 2, 1)), (-1, ops.shape(x)[1], 4)),
        lambda x: ops.arange(ops.shape(x)[1]),
        lambda x: ops.arange(0, ops.shape(x)[1]),
    ],
)
def test_a_size_that_is_unknown_while_a_model_is_wired_is_an_error_that_says_where_the_code_belongs(use):
    with pytest.raises((TypeError, ValueError), match="into the call\\(\\) of a layer"):
        use(kk.Input((None, 8)))


def test_unknown_sizes_that_stay_in_their_place_may_be_wired():
    x = kk.Input((None, 8))
    sizes = ops.shape(x)
    model = kk.Model(x, [ops.reshape(x, (*sizes[:2], 2, 4)), ops.reshape(x, (sizes[0], -1))])
    assert [y.shape for y in model(np.ones((2, 5, 8), "float32"))] == [(2, 5, 2, 4), (2, 40)]
