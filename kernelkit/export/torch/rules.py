"""All rules: from the name of a jax primitive to PyTorch code."""

from __future__ import annotations

from collections.abc import Callable

from kernelkit.export.torch import elementwise, flow, sums

RULES: dict[str, Callable] = {**elementwise.RULES, **sums.RULES, **flow.RULES}
