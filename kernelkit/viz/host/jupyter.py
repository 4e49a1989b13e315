"""Access to IPython and ipykernel: the shell, the current cell, outputs, the kernel's main thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from kernelkit.rich_display import ipython_shell


def kernel() -> Any:
    """Return the current kernel, or None in a terminal."""
    return getattr(ipython_shell(), "kernel", None)


def execution_count() -> int | None:
    """Return the number of the current cell, or None outside notebooks."""
    return getattr(ipython_shell(), "execution_count", None)


def asked_by_program(shell: Any) -> bool:
    """Return whether a program that executes notebooks sent the cell, not a person.

    Such a client declares that it cannot answer `input()`.
    """
    get_parent = getattr(shell.kernel, "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    content = parent.get("content", {}) if isinstance(parent, dict) else {}
    return content.get("allow_stdin") is False


def publish(bundle: dict[str, Any], metadata: dict[str, Any], display_id: str, update: bool) -> None:
    """Show a MIME bundle as an output of the current cell, or replace an earlier output."""
    from IPython.display import publish_display_data

    publish_display_data(bundle, metadata, transient={"display_id": display_id}, update=update)


def after_cell(function: Callable[[], None]) -> bool:
    """Call a function once at the end of the current cell.

    Returns:
        Whether a cell runs whose end will be reported.
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

    ipykernel 7.4.0 moves messages of comms that send from the main thread to the main thread, where they wait until the
    cell ends. JupyterLab sends them to a subshell to avoid this wait. The attribute is private: if it is missing, no
    change is needed.
    """
    comm = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        with contextlib.suppress(AttributeError):  # it may become read-only
            comm._reply_subshell_for = None  # type: ignore[union-attr]


def main_thread() -> Callable[[float, Callable[[], None]], Any]:
    """Return a function that calls another function on the kernel's main thread after some seconds.

    It may be called from any thread, such as a subshell's.
    """
    loop = getattr(kernel(), "io_loop", None)
    if hasattr(loop, "add_callback") and hasattr(loop, "call_later"):
        return lambda seconds, function: loop.add_callback(loop.call_later, seconds, function)  # type: ignore[union-attr]
    own = asyncio.get_event_loop()

    def later(seconds: float, function: Callable[[], None]) -> None:
        own.call_soon_threadsafe(own.call_later, seconds, function)

    return later
