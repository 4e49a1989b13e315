"""The requests of pages to a training."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kernelkit.models.model import Model

ACTIONS = ("pause", "resume", "step", "stop", "learning_rate", "save")
"""The actions that pages may request."""


def ask(control: Any, action: str, value: Any) -> str | None:
    """Pass a page's request to the control. Return its problem in words, or None."""
    try:
        if action == "stop":
            control.stop(value or "batch")
        elif action == "learning_rate":
            if type(value) not in (int, float, str):
                return f"The learning rate must be a positive finite number, got a {type(value).__name__}."
            control.set_learning_rate(value)
        else:
            getattr(control, action)()
    except (TypeError, ValueError, OverflowError) as error:
        return str(error)[:200]
    return None


def known_names(value: Any, known: Collection[str]) -> list[str]:
    """Return the known names in a page's list, in the known order; an empty list for any other value.

    Example:
        >>> known_names(["auc", "loss", 3, "hacked"], ["loss", "auc"]), known_names("loss", ["loss"])
        (['loss', 'auc'], [])
    """
    return [name for name in known if name in value] if isinstance(value, list) else []


def possible_actions(model: Model) -> list[str]:
    """Return the actions that a model supports. The rate of a schedule, for example, cannot be set."""
    rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
    impossible = {"learning_rate"} if not hasattr(rate, "assign") else set()
    impossible |= {"save"} if not hasattr(model, "save") else set()
    return [action for action in ACTIONS if action not in impossible]
