"""A server, in a thread or in the main thread of a process."""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kernelkit.export.needs import need
from kernelkit.serve.counters import Counters
from kernelkit.serve.limits import Limits, checked
from kernelkit.serve.page import command
from kernelkit.serve.runner import Runner
from kernelkit.typing import InputSignature

if TYPE_CHECKING:
    import uvicorn

    from kernelkit.serve.app import Entry

START_SECONDS = 30.0


class Server:
    """A server of models. Use it in a ``with`` block, or call :meth:`close`.

    Args:
        runners: The models by name.
        port: Port; 0 takes a free one.
        host: Address to listen on. ``"127.0.0.1"`` is reached from this machine only, ``"0.0.0.0"`` from everywhere.
        limits: Limits.

    Attributes:
        url: The address.
        runners: The models by name.
        app: The web application.

    Example:
        >>> import urllib.request
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> with model.serve(port=0) as server:
        ...     urllib.request.urlopen(f"{server.url}/v2/health/ready").status
        200
    """

    def __init__(
        self, runners: Mapping[str, Runner], port: int = 8000, host: str = "127.0.0.1", limits: Limits | None = None
    ) -> None:
        for package in ("starlette", "uvicorn"):
            need(package, "Servers", "'kernelkit[serve]'")
        import uvicorn

        self.limits = checked(limits or Limits())
        self.runners = dict(runners)
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"
        self.entries = {name: _entry(name, runner, self.limits) for name, runner in self.runners.items()}
        from kernelkit.serve.app import App

        self.app = App(self.entries, self.limits)
        config = uvicorn.Config(
            self.app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=self.limits.connections,
            timeout_graceful_shutdown=max(1, round(self.limits.closing)),
            timeout_keep_alive=max(5, round(self.limits.seconds)),
        )
        self._server: uvicorn.Server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> Server:
        """Start to answer requests, in a thread.

        Raises:
            RuntimeError: If the server does not start.
        """
        run = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="kernelkit-serve", daemon=True
        )
        self._thread = run
        run.start()
        waited = threading.Event()
        for _ in range(int(START_SECONDS * 100)):
            if self._server.started:
                return self
            if not run.is_alive():
                break
            waited.wait(0.01)
        self.close()
        raise RuntimeError(f"The server at {self.url} did not start.")

    def run(self) -> None:
        """Answer requests in this thread, the main thread, until SIGINT or SIGTERM."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def close(self) -> None:
        """Stop the server: refuse new requests, finish running ones, free the port."""
        if self._closed:
            return
        self._closed = True
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(self.limits.closing + 5)
        for entry in self.entries.values():
            entry.batcher.close()
        self._socket.close()

    def update(self) -> None:
        """Serve the current weights of the models."""
        for runner in self.runners.values():
            runner.update()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{'closed ' if self._closed else ''}server of {', '.join(self.runners)} at {self.url}>"

    def _repr_html_(self) -> str:
        if self._closed:
            return html.escape(repr(self))
        commands = "".join(
            f"<pre>{html.escape(command(self.url, name, runner.inputs))}</pre>" for name, runner in self.runners.items()
        )
        return f"<a href='{self.url}'>{self.url}</a>{commands}"


def serve(
    model: Any,
    port: int = 8000,
    host: str = "127.0.0.1",
    name: str | None = None,
    input_signature: InputSignature = None,
    **limits: Any,
) -> Server:
    """Serve a model by HTTP in a thread of this process; see docs/serving.md.

    The server speaks the Open Inference Protocol v2 and the REST protocol of TensorFlow Serving. Requests that come
    together are computed together, in a few padded batch sizes.

    Args:
        model: A model that is built.
        port: Port; 0 takes a free one.
        host: Address to listen on; the default is reached from this machine only.
        name: Name in the paths; by default the model's.
        input_signature: Specs of the inputs, for a model that was not called yet, or to fix open sizes.
        **limits: See :class:`~kernelkit.serve.Limits`.

    Returns:
        The server. It stops at the end of a ``with`` block, or by ``close()``.

    Raises:
        ImportError: If starlette or uvicorn is not installed.
        OSError: If the port is taken.
        ValueError: If the rows of a batch influence each other.

    Example:
        ::

            with model.serve(port=0) as server:
                requests.post(f"{server.url}/v1/models/digits:predict", json={"instances": [row]})

    Example:
        >>> import json, urllib.request
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2, kernel_initializer="ones")], name="sums")
        >>> with kk.serve.serve(model, port=0) as server:
        ...     body = json.dumps({"instances": [[1, 2, 3]]}).encode()
        ...     urllib.request.urlopen(f"{server.url}/v1/models/sums:predict", body).read().decode()
        '{"predictions":[[6.0,6.0]]}'
    """
    if unknown := sorted(set(limits) - set(Limits._fields)):
        raise TypeError(f"serve() got unknown arguments {unknown}. Its limits are {', '.join(Limits._fields)}.")
    chosen = checked(Limits(**limits))
    for package in ("starlette", "uvicorn"):
        need(package, "Servers", "'kernelkit[serve]'")
    runner = Runner(model, chosen, input_signature)
    return Server({path_name(name or model.name): runner}, port, host, chosen).start()


def path_name(name: str) -> str:
    """Return a name that needs no escaping in a path.

    Raises:
        ValueError: If the name has other characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.\-]{1,200}", name):
        raise ValueError(f"A model's name in a path has letters, digits and _ . - only, got {name!r}: pass name=.")
    return name


def _entry(name: str, runner: Runner, limits: Limits) -> Entry:
    from kernelkit.serve.app import Entry
    from kernelkit.serve.batching import Batcher

    counters = Counters()
    return Entry(name, runner, Batcher(runner, limits, counters), counters)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise OSError(
            error.errno, f"Cannot listen on {host}:{port}: {error.strerror or error}. port=0 takes a free port."
        ) from None
    made.setblocking(False)
    return made
