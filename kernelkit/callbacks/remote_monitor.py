"""Send each epoch's logs to a web server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings

from kernelkit.training.callback import Callback


class RemoteMonitor(Callback):
    """Send the logs of each epoch to a server with HTTP POST; a server that doesn't answer only causes a warning.

    Args:
        root: Address of the server.
        path: Path on it.
        field: Field of the form that holds the JSON text.
        headers: Dict of HTTP headers.
        send_as_json: Whether the JSON is sent as such, not in a form.

    Example:
        >>> monitor = RemoteMonitor(root="http://localhost:9000", send_as_json=True)
    """

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
        text = json.dumps({"epoch": epoch, **(logs or {})}, default=_as_list)
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(f"RemoteMonitor could not reach {self.root}: {error}.", stacklevel=2)


def _as_list(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else str(value)
