"""Checks of the arguments of an optimizer's constructor."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from kernelkit import serialize
from kernelkit.typing import Rate

COMMON = (
    "learning_rate",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)
"""The arguments that all optimizers share, except the name."""


def old_spellings(keywords: dict, learning_rate: Rate, cls: type) -> Any:
    """Return the learning rate, also from its old name ``lr``."""
    who, keywords = cls.__name__, dict(keywords)
    if "lr" in keywords:
        warnings.warn(f"{who}(lr=...) is an old spelling: write learning_rate=... instead.", stacklevel=4)
        learning_rate = keywords.pop("lr")
    if "decay" in keywords:
        keywords.pop("decay")
        warnings.warn(
            f"{who}(decay=...) is ignored, as in Keras 3: pass learning_rate=InverseTimeDecay(...) of "
            "optimizers.schedules to let the rate decay, or weight_decay=... to let the weights decay.",
            stacklevel=4,
        )
    if keywords:
        known = [*inspect.signature(cls).parameters]
        wrong = next(iter(keywords))
        raise TypeError(f"{who}() got an unknown argument {wrong!r}.{serialize.suggest(wrong, known)}")
    return learning_rate


def warn_of_lr(optimizer: Any) -> None:
    """Warn that ``optimizer.lr`` is an old spelling."""
    who = type(optimizer).__name__
    warnings.warn(f"{who}.lr is an old spelling: write {who}.learning_rate instead.", stacklevel=4)


def check(optimizer: Any) -> None:
    """Raise ``ValueError`` if settings contradict each other or are out of range."""
    who = type(optimizer).__name__
    limits = {name: getattr(optimizer, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    if len(limits) > 1:
        raise ValueError(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set: {who} got {limits}.")
    for name, limit in limits.items():
        if limit < 0:
            raise ValueError(f"{who}: {name} must be positive, got {limit}.")
    if optimizer.use_ema and not 0 <= optimizer.ema_momentum <= 1:
        raise ValueError(f"{who}: ema_momentum must lie between 0 and 1, got {optimizer.ema_momentum}.")
    for name, least in (("ema_overwrite_frequency", 1), ("gradient_accumulation_steps", 2)):
        steps = getattr(optimizer, name)
        if steps is not None and (not isinstance(steps, int) or steps < least):
            raise ValueError(f"{who}: {name} must be an int >= {least} or None, got {steps!r}.")
