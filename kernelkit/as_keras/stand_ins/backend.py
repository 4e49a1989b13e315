"""`keras.src.backend`: the functions that Keras's layers call on its engines are kernelkit's ops."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

import kernelkit
from kernelkit import (  # noqa: F401
    KerasTensor,
    StatelessScope,
    SymbolicScope,
    Variable,
    config,
    dtypes,
    inference,
    masking,
    name_scope,
    ops,
    random,
)
from kernelkit.config import (  # noqa: F401
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
)
from kernelkit.dispatch import op
from kernelkit.dtypes import is_float as is_float_dtype  # noqa: F401
from kernelkit.dtypes import is_int as is_int_dtype  # noqa: F401
from kernelkit.dtypes import result_type, standardize_dtype  # noqa: F401
from kernelkit.masking import set_mask as set_keras_mask  # noqa: F401
from kernelkit.ops import *  # noqa: F403
from kernelkit.ops import numpy  # noqa: F401
from kernelkit.scope import auto_name, current_path, in_stateless_scope, in_symbolic_scope  # noqa: F401
from kernelkit.scope import autocast_scope as AutocastScope  # noqa: F401
from kernelkit.symbolic import any_symbolic, is_keras_tensor, standardize_shape  # noqa: F401
from kernelkit.utils import clear_session  # noqa: F401

IS_THREAD_SAFE = True
SUPPORTS_COMPLEX_DTYPES = True
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_SPARSE_TENSORS = True


def compute_output_spec(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return symbolic tensors with the shapes and dtypes of a function's results."""
    return inference.eval_spec(function, *args, **kwargs)


@op
def mask_of(x: Any) -> Any:
    """Return the mask that a tensor carries."""
    return masking.get_mask(x)


def get_keras_mask(x: Any) -> Any:
    """Return a tensor's mask, or ``None``; of a symbolic tensor, a symbolic one that can be a model's output."""
    mask = masking.get_mask(x)
    return mask_of(x) if is_keras_tensor(x) and mask is not None else mask


def random_seed_dtype() -> Any:
    """Return the dtype of a seed generator's state."""
    return random.SeedGenerator(0).state.dtype


def any_symbolic_tensors(args: Any = None, kwargs: dict | None = None) -> bool:
    """Return whether a symbolic tensor is among the arguments."""
    return any_symbolic(tuple(args or ()), kwargs or {})


def shape_equal(a: Any, b: Any) -> bool:
    """Return whether two shapes are the same."""
    return tuple(a) == tuple(b)


@contextlib.contextmanager
def device(name: Any) -> Iterator[None]:
    """Run on a device named as in Keras, "cpu:0"."""
    kind, _, index = str(name).rpartition(":") if ":" in str(name) else (str(name), "", "0")
    with jax.default_device(jax.devices(kind)[int(index)]):
        yield


def clear_name_counts() -> None:
    """Reset the counters of automatic names."""
    kernelkit.utils.clear_session(free_memory=False)


def to_numpy(x: Any) -> Any:
    """Return values as NumPy arrays; see `convert_to_numpy`."""
    return np.asarray(ops.convert_to_numpy(x))


def jax_draw_seed(seed: Any) -> Any:
    """Return a jax key drawn from a seed."""
    return random.draw_seed(seed)
