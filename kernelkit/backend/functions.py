"""Functions of arrays under Keras 2's names: elementwise, along axes, and for shapes."""

from __future__ import annotations

import builtins
from typing import Any

import jax
import numpy as np

from kernelkit import activations, config, ops, sparse
from kernelkit.typing import DType, ShapeLike, Tensor, Tree

# The same as the op, arguments included.
abs = ops.abs
all = ops.all
any = ops.any
cast = ops.cast
cos = ops.cos
equal = ops.equal
exp = ops.exp
greater = ops.greater
greater_equal = ops.greater_equal
hard_sigmoid = ops.hard_sigmoid
less = ops.less
less_equal = ops.less_equal
log = ops.log
max = ops.max
maximum = ops.maximum
mean = ops.mean
min = ops.min
minimum = ops.minimum
not_equal = ops.not_equal
one_hot = ops.one_hot
prod = ops.prod
reshape = ops.reshape
round = ops.round
sigmoid = ops.sigmoid
sign = ops.sign
sin = ops.sin
softmax = ops.softmax
softplus = ops.softplus
softsign = ops.softsign
square = ops.square
squeeze = ops.squeeze
stack = ops.stack
std = ops.std
sum = ops.sum
tanh = ops.tanh
transpose = ops.transpose
var = ops.var


