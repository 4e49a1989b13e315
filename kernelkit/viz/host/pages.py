"""Answer a page that is reloaded while a cell trains, so that it shows the panel again.

JupyterLab asks the kernel for its info, its widgets and their states. These questions wait for the main thread, which
trains. ipykernel 7 receives them on its own thread; until the cell ends, that thread answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

QUESTIONS = ("kernel_info_request", "comm_info_request")
CONTROL = "jupyter.widget.control"
"""The comm target with which a page asks for the states of all widgets."""


def answer_pages(shell: Any) -> None:
    """Answer questions of pages while the calling cell runs.

    This needs private names of ipykernel 7. If one is missing, a page finds its widgets only when the cell ends.

    Args:
        shell: The IPython shell, or None.
    """
    if can_answer(shell):
        _Answers(shell, shell.kernel.shell_channel_thread_main).begin()


NEEDED = (
    "events.register",
    "events.unregister",
    "kernel.get_parent",
    "kernel.shell_channel_thread_main",
    "kernel.shell_channel_thread.io_loop.add_callback",
    "kernel.shell_stream.on_recv",
    "kernel.shell_handlers",
    "kernel.session.feed_identities",
    "kernel.session.unpack",
    "kernel.session.deserialize",
    "kernel._publish_status",
)
"""The private names of an IPython shell that answering needs."""


def can_answer(shell: Any) -> bool:
    """Return whether a shell has all private names that answering needs.

    Example:
        >>> can_answer(None)
        False
    """
    return all(_has(shell, name) for name in NEEDED)


def _has(thing: Any, dotted: str) -> bool:
    for name in dotted.split("."):
        thing = getattr(thing, name, None)
    return thing is not None


def is_question(kind: str, content: dict[str, Any]) -> bool:
    """Return whether a message is a question that only reads, so that another thread can answer it.

    Example:
        >>> is_question("comm_msg", {"data": {"method": "request_state"}})
        True
        >>> is_question("execute_request", {"code": "1 + 1"})
        False
    """
    if kind == "comm_open":
        return content.get("target_name") == CONTROL
    if kind == "comm_msg":
        return str(content.get("data", {}).get("method")) in ("request_state", "request_states")
    return kind in QUESTIONS


class _Answers:
    """Handles the kernel's shell channel in place of the kernel's own method, during one cell."""

    def __init__(self, shell: Any, receive: Callable[[Any], Awaitable[None]]):
        self._shell = shell
        self._kernel = shell.kernel
        self._receive = receive
        self._cell = self._kernel.get_parent("shell")

    def begin(self) -> None:
        if self._cell is not _answered.get("cell"):
            _answered["cell"] = self._cell
            # Not "post_execute", which a click on any widget triggers too.
            self._shell.events.register("post_run_cell", self._end)
            self._listen(self._answer_or_receive)

    def _end(self, _: Any) -> None:
        self._shell.events.unregister("post_run_cell", self._end)
        self._listen(self._receive)
        _answered.clear()

    def _listen(self, receive: Callable[[Any], Awaitable[None]]) -> None:
        loop = self._kernel.shell_channel_thread.io_loop
        loop.add_callback(self._kernel.shell_stream.on_recv, receive, copy=False)

    async def _answer_or_receive(self, message: list[Any]) -> None:
        try:
            session = self._kernel.session
            identities, frames = session.feed_identities(message, copy=False)
            header, content = (session.unpack(frames[i].bytes) for i in (1, 4))
            kind = header["msg_type"]
            answers = (
                not header.get("subshell_id") and is_question(kind, content) and kind in self._kernel.shell_handlers
            )
        except Exception:  # a message of another form is left to the kernel
            answers = False
        if answers:
            await self._answer(kind, identities, frames)
        else:
            await self._receive(message)

    async def _answer(self, kind: str, identities: list[Any], frames: list[Any]) -> None:
        kernel = self._kernel
        parent = kernel.session.deserialize(frames, content=True, copy=False)
        kernel._publish_status("busy", "shell", parent=parent)
        answer = kernel.shell_handlers[kind](kernel.shell_stream, identities, parent)
        if inspect.isawaitable(answer):
            await answer
        kernel._publish_status("idle", "shell", parent=parent)
        kernel._publish_status("busy", "shell", parent=self._cell)  # the cell still runs


_answered: dict[str, Any] = {}
"""The cell during which pages get answers."""
