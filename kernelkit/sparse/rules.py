"""The rules of ops for sparse arrays: a table from an op's name to its rule.

A rule is called with the op's function of dense arrays and the arguments of the op. It returns the result, or
``NotImplemented`` if that would be dense: the op is then computed on dense arrays.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.experimental.sparse import BCOO, sparsify

from kernelkit.sparse.arrays import aligned, alike, among, as_bcoo, plain, unique, values_at, without_batches
from kernelkit.sparse.kinds import densify, from_dense, is_sparse
from kernelkit.typing import Axis, Tensor, Tree

_MODULES = ("kernelkit.ops", "kernelkit.activations")


def apply(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Call the function of an op by its rule; see :func:`kernelkit.sparse.run`."""
    args, kwargs = jtu.tree_map(lambda x: as_bcoo(x) if is_sparse(x) else x, (args, kwargs), is_leaf=is_sparse)
    # An op of another library may have the same name.
    rule = RULES.get(function.__name__) if function.__module__.startswith(_MODULES) else None
    if rule is not None:
        given = inspect.signature(function).bind(*args, **kwargs)
        result = rule(function, *given.args, **given.kwargs)
        if result is not NotImplemented:
            return result
    args, kwargs = densify((args, kwargs))
    return function(*args, **kwargs)


# Element by element
# ----------------------------------------------------------------------------------------------------------------------


def _linear(function: Callable, x: Tensor, *args: Any, **kwargs: Any) -> BCOO:
    """Rule for f(0) = 0 and f(a + b) = f(a) + f(b): several values at one place need not be added first."""
    return _with_data(x, function(x.data, *args, **kwargs))


def _keeps_zero(function: Callable, x: Tensor, *args: Any, **kwargs: Any) -> BCOO:
    """Rule for f(0) = 0."""
    return _linear(function, unique(x), *args, **kwargs)


