"""`keras.backend`: Keras's own names beside Keras, the old `K.*` functions beside NumPy and by hand."""

import importlib

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import backend as K

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")

OLD_NAMES = """
abs all any arange argmax argmin batch_dot batch_flatten batch_get_value batch_normalization batch_set_value
bias_add binary_crossentropy binary_focal_crossentropy cast cast_to_floatx categorical_crossentropy
categorical_focal_crossentropy clip concatenate constant conv1d conv2d conv2d_transpose conv3d cos count_params
ctc_batch_cost ctc_decode ctc_label_dense_to_sparse cumprod cumsum depthwise_conv2d dot dropout dtype elu equal eval exp
expand_dims eye flatten foldl foldr gather get_value gradients greater greater_equal hard_sigmoid in_top_k int_shape
is_sparse l2_normalize less less_equal log map_fn max maximum mean min minimum moving_average_update name_scope ndim
not_equal one_hot ones ones_like permute_dimensions pool2d pool3d pow prod random_bernoulli random_normal
random_normal_variable random_uniform random_uniform_variable relu repeat repeat_elements reshape resize_images
resize_volumes reverse rnn round separable_conv2d set_value shape sigmoid sign sin softmax softplus softsign
sparse_categorical_crossentropy spatial_2d_padding spatial_3d_padding sqrt square squeeze stack std stop_gradient sum
switch tanh temporal_padding tile to_dense transpose truncated_normal update update_add update_sub var variable zeros
zeros_like""".split()


def test_every_name_of_keras_and_of_keras_2_is_there():
    names = [n for n in vars(keras.backend) if not n.startswith("_")]
    assert [n for n in [*names, *OLD_NAMES] if not callable(getattr(K, n, None))] == []


