"""Symbolic tensors, and the parts of a batch."""

from __future__ import annotations

from typing import Any

from kernelkit.recording import producer
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor, Tree


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """Return the inputs that a symbolic tensor depends on.

    Args:
        tensor: A symbolic tensor that a layer returned.

    Example:
        >>> import kernelkit as kk
        >>> a, b = kk.Input((2,)), kk.Input((2,))
        >>> [t is a or t is b for t in get_source_inputs(kk.layers.add([a, b]))]
        [True, True]
    """
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        current = stack.pop()
        node = producer(current)
        if node is None or node.is_input:
            found.setdefault(id(current), current)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.extend(reversed(node.input_tensors))
    return list(found.values())


def pack_x_y_sample_weight(x: Tree, y: Tree = None, sample_weight: Tensor = None) -> Any:
    """Return inputs, targets and weights as one batch: a tuple without the ``None`` values at its end.

    Args:
        x: Inputs. Without targets they are returned unchanged, unless they are a list or tuple.
        y: Targets.
        sample_weight: Weights.

    Example:
        >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2)
        (1, (1, 2))
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Tree) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of a batch, with ``None`` for missing parts.

    Args:
        data: A batch from a dataset.

    Raises:
        ValueError: If the batch is a tuple of more than three items.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found a tuple of {len(data)}."
        )
    return (*data, None, None)[:3]