def arange(start: Tensor, stop: Tensor = None, step: Any = 1, dtype: str = "int32") -> jax.Array:
    """Return evenly spaced values; see :func:`kernelkit.ops.arange`.

    Example:
        >>> from kernelkit import backend as K
        >>> K.arange(3).tolist()
        [0, 1, 2]
    """
    return ops.arange(start, stop, step, dtype=dtype)


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the index of the largest value along an axis, the last by default.

    Example:
        >>> from kernelkit import backend as K
        >>> x = K.constant([[1.0, 2.0], [3.0, 4.0]])
        >>> K.argmax(x).tolist()
        [1, 1]
    """
    return ops.argmax(x, axis=axis)


def argmin(x: Tensor, axis: int = -1) -> Tensor:
    """Return the index of the smallest value along an axis, the last by default.

    Example:
        >>> from kernelkit import backend as K
        >>> x = K.constant([[1.0, 2.0], [3.0, 4.0]])
        >>> K.argmin(x).tolist()
        [0, 0]
    """
    return ops.argmin(x, axis=axis)


def batch_dot(x: Tensor, y: Tensor, axes: Any = None) -> Tensor:
    """Return the product of two batches, sample by sample.

    Args:
        x: Array (batch, ...) of at least two axes.
        y: Array (batch, ...) of at least two axes.
        axes: The axis of ``x`` and that of ``y`` to sum over, or one number for both; by default the last of ``x`` and
            the last but one of ``y`` (the last of both, if ``y`` has two axes).

    Returns:
        Array with the remaining axes of ``x`` and ``y``; (batch, 1) if none remain.

    Example:
        >>> from kernelkit import backend as K
        >>> K.batch_dot(K.ones((2, 3)), K.ones((2, 3)), axes=1).tolist()
        [[3.0], [3.0]]
    """
    ranks = len(x.shape), len(y.shape)
    if builtins.min(ranks) < 2:
        raise ValueError(f"batch_dot() takes arrays of at least two axes, got the shapes {x.shape} and {y.shape}.")
    if axes is None:
        axes = (ranks[0] - 1, ranks[1] - 1 if ranks[1] == 2 else ranks[1] - 2)
    left, right = (axes, axes) if isinstance(axes, int) else axes
    left, right = left % ranks[0], right % ranks[1]
    if 0 in (left, right):
        raise ValueError("batch_dot() cannot sum over axis 0, which holds the samples.")
    letters = iter("abcdefghijklmnopqrstuvwxy")
    first = ["z", *(next(letters) for _ in range(ranks[0] - 1))]
    second = ["z", *(next(letters) for _ in range(ranks[1] - 1))]
    second[right] = first[left]
    kept = [c for i, c in enumerate(first) if i != left] + [c for i, c in enumerate(second) if i not in (0, right)]
    result = ops.einsum(f"{''.join(first)},{''.join(second)}->{''.join(kept)}", x, y)
    return ops.expand_dims(result, -1) if len(kept) == 1 else result


def batch_flatten(x: Tensor) -> Tensor:
    """Return a batch with all axes but the first flattened into one.

    Example:
        >>> from kernelkit import backend as K
        >>> K.batch_flatten(K.ones((2, 3, 4))).shape
        (2, 12)
    """
    return ops.reshape(x, (-1, int(np.prod(x.shape[1:]))))


def batch_normalization(
    x: Tensor, mean: Tensor, var: Any, beta: Tensor, gamma: Tensor, axis: int = -1, epsilon: float = 1e-3
) -> Tensor:
    """Return ``gamma * (x - mean) / sqrt(var + epsilon) + beta``, with statistics for each index of an axis.

    Example:
        >>> from kernelkit import backend as K
        >>> x = K.constant([[1.0, 3.0]])
        >>> mean, var = K.constant([1.0, 1.0]), K.constant([1.0, 4.0])
        >>> K.batch_normalization(x, mean, var, beta=None, gamma=None, epsilon=0).tolist()
        [[0.0, 1.0]]
    """
    return ops.batch_normalization(x, mean, var, axis=axis, offset=beta, scale=gamma, epsilon=epsilon)


def bias_add(x: Tensor, bias: Tensor, data_format: str | None = None) -> Tensor:
    """Return the sum of a batch and a bias.

    Args:
        x: Array (batch, ..., channels), or channels first if ``data_format`` says so.
        bias: Array of one value for each channel, or of a sample's shape.
        data_format: ``"channels_last"`` or ``"channels_first"``; the setting by default.

    Example:
        >>> from kernelkit import backend as K
        >>> K.bias_add(K.zeros((1, 2)), K.constant([1.0, 2.0])).tolist()
        [[1.0, 2.0]]
    """
    first = config.standardize_data_format(data_format) == "channels_first"
    rank = len(x.shape)
    if len(bias.shape) not in (1, rank - 1):
        raise ValueError(f"bias_add(): the bias must have 1 or {rank - 1} axes, got the shape {tuple(bias.shape)}.")
    if first and rank > 2:
        if len(bias.shape) == 1:
            return ops.add(x, ops.reshape(bias, (1, -1, *[1] * (rank - 2))))
        bias = ops.moveaxis(bias, -1, 0)
    return ops.add(x, bias)


def cast_to_floatx(x: Tensor) -> Tensor:
    """Return values in the default float dtype; a NumPy array stays one.

    Example:
        >>> from kernelkit import backend as K
        >>> K.cast_to_floatx([1, 2]).dtype
        dtype('float32')
    """
    if isinstance(x, (np.ndarray, list, tuple, int, float)):
        return np.asarray(x, dtype=config.floatx())
    return ops.cast(x, config.floatx())


def clip(x: Tensor, min_value: Any, max_value: Any) -> Tensor:
    """Return values clipped to a range; ``None`` means no bound.

    Example:
        >>> from kernelkit import backend as K
        >>> K.clip([-1.0, 0.5, 2.0], 0.0, 1.0).tolist()
        [0.0, 0.5, 1.0]
    """
    if isinstance(min_value, (int, float)) and isinstance(max_value, (int, float)):
        max_value = builtins.max(min_value, max_value)
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    return ops.clip(x, low, high)


def concatenate(tensors: Tree, axis: int = -1) -> Tensor:
    """Return arrays joined along an axis, the last by default.

    Example:
        >>> from kernelkit import backend as K
        >>> K.concatenate([[[1.0]], [[2.0]]]).tolist()
        [[1.0, 2.0]]
    """
    return ops.concatenate(tensors, axis=axis)


def constant(value: Any, dtype: DType = None, shape: ShapeLike = None, name: str | None = None) -> Tensor:
    """Return values as an array, broadcast to a shape if one is given.

    Example:
        >>> from kernelkit import backend as K
        >>> K.constant([1, 2]).tolist()
        [1.0, 2.0]
    """
    array = ops.convert_to_tensor(value, dtype=dtype or config.floatx())
    return array if shape is None else ops.broadcast_to(array, shape)


def cumprod(x: Tensor, axis: int = 0) -> Tensor:
    """Return the running product along an axis, the first by default.

    Example:
        >>> from kernelkit import backend as K
        >>> K.cumprod([1.0, 2.0, 3.0]).tolist()
        [1.0, 2.0, 6.0]
    """
    return ops.cumprod(x, axis=axis)


def cumsum(x: Tensor, axis: int = 0) -> Tensor:
    """Return the running sum along an axis, the first by default.

    Example:
        >>> from kernelkit import backend as K
        >>> K.cumsum([1.0, 2.0, 3.0]).tolist()
        [1.0, 3.0, 6.0]
    """
    return ops.cumsum(x, axis=axis)


def dot(x: Tensor, y: Tensor) -> Tensor:
    """Return the product over the last axis of ``x`` and the last but one of ``y``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.dot(K.ones((2, 3)), K.ones((3, 4))).shape
        (2, 4)
    """
    return ops.dot(x, y)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return ``x`` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Example:
        >>> from kernelkit import backend as K
        >>> print(K.elu([-1.0, 1.0]).round(3))
        [-0.632  1.   ]
    """
    return ops.elu(x, alpha=alpha)