CASES = {
    "abs": (lambda: K.abs(X), np.abs(X)),
    "argmax": (lambda: K.argmax(X), X.argmax(-1)),
    "argmin": (lambda: K.argmin(X, 0), X.argmin(0)),
    "arange": (lambda: K.arange(5), np.arange(5)),
    "batch_flatten": (lambda: K.batch_flatten(X), X.reshape(2, 12)),
    "batch_dot": (lambda: K.batch_dot(X, X, axes=(2, 2)), np.einsum("zab,zcb->zac", X, X)),
    "batch_dot of vectors": (lambda: K.batch_dot(X[:, 0], X[:, 1]), (X[:, 0] * X[:, 1]).sum(1, keepdims=True)),
    "batch_dot by default": (lambda: K.batch_dot(X, X[:, :1].swapaxes(1, 2)), X @ X[:, :1].swapaxes(1, 2)),
    "bias_add": (lambda: K.bias_add(X, np.arange(4.0)), X + np.arange(4)),
    "bias_add first": (lambda: K.bias_add(X, np.arange(3.0), "channels_first"), X + np.arange(3)[:, None]),
    "bias_add of a sample": (
        lambda: K.bias_add(X, np.arange(12.0).reshape(4, 3), "channels_first"),
        X + np.arange(12.0).reshape(4, 3).T,
    ),
    "clip": (lambda: K.clip(X, None, 0.5), np.minimum(X, 0.5)),
    "clip with swapped bounds": (lambda: K.clip(X, 1.0, 0.0), np.ones_like(X)),
    "concatenate": (lambda: K.concatenate([X, X]), np.concatenate([X, X], -1)),
    "constant": (lambda: K.constant(3, shape=(2, 2)), np.full((2, 2), 3, "float32")),
    "cumsum": (lambda: K.cumsum(X), X.cumsum(0)),
    "dot": (lambda: K.dot(X, X[0].T), X @ X[0].T),
    "expand_dims": (lambda: K.expand_dims(X), X[..., None]),
    "flatten": (lambda: K.flatten(X), X.ravel()),
    "gather": (lambda: K.gather(X, [1, 0, 1]), X[[1, 0, 1]]),
    "l2_normalize": (lambda: K.l2_normalize(X, -1), X / np.linalg.norm(X, axis=-1, keepdims=True)),
    "mean": (lambda: K.mean(X, axis=[0, 1], keepdims=True), X.mean((0, 1), keepdims=True)),
    "permute_dimensions": (lambda: K.permute_dimensions(X, (0, 2, 1)), X.swapaxes(1, 2)),
    "pow": (lambda: K.pow(X, 2), X**2),
    "relu": (lambda: K.relu(X, alpha=0.1, max_value=1.0), np.where(X > 0, np.minimum(X, 1), 0.1 * X)),
    "repeat": (lambda: K.repeat(X[:, 0], 3), np.repeat(X[:, :1], 3, 1)),
    "repeat_elements": (lambda: K.repeat_elements(X, 2, 1), X.repeat(2, 1)),
    "resize_images": (
        lambda: K.resize_images(X[..., None], 2, 3, "channels_last"),
        X.repeat(2, 1).repeat(3, 2)[..., None],
    ),
    "reverse": (lambda: K.reverse(X, (0, 2)), X[::-1, :, ::-1]),
    "sqrt": (lambda: K.sqrt(X), np.sqrt(np.maximum(X, 0))),
    "std": (lambda: K.std(X, 1), X.std(1)),
    "sum": (lambda: K.sum(X), X.sum()),
    "temporal_padding": (lambda: K.temporal_padding(X, (1, 2)), np.pad(X, ((0, 0), (1, 2), (0, 0)))),
    "switch": (lambda: K.switch(K.constant([1, 0]), X, -X), X * np.array([1, -1]).reshape(2, 1, 1)),
    "switch of one bool": (lambda: K.switch(K.sum(X) > 1e9, lambda: K.ones(2), lambda: K.zeros(2)), np.zeros(2)),
    "foldl": (lambda: K.foldl(lambda a, x: a * 2 + x, np.arange(4.0)), 11.0),
    "foldr": (lambda: K.foldr(lambda a, x: a * 2 + x, np.arange(4.0)), 34.0),
    "map_fn": (lambda: K.map_fn(lambda x: x * 2, X), X * 2),
    "eye": (lambda: K.eye(3), np.eye(3)),
    "round": (lambda: K.round(X), np.round(X)),
    "sparse_categorical_crossentropy": (
        lambda: K.sparse_categorical_crossentropy(np.array([1, 9]), K.softmax(X[:, 0]), ignore_class=9)[1],
        0.0,
    ),
    "in_top_k": (lambda: K.in_top_k(np.eye(3, dtype="float32"), np.array([0, 2, 1]), 1), [True, False, False]),
    "binary_focal_crossentropy": (
        lambda: K.mean(K.binary_focal_crossentropy(np.ones((2, 3)), np.full((2, 3), 0.3)), -1),
        kk.losses.binary_focal_crossentropy(np.ones((2, 3)), np.full((2, 3), 0.3)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value(name):
    compute, expected = CASES[name]
    result = np.asarray(compute())
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_windows_have_the_ops_values():
    x, kernel = X[None], np.ones((2, 2, 4, 5), "float32")
    np.testing.assert_allclose(
        K.conv2d(x, kernel, padding="same"), keras.ops.conv(x, kernel, padding="same"), rtol=1e-5
    )
    np.testing.assert_allclose(K.pool2d(x, (2, 2), pool_mode="avg"), keras.ops.average_pool(x, (2, 2), 1), rtol=1e-5)
    step = K.conv1d(X, np.ones((2, 4, 1), "float32"), padding="causal")
    np.testing.assert_allclose(step[:, 0, 0], X[:, 0].sum(-1), rtol=1e-5)
    assert step.shape == (2, 3, 1)
    with pytest.raises(ValueError, match="Invalid pooling mode"):
        K.pool2d(x, (2, 2), pool_mode="min")


@pytest.mark.parametrize(
    ("padding", "wanted", "width"),
    [
        ("same", 8, 3),
        ("same", 7, 3),
        ("same", 8, 2),
        ("same", 7, 4),
        ("valid", 9, 3),
        ("valid", 10, 3),
        ("valid", 8, 2),
    ],
)
def test_a_transposed_convolution_has_the_shape_that_was_asked_for(padding, wanted, width):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 4, 4, 3)), rng.normal(size=(width, width, 2, 3))
    result = K.conv2d_transpose(x, kernel, (1, wanted, wanted, 2), (2, 2), padding)
    assert result.shape == (1, wanted, wanted, 2)
    # The transpose of a convolution: <conv(y), x> == <y, conv_transpose(x)>.
    y = np.random.default_rng(1).normal(size=result.shape).astype("float32")
    there = keras.ops.conv(y, kernel, strides=2, padding=padding)
    np.testing.assert_allclose(np.sum(there * x), np.sum(np.asarray(result) * y), rtol=1e-4)


def test_a_transposed_convolution_of_an_impossible_shape_is_refused():
    with pytest.raises(ValueError, match="output_shape asks"):
        K.conv2d_transpose(np.ones((1, 4, 4, 3)), np.ones((3, 3, 2, 3)), (1, 20, 20, 2), (2, 2))


def test_a_function_of_a_model_gives_what_is_between_its_layers():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="relu"), kk.layers.Dense(1)])
    between, out = K.function([model.input], [model.layers[0].output, model.output])([X[0]])
    assert isinstance(between, np.ndarray)
    np.testing.assert_allclose(between, model.layers[0](X[0]), rtol=1e-5)
    np.testing.assert_allclose(out, model(X[0]), rtol=1e-5)
    with pytest.raises(TypeError, match="symbolic"):
        K.function([X], [X])


