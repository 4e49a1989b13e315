"""The web application: the paths and their handlers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kernelkit.serve import arrays, counters, open_inference, page, tensorflow_rest
from kernelkit.serve.batching import Batcher
from kernelkit.serve.counters import Counters
from kernelkit.serve.limits import Limits, Refused
from kernelkit.serve.runner import Runner
from kernelkit.version import __version__

VERSION = "1"
LARGE = 2**18  # bytes from which a body is parsed in a separate thread, so that other requests continue
READERS = 2  # such threads at a time: JSON takes many times its bytes while it is parsed
JSON, BYTES = (b"content-type", b"application/json"), (b"content-type", b"application/octet-stream")
BODIES = 16  # bodies of the largest size that the server holds at a time


Headers = dict[bytes, bytes]
Receive = Callable[[], Awaitable[Any]]
Decode = Callable[["Entry", Headers, bytes, Limits], tuple[Any, list]]
Encode = Callable[["Entry", Any, list], "Answer"]


class Entry(NamedTuple):
    """A model that is served."""

    name: str
    runner: Runner
    batcher: Batcher
    counters: Counters


class Language(NamedTuple):
    """A protocol of predictions.

    Attributes:
        decode: Returns the request of a body, and its arrays.
        encode: Returns the answer to a request, from the outputs.
    """

    decode: Decode
    encode: Encode


class _Gone(Exception):
    """The client closed its connection before its request was complete."""


class Answer(NamedTuple):
    """An answer to a client."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class App:
    """The web application. It answers predictions itself, as most requests are; starlette routes all other paths.

    Args:
        entries: The models by name.
        limits: Limits.
    """

    def __init__(self, entries: Mapping[str, Entry], limits: Limits) -> None:
        self.entries, self.limits = entries, limits
        self.held = 0
        self.readers = asyncio.Semaphore(READERS)
        self.predictions: dict[str, tuple[Entry, Language]] = {}
        for name, entry in entries.items():
            for at in (f"/{name}", f"/{name}/versions/{VERSION}"):
                self.predictions[f"/v1/models{at}:predict"] = entry, PREDICT
                self.predictions[f"/v2/models{at}/infer"] = entry, INFER
        self.others = self._starlette()

    async def __call__(self, scope: Any, receive: Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            found = self.predictions.get(scope["path"])
            if found is not None:
                answer = await self.answer(*found, dict(scope["headers"]), receive)
                headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await send({"type": "http.response.body", "body": answer.body})
                return
        await self.others(scope, receive, send)

    def _starlette(self) -> Starlette:
        model, at_version = "/{name}", "/{name}/versions/{version}"
        routes = [
            Route("/v2/models" + model + "/infer", self.infer, methods=["POST"]),
            Route("/v1/models" + model + ":predict", self.predict, methods=["POST"]),
            Route("/v2/models" + at_version + "/infer", self.infer, methods=["POST"]),
            Route("/v1/models" + at_version + ":predict", self.predict, methods=["POST"]),
            Route("/", self.index),
            Route("/metrics", self.metrics),
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.live),
        ]
        for path in (model, at_version):
            routes += [
                Route("/v2/models" + path, self.metadata),
                Route("/v2/models" + path + "/ready", self.ready),
                Route("/v1/models" + path + "/metadata", self.tensorflow_metadata),
                Route("/v1/models" + path, self.tensorflow_status),
            ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Refused: _refused})

    def entry(self, request: Request) -> Entry:
        """Return the model that a path names."""
        name, version = request.path_params["name"], request.path_params.get("version", VERSION)
        entry = self.entries.get(name)
        if entry is None and name.endswith(":predict"):
            raise Refused(405, "Send :predict as a POST.", {"Allow": "POST"})
        if entry is None:
            raise Refused(404, f"There is no model {name[:80]!r}. There are {sorted(self.entries)}.")
        if version != VERSION:
            raise Refused(404, f"Model {name!r} has the version {VERSION}, not {version[:80]!r}.")
        return entry

    async def infer(self, request: Request) -> Response:
        """Answer a request of the Open Inference Protocol that starlette routed."""
        return await self.wrapped(request, INFER)

    async def predict(self, request: Request) -> Response:
        """Answer a request of TensorFlow Serving's protocol that starlette routed."""
        return await self.wrapped(request, PREDICT)

    async def wrapped(self, request: Request, language: Language) -> Response:
        """Answer a request of starlette."""
        answer = await self.answer(self.entry(request), language, dict(request.scope["headers"]), request.receive)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in answer.headers}
        return Response(answer.body, answer.status, headers)

    async def answer(self, entry: Entry, language: Language, headers: Headers, receive: Receive) -> Answer:
        """Read a request, compute, and count the answer."""
        started = time.perf_counter()
        parts: list[bytes] = []
        try:
            await self.receive(headers, receive, parts)
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            asked, given = await self.read(lambda: language.decode(entry, headers, body, self.limits), len(body))
            answer = language.encode(entry, asked, await entry.batcher.compute(given))
        except _Gone:
            answer = Answer(499, [], b"")  # no client reads this answer
        except Exception as error:
            answer = of_error(error)
        finally:
            self.held -= sum(map(len, parts))
        entry.counters.answer(answer.status, time.perf_counter() - started)
        return answer

    def is_full(self, more: int) -> bool:
        """Return whether the server is too full for a number of additional bytes."""
        return self.held + more > BODIES * self.limits.body

    async def receive(self, headers: Headers, receive: Receive, parts: list[bytes]) -> None:
        """Read a body into a list, within the limits. The bytes in the list count as held."""
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Refused(415, "Compressed bodies are not read: send the body as it is.")
        too_large = f"The body is larger than {self.limits.body} bytes: send several requests."
        told = headers.get(b"content-length", b"")
        if told.isdigit() and (len(told) > 18 or int(told) > self.limits.body):
            raise Refused(413, too_large)
        size = 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self.limits.body:
                        raise Refused(413, too_large)
                    if self.is_full(len(part)):
                        raise Refused(
                            429,
                            f"The server holds {BODIES * self.limits.body} bytes of requests already.",
                            {"Retry-After": "1"},
                        )
                    self.held += len(part)
                    parts.append(part)
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {self.limits.seconds:g} seconds.") from None

    async def read(self, read: Callable, size: int) -> Any:
        """Run a parser for a body of a given size, in a thread if the body is large."""
        if size < LARGE:
            return read()
        async with self.readers:
            return await asyncio.to_thread(read)

    async def metadata(self, request: Request) -> Response:
        """Return a model's inputs and outputs."""
        entry = self.entry(request)
        return JSONResponse(open_inference.metadata(entry.name, VERSION, entry.runner.inputs, entry.runner.outputs))

    async def ready(self, request: Request) -> Response:
        """Return that a model is ready."""
        return JSONResponse({"name": self.entry(request).name, "ready": True})

    async def tensorflow_metadata(self, request: Request) -> Response:
        """Return a model's inputs and outputs, as TensorFlow Serving does."""
        entry = self.entry(request)
        return JSONResponse(tensorflow_rest.metadata(entry.name, VERSION, entry.runner.inputs, entry.runner.outputs))

    async def tensorflow_status(self, request: Request) -> Response:
        """Return that a model is ready, as TensorFlow Serving does."""
        self.entry(request)
        return JSONResponse(tensorflow_rest.status(VERSION, True))

    async def server(self, request: Request) -> Response:
        """Return the server's name and version."""
        return JSONResponse({"name": "kernelkit", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def live(self, request: Request) -> Response:
        """Return that the server is up: it only starts when its models are ready."""
        return JSONResponse({"live": True, "ready": True})

    async def metrics(self, request: Request) -> Response:
        """Return the counts in Prometheus's text format."""
        lines: list[str] = []
        for entry in self.entries.values():
            gauges = {"queue_rows": entry.batcher.waiting, "compiled_programs": entry.runner.compiled}
            lines += entry.counters.lines(entry.name, gauges)
        return PlainTextResponse(counters.page(lines), media_type="text/plain; version=0.0.4")

    async def index(self, request: Request) -> Response:
        """Return the page for people: the models and the other paths."""
        url = str(request.base_url).rstrip("/")
        return HTMLResponse(
            page.index(url, [(e.name, e.runner.inputs, e.runner.outputs) for e in self.entries.values()])
        )


def _read_inference(entry: Entry, headers: Headers, body: bytes, limits: Limits) -> tuple[Any, list]:
    length = headers.get(open_inference.LENGTH.encode())
    text, binary = open_inference.split(body, None if length is None else length.decode("latin-1"))
    asked = _json(text)
    return asked, arrays.checked(open_inference.decode(asked, binary, entry.runner.inputs), entry.runner.inputs, limits)


def _write_inference(entry: Entry, asked: Any, outputs: list) -> Answer:
    made, size = open_inference.encode(entry.name, VERSION, asked, entry.runner.outputs, outputs)
    if size is None:
        return Answer(200, [JSON], made)
    return Answer(200, [(open_inference.LENGTH.encode(), b"%d" % size), BYTES], made)


def _read_instances(entry: Entry, headers: Headers, body: bytes, limits: Limits) -> tuple[Any, list]:
    asked, found = {}, tensorflow_rest.decode_plain(body, entry.runner.inputs)
    if found is None:
        asked = _json(body)
        found = tensorflow_rest.decode(asked, entry.runner.inputs)
    return asked, arrays.checked(found, entry.runner.inputs, limits)


def _write_predictions(entry: Entry, asked: Any, outputs: list) -> Answer:
    answer = tensorflow_rest.encode(asked, entry.runner.outputs, outputs)
    return Answer(200, [JSON], arrays.to_json(answer))


INFER = Language(_read_inference, _write_inference)
PREDICT = Language(_read_instances, _write_predictions)


def of_error(error: Exception) -> Answer:
    """Return the answer for an error."""
    if isinstance(error, Refused):
        return _error(error.status, error.message, error.headers)
    return _error(500, f"The model raised {type(error).__name__}: {str(error)[:500]}")


def _json(text: bytes) -> Any:
    try:
        return _DECODER.decode(text.decode(json.detect_encoding(text), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The body is not JSON: {str(error)[:200]}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # made once: json.loads would make one for each body


def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return JSONResponse({"error": refused.message}, refused.status, refused.headers)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, dict(error.headers or {}))


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    told = [(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()]
    return Answer(status, [*told, JSON], json.dumps({"error": message}).encode())
