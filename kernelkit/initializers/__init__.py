"""Initializers: functions that make the initial value of a weight.

Example:
    >>> from kernelkit import initializers
    >>> initializers.get("he_normal")((3, 2)).shape
    (3, 2)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import serialize as _serialize
from kernelkit import variable
from kernelkit.initializers.distributions import RandomInitializer, RandomNormal, RandomUniform, TruncatedNormal
from kernelkit.initializers.fixed import Constant, Identity, Ones, Zeros
from kernelkit.initializers.fourier import STFT
from kernelkit.initializers.initializer import Initializer
from kernelkit.initializers.orthonormal import Orthogonal
from kernelkit.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from kernelkit.public import names_of as _names_of
from kernelkit.typing import DType, InitializerLike, KnownShape

IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
normal = random_normal = RandomNormal
one = ones = Ones
orthogonal = Orthogonal
stft = STFT
truncated_normal = TruncatedNormal
uniform = random_uniform = RandomUniform
variance_scaling = VarianceScaling
zero = zeros = Zeros


def get(identifier: Any) -> Any:
    """Return the initializer for an identifier.

    Args:
        identifier: ``None`` (returned), a name, a config dict, an :class:`Initializer` or its class, a function
            ``(shape, dtype) -> array``, or an array: the value itself.

    Raises:
        ValueError: If the identifier has another type, or the name is unknown.

    Example:
        >>> from kernelkit import initializers
        >>> type(initializers.get("glorot_uniform")).__name__
        'GlorotUniform'
    """
    if isinstance(identifier, (np.ndarray, jax.Array)):
        value = identifier

        def given_value(shape: KnownShape, dtype: DType = None) -> jax.Array:
            if tuple(shape) != value.shape:
                raise ValueError(f"Expected `shape` to be {value.shape}, the shape of the given value, got {shape}.")
            return jnp.asarray(value, dtype)

        return given_value
    return _serialize.get(identifier, "initializers", "initializer", Initializer)


def serialize(initializer: InitializerLike) -> dict:
    """Return an initializer as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.serialize(kk.initializers.Constant(3))["config"]
        {'value': 3}
    """
    return _serialize.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make an initializer from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.deserialize("zeros")((2,)).tolist()
        [0.0, 0.0]
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="initializers")


_serialize.register_namespace("initializers", globals(), (Initializer,))
variable.named_initializers.append(get)

__dir__ = _names_of(globals())
