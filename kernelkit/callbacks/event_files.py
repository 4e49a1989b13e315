"""Write event files for TensorBoard, without TensorFlow."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np


class EventWriter:
    """Writes scalars, histograms and pictures to an event file, each with its step.

    Args:
        folder: Directory for the file.

    Raises:
        ImportError: If the package `tensorboard` is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.plugins.histogram.summary_v2 import histogram_pb
            from tensorboard.plugins.image.metadata import create_summary_metadata
            from tensorboard.plugins.scalar.summary_v2 import scalar_pb
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
            from tensorboard.util.tensor_util import make_tensor_proto
        except ImportError as error:
            raise ImportError(
                "The TensorBoard callback needs the package tensorboard (not TensorFlow): pip install tensorboard"
            ) from error
        self._event, self._summary = Event, Summary
        self._scalar_pb, self._histogram_pb = scalar_pb, histogram_pb
        self._tensor_proto = make_tensor_proto
        self._image_metadata = create_summary_metadata(display_name="", description="")
        self._file = EventFileWriter(str(folder))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        self._write(self._scalar_pb(tag, float(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Write the distribution of an array's elements."""
        self._write(self._histogram_pb(tag, np.asarray(values, "float32").ravel()), step)

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """Write a gray picture. ``pixels`` (height, width) are scaled to the full range."""
        height, width = pixels.shape
        tensor = self._tensor_proto([b"%d" % width, b"%d" % height, grey_png(pixels)])
        value = self._summary.Value(tag=tag, tensor=tensor, metadata=self._image_metadata)
        self._write(self._summary(value=[value]), step)

    def _write(self, summary: Any, step: int) -> None:
        self._file.add_event(self._event(wall_time=time.time(), step=int(step), summary=summary))

    def flush(self) -> None:
        """Flush the file, so that readers see all data."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def grey_png(pixels: np.ndarray) -> bytes:
    """Return an array (height, width) as a gray PNG file: its minimum is black, its maximum is white.

    Source: https://www.w3.org/TR/png/

    Example:
        >>> grey_png(np.eye(2))[1:4]
        b'PNG'
    """
    low, high = float(np.min(pixels)), float(np.max(pixels))
    grey = np.round((np.asarray(pixels, "float32") - low) * (255 / ((high - low) or 1))).astype("uint8")
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
