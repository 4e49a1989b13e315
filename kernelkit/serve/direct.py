"""The short way of a prediction: a request that comes whole is answered without a task of its own.

uvicorn makes a scope, a task and several messages for each request, which costs more than a row of a small model. A
request for a prediction that arrives whole, with a head that leaves no doubt, is read, queued and answered here. All
else goes uvicorn's way: other paths, other methods, heads with a field that is not plain, bodies that come slowly or
are large.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kernelkit.serve.app import LARGE, Answer, App, Entry, Language, of_error

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE = 0.02  # seconds for the rest of a body: many clients send head and body one after the other
_HEAD = re.compile(rb"POST (/v[12]/[\x21-\x7e]*) HTTP/1\.1((?:\r\n[A-Za-z0-9-]+:[\t\x20-\x7e]*)*)")
_ODD = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"te", b"trailer"})


class Asked(NamedTuple):
    """A request whose head leaves no doubt.

    Attributes:
        path: Its path.
        headers: Its fields, with names in small letters.
        start: Where the body starts.
        length: Bytes of the body.
    """

    path: str
    headers: dict[bytes, bytes]
    start: int
    length: int


def head_of(data: bytes, known: Mapping[str, Any]) -> Asked | None:
    r"""Return the head of a request for one of the known paths, or ``None`` if it is to go the long way.

    Example:
        >>> head = b"POST /v1/m:predict HTTP/1.1\r\nContent-Length: 2\r\n"
        >>> asked = head_of(head + b"\r\n{}", {"/v1/m:predict": 0})
        >>> asked.headers, asked.start, asked.length
        ({b'content-length': b'2'}, 50, 2)
        >>> head_of(head + b"Content-Length: 3\r\n\r\n{}", {"/v1/m:predict": 0})
    """
    end = data.find(b"\r\n\r\n", 0, 2**14)
    found = _HEAD.fullmatch(data, 0, end) if end > 0 else None
    if found is None:
        return None
    path = found.group(1).decode("ascii")
    if path not in known:
        return None
    headers: dict[bytes, bytes] = {}
    for line in found.group(2).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in headers:
            return None
        headers[name] = value.strip(b" \t")
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 9 or not _ODD.isdisjoint(headers):
        return None
    if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    return Asked(path, headers, end + 4, int(length))


class Reply:
    """Receives the outputs of a request and writes the answer."""

    def __init__(self, connection: Any, app: App, entry: Entry, language: Language, size: int) -> None:
        self.connection, self.app, self.entry, self.language, self.size = connection, app, entry, language, size
        self.started = time.perf_counter()
        self.asked: Any = None
        self.is_done = False
        app.held += size

    def cancelled(self) -> bool:
        """Return whether the client has gone."""
        return self.is_done

    def done(self) -> bool:
        """Return whether it was answered, or the client has gone."""
        return self.is_done

    def set_result(self, result: Any, /) -> None:
        """Receive the outputs, flat."""
        try:
            answer = self.language.encode(self.entry, self.asked, result)
        except Exception as error:
            answer = of_error(error)
        self.finish(answer)

    def set_exception(self, exception: Any, /) -> None:
        """Receive an error."""
        self.finish(of_error(exception))

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""
        return self.connection.loop

    def finish(self, answer: Answer | None) -> None:
        """Write an answer, or give up if the client has gone, and count."""
        self.is_done = True
        self.app.held -= self.size
        self.entry.counters.answer(499 if answer is None else answer.status, time.perf_counter() - self.started)
        if answer is not None:
            self.connection.answer(answer)


def protocol(app: App) -> type[HttpToolsProtocol]:
    """Return a protocol of uvicorn that takes the short way where it can.

    Raises:
        ImportError: If httptools is not installed.
    """
    from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

    class Direct(HttpToolsProtocol):
        """A connection."""

        inside = False  # a request of the long way has begun to come
        reply: Reply | None = None  # the request of the short way that is computed
        ends = False  # close after the answer
        held: bytes = b""  # a head of the short way whose body is not all there, or what came during a request
        patience: asyncio.TimerHandle | None = None

        def data_received(self, data: bytes) -> None:
            if self.reply is not None:
                self.held += data
                if len(self.held) > LARGE:
                    self.flow.pause_reading()
                return
            again = self.patience is not None
            if again:
                data = self.let_go() + data
            if self.inside or not (self.cycle is None or self.cycle.response_complete) or not self.start(data, again):
                super().data_received(data)

        def start(self, data: bytes, again: bool) -> bool:
            """Begin a request of the short way; return whether it is one."""
            found = head_of(data, app.predictions)
            if found is None or found.length > LARGE or len(data) > found.start + found.length:
                return False
            full = self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency
            if full or found.length > app.limits.body or app.is_full(found.length):
                return False
            if len(data) < found.start + found.length:
                if again:
                    return False
                self.held = data
                self.patience = self.loop.call_later(PATIENCE, self.give_up)
                return True
            entry, language = app.predictions[found.path]
            reply = self.reply = Reply(self, app, entry, language, found.length)
            try:
                reply.asked, given = language.decode(entry, found.headers, data[found.start :], app.limits)
                entry.batcher.submit(given, reply)
            except Exception as error:
                reply.set_exception(error)
            return True

        def let_go(self) -> bytes:
            """Return what is held, and hold nothing."""
            if self.patience is not None:
                self.patience.cancel()
                self.patience = None
            data, self.held = self.held, b""
            return data

        def give_up(self) -> None:
            """Send what is held the long way, which has the rules for bodies that come slowly."""
            super().data_received(self.let_go())

        def answer(self, answer: Answer) -> None:
            """Write an answer, and go on with what came meanwhile."""
            self.reply = None
            content = [STATUS_LINE[answer.status]]
            for name, value in answer.headers:
                content += [name, b": ", value, b"\r\n"]
            if self.ends:
                content.append(b"connection: close\r\n")
            content += [b"content-length: %d\r\n\r\n" % len(answer.body), answer.body]
            self.transport.write(b"".join(content))
            if self.ends:
                self.transport.close()
                return
            self.on_response_complete()
            if self.held:
                self.data_received(self.let_go())

        def on_message_begin(self) -> None:
            self.inside = True
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self.inside = False
            super().on_message_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self.let_go()
            if self.reply is not None:
                self.reply.finish(None)
                self.reply = None
            super().connection_lost(exc)

        def shutdown(self) -> None:
            if self.reply is not None:
                self.ends = True
            else:
                super().shutdown()

        def timeout_keep_alive_handler(self) -> None:
            if self.reply is None:
                super().timeout_keep_alive_handler()

    return Direct
