"""One policy for each part of a layer, by the part's path."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from kernelkit import serialize
from kernelkit.dtype_policies import policy as policies
from kernelkit.dtype_policies.policy import DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers, for the argument ``dtype`` of a layer.

    A key is a path, or a regular expression that must match a whole path. An exact path takes priority.

    Args:
        default_policy: Policy of layers that match no key; the global policy by default.
        policy_map: Dict from path to policy.

    Example:
        >>> policies = DTypePolicyMap("float32")
        >>> policies["encoder/.*"] = DTypePolicy("bfloat16")
        >>> policies["encoder/dense"], policies["decoder/dense"]
        (<DTypePolicy "bfloat16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None) -> None:
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"If specified, `policy_map` must be a dict from path to policy; got {policy_map!r}.")
        self._given = default_policy
        self._default = policies.get(default_policy)
        self._policies = {key: policies.get(value) for key, value in (policy_map or {}).items()}

    @property
    def name(self) -> str:
        """``"map_"`` and the name of the default policy."""
        return f"map_{self._default.name}"

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that match no key."""
        return self._default

    @property
    def compute_dtype(self) -> str:
        """The compute dtype of the default policy."""
        return self._default.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The variable dtype of the default policy."""
        return self._default.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The quantization of the default policy."""
        return self._default.quantization_mode

    def at(self, path: str | None) -> DTypePolicy:
        return self._default if path is None else self[path]

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Path {key!r} matches multiple dtype policy keys of the map: {matching}. Make them specific."
            )
        return self._policies[matching[0]] if matching else self._default

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(
                f"{key} already exists in the DTypePolicyMap, as {self._policies[key]!r}. Delete it first."
            )
        try:
            self._policies[key] = policies.get(policy)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot interpret the assigned value {policy!r} of {key!r} as a dtype policy: {error}"
            ) from error

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> dict:
        # As in Keras, a map without its own default uses the global policy of the session that loads it.
        described = {key: serialize.serialize_keras_object(policy) for key, policy in self._policies.items()}
        if self._given is None:
            for policy in described.values():
                policy["config"]["source_name" if "source_name" in policy["config"] else "name"] = None
        given = self._given.name if isinstance(self._given, DTypePolicy) else self._given
        return {"default_policy": given, "policy_map": described}

    @classmethod
    def from_config(cls, config: dict) -> DTypePolicyMap:
        """Make a map from :meth:`get_config`'s result."""
        return cls(
            config["default_policy"], {key: policies.deserialize(value) for key, value in config["policy_map"].items()}
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DTypePolicyMap):
            return False
        return self._default == other._default and self._policies == other._policies

    def __hash__(self) -> int:
        return hash((self._default, *self._policies))

    def __repr__(self) -> str:
        mapping = [(key, policy.name) for key, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self._default.name}, mapping={mapping}>"
