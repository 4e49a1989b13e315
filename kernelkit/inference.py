"""Shape inference: the shapes and dtypes that a function returns, found without computing values.

There are two ways:

- :func:`eval_spec` traces the function with `jax.eval_shape`. An unknown size is found by tracing twice, with two
  different sizes in its place, and comparing. It works for everything that jax can trace; the code sees trial sizes.
- :func:`infer` first runs the function on the symbolic tensors themselves. The layers and ops in it answer with
  symbolic tensors, one by one. The code runs once and sees an unknown size as ``None``. Code that needs arrays or
  sizes (`jax.numpy`, NumPy, ``range(x.shape[1])``) raises then; :func:`eval_spec` traces it instead.

The masks of the argument tensors are passed in, and the outputs carry their masks.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit import masking, scope
from kernelkit.sparse import is_sparse
from kernelkit.sparse import stand_in as sparse_stand_in
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable

# Pairs of trial sizes for an unknown size. The two sizes of a pair are far apart, so that sizes derived from them
# (halved by a pooling, for example) differ too. Primes come first: a prime rarely equals a real size by accident, and
# code may loop over a size or make NumPy arrays of it. Sizes with many divisors follow: code may split an axis. Small
# sizes come last: code may cut them from a table, such as 50 learned positions.
_TRIALS = ((139, 367), (1680, 3360), (5, 7))
# A size for a third trial, used if an output axis has size 0 or 1 in both trials. A window longer than the sizes above,
# a large stride or many poolings may be the cause.
_LARGE_TRIAL = 2003


def infer(function: Callable, *args: Any, **kwargs: Any) -> Tree:
    """Return the symbolic outputs of a function of tensors, layer by layer and op by op where possible.

    Args:
        function: A function of tensors. Variables it assigns keep their values.
        *args: Arguments, symbolic tensors at any depth among them.
        **kwargs: More arguments.

    Returns:
        The function's outputs as :class:`KerasTensor`, with ``None`` where a size depends on an unknown size.
    """
    if not any(None in t.shape for t in _symbolic_leaves((args, kwargs))):
        return eval_spec(function, *args, **kwargs)  # nothing unknown: one trace, and code may use the sizes
    try:
        with scope.StatelessScope(), scope.SymbolicScope(), scope.not_recording():
            outputs = function(*args, **kwargs)
        leaves = jtu.tree_leaves(outputs)
        # A size of 0 comes from code that took an unknown size for 0, as `numpy.arange(0, None, 1)` does.
        if all(isinstance(leaf, (KerasTensor, jax.Array)) and 0 not in leaf.shape for leaf in leaves):
            return jtu.tree_map(_fresh, outputs)
    except Exception:
        pass  # code that needs arrays, or a mistake: the trace below raises a mistake again, with its own words
    return eval_spec(function, *args, **kwargs)


def eval_spec(function: Callable, *args: Any, **kwargs: Any) -> Tree:
    """Return the symbolic outputs of a function of arrays, by tracing it.

    Args:
        function: A function of arrays that jax can trace. Variables it assigns keep their values.
        *args: Arguments, symbolic tensors at any depth among them.
        **kwargs: More arguments.

    Returns:
        The function's outputs as :class:`KerasTensor`, with ``None`` where a size depends on an unknown size.
    """
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=_is_symbolic)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    tensors = [leaves[i] for i in places]
    masks = [t._keras_mask for t in tensors]

    def run(values: list, masks: list) -> tuple:
        filled = list(leaves)
        for place, value, mask in zip(places, values, masks, strict=True):
            filled[place] = value
            if mask is not None:
                masking.set_mask(value, mask)
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with scope.StatelessScope(), scope.SymbolicScope():
            outputs = function(*own_args, **own_kwargs)
            found = [masking.get_mask(v) for v in jtu.tree_leaves(outputs, is_leaf=is_sparse)]
            return _only_arrays(outputs), found

    def trial(size: int) -> tuple:
        return jax.eval_shape(run, *jtu.tree_map(lambda t: _stand_in(t, size), (tensors, masks)))

    def trials(sizes: tuple[int, int]) -> tuple:
        try:
            found = [trial(size) for size in sizes]
        except Exception as error:
            _hide_trial_sizes(error, sizes)
            raise
        if any(min(a.shape, default=2) < 2 for a in jtu.tree_leaves(found[1][0], is_leaf=is_sparse)):
            with contextlib.suppress(TypeError, ValueError):
                found.append(trial(_LARGE_TRIAL))
        return jtu.tree_map(_merge_specs, *found, is_leaf=is_sparse)

    if not any(None in t.shape for t in tensors):
        return _with_masks(*jtu.tree_map(_merge_specs, trial(0), is_leaf=is_sparse))
    try:
        return _with_masks(*trials(_TRIALS[0]))
    except (TypeError, ValueError) as error:
        for sizes in _TRIALS[1:]:
            with contextlib.suppress(TypeError, ValueError):
                return _with_masks(*trials(sizes))
        raise error from None


def function_spec(function: Callable, *args: Any, **kwargs: Any) -> Tree:
    """Return the symbolic outputs of an op: by its own shape rule if it has one, else by tracing."""
    spec = getattr(function, "spec", None)
    return eval_spec(function, *args, **kwargs) if spec is None else spec(function, *args, **kwargs)


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, KerasTensor)


def _symbolic_leaves(structure: Tree) -> list[KerasTensor]:
    return [leaf for leaf in jtu.tree_leaves(structure) if isinstance(leaf, KerasTensor)]


def _fresh(value: Any) -> KerasTensor:
    return value.like() if isinstance(value, KerasTensor) else KerasTensor(value.shape, dtype=value.dtype.name)


def _stand_in(tensor: Tensor, size: int) -> Tree:
    """Return a shape-and-dtype struct, with ``size`` in place of unknown sizes."""
    if not isinstance(tensor, KerasTensor):
        return tensor  # a mask that is an array
    shape = tuple(size if d is None else d for d in tensor.shape)
    dtype = _traceable_dtype(tensor.dtype)
    return sparse_stand_in(shape, dtype) if tensor.sparse else jax.ShapeDtypeStruct(shape, dtype)


def _traceable_dtype(name: str) -> Any:
    if name == "string":
        raise TypeError(
            "Strings cannot enter a jax computation; turn them into numbers with StringLookup or TextVectorization."
        )
    return jnp.dtype(name)


def _only_arrays(outputs: Tree) -> Tree:
    return jtu.tree_map(lambda v: v.value if isinstance(v, Variable) else v, outputs)


def _merge_specs(first: Tree, *others: Any) -> KerasTensor:
    sizes = zip(first.shape, *(other.shape for other in others), strict=True)
    shape = tuple(size[0] if len(set(size)) == 1 else None for size in sizes)
    return KerasTensor(shape, dtype=first.dtype.name, sparse=is_sparse(first))


def _with_masks(outputs: Tree, masks: list) -> Tree:
    for tensor, mask in zip(jtu.tree_leaves(outputs), masks, strict=True):
        tensor._keras_mask = mask
    return outputs


def _hide_trial_sizes(error: Exception, sizes: tuple[int, int]) -> None:
    """Replace the trial sizes by ``None`` in an error's text and notes."""
    pattern = re.compile(rf"(?<![\w.])(?:{sizes[0]}|{sizes[1]})(?![\w.])")
    error.args = tuple(pattern.sub("None", a) if isinstance(a, str) else a for a in error.args)
    if hasattr(error, "__notes__"):
        error.__notes__ = [pattern.sub("None", note) for note in error.__notes__]