def test_the_rate_of_an_optimizer_is_read_and_set():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    model.compile("adam", "mse")
    K.set_value(model.optimizer.learning_rate, 0.25)
    assert float(K.get_value(model.optimizer.learning_rate)) == 0.25
    v = K.variable([1.0, 2.0])
    K.update_add(v, [1.0, 1.0])
    K.moving_average_update(v, np.array([0.0, 0.0]), 0.5)
    assert K.eval(v).tolist() == [1.0, 1.5]
    K.batch_set_value([(v, [3, 4])])
    assert K.batch_get_value([v])[0].tolist() == [3.0, 4.0]
    assert (K.int_shape(v), K.ndim(v), K.count_params(v), K.dtype(v)) == ((2,), 1, 2, "float32")


def test_functions_take_symbolic_tensors_in_a_lambda_and_in_a_loss():
    x = kk.Input((3, 4))
    model = kk.Model(x, kk.layers.Lambda(lambda t: K.mean(K.square(t), axis=-1) * 2)(x))
    np.testing.assert_allclose(model(X), 2 * (X**2).mean(-1), rtol=1e-5)
    dense = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    dense.compile("sgd", lambda y_true, y_pred: K.sqrt(K.mean(K.square(y_pred - y_true))))
    expected = np.sqrt(np.mean((dense.predict(X[0], verbose=0) - 1) ** 2))
    np.testing.assert_allclose(dense.evaluate(X[0], np.ones((3, 1)), verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_rnn_is_the_loop_written_out(backwards, masked):
    mask = np.array([[1, 1, 0], [0, 1, 1]], bool) if masked else None

    def step(x, states):
        new = K.tanh(x + 0.5 * states[0] + states[1])
        return new, [new]

    last, outputs, states = K.rnn(step, X, [np.zeros((2, 4), "float32")], backwards, mask, constants=[np.float32(0.1)])
    state, expected, previous = np.zeros((2, 4)), [], np.zeros((2, 4))
    for t in reversed(range(3)) if backwards else range(3):
        new = np.tanh(X[:, t] + 0.5 * state + 0.1)
        keep = np.ones((2, 1), bool) if mask is None else mask[:, t, None]
        state, previous = np.where(keep, new, state), np.where(keep, new, previous)
        expected.append(previous)
    np.testing.assert_allclose(outputs, np.stack(expected, 1), rtol=1e-5)
    np.testing.assert_allclose(last, expected[-1], rtol=1e-5)
    np.testing.assert_allclose(states[0], state, rtol=1e-5)


def test_ctc_is_the_loss_of_keras():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), size=(2, 6)).astype("float32")
    labels = np.array([[1, 2, 0], [3, 0, 0]])
    cost = K.ctc_batch_cost(labels, probabilities, np.array([[6], [5]]), np.array([[2], [1]]))
    log = np.log(probabilities + 1e-7)
    expected = keras.ops.ctc_loss(labels, log, np.array([2, 1]), np.array([6, 5]), mask_index=4)
    np.testing.assert_allclose(cost[:, 0], expected, rtol=1e-4)
    decoded, _ = K.ctc_decode(probabilities, np.array([6, 6]))
    best = probabilities.argmax(-1)
    for row, path in zip(np.asarray(decoded[0]), best):
        kept = [c for i, c in enumerate(path) if c != 4 and (i == 0 or path[i - 1] != c)]
        assert row[: len(kept)].tolist() == kept and set(row[len(kept) :]) <= {-1}
    sparse = K.ctc_label_dense_to_sparse(labels, [2, 1])
    assert K.is_sparse(sparse) and np.asarray(K.to_dense(sparse)).tolist() == [[1, 2, 0], [3, 0, 0]]


def test_numbers_of_names_count_with_automatic_names():
    for package in (keras, kk):
        package.utils.clear_session()
        assert [package.backend.get_uid("dense") for _ in range(2)] == [1, 2]
        assert package.layers.Dense(1).name == "dense_2"


def test_gradients_says_what_to_write():
    with pytest.raises(RuntimeError, match="GradientTape"):
        K.gradients(K.sum(X), [K.variable(1.0)])


@pytest.mark.parametrize(
    "path",
    """backend mixed_precision preprocessing preprocessing.image preprocessing.sequence preprocessing.text legacy.saving
    utils.legacy optimizers.legacy""".split(),
)
def test_module_paths_are_imported(path):
    module = importlib.import_module(f"kernelkit.{path}")
    found = kk
    for part in path.split("."):
        found = getattr(found, part)
    assert found is module
