"""Untrusted configs as JSON texts: their size, depth and number of objects are checked first."""

from __future__ import annotations

import json
from typing import Any

from kernelkit import budget

MOST_BYTES = 32 << 20
"""The longest text that is always read. With weights beside it, a text may take a quarter of their bytes."""
MOST_BRACKETS = 1_000_000
"""Lists and dicts in a config."""
_DEEPEST = 400
# Entries of a config for which no object is made.
_PLAIN = ("__keras_tensor__", "__tuple__", "__numpy__", "__tensor__", "__bytes__", "__slice__", "__ellipsis__")
_HOW_TO_RAISE = "If you trust it, pass safe_mode=False, which sets no limits."


def parse(
    text: str | bytes,
    who: str,
    weights_size: int = 0,
    is_trusted: bool = False,
    most_brackets: int = MOST_BRACKETS,
) -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text.
        who: Name of the text in errors.
        weights_size: Bytes of the weights beside it.
        is_trusted: Whether there are no limits.
        most_brackets: Largest number of lists and dicts.

    Raises:
        ValueError: If the text is not JSON, or larger than any config.

    Example:
        >>> parse('{"a": [1, 2]}', "a text")
        {'a': [1, 2]}
    """
    if not is_trusted:
        brackets = text.count(b"{") + text.count(b"[") if isinstance(text, bytes) else text.count("{") + text.count("[")
        if len(text) > max(MOST_BYTES, weights_size // 4) or brackets > most_brackets:
            raise ValueError(
                f"{who}: its config of {len(text)} bytes, with {brackets} lists and dicts, is too large for a model "
                f"of {weights_size} bytes of weights. {_HOW_TO_RAISE}"
            )
    try:
        config = json.loads(text)
        if not is_trusted:
            require_moderate(config, who)
    except RecursionError:
        raise ValueError(f"{who}: its config is nested too deep.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{who}: its config is not valid JSON ({error}).") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{who}: its config is not valid JSON ({error}).") from error
    return config


def require_moderate(config: Any, who: str = "The config") -> None:
    """Raise ``ValueError`` if a config describes too many objects, or is nested too deep."""
    count, level, seen = 0, [config], 0
    while level:
        seen += 1
        if seen > _DEEPEST:
            raise ValueError(f"{who}: its config is nested too deep.")
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                count += "class_name" in value and value["class_name"] not in _PLAIN
                below += value.values()
            elif isinstance(value, (list, tuple)):
                below += value
        level = [value for value in below if isinstance(value, (dict, list, tuple))]
    if count > budget.MOST_OBJECTS:
        raise ValueError(
            f"{who} describes {count} layers and other objects, more than the {budget.MOST_OBJECTS} of any model. "
            f"{_HOW_TO_RAISE}"
        )
