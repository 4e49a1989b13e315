"""The comm by which JupyterLab's side bar controls trainings: the page opens it, on a separate subshell.

A page that was reloaded during training knows the training's widget only by its messages.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from kernelkit.viz.host.jupyter import deliver_while_busy, kernel

TARGET = "kernelkit.trainings"

_receivers: weakref.WeakValueDictionary[str, _Receiver] = weakref.WeakValueDictionary()
_registered: weakref.WeakSet[Any] = weakref.WeakSet()


class _Receiver:
    def __init__(self, receive: Callable[[Any], None]) -> None:
        self.receive = receive


def steer_by(identity: str, receive: Callable[[Any], None]) -> object:
    """Pass the side bar's messages for a training to a function.

    Args:
        identity: The comm id of the training's widget.
        receive: Called with each message, valid or not, on any thread.

    Returns:
        An object. Messages arrive as long as it is referenced.
    """
    manager = getattr(kernel(), "comm_manager", None)
    if manager is not None and manager not in _registered:
        manager.register_target(TARGET, _on_open)
        with contextlib.suppress(TypeError):  # without weak references to the manager, register again
            _registered.add(manager)
    receiver = _Receiver(receive)
    _receivers[identity] = receiver
    return receiver


def pass_on(data: Any) -> None:
    """Pass `{"training": id, "content": message}` to the training with this id; ignore anything else."""
    if isinstance(data, dict) and isinstance(identity := data.get("training"), str):
        receiver = _receivers.get(identity)
        if receiver is not None:
            receiver.receive(data.get("content"))


def _on_open(comm: Any, message: Any) -> None:
    deliver_while_busy(SimpleNamespace(comm=comm))
    comm.on_msg(lambda sent: pass_on(sent.get("content", {}).get("data")))