def _where_zero_stays(function: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Rule for functions with f(0) = 0 only for some values of their other arguments, which are numbers and bins."""
    others = jtu.tree_leaves((args, kwargs))
    if any(isinstance(v, jax.core.Tracer) for v in others):
        return NotImplemented
    with jax.ensure_compile_time_eval():
        of_zero = np.asarray(function(jnp.zeros((), x.dtype), *args, **kwargs))
    return _keeps_zero(function, x, *args, **kwargs) if of_zero.shape == () and of_zero == 0 else NotImplemented


def _union(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Rule for f(0, 0) = 0: the result has values at the places of both arguments."""
    if not (is_sparse(x1) and is_sparse(x2)) or x1.shape != x2.shape or not x1.shape:
        return NotImplemented
    indices, values, _ = aligned(x1, x2)
    return BCOO((function(*values), indices), shape=x1.shape, indices_sorted=True, unique_indices=True)


def _intersection(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Rule for f(0, a) = f(a, 0) = 0: the result has values at the common places of both arguments."""
    if is_sparse(x1) and is_sparse(x2):
        if x1.shape != x2.shape or not x1.shape:
            return NotImplemented
        x1, x2 = alike(x1, x2)
        indices, values, (has1, has2) = aligned(x1, x2)
        products = BCOO((function(*values), indices), shape=x1.shape, indices_sorted=True, unique_indices=True)
        return among(products, has1 & has2, at_most=min(x1.nse, x2.nse))
    if is_sparse(x1):
        return _at_places(lambda data, other: function(data, other), x1, x2)
    return _at_places(lambda data, other: function(other, data), x2, x1)


def _division(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Rule for quotients: 0 / a is 0, unless a is 0 or NaN.

    Zeros and NaN are found in a concrete divisor. For a traced divisor, 0 / 0 and 0 / NaN count as 0.
    """
    if is_sparse(x2) or not is_sparse(x1):
        return NotImplemented
    divisor = jnp.asarray(x2)
    if divisor.ndim and divisor.ndim <= x1.ndim and not isinstance(divisor, jax.core.Tracer):
        wrong = (divisor == 0) | jnp.isnan(divisor)
        if wrong.any():
            x1 = _with_places(x1, jnp.broadcast_to(wrong, x1.shape))
    return _at_places(function, x1, x2)


def _at_places(function: Callable, x: Tensor, other: Tensor) -> Tensor:
    """Compute with a dense array or number at the places of a sparse array."""
    if np.ndim(other) == 0:
        return _with_data(x, function(x.data, other))
    other = jnp.asarray(other)
    if other.ndim > x.ndim or np.broadcast_shapes(x.shape, other.shape) != x.shape:
        return NotImplemented
    x = without_batches(x)
    return _with_data(x, function(x.data, values_at(x, other)))


def _with_data(x: Tensor, data: Tree) -> BCOO:
    flags = {"indices_sorted": x.indices_sorted, "unique_indices": x.unique_indices}
    return BCOO((data, x.indices), shape=x.shape, **flags)


def _with_places(x: Tensor, wanted: jax.Array) -> BCOO:
    """Return a sparse array with a value, which may be 0, at each place where ``wanted`` is true."""
    x = without_batches(x)
    more = BCOO.fromdense(wanted, n_dense=x.n_dense)
    indices, (values, _), _ = aligned(x, more)
    return BCOO((values, indices), shape=x.shape, indices_sorted=True, unique_indices=True)


# Whole arrays
# ----------------------------------------------------------------------------------------------------------------------


def _sum(function: Callable, x: Tensor, axis: Axis = None, keepdims: bool = False) -> BCOO:
    """Rule for the sum, and for the mean as a sum of quotients."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(np.asarray(axis, int)).tolist()
    axes = sorted(a % x.ndim for a in axes)
    x = plain(x)
    data = x.data.astype(jax.eval_shape(function, x.data).dtype)
    if function.__name__ == "mean":
        data = data / math.prod(x.shape[a] for a in axes)
    outside = (x.indices >= jnp.array(x.shape, x.indices.dtype)).any(-1)
    data = jnp.where(outside, jnp.zeros((), data.dtype), data)  # without this, padding could become valid
    if keepdims:
        kept = jnp.array([a not in axes for a in range(x.ndim)], x.indices.dtype)
        return BCOO((data, x.indices * kept), shape=tuple(1 if a in axes else n for a, n in enumerate(x.shape)))
    rest = [a for a in range(x.ndim) if a not in axes]
    return BCOO((data, x.indices[:, np.array(rest, int)]), shape=tuple(x.shape[a] for a in rest))


def _moved(function: Callable, *args: Any, **kwargs: Any) -> Tensor:
    """Rule for functions that move values to other places, by jax's own sparse rules."""
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_sparse)
    places = [i for i, leaf in enumerate(leaves) if is_sparse(leaf)]

    def run(*tensors: Any) -> Tensor:
        filled = list(leaves)
        for i, tensor in zip(places, tensors, strict=True):
            filled[i] = tensor
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        return function(*own_args, **own_kwargs)

    try:
        return sparsify(run)(*(plain(leaves[i]) for i in places))
    except NotImplementedError:
        return NotImplemented


def _joined(function: Callable, xs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Rule for joined arrays: the result is sparse if all arrays are sparse."""
    if not all(is_sparse(x) for x in xs):
        return NotImplemented
    dtype = jnp.result_type(*(x.dtype for x in xs))
    xs = [plain(x) for x in xs]
    return _moved(function, [_with_data(x, x.data.astype(dtype)) for x in xs], *args, **kwargs)


def _product(function: Callable, x1: Tensor, x2: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Rule for products: two sparse arrays give a sparse product, any other product is dense."""
    if not (is_sparse(x1) and is_sparse(x2)):
        return _moved(function, x1, x2, *args, **kwargs)
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (x1, x2)]
    shape = jax.eval_shape(lambda a, b: function(a, b, *args, **kwargs), *shapes).shape
    pairs, size = x1.nse * x2.nse, math.prod(shape)
    if not shape:
        return NotImplemented
    if pairs <= size:
        result = _moved(function, x1, x2, *args, **kwargs)
        if result is not NotImplemented:
            return result
    # jax multiplies each value with each value; above this number that takes more memory than the dense result.
    result = function(*densify((x1, x2)), *args, **kwargs)
    return from_dense(result, at_most=pairs)


def _bincount(function: Callable, x: Tensor, weights: Any = None, minlength: int = 0, sparse: bool = True) -> Tensor:
    """Rule for bincount: count how often each stored value occurs."""
    if not is_sparse(x):
        return NotImplemented
    x, weights = plain(x), densify(weights)
    counted = jnp.ones(x.nse, "int32") if weights is None else values_at(x, jnp.asarray(weights))
    counted = jnp.where((x.indices < jnp.array(x.shape, x.indices.dtype)).all(-1), counted, 0)  # without padding
    if x.ndim == 1:
        return from_dense(function(x.data, counted, minlength), at_most=x.nse)
    counts = jnp.zeros((x.shape[0], len(function(x.data, counted, minlength))), counted.dtype)
    return from_dense(counts.at[x.indices[:, 0], x.data].add(counted), at_most=x.nse)


_LINEAR = "conjugate copy deg2rad imag linear negative rad2deg real stop_gradient"
_KEEP_ZERO = """
    absolute angle arcsin arcsinh arctan arctanh cast cbrt ceil erf erfinv expm1 fabs floor isinf isnan isneginf
    isposinf log1p nan_to_num round saturate_cast sign signbit sin sinh sqrt square tan tanh trunc
    celu elu gelu hard_shrink hard_silu hard_tanh leaky_relu mish relu6 selu silu soft_shrink softsign tanh_shrink
"""
_MOVE = "expand_dims flip fliplr flipud get_item moveaxis ravel reshape squeeze swapaxes transpose"

RULES: dict[str, Callable] = {
    **dict.fromkeys(_LINEAR.split(), _linear),
    **dict.fromkeys(_KEEP_ZERO.split(), _keeps_zero),
    **dict.fromkeys("clip digitize relu threshold".split(), _where_zero_stays),
    **dict.fromkeys("add subtract maximum minimum".split(), _union),
    **dict.fromkeys("multiply".split(), _intersection),
    **dict.fromkeys("divide true_divide".split(), _division),
    **dict.fromkeys("sum mean".split(), _sum),
    "bincount": _bincount,
    **dict.fromkeys(_MOVE.split(), _moved),
    **dict.fromkeys("concatenate stack".split(), _joined),
    **dict.fromkeys("dot matmul tensordot".split(), _product),
}
"""From the name of an op to its rule. Any other op computes on dense arrays."""