def expand_dims(x: Tensor, axis: int = -1) -> Tensor:
    """Return an array with one more axis of size 1, the last by default.

    Example:
        >>> from kernelkit import backend as K
        >>> K.expand_dims([1.0, 2.0]).shape
        (2, 1)
    """
    return ops.expand_dims(x, axis)


def eye(size: Any, dtype: DType = None, name: str | None = None) -> jax.Array:
    """Return an identity matrix; ``size`` is one int, or ``(rows, columns)`` for a matrix that is not square.

    Example:
        >>> from kernelkit import backend as K
        >>> K.eye(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    return ops.eye(rows, columns, dtype=dtype)


def flatten(x: Tensor) -> Tensor:
    """Return all values along one axis.

    Example:
        >>> from kernelkit import backend as K
        >>> K.flatten(K.ones((2, 3))).shape
        (6,)
    """
    return ops.reshape(x, (-1,))


def gather(reference: Any, indices: Tensor) -> Tensor:
    """Return the rows of ``reference`` at indices.

    Example:
        >>> from kernelkit import backend as K
        >>> K.gather([10.0, 20.0, 30.0], [2, 0]).tolist()
        [30.0, 10.0]
    """
    return ops.take(reference, indices, axis=0)


def is_sparse(tensor: Tensor) -> bool:
    """Return whether an array is sparse.

    Example:
        >>> from kernelkit import backend as K
        >>> K.is_sparse(K.ones(2))
        False
    """
    return sparse.is_sparse(tensor) or bool(getattr(tensor, "sparse", False))


def l2_normalize(x: Tensor, axis: Any = None) -> Tensor:
    """Return values divided by their Euclidean norm along an axis, or by the norm of all values.

    Example:
        >>> from kernelkit import backend as K
        >>> print(K.l2_normalize([3.0, 4.0]).round(2))
        [0.59999996 0.79999995]
    """
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)))


def ones(shape: ShapeLike, dtype: DType = None, name: str | None = None) -> jax.Array:
    """Return an array of ones.

    Example:
        >>> from kernelkit import backend as K
        >>> K.ones((2,)).tolist()
        [1.0, 1.0]
    """
    return ops.ones(shape, dtype=dtype)


def ones_like(x: Tensor, dtype: DType = None, name: str | None = None) -> Tensor:
    """Return ones in the shape of an array.

    Example:
        >>> from kernelkit import backend as K
        >>> K.ones_like(K.zeros((2,))).tolist()
        [1.0, 1.0]
    """
    return ops.ones_like(x, dtype=dtype)


def permute_dimensions(x: Tensor, pattern: Any) -> Tensor:
    """Return an array with its axes in another order.

    Example:
        >>> from kernelkit import backend as K
        >>> K.permute_dimensions(K.ones((2, 3)), (1, 0)).shape
        (3, 2)
    """
    return ops.transpose(x, pattern)


def pow(x: Tensor, a: Tensor) -> Tensor:
    """Return ``x`` to the power of ``a``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.pow([1.0, 2.0, 3.0], 2).tolist()
        [1.0, 4.0, 9.0]
    """
    return ops.power(x, a)


def relu(x: Tensor, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Return positive values unchanged, others multiplied by ``alpha``; see :func:`kernelkit.activations.relu`.

    Example:
        >>> from kernelkit import backend as K
        >>> K.relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def repeat(x: Tensor, n: int) -> Tensor:
    """Return each sample ``n`` times: (batch, size) becomes (batch, n, size).

    Example:
        >>> from kernelkit import backend as K
        >>> K.repeat(K.ones((2, 3)), 4).shape
        (2, 4, 3)
    """
    if len(x.shape) != 2:
        raise ValueError(f"repeat() takes an array (batch, size), got the shape {tuple(x.shape)}.")
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Tensor, rep: int, axis: int) -> Tensor:
    """Return each element along an axis ``rep`` times.

    Example:
        >>> from kernelkit import backend as K
        >>> K.repeat_elements(K.constant([1.0, 2.0]), 2, axis=0).tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    return ops.repeat(x, rep, axis=axis)


