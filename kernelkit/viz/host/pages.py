"""A page that is loaded again while a cell trains: what its kernel has to answer before it shows the panel.

JupyterLab asks the kernel what it is, which widgets live in it, and what their states are. These questions wait for the
main thread, which trains. An ipykernel 7 receives them on a thread of its own; until the cell ends that one answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

QUESTIONS = ("kernel_info_request", "comm_info_request")
CONTROL = "jupyter.widget.control"
"""The target through which a page asks for the states of all widgets."""


def answer_pages(shell: Any) -> None:
    """Answer pages' questions as long as the cell that calls this runs.

    What this needs of the kernel is private to ipykernel 7. Where one name is missing, a page finds its widgets when
    the cell ends.

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
"""All that answering needs of an IPython shell."""


def can_answer(shell: Any) -> bool:
    """Return whether a shell has all names that answering needs.

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
    """Return whether a message asks for something that can be told beside the main thread, for it only reads.

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
    """What hears the kernel's shell channel in place of the kernel's own method, for the time of one cell."""

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
        except Exception:  # a message of another form: the kernel itself knows what to do with it
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
"""The cell for whose time pages are answered."""
