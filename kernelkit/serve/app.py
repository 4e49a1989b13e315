"""The web application: which path does what."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kernelkit.serve import arrays, counters, open_inference, page, tensorflow_rest
from kernelkit.serve.batching import Batcher
from kernelkit.serve.counters import Counters
from kernelkit.serve.limits import Limits, Refused
from kernelkit.serve.runner import Runner
from kernelkit.version import __version__

VERSION = "1"
LARGE = 2**18  # bytes of a body that is read in a thread of its own, so that other requests go on
READERS = 2  # such threads at a time: JSON takes many times its bytes while it is read
BODIES = 16  # bodies of the largest size that the server holds at a time


class Entry(NamedTuple):
    """A model that is served."""

    name: str
    runner: Runner
    batcher: Batcher
    counters: Counters


def make_app(entries: Mapping[str, Entry], limits: Limits) -> Starlette:
    """Return the application that serves models.

    Args:
        entries: The models by name.
        limits: Limits.
    """
    app = _App(entries, limits)
    model, at_version = "/{name}", "/{name}/versions/{version}"
    routes = [
        Route("/v2/models" + model + "/infer", app.infer, methods=["POST"]),
        Route("/v1/models" + model + ":predict", app.predict, methods=["POST"]),
        Route("/v2/models" + at_version + "/infer", app.infer, methods=["POST"]),
        Route("/v1/models" + at_version + ":predict", app.predict, methods=["POST"]),
        Route("/", app.index),
        Route("/metrics", app.metrics),
        Route("/v2", app.server),
        Route("/v2/health/live", app.live),
        Route("/v2/health/ready", app.live),
    ]
    for path in (model, at_version):
        routes += [
            Route("/v2/models" + path, app.metadata),
            Route("/v2/models" + path + "/ready", app.ready),
            Route("/v1/models" + path + "/metadata", app.tensorflow_metadata),
            Route("/v1/models" + path, app.tensorflow_status),
        ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Refused: _refused})


class _App:
    def __init__(self, entries: Mapping[str, Entry], limits: Limits) -> None:
        self.entries, self.limits = entries, limits
        self.held = 0
        self.readers = asyncio.Semaphore(READERS)

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
        """Answer a request of the Open Inference Protocol."""
        return await self.answer(request, self._infer)

    async def predict(self, request: Request) -> Response:
        """Answer a request of TensorFlow Serving's protocol."""
        return await self.answer(request, self._predict)

    async def answer(self, request: Request, work: Callable) -> Response:
        """Read a request, run a protocol, and count the answer."""
        started, entry = time.perf_counter(), self.entry(request)
        parts: list[bytes] = []
        try:
            await self.receive(request, parts)
            response = await work(entry, request, b"".join(parts))
        except Refused as refused:
            response = _refused(request, refused)
        except ClientDisconnect:
            response = Response(status_code=499)  # the client has gone; nobody reads this
        except Exception as error:
            response = _error(500, f"The model raised {type(error).__name__}: {str(error)[:500]}")
        finally:
            self.held -= sum(map(len, parts))
        entry.counters.answer(response.status_code, time.perf_counter() - started)
        return response

    async def receive(self, request: Request, parts: list[bytes]) -> None:
        """Read a body into a list, within the limits. What the list holds counts as held."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "Compressed bodies are not read: send the body as it is.")
        too_large = Refused(413, f"The body is larger than {self.limits.body} bytes: send several requests.")
        told = request.headers.get("content-length", "")
        if told.isdecimal() and (len(told) > 18 or int(told) > self.limits.body):
            raise too_large
        size, most = 0, BODIES * self.limits.body
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > self.limits.body:
                        raise too_large
                    if self.held + len(part) > most:
                        raise Refused(429, f"The server holds {most} bytes of requests already.", {"Retry-After": "1"})
                    self.held += len(part)
                    parts.append(part)
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {self.limits.seconds:g} seconds.") from None

    async def _infer(self, entry: Entry, request: Request, body: bytes) -> Response:
        length = request.headers.get(open_inference.LENGTH)

        def read() -> tuple[dict, list]:
            text, binary = open_inference.split(body, length)
            asked = _json(text)
            return asked, self._checked(entry, open_inference.decode(asked, binary, entry.runner.inputs))

        asked, given = await self.read(read, len(body))
        outputs = await entry.batcher.compute(given)
        made, size = open_inference.encode(entry.name, VERSION, asked, entry.runner.outputs, outputs)
        if size is None:
            return Response(made, media_type="application/json")
        return Response(made, headers={open_inference.LENGTH: str(size)}, media_type="application/octet-stream")

    async def _predict(self, entry: Entry, request: Request, body: bytes) -> Response:
        def read() -> tuple[dict, list]:
            asked = _json(body)
            return asked, self._checked(entry, tensorflow_rest.decode(asked, entry.runner.inputs))

        asked, given = await self.read(read, len(body))
        outputs = await entry.batcher.compute(given)
        answer = tensorflow_rest.encode(asked, entry.runner.outputs, outputs)
        return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")

    async def read(self, read: Callable, size: int) -> Any:
        """Run a reader of a body of that size."""
        if size < LARGE:
            return read()
        async with self.readers:
            return await asyncio.to_thread(read)

    def _checked(self, entry: Entry, found: dict) -> list:
        return arrays.checked(found, entry.runner.inputs, self.limits)

    async def metadata(self, request: Request) -> Response:
        """Tell a model's inputs and outputs."""
        entry = self.entry(request)
        return JSONResponse(open_inference.metadata(entry.name, VERSION, entry.runner.inputs, entry.runner.outputs))

    async def ready(self, request: Request) -> Response:
        """Tell that a model is ready."""
        return JSONResponse({"name": self.entry(request).name, "ready": True})

    async def tensorflow_metadata(self, request: Request) -> Response:
        """Tell a model's inputs and outputs, as TensorFlow Serving does."""
        entry = self.entry(request)
        return JSONResponse(tensorflow_rest.metadata(entry.name, VERSION, entry.runner.inputs, entry.runner.outputs))

    async def tensorflow_status(self, request: Request) -> Response:
        """Tell that a model is ready, as TensorFlow Serving does."""
        self.entry(request)
        return JSONResponse(tensorflow_rest.status(VERSION, True))

    async def server(self, request: Request) -> Response:
        """Tell the server's name and version."""
        return JSONResponse({"name": "kernelkit", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def live(self, request: Request) -> Response:
        """Tell that the server is up: it only starts when its models are ready."""
        return JSONResponse({"live": True, "ready": True})

    async def metrics(self, request: Request) -> Response:
        """Show the counts in Prometheus's text format."""
        lines: list[str] = []
        for entry in self.entries.values():
            gauges = {"queue_rows": entry.batcher.waiting, "compiled_programs": entry.runner.compiled}
            lines += entry.counters.lines(entry.name, gauges)
        return PlainTextResponse(counters.page(lines), media_type="text/plain; version=0.0.4")

    async def index(self, request: Request) -> Response:
        """Show people what is here."""
        url = str(request.base_url).rstrip("/")
        return HTMLResponse(
            page.index(url, [(e.name, e.runner.inputs, e.runner.outputs) for e in self.entries.values()])
        )


def _json(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The body is no JSON: {str(error)[:200]}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return _error(refused.status, refused.message, refused.headers)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, str(error.detail), dict(error.headers or {}))


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)
