"""Compare several trainings: their curves in the same charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernelkit.viz.curves.bundle import picture_bundle
from kernelkit.viz.curves.chart import History, Picture, charts_of_histories
from kernelkit.viz.curves.message import Message, history_message
from kernelkit.viz.curves.plot import as_histories
from kernelkit.viz.curves.saved import MIME, saved
from kernelkit.viz.curves.text import text
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment


def compare(*histories: Any, labels: Sequence[str] | None = None, title: str = "comparison") -> Comparison:
    """Draw the curves of several trainings in the same charts.

    Args:
        *histories: History objects or dicts from log name to a value per epoch; or a single dict from label to these.
        labels: A name for each history. Default: "run 1", "run 2" ...
        title: Title above the charts.

    Returns:
        A `Comparison`. Notebooks show it as an interactive panel while the kernel lives, and as a picture afterwards.

    Raises:
        ValueError: If there are no histories, or if the number of labels is not that of the histories.

    Example:
        >>> print(compare({"loss": [3.0, 1.0]}, {"loss": [3.0, 2.0]}, labels=["sgd", "adam"]))
        comparison · 2 runs
          loss sgd   █▁  1
          loss adam  █▁  2
    """
    if len(histories) == 1:
        runs = as_histories(histories[0])
    else:
        if not histories:
            raise ValueError("compare: expected at least one history, got none.")
        names = [f"run {i + 1}" for i in range(len(histories))] if labels is None else [str(name) for name in labels]
        if len(set(names)) != len(histories):
            raise ValueError(f"compare: expected {len(histories)} different labels, got {names}.")
        runs = as_histories(dict(zip(names, histories, strict=True)))
    return Comparison(runs, title)


class Comparison:
    """The curves of several trainings; the result of `compare`."""

    def __init__(self, runs: Mapping[str, History], title: str):
        self.runs = dict(runs)
        self.title = title
        self._widget: Any = None

    def picture(self) -> Picture:
        """Return the charts as plain data."""
        facts = (f"{len(self.runs)} runs",) if len(self.runs) > 1 else ()
        return Picture(self.title, charts_of_histories(self.runs), facts)

    def __str__(self) -> str:
        return text(self.picture())

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return picture_bundle(self.picture(), self._open_widget()) | {MIME: saved(self.title, self._messages())}

    def _open_widget(self) -> str:
        """Open the widget that covers the picture and return its key, "" if the page cannot show widgets."""
        if environment() not in WIDGET_HOSTS:
            return ""
        if self._widget is None:
            try:
                from kernelkit.viz.curves.widget import open_widget
            except ImportError:
                return ""
            self._widget = open_widget(lambda content: self._send() if content.get("kind") == "ready" else None)
            self._send()
        return self._widget.key

    def _send(self) -> None:
        for content, buffer in self._messages():
            self._widget.send(content | {"title": self.title}, [buffer])

    def _messages(self) -> list[Message]:
        return [
            history_message(index, len(self.runs), label or self.title, epochs, logs)
            for index, (label, (epochs, logs)) in enumerate(self.runs.items())
        ]
