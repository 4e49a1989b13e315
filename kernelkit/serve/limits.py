"""The limits of a server, and the errors for requests that exceed them."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """The limits of a server. A request that exceeds one gets an answer that names it.

    Attributes:
        body: Bytes of a request (413).
        rows: Rows of the batch of one request (413).
        queue: Rows that wait to be computed (429).
        seconds: Time limit for the body of a request to arrive (408), and for a request to wait in the queue (429).
        batch: Largest number of rows in a batch; 1 computes each row alone.
        delay: Seconds that a batch waits for more rows. With 0 it takes the requests that arrived during the last
            batch.
        open_size: Largest size of an input's axis that the model leaves open, such as a length (413).
        shapes: Number of different input shapes; each is compiled when it first comes (413).
        memory: Bytes that one batch may need while it is computed (413).
        connections: Open connections (503).
        closing: Seconds that a closing server waits for running requests.

    Example:
        >>> from kernelkit.serve import Limits
        >>> limits = Limits(batch=16)
        >>> limits.batch, limits.rows
        (16, 1024)
    """

    body: int = 16 * 2**20
    rows: int = 1024
    queue: int = 4096
    seconds: float = 30.0
    batch: int = 64
    delay: float = 0.0
    open_size: int = 4096
    shapes: int = 32
    memory: int = 4 * 2**30
    connections: int = 1024
    closing: float = 10.0


def checked(limits: Limits) -> Limits:
    """Return limits, or raise ``ValueError`` if a limit is invalid."""
    for name, value in limits._asdict().items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value < (0 if name == "delay" else 1e-9):
            raise ValueError(f"The limit {name!r} must be a positive number, got {value!r}.")
    return limits


class Refused(Exception):
    """The error for a request that the server refuses.

    Args:
        status: The HTTP status.
        message: The problem, and the expected form.
        headers: Headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}