def reverse(x: Tensor, axes: Any) -> Tensor:
    """Return an array reversed along one axis or several.

    Example:
        >>> from kernelkit import backend as K
        >>> K.reverse(K.constant([1.0, 2.0]), 0).tolist()
        [2.0, 1.0]
    """
    return ops.flip(x, axis=(axes,) if isinstance(axes, int) else tuple(axes))


def sqrt(x: Tensor) -> Tensor:
    """Return the square root; 0 for negative values.

    Example:
        >>> from kernelkit import backend as K
        >>> K.sqrt([4.0, 9.0]).tolist()
        [2.0, 3.0]
    """
    return ops.sqrt(ops.maximum(x, 0.0))


def stop_gradient(variables: Any) -> Tensor:
    """Return values through which no gradient passes; a list for a list.

    Example:
        >>> from kernelkit import backend as K
        >>> K.stop_gradient(K.ones(2)).tolist()
        [1.0, 1.0]
    """
    if isinstance(variables, (list, tuple)):
        return type(variables)(ops.stop_gradient(v) for v in variables)
    return ops.stop_gradient(variables)


def tile(x: Tensor, n: Any) -> Tensor:
    """Return an array repeated ``n`` times along each axis.

    Example:
        >>> from kernelkit import backend as K
        >>> K.tile([1.0, 2.0], 2).tolist()
        [1.0, 2.0, 1.0, 2.0]
    """
    return ops.tile(x, (n,) if isinstance(n, int) else tuple(n))


def to_dense(tensor: Tensor) -> Tensor:
    """Return a sparse array as a dense array, a dense array unchanged.

    Example:
        >>> from kernelkit import backend as K
        >>> K.to_dense(K.ones(2)).tolist()
        [1.0, 1.0]
    """
    return sparse.to_dense(tensor) if sparse.is_sparse(tensor) else tensor


def zeros(shape: ShapeLike, dtype: DType = None, name: str | None = None) -> jax.Array:
    """Return an array of zeros.

    Example:
        >>> from kernelkit import backend as K
        >>> K.zeros((2,)).tolist()
        [0.0, 0.0]
    """
    return ops.zeros(shape, dtype=dtype)


def zeros_like(x: Tensor, dtype: DType = None, name: str | None = None) -> Tensor:
    """Return zeros in the shape of an array.

    Example:
        >>> from kernelkit import backend as K
        >>> K.zeros_like(K.ones((2,))).tolist()
        [0.0, 0.0]
    """
    return ops.zeros_like(x, dtype=dtype)
