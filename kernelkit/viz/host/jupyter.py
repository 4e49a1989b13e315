"""What IPython and ipykernel are asked for: the shell, the cell that runs, outputs, the kernel's main thread."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Any


def ipython_shell() -> Any:
    """Return the shell of the IPython that runs this, or None."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)
    return None if get is None else get()


def kernel() -> Any:
    """Return the kernel that runs this, or None in a terminal."""
    return getattr(ipython_shell(), "kernel", None)


def execution_count() -> int | None:
    """Return the number of the cell that runs, or None outside of notebooks."""
    return getattr(ipython_shell(), "execution_count", None)


def asked_by_program(shell: Any) -> bool:
    """Return whether the cell was sent by a program that executes a notebook, not by a person.

    Such a client says that it cannot answer `input()`.
    """
    get_parent = getattr(shell.kernel, "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    content = parent.get("content", {}) if isinstance(parent, dict) else {}
    return content.get("allow_stdin") is False


def publish(bundle: dict[str, Any], metadata: dict[str, Any], display_id: str, update: bool) -> None:
    """Show a mime bundle as an output of the cell that runs, or in the place of an earlier one."""
    from IPython.display import publish_display_data

    publish_display_data(bundle, metadata, transient={"display_id": display_id}, update=update)


def after_cell(function: Callable[[], None]) -> bool:
    """Call a function once, when the cell that runs has ended.

    Returns:
        Whether there is a cell whose end will be told.
    """
    events: Any = getattr(ipython_shell(), "events", None)
    if kernel() is None or not hasattr(events, "register") or not hasattr(events, "unregister"):
        return False

    def call(_: Any) -> None:
        events.unregister("post_run_cell", call)
        function()

    # Not "post_execute", which a click on any widget triggers too.
    events.register("post_run_cell", call)
    return True


def deliver_while_busy(widget: Any) -> None:
    """Let a widget's messages reach Python while a cell runs.

    An ipykernel 7.4.0 reroutes the messages of comms that the main thread sends on to the main thread, where they wait
    until the cell ends. JupyterLab sent them to a subshell so that they would not. The attribute is private: where it
    is missing, nothing is to be undone.
    """
    comm = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        with contextlib.suppress(AttributeError):  # it may be read-only one day
            comm._reply_subshell_for = None  # type: ignore[union-attr]


def main_thread() -> Callable[[float, Callable[[], None]], Any]:
    """Return a function that calls another one on the kernel's main thread after some seconds.

    It may itself be called from any thread, such as that of a subshell.
    """
    loop = getattr(kernel(), "io_loop", None)
    if hasattr(loop, "add_callback") and hasattr(loop, "call_later"):
        return lambda seconds, function: loop.add_callback(loop.call_later, seconds, function)  # type: ignore[union-attr]
    own = asyncio.get_event_loop()

    def later(seconds: float, function: Callable[[], None]) -> None:
        own.call_soon_threadsafe(own.call_later, seconds, function)

    return later
