"""Send each epoch's logs to a web server."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
import urllib.parse
import urllib.request
import warnings
from typing import Any

from kernelkit import interrupts
from kernelkit.training.callback import Callback, was_cut_short

SECONDS = 10
"""Maximum seconds to wait for the server's answer."""


class RemoteMonitor(Callback):
    """Send the logs of each epoch to a server with HTTP POST. If the server does not answer, only a warning follows.

    Args:
        root: Address of the server.
        path: Path on the server.
        field: Form field that holds the JSON text.
        headers: Dict of HTTP headers.
        send_as_json: Whether to send plain JSON instead of a form.

    Example:
        >>> monitor = RemoteMonitor(root="http://localhost:9000", send_as_json=True)
    """

    first_process_only = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        values = {"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}}
        failures: list[OSError] = []
        # In its own thread, so that a server without an answer does not block training.
        sending = threading.Thread(target=self._send, args=(values, failures), name="kernelkit-remote", daemon=True)
        sending.start()
        end = time.monotonic() + SECONDS

        def is_over(seconds: float) -> bool:
            sending.join(seconds)
            return not sending.is_alive() or time.monotonic() > end

        interrupts.wait(is_over)
        if failures or sending.is_alive():
            why = failures[0] if failures else f"no answer in {SECONDS} seconds"
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {why}.", stacklevel=2)

    def _send(self, values: dict, failures: list[OSError]) -> None:
        try:
            if _has_requests():
                self._post_with_requests(values)
            else:
                self._post(json.dumps(values))
        except OSError as error:  # the errors of requests and urllib are OSErrors
            failures.append(error)

    def _post_with_requests(self, values: dict) -> None:
        import requests

        if self.send_as_json:
            requests.post(self.root + self.path, json=values, headers=self.headers)
        else:
            requests.post(self.root + self.path, {self.field: json.dumps(values)}, headers=self.headers)

    def _post(self, text: str) -> None:
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        urllib.request.urlopen(request, timeout=SECONDS).close()


def _has_requests() -> bool:
    """Return whether the package `requests`, which handles proxies and sessions, is installed."""
    return importlib.util.find_spec("requests") is not None


def _plain(value: Any) -> Any:
    if not hasattr(value, "tolist"):
        return value if isinstance(value, (bool, int, float, str, list, dict, type(None))) else str(value)
    return value.item() if getattr(value, "size", 0) == 1 else value.tolist()
