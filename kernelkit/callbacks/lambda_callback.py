"""`LambdaCallback`: a callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit import serialize
from kernelkit.training.callback import Callback

_HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


class LambdaCallback(Callback):
    """A callback made of functions.

    With a batch hook, training runs one step per dispatch, because the function may read the model. If it needs only
    the logs, set ``callback.batch_hooks = "logs"``, and steps stay fused.

    Args:
        on_epoch_begin: Function ``(epoch, logs)``.
        on_epoch_end: Function ``(epoch, logs)``.
        on_train_begin: Function ``(logs)``.
        on_train_end: Function ``(logs)``.
        on_train_batch_begin: Function ``(batch, logs)``.
        on_train_batch_end: Function ``(batch, logs)``.
        **kwargs: Functions for the other hooks, by name. A name without ``on_`` becomes an attribute, for
            your own functions to call.

    Raises:
        TypeError: If a name begins with ``on_`` and is not the name of a hook.

    Example:
        >>> told = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
        >>> told.on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for hook, function in given.items():
            if hook not in _HOOKS and (hook.startswith("on_") or hasattr(self, hook)):
                raise TypeError(f"LambdaCallback: there is no hook {hook!r}.{serialize.suggest(hook, _HOOKS)}")
            if function is not None:
                setattr(self, hook, function)
