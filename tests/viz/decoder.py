"""The browser's side of the messages in Python, for tests: what the frontend makes of them."""

from __future__ import annotations

import numpy as np

KEYS = ("mean", "low", "high")


class Decoder:
    """Takes messages as the frontend does, and keeps the curves that it would draw."""

    def __init__(self) -> None:
        self.curves: dict[tuple[str, str], dict] = {}
        self.sequence = -1
        self.facts: dict = {}

    def receive(self, content: dict, buffer: bytes) -> bool:
        """Take a message; False when one before it is missing."""
        if content["sequence"] <= self.sequence:
            return True
        self.facts = content["facts"]
        if not content["full"] and content["sequence"] != self.sequence + 1:
            return False
        if content["full"]:
            self.curves.clear()
        self.sequence = content["sequence"]
        self.apply(content["curves"], buffer)
        return True

    def apply(self, entries: list[dict], buffer: bytes) -> None:
        data, offset = np.frombuffer(buffer, "<f4"), 0
        for entry in entries:
            curve = self.curves.setdefault(
                (entry["axis"], entry["name"]), {"stride": 1, "columns": np.empty((3, 0), np.float32)}
            )
            while curve["stride"] < entry["stride"]:
                curve["columns"] = merge_pairs(curve["columns"])
                curve["stride"] *= 2
            size = -(-entry["count"] // entry["stride"]) - entry["start"]
            width = 1 if entry["stride"] == 1 else 3
            sent = data[offset : offset + width * size].reshape(width, size)
            offset += width * size
            sent = np.repeat(sent, 3, 0) if width == 1 else sent
            curve["columns"] = np.concatenate([curve["columns"][:, : entry["start"]], sent], axis=1)
            curve["count"] = entry["count"]
        assert offset == len(data)


def merge_pairs(columns: np.ndarray) -> np.ndarray:
    if columns.shape[1] % 2:
        columns = np.concatenate([columns, columns[:, -1:]], axis=1)
    a, b = columns[:, ::2], columns[:, 1::2]
    return np.stack([(a[0] + b[0]) / 2, np.fmin(a[1], b[1]), np.fmax(a[2], b[2])])
