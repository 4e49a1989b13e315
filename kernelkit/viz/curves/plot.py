"""Draw curves with matplotlib (for print) or plotly (interactive)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kernelkit.training.history import is_curve
from kernelkit.viz import figure as figures
from kernelkit.viz.curves.chart import (
    GREEN,
    Chart,
    History,
    Line,
    Picture,
    Role,
    charts_of_histories,
    legend_of,
    together,
)

CHART = (4.2, 2.8)
"""Width and height of one chart of matplotlib in inches."""


def plot_history(
    history: Any,
    backend: figures.Backend = "matplotlib",
    title: str = "",
    log: bool | None = None,
    metrics: Sequence[str | Sequence[str]] | None = None,
    smoothing: float = 0.0,
) -> Any:
    """Draw the curves of one training, or of several trainings in the same charts.

    The mean of an epoch's batches is drawn at the middle of the epoch, its validation at the end.

    Args:
        history: A History, a dict from log name to a value per epoch, or a dict from label to either of these.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title above the charts.
        log: Whether y axes are logarithmic. None: only those of errors whose values span more than a factor of 30.
        metrics: Names of the metrics to draw, such as `["loss"]`. Those in a list inside of it share a chart:
            `["loss", ["precision", "recall"]]`. None: all.
        smoothing: Weight of neighboring values in smoothed lines, from 0 (none) to below 1.

    Returns:
        A `matplotlib.figure.Figure` that notebooks show without pyplot, or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If the backend is unknown, the history is empty, it has no such metric, or metrics of several
            trainings are to share a chart.
        ImportError: If the backend is not installed.

    Example:
        >>> figure = plot_history({"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.4, 2.2]})
        >>> len(figure.axes)
        1
    """
    draw = figures.drawer("plot_history", backend, matplotlib_figure, plotly_figure)
    histories = as_histories(history)
    if not 0 <= smoothing < 1:
        raise ValueError(f"plot_history: smoothing must lie from 0 to below 1, got {smoothing!r}.")
    groups = [[part] if isinstance(part, str) else list(part) for part in metrics or ()]
    names = None if metrics is None else [name for group in groups for name in group]
    charts = charts_of_histories(histories, log, names, smoothing)
    known = {chart.title for chart in charts_of_histories(histories)}
    if wrong := [name for name in names or () if name not in known]:
        raise ValueError(f"plot_history: there is no metric {wrong[0]!r}; there are {sorted(known)}.")
    if len(histories) > 1 and any(len(group) > 1 for group in groups):
        raise ValueError(
            "plot_history: metrics share a chart in the picture of one training; this one compares "
            f"{len(histories)}. Name the metrics without inner lists."
        )
    for group in groups:
        charts = together(charts, group)
    if not charts:
        raise ValueError("plot_history: this history has no values yet. Call fit first.")
    return draw(Picture(title, charts))


def as_histories(history: Any) -> dict[str, History]:
    """Convert a history, or a dict of histories, to the input of `charts_of_histories`."""
    if isinstance(history, Mapping) and any(hasattr(v, "history") or isinstance(v, Mapping) for v in history.values()):
        return {str(label): _one(part) for label, part in history.items()}
    return {"": _one(history)}


def matplotlib_figure(picture: Picture) -> Any:
    """Draw a picture with matplotlib's object interface. pyplot's global state does not change.

    Args:
        picture: The picture.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    columns = min(len(picture.charts), 2) or 1
    rows = math.ceil(len(picture.charts) / columns) or 1
    shared = _shared_legend(picture)
    below = 0.25 * -(-len(shared) // (2 * columns))
    figure = figures.matplotlib_figure(CHART[0] * columns, CHART[1] * rows + 0.3 * bool(picture.title) + below)
    if picture.note:
        words = figures.literal(picture.note[: int(100 * columns * CHART[0] / 8.4)])
        figure.text(0.02, 0.005, words, fontsize=8, color="#C62828" if picture.kind in ("nan", "failed") else "#B04C00")
    if picture.title:
        figure.suptitle(figures.literal(" · ".join([picture.title, *picture.facts])), fontsize=11)
    for i, chart in enumerate(picture.charts):
        _draw(figure.add_subplot(rows, columns, i + 1), chart, bool(shared))
    if shared:
        from matplotlib.lines import Line2D

        handles = [Line2D([], [], color=c, label=figures.literal(n), **_style_of(role, False)) for n, c, role in shared]
        side_by_side = min(len(shared), 2 * columns)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=side_by_side, frameon=False, fontsize=8, handlelength=3
        )
    return figure


def plotly_figure(picture: Picture) -> Any:
    """Draw a picture as a `plotly.graph_objects.Figure`, with one subplot for each chart.

    Args:
        picture: The picture.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    from html import escape

    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    columns = min(len(picture.charts), 2) or 1
    rows = math.ceil(len(picture.charts) / columns) or 1
    titles = [escape(chart.title) for chart in picture.charts]
    figure = make_subplots(rows=rows, cols=columns, subplot_titles=titles)
    shared, seen = _shared_legend(picture), set()
    for name, color, role in shared:  # a line without points: a click on its entry hides the lines of its run
        style = {"color": color, "dash": "dash" if role == "validation" else "solid"}
        group = "" if role == "validation" else color
        figure.add_trace(Scatter(x=[None], y=[None], name=escape(name), mode="lines", line=style, legendgroup=group))
    for i, chart in enumerate(picture.charts):
        for line in chart.lines:
            dash = {"color": line.color, "dash": "dash" if line.role == "validation" else "solid"}
            dash |= {"shape": "vh"} if line.role == "stairs" else {}
            mode = "lines+markers" if len(line.x) <= 60 else "lines"
            group, is_new = (line.color, False) if shared else (line.label, line.label not in seen)
            seen.add(line.label)
            trace = Scatter(x=line.x, y=line.y, name=escape(line.label), mode=mode, line=dash, legendgroup=group)
            figure.add_trace(trace.update(showlegend=is_new), row=i // columns + 1, col=i % columns + 1)
        for x, label in chart.marks:
            figure.add_vline(
                x,
                line_width=1,
                line_dash="dot",
                annotation_text=escape(label),
                row=i // columns + 1,
                col=i % columns + 1,
            )
        figure.update_yaxes(type="log" if chart.log else "linear", row=i // columns + 1, col=i % columns + 1)
        figure.update_xaxes(title_text=chart.x_label, row=i // columns + 1, col=i % columns + 1)
    figure.update_layout(title_text=escape(picture.title) or None, height=330 * rows, template="plotly_white")
    if shared:
        figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.18 / rows, "x": 0.0})
    return figure


def _one(history: Any) -> History:
    logs = history if isinstance(history, Mapping) else getattr(history, "history", None)
    if not isinstance(logs, Mapping):
        raise ValueError(f"Expected a History or a dict of log name to values, got {type(history).__name__}.")
    logs = {str(name): list(values) for name, values in logs.items() if is_curve(values)}
    longest = max((len(values) for values in logs.values()), default=0)
    epochs = list(getattr(history, "epoch", ()))
    if len(epochs) != longest:
        return list(range(longest)), logs
    return epochs, {name: _aligned(history, name, values, epochs) for name, values in logs.items()}


def _aligned(history: Any, name: str, values: list, epochs: list[int]) -> list:
    """Return a log with one value per epoch, NaN for epochs without a value, such as those without validation."""
    own = getattr(history, "epochs_of", {}).get(name, ())
    if len(values) == len(epochs) or len(own) != len(values):
        return values
    known = dict(zip(own, values, strict=True))
    return [known.get(epoch, math.nan) for epoch in epochs]


def _shared_legend(picture: Picture) -> list[tuple[str, str, Role]]:
    """Return the entries of one legend for all charts, if charts compare runs. It lies below, not over the curves."""
    if any(chart.joins for chart in picture.charts):
        return []  # one training: colors mean metrics, in each chart its own
    found = dict.fromkeys(entry for chart in picture.charts for entry in legend_of(chart.lines))
    entries = [entry for entry in found if entry[2] != "stairs"]  # the learning rates of the same runs
    entries.sort(key=lambda entry: entry[2] == "validation")
    return entries if len({color for _, color, role in entries if role == "train"}) > 1 else []


def _draw(axes: Any, chart: Chart, shared: bool = False) -> None:
    for line in chart.lines:
        axes.plot(line.x, line.y, color=line.color, label=figures.literal(line.label), **_style(line))
    if chart.best:
        x, y, label = chart.best
        axes.plot([x], [y], "o", mfc="none", mec=GREEN, mew=1.6, ms=8, label=figures.literal(label))
    if chart.log:
        axes.set_yscale("log", nonpositive="mask")
    for x, label in chart.marks:
        axes.axvline(x, color="#888888", linewidth=0.8, linestyle=":")
        axes.text(x, 0.99, " " + figures.literal(label), transform=axes.get_xaxis_transform(), fontsize=7, va="top")
    if chart.broken is not None:
        where = axes.get_xaxis_transform()
        axes.plot([chart.broken], [0.04], "x", color="#C62828", transform=where, label="NaN", clip_on=False)
    axes.set_title(figures.literal(chart.title), fontsize=11, loc="left")
    axes.set_xlabel(chart.x_label, fontsize=9)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if not shared:
        axes.legend(frameon=False, fontsize=8)


def _style(line: Line) -> dict[str, Any]:
    return _style_of(line.role, len(line.x) <= 60)


def _style_of(role: Role, marked: bool) -> dict[str, Any]:
    marker: dict[str, Any] = {"marker": "o", "markersize": 3} if marked else {}
    styles: dict[str, dict[str, Any]] = {
        "batch": {"linewidth": 0.8, "alpha": 0.4},
        "smooth": {"linewidth": 1.6},
        "train": {"linewidth": 1.6, **marker},
        "validation": {"linewidth": 1.6, "linestyle": (0, (4, 2)), **marker},
        "stairs": {"linewidth": 1.6, "drawstyle": "steps-pre"},
    }
    return styles[role]
