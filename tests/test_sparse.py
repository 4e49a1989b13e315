"""Sparse arrays: what ops, layers and optimizers make of them is what they make of the same arrays dense."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental.sparse import BCOO, BCSR

import kernelkit as kk
from kernelkit import ops
from kernelkit.dispatch import op
from kernelkit.sparse import is_sparse, to_dense
from kernelkit.sparse.rules import RULES

pytestmark = pytest.mark.one_in(6)

X = np.array([[0.0, 0.5, 0.0, -0.25], [0.0, 0.0, 0.0, 0.0], [0.75, 0.0, -1.0, 0.0]], "float32")
Y = np.array([[0.0, -0.5, 0.25, 0.0], [0.0, 0.0, 0.0, 0.0], [0.75, 0.5, 0.0, 0.0]], "float32")
DENSE = np.linspace(0.5, 2.0, 12, dtype="float32").reshape(3, 4)


def twice(x):
    """Each value in two halves at the same place, the last ones first."""
    whole = BCOO.fromdense(jnp.asarray(x))
    data, indices = (jnp.concatenate([v, v])[::-1] for v in (whole.data / 2, whole.indices))
    return BCOO((data, indices), shape=whole.shape)


FORMS = {
    "plain": lambda x: BCOO.fromdense(jnp.asarray(x)),
    "batched": lambda x: BCOO.fromdense(jnp.asarray(x), n_batch=1),
    "rows": lambda x: BCOO.fromdense(jnp.asarray(x), n_dense=1),
    "twice": twice,
    "padded": lambda x: BCOO.fromdense(jnp.asarray(x), nse=9),
}

PLAIN, TWICE = FORMS["plain"](X), FORMS["twice"](X)
PLAIN_Y, TWICE_Y = FORMS["plain"](Y), FORMS["twice"](Y)

COUNTS = {"bincount"}  # counts what is stored, so the result is not that of the dense array
UNARY = {
    name: (lambda x, name=name: getattr(ops, name)(x)) for name in RULES if hasattr(ops, name) and name not in COUNTS
}
CASES = {
    **{name: [call] for name, call in UNARY.items()},
    "linear": [kk.activations.linear],
    "mish": [kk.activations.mish],
    "relu": [ops.relu, kk.activations.relu, lambda x: kk.activations.relu(x, negative_slope=0.5, threshold=-0.1)],
    "cast": [lambda x: ops.cast(x, "int32"), lambda x: ops.cast(x, "bool"), lambda x: ops.cast(x=x, dtype="float16")],
    "saturate_cast": [lambda x: ops.saturate_cast(x, "int8")],
    "leaky_relu": [lambda x: ops.leaky_relu(x, negative_slope=0.3)],
    "round": [lambda x: ops.round(x, decimals=1)],
    "clip": [lambda x: ops.clip(x, -0.4, 0.6)],
    "digitize": [lambda x: ops.digitize(x, np.array([0.1, 0.6]))],
    "threshold": [lambda x: ops.threshold(x, 0.3, 0.0)],
    **{
        name: [lambda x, f=f: f(x, PLAIN_Y), lambda x, f=f: f(TWICE_Y, x)]
        for name, f in {
            "add": ops.add,
            "subtract": ops.subtract,
            "maximum": ops.maximum,
            "minimum": ops.minimum,
        }.items()
    },
    "multiply": [
        lambda x: ops.multiply(x, PLAIN_Y),
        lambda x: ops.multiply(x, DENSE),
        lambda x: ops.multiply(DENSE[:1], x),
        lambda x: ops.multiply(x, 3.0),
        lambda x: ops.multiply(jnp.asarray(2), x),
    ],
    "divide": [lambda x: ops.divide(x, DENSE), lambda x: ops.divide(x, DENSE[0]), lambda x: ops.divide(x, 2)],
    "true_divide": [lambda x: ops.true_divide(x, DENSE)],
    "sum": [
        lambda x, a=a, k=k: ops.sum(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)
    ],
    "mean": [lambda x, a=a: ops.mean(x, axis=a, keepdims=True) for a in (None, [0], 1)],
    "expand_dims": [lambda x: ops.expand_dims(x, 0), lambda x: ops.expand_dims(x, (1, -1))],
    "moveaxis": [lambda x: ops.moveaxis(x, 0, -1)],
    "swapaxes": [lambda x: ops.swapaxes(x, 0, 1)],
    "transpose": [lambda x: ops.transpose(x), lambda x: ops.transpose(x, axes=(1, 0))],
    "reshape": [lambda x: ops.reshape(x, (2, -1)), lambda x: ops.reshape(x, (4, 3))],
    "squeeze": [lambda x: ops.squeeze(ops.expand_dims(x, 1))],
    "get_item": [lambda x: ops.get_item(x, (slice(0, 2),)), lambda x: ops.get_item(x, 2)],
    "flip": [lambda x: ops.flip(x, 1)],
    "concatenate": [lambda x: ops.concatenate([x, PLAIN_Y, x], axis=1)],
    "stack": [lambda x: ops.stack([x, TWICE_Y], axis=1)],
}
PRODUCTS = {
    "matmul": [lambda x: ops.matmul(x, DENSE.T), lambda x: ops.matmul(DENSE.T, x), lambda x: ops.matmul(x, DENSE[0])],
    "dot": [lambda x: ops.dot(x, DENSE.T)],
    "tensordot": [lambda x: ops.tensordot(x, DENSE.T, axes=1)],
}
TABLE = [(name, i, call) for name, calls in CASES.items() if name not in PRODUCTS for i, call in enumerate(calls)]


def test_there_is_a_case_for_each_rule():
    assert set(CASES) | set(PRODUCTS) | COUNTS == set(RULES)


@pytest.mark.parametrize(("name", "i", "call"), TABLE, ids=[f"{name}-{i}" for name, i, _ in TABLE])
def test_what_the_table_names_stays_sparse(name, i, call):
    expected = to_dense(call(jnp.asarray(X)))
    result = call(TWICE)
    assert is_sparse(result)
    assert result.dtype == expected.dtype and result.shape == expected.shape
    np.testing.assert_allclose(to_dense(result), expected, rtol=1e-6, atol=1e-7)
    symbolic = call(kk.KerasTensor((3, 4), sparse=True))
    assert symbolic.sparse and symbolic.shape == expected.shape and symbolic.dtype == expected.dtype.name


@pytest.mark.parametrize("form", ["batched", "rows", "padded"])
@pytest.mark.parametrize("name", ["divide", "multiply", "square"])
def test_every_form_of_sparse_array_is_taken(form, name):
    for call in CASES[name]:
        result = call(FORMS[form](X))
        assert is_sparse(result)
        np.testing.assert_allclose(to_dense(result), to_dense(call(jnp.asarray(X))), rtol=1e-6, atol=1e-7)


def test_values_stored_once_for_a_whole_axis_count_in_each_row():
    x = BCOO((jnp.array([[1.0, 2.0]]), jnp.array([[[0], [2]]])), shape=(2, 3))
    np.testing.assert_array_equal(to_dense(ops.add(x, x)), [[2, 0, 4], [2, 0, 4]])
    np.testing.assert_array_equal(to_dense(ops.transpose(x)), [[1, 1], [0, 0], [2, 2]])


def test_the_other_formats_of_jax_are_taken():
    x = BCSR.from_bcoo(PLAIN)
    assert is_sparse(ops.square(x))
    np.testing.assert_allclose(to_dense(ops.square(x)), X**2)


@pytest.mark.parametrize(
    "call",
    [
        ops.exp,
        ops.max,
        lambda x: ops.add(x, 1.0),
        lambda x: ops.add(x, DENSE),
        lambda x: ops.subtract(DENSE, x),
        lambda x: ops.divide(1.0, ops.add(x, 2.0)),
        lambda x: ops.divide(x, twice(DENSE)),
        lambda x: ops.clip(x, 0.2, 1.0),
        lambda x: ops.digitize(x, np.array([-0.1, 0.6])),
        lambda x: ops.where(ops.greater(x, 0.0), x, -x if not is_sparse(x) else ops.negative(x)),
        lambda x: ops.concatenate([x, DENSE], axis=0),
        lambda x: ops.multiply(x, np.stack([DENSE, DENSE])),
        lambda x: ops.take(x, [2, 0], axis=0),
        lambda x: ops.softmax(x),
        lambda x: kk.activations.relu(x, negative_slope=0.5, threshold=0.1),
        lambda x: ops.einsum("ij->ji", x),
        *(call for calls in PRODUCTS.values() for call in calls),
    ],
)
def test_everything_else_is_dense(call):
    result = call(TWICE)
    assert not is_sparse(result)
    np.testing.assert_allclose(result, call(jnp.asarray(X)), rtol=1e-6, atol=1e-7)
    assert not call(kk.KerasTensor((3, 4), sparse=True)).sparse


@pytest.mark.parametrize(
    ("shapes", "count"), [(((3, 4), (4, 2)), 4), (((6, 4), (4, 6)), 2), (((2, 3, 4), (2, 4, 2)), 4)]
)
def test_a_product_of_two_sparse_arrays_is_sparse(shapes, count):
    def some(shape):
        dense = np.zeros(shape, "float32")
        dense.reshape(-1)[:: dense.size // count] = np.arange(1, count + 1)
        return dense

    a, b = map(some, shapes)
    result = ops.matmul(*(BCOO.fromdense(jnp.asarray(v), nse=count) for v in (a, b)))
    assert is_sparse(result) and result.nse <= min(count**2, result.size)
    np.testing.assert_array_equal(to_dense(result), a @ b)
    assert ops.matmul(*(kk.KerasTensor(s, sparse=True) for s in shapes)).sparse


def test_a_quotient_is_nan_where_the_divisor_is_no_number():
    divisor = np.array([[0.0, 0.0, np.nan, 1.0]] * 3, "float32")
    with np.errstate(all="ignore"):
        expected = X / divisor
    for x in (TWICE, FORMS["rows"](X)):
        np.testing.assert_array_equal(to_dense(ops.divide(x, divisor)), expected)


PLACES = st.lists(st.integers(0, 11), min_size=6, max_size=6)
VALUES = st.lists(st.integers(-4, 4), min_size=6, max_size=6)


@settings(max_examples=15, deadline=None)
@given(PLACES, VALUES, PLACES, VALUES)
def test_binary_ops_agree_with_numpy_for_any_places_and_values(places1, values1, places2, values2):
    def array(places, values):
        indices = np.stack(np.unravel_index(places, (3, 4)), -1)
        return BCOO((jnp.array(values, "float32"), jnp.asarray(indices)), shape=(3, 4))

    x, y = array(places1, values1), array(places2, values2)
    a, b = np.asarray(x.todense()), np.asarray(y.todense())
    for name in ("add", "subtract", "maximum", "minimum", "multiply"):
        result = getattr(ops, name)(x, y)
        assert is_sparse(result)
        np.testing.assert_array_equal(to_dense(result), getattr(np, name)(a, b), err_msg=name)
    np.testing.assert_array_equal(to_dense(ops.square(x)), a**2)
    assert ops.multiply(x, y).nse <= 6


def test_rules_are_of_kernelkits_ops_and_not_of_any_function_of_that_name():
    @op
    def square(x):
        return jnp.square(x) + 1

    result = square(PLAIN)
    assert not is_sparse(result)
    np.testing.assert_allclose(result, X**2 + 1)


def test_gradients_flow_to_values():
    x = PLAIN

    def loss(data, kernel):
        sparse = BCOO((data, x.indices), shape=x.shape)
        y = ops.add(ops.square(sparse), ops.multiply(TWICE_Y, sparse))
        return jnp.sum(ops.tanh(ops.matmul(y, kernel))) + to_dense(ops.sum(y))

    def dense_loss(values, kernel):
        y = values**2 + Y * values
        return jnp.sum(jnp.tanh(y @ kernel)) + jnp.sum(y)

    found = jax.grad(loss, argnums=(0, 1))(x.data, DENSE.T)
    expected = jax.grad(dense_loss, argnums=(0, 1))(jnp.asarray(X), DENSE.T)
    np.testing.assert_allclose(found[0], expected[0][tuple(x.indices.T)], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)


def test_under_jit_the_same_comes_out():
    x, y = PLAIN, TWICE_Y
    for call in (ops.add, ops.multiply, ops.maximum, lambda a, b: ops.matmul(a, ops.transpose(b))):
        result = jax.jit(call)(x, y)
        assert is_sparse(result)
        np.testing.assert_allclose(to_dense(result), to_dense(call(x, y)), rtol=1e-6)


def test_conversions():
    x = PLAIN
    assert ops.is_tensor(x) and ops.shape(x) == (3, 4) and ops.dtype(x) == "float32"
    assert ops.convert_to_tensor(x) is x and ops.convert_to_tensor(x, sparse=True) is x
    assert ops.convert_to_tensor(x, dtype="float16").dtype == "float16"
    assert isinstance(ops.convert_to_tensor(x, sparse=False), jax.Array)
    assert isinstance(ops.convert_to_tensor(X, sparse=True), jax.Array)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), X)
    assert ops.convert_to_tensor(kk.KerasTensor((2,), sparse=True)).sparse
    assert not ops.convert_to_tensor(kk.KerasTensor((2,), sparse=True), sparse=False).sparse
    assert "sparse=True" in repr(kk.KerasTensor((2,), sparse=True))
    assert kk.tree.flatten({"a": [x]}) == [x]


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_and_multi_hot(axis):
    indices = np.array([[0, 3, 3], [4, -1, 2]])
    for function in (ops.one_hot, ops.multi_hot):
        sparse = function(indices, 4, axis=axis, dtype="int32", sparse=True)
        assert is_sparse(sparse) and sparse.dtype == "int32"
        np.testing.assert_array_equal(to_dense(sparse), function(indices, 4, axis=axis, dtype="int32"))
    symbolic = ops.multi_hot(kk.KerasTensor((None, 3), "int32"), 4, sparse=True)
    assert symbolic.sparse and symbolic.shape == (None, 4)


def test_unknown_indices_stay_unknown_in_what_follows():
    vectors = ops.one_hot(np.array([1, 7]), 2, sparse=True)
    np.testing.assert_array_equal(
        to_dense(ops.concatenate([vectors, vectors], axis=1)), [[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    )
    np.testing.assert_array_equal(to_dense(ops.sum(vectors, axis=1)), [1.0, 0.0])


def test_bincount():
    x = np.array([[1, 1, 3], [0, 0, 0]])
    sparse = ops.bincount(x, sparse=True)
    assert is_sparse(sparse) and sparse.nse == 6
    np.testing.assert_array_equal(to_dense(sparse), ops.bincount(x))


# Layers ---------------------------------------------------------------------------------------------------------------


class TakesWhatComes(kk.Layer):
    def call(self, inputs):
        self.kind = type(inputs).__name__
        return ops.multiply(inputs, 2.0)


def test_layers_of_a_user_get_sparse_inputs_as_they_are():
    layer = TakesWhatComes()
    assert is_sparse(layer(PLAIN)) and layer.kind == "BCOO"
    assert layer(kk.KerasTensor((None, 4), sparse=True)).sparse
    assert is_sparse(kk.layers.Lambda(ops.sqrt)(FORMS["plain"](np.abs(X))))


@pytest.mark.parametrize(
    ("layer", "stays"),
    [
        (kk.layers.Dense(2), False),
        (kk.layers.Dense(2, activation="relu", dtype="mixed_bfloat16"), False),
        (kk.layers.Identity(), True),
        (kk.layers.Activation("relu"), True),
        (kk.layers.Activation("sigmoid"), False),
        (kk.layers.Reshape((2, 2)), True),
        (kk.layers.Rescaling(2.0), False),
        (kk.layers.LayerNormalization(), False),
        (kk.layers.Dropout(0.5), False),
        (kk.layers.Add(), True),
        (kk.layers.Average(), True),
        (kk.layers.Multiply(), True),
        (kk.layers.Concatenate(), True),
        (kk.layers.Dot(axes=1), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_of_kernelkit(layer, stays):
    merges = isinstance(layer, (kk.layers.Concatenate, kk.layers.Dot, type(kk.layers.Add()).__base__))
    nest = (lambda x, y: [x, y]) if merges else (lambda x, y: x)
    dense = layer(nest(jnp.asarray(X), jnp.asarray(Y)))
    sparse = layer(nest(PLAIN, TWICE_Y))
    assert is_sparse(sparse) == stays and sparse.dtype == dense.dtype
    tolerance = 8e-3 if dense.dtype == jnp.bfloat16 else 1e-6  # one rounding more or less, of weights drawn at random
    np.testing.assert_allclose(
        np.asarray(to_dense(sparse), "float32"), np.asarray(dense, "float32"), rtol=tolerance, atol=tolerance
    )
    symbol = kk.KerasTensor((3, 4), sparse=True)
    assert layer(nest(symbol, kk.KerasTensor((3, 4), sparse=True))).sparse == stays


def test_a_dense_layer_trains_on_sparse_inputs():
    layer = kk.layers.Dense(2)
    layer.build((None, 4))

    def gradients(x):
        with kk.GradientTape() as tape:
            loss = ops.mean(ops.square(layer(x)))
        return tape.gradient(loss, layer.trainable_variables)

    for found, expected in zip(gradients(PLAIN), gradients(jnp.asarray(X)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_tape_records_ops_on_sparse_arrays():
    x = PLAIN
    with kk.GradientTape() as tape:
        tape.watch(x.data)
        loss = ops.mean(ops.matmul(ops.square(x), DENSE.T))
    dense = jax.grad(lambda v: jnp.mean(v**2 @ DENSE.T))(jnp.asarray(X))
    np.testing.assert_allclose(tape.gradient(loss, x.data), dense[tuple(x.indices.T)], rtol=1e-5)


def test_a_model_with_a_sparse_input(tmp_path):
    inputs = kk.Input((4,), sparse=True)
    hidden = kk.layers.Concatenate()([inputs, ops.square(inputs)])
    model = kk.Model(inputs, kk.layers.Dense(2)(hidden))
    assert inputs.sparse and hidden.sparse and not model.outputs[0].sparse
    for x in (PLAIN, TWICE):
        np.testing.assert_allclose(model(x), model(X), atol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda x: model(x))(PLAIN), model(X), atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = kk.saving.load_model(tmp_path / "model.keras")
    assert again.inputs[0].sparse
    np.testing.assert_allclose(again(PLAIN), model(X), atol=1e-6)


def test_bincount_counts_what_is_stored():
    x = BCOO((np.array([1, 1, 3]), np.array([[0], [4], [5]])), shape=(9,))
    counts = ops.bincount(x, weights=np.arange(9), minlength=2)
    assert is_sparse(counts) and counts.todense().tolist() == [0, 4, 0, 5]
    rows = ops.bincount(BCOO((np.array([2, 1]), np.array([[0, 0], [1, 3]])), shape=(2, 4)))
    assert rows.todense().tolist() == [[0, 0, 1], [0, 1, 0]]


def test_an_input_from_a_tensor_is_as_sparse_as_it():
    assert kk.Input(tensor=kk.KerasTensor((2, 3), sparse=True)).sparse
    with pytest.raises(ValueError, match="incompatible `sparse`"):
        kk.Input(tensor=kk.KerasTensor((2, 3)), sparse=True)


@pytest.mark.parametrize(
    "optimizer", [kk.optimizers.SGD(0.1, momentum=0.9), kk.optimizers.Adam(0.1)], ids=["sgd", "adam"]
)
def test_optimizers_take_sparse_gradients(optimizer):
    twin = type(optimizer).from_config(optimizer.get_config())
    ours, theirs = kk.Variable(np.ones((3, 4), "float32")), kk.Variable(np.ones((3, 4), "float32"))
    for _ in range(2):
        optimizer.apply([FORMS["rows"](X)], [ours])
        twin.apply([X], [theirs])
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_flags_may_stand_twice_at_one_place():
    flags = BCOO((jnp.array([True, True, False]), jnp.array([[0, 1], [0, 1], [0, 2]])), shape=(1, 3))
    assert to_dense(flags).tolist() == [[False, True, False]]
    assert kk.layers.Rescaling(2.0)(flags).tolist() == [[0, 2, 0]]  # a layer that gets dense arrays
