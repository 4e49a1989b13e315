"""Dtype policies: the dtype in which a layer computes, and the dtype of its weights.

Mixed precision keeps float32 weights and computes in a 16-bit float.
Source: Micikevicius et al., 2018, Mixed precision training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit import config, dtypes
from kernelkit import serialize as serialization

_global: dict[str, DTypePolicy | None] = {"policy": None}

name_readers: list[Callable[[str], DTypePolicy | None]] = []
"""Functions that make policies of other classes from names, and return ``None`` for unknown names."""


class DTypePolicy:
    """The compute dtype of a layer and the dtype of its weights.

    Args:
        name: A dtype (``"float32"``), or ``"mixed_bfloat16"`` or ``"mixed_float16"``; the name of the global policy by
            default.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        name = str(dtype_policy().name) if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"DTypePolicy: 'name' must be a string such as 'mixed_bfloat16', got {name!r}.")
        self.name: str = name
        if name in ("mixed_bfloat16", "mixed_float16"):
            self.compute_dtype: str = name.removeprefix("mixed_")
            self.variable_dtype: str = "float32"
        else:
            try:
                self.compute_dtype = self.variable_dtype = dtypes.standardize_dtype(name)
            except ValueError:
                raise ValueError(
                    f"Cannot convert {name!r} to a dtype policy: give a dtype such as 'float32', or "
                    "'mixed_bfloat16' or 'mixed_float16'."
                ) from None

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized, such as ``"int8"``; ``None`` if they are not."""
        return None

    def at(self, path: str | None) -> DTypePolicy:
        """Return the policy of the layer at a path: this policy, unless it is a map of policies."""
        return self

    def get_config(self) -> dict:
        """Return the arguments that make an equal policy."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> DTypePolicy:
        """Make a policy from :meth:`get_config`'s result."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and type(self) is type(other) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


FloatDTypePolicy = DTypePolicy


def dtype_policy() -> DTypePolicy:
    """Return the global policy, which layers without a dtype use.

    Example:
        >>> import kernelkit as kk
        >>> kk.mixed_precision.dtype_policy().name
        'float32'
    """
    return _global["policy"] or DTypePolicy(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the global policy, which layers without a dtype use.

    Args:
        policy: A :class:`DTypePolicy` or its name.

    Raises:
        ValueError: If ``policy`` is ``None`` or not a policy.

    Example:
        >>> import kernelkit as kk
        >>> kk.config.set_dtype_policy("mixed_bfloat16")
        >>> kk.layers.Dense(2).compute_dtype
        'bfloat16'
        >>> kk.config.set_dtype_policy("float32")
    """
    if policy is None or isinstance(policy, (int, float)):
        raise ValueError(f"Invalid `policy` argument {policy!r}: give a DTypePolicy or a name such as 'float32'.")
    _global["policy"] = get(policy)


def get(identifier: Any) -> DTypePolicy:
    """Return the policy for an identifier: ``None`` (the global policy), a name, a config or a policy.

    Example:
        >>> import kernelkit as kk
        >>> kk.dtype_policies.get("mixed_bfloat16").compute_dtype
        'bfloat16'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        made = (read(identifier) for read in name_readers)
        return next((policy for policy in made if policy is not None), None) or DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize_dtype(identifier))
    except (TypeError, ValueError):
        raise ValueError(
            f"Cannot interpret `dtype` argument {identifier!r}: give a dtype or its name, a DTypePolicy or its config."
        ) from None


def serialize(dtype_policy: DTypePolicy) -> dict:
    """Return a policy as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.dtype_policies.serialize(kk.DTypePolicy("mixed_bfloat16"))["config"]
        {'name': 'mixed_bfloat16'}
    """
    return serialization.serialize_keras_object(dtype_policy)


def deserialize(config: dict, custom_objects: dict | None = None) -> DTypePolicy:
    """Make a policy from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.dtype_policies.serialize(kk.DTypePolicy("mixed_bfloat16"))
        >>> kk.dtype_policies.deserialize(config).variable_dtype
        'float32'
    """
    return serialization.deserialize_keras_object(config, custom_objects, namespace="dtype_policies")


# Keras has these two among its settings; `config` itself stands on the lowest floor and knows no policies.
config.dtype_policy = dtype_policy  # type: ignore[attr-defined]
config.set_dtype_policy = set_dtype_policy  # type: ignore[attr-defined]
