"""`Replay`: a recorded training without its data. It shows the stored looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.show import Shown
from kernelkit.viz.debugger.table import Table


class Replay(Shown):
    """Steps through a recording, with the method names of :class:`~kernelkit.viz.StepDebugger`.

    Logs exist for each step. Activations, tables and sample losses exist for the steps in :attr:`looked`.

    Args:
        manifest: The file's manifest.
        records: Logs.
        indices: Row numbers of each step's batch, padded with -1, or ``None``.
        arrays: Arrays by their name in the file.

    Attributes:
        position: Number of steps done.
        records: Logs.
        looked: Numbers of the steps that can be looked into.
    """

    def __init__(
        self, manifest: dict[str, Any], records: Records, indices: np.ndarray | None, arrays: dict[str, np.ndarray]
    ) -> None:
        self.begin: int = manifest["begin"]
        self.head: int = manifest["head"]
        self.position = self.begin
        self.looked = sorted(int(step) for step in manifest["pages"])
        self.layers: list[str] = list(manifest["layers"])
        self._pages = manifest["pages"]
        self.records = records
        self._indices = indices
        self._listeners: list[Callable[[str], None]] = []
        self._arrays = arrays

    def step(self, count: int = 1) -> dict[str, float]:
        """Go ahead some steps and return the logs of the step shown there."""
        return self.goto(min(self.head, self.position + count))

    def back(self, count: int = 1) -> dict[str, float]:
        """Go back some steps and return the logs of the step shown there."""
        return self.goto(max(self.begin, self.position - count))

    def goto(self, position: int) -> dict[str, float]:
        """Go to a position and return the logs of the step shown there.

        Raises:
            ValueError: If the recording does not hold that position.
        """
        if not self.begin <= position <= self.head:
            raise ValueError(f"goto({position}): the recording goes from {self.begin} to {self.head}.")
        self.position = position
        for listener in self._listeners:
            listener("moved")
        return self.logs

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call a function with ``"moved"`` after each change."""
        self._listeners.append(listener)

    @property
    def shown(self) -> int:
        """The number of the step that is shown, from 0."""
        return max(self.begin, self.position - 1)

    @property
    def logs(self) -> dict[str, float]:
        """The logs of the step shown."""
        return self.records.logs(self.shown) if self.position > self.begin else {}

    @property
    def losses(self) -> np.ndarray:
        """Each batch's own loss up to the position."""
        return self.records.losses()[: self.position - self.begin]

    def history(self, name: str = "loss") -> np.ndarray:
        """Return a log's value after each step."""
        return self.records.column(name)

    @property
    def indices(self) -> np.ndarray | None:
        """The row numbers of the batch shown, if they are known."""
        if self._indices is None or self.shown - self.begin >= len(self._indices):
            return None
        rows = self._indices[self.shown - self.begin]
        return rows[rows >= 0]

    @property
    def batch(self) -> list[np.ndarray]:
        """The arrays of the batch shown: inputs, then targets and weights; empty if batches were not stored."""
        self._require()
        return self._kept(f"pages/{self.shown}/batch/")

    def activations(self, layer: str) -> Any:
        """Return a layer's output in the step shown.

        Raises:
            ValueError: If the recording does not hold that layer's output.
        """
        self._require()
        found = self._kept(f"pages/{self.shown}/layers/{layer}/")
        if not found:
            raise ValueError(f"The activations of layer {layer!r} were not stored; those of {self.layers} were.")
        return found[0] if len(found) == 1 else found

    def sample_losses(self) -> np.ndarray:
        """Return the loss of each sample of the batch shown."""
        self._require()
        return self._arrays[f"pages/{self.shown}/losses.npy"]

    def table(self) -> Table:
        """Return the table of layers of the step shown."""
        self._require()
        return Table(self._pages[str(self.shown)]["table"])

    def state(self) -> dict[str, Any]:
        """Return the replay's position and logs as plain values that JSON can hold."""
        return {
            "position": self.position,
            "begin": self.begin,
            "head": self.head,
            "shown": self.shown,
            "logs": {name: v if np.isfinite(v) else str(v) for name, v in self.logs.items()},
            "looked": self.looked,
            "layers": self.layers,
        }

    def _kept(self, prefix: str) -> list[np.ndarray]:
        names = [name for name in self._arrays if name.startswith(prefix)]
        return [self._arrays[name] for name in sorted(names, key=lambda n: int(n.rsplit("/", 1)[1].split(".")[0]))]

    def _require(self) -> None:
        if self.shown not in self.looked:
            looked = ", ".join(map(nth, self.looked)) or "none"
            raise ValueError(
                f"Step {nth(self.shown)} was not looked into when this was recorded; looked into: {looked}."
            )

    def __repr__(self) -> str:
        logs = ", ".join(f"{name} {value:.4g}" for name, value in self.logs.items())
        return f"<Replay of steps {nth(self.begin)} to {self.head:,}, {self.position:,} done{': ' * bool(logs)}{logs}>"
