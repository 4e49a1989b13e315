"""All rules: from the name of a jax primitive to the function that writes it in ONNX."""

from __future__ import annotations

from collections.abc import Callable

from kernelkit.export.onnx import arrays, control, elementwise, indexing, products, reductions

RULES: dict[str, Callable] = {
    **elementwise.RULES,
    **arrays.RULES,
    **reductions.RULES,
    **products.RULES,
    **indexing.RULES,
    **control.RULES,
}
