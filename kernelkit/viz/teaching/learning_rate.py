"""Find a learning rate: train briefly with a growing rate, and find where the loss falls fastest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelkit import interrupts, progress
from kernelkit.models.model import Model
from kernelkit.typing import Batch, Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.colors import RIGHT, WRONG

HOPELESS = 4.0
"""The test ends when the smoothed loss is this multiple of its minimum."""


@dataclass(frozen=True)
class RangeTest:
    """The result of a range test. Notebooks show its curve.

    Attributes:
        rates: Learning rates, `(n,)` float64.
        losses: The loss of the batch that was trained at each rate, `(n,)`.
        smoothed: The losses without the noise between batches, `(n,)`.
        suggestion: The rate at which the loss falls fastest, or None if it never falls.

    Example:
        >>> import numpy as np
        >>> from kernelkit import viz
        >>> rates = np.geomspace(1e-4, 1, 5)
        >>> losses = np.array([2.0, 1.9, 1.0, 0.9, 8.0])
        >>> viz.RangeTest(rates, losses, losses, suggestion=0.001).suggestion
        0.001
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None

    def plot(self, backend: Backend = "matplotlib", title: str = "") -> Any:
        """Draw loss over learning rate, with the suggestion.

        Args:
            backend: `"matplotlib"` or `"plotly"`.
            title: Title. Default: the suggestion.

        Returns:
            A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.
        """
        said = (
            f"suggested learning rate {self.suggestion:.2g}"
            if self.suggestion
            else "no suggestion: the loss never fell"
        )
        return figures.drawer("plot", backend, _matplotlib, _plotly)(self, title or said)

    def __repr__(self) -> str:
        found = "none" if self.suggestion is None else f"{self.suggestion:.3g}"
        return f"<RangeTest of {len(self.rates)} learning rates: suggestion {found}>"

    def _repr_png_(self) -> bytes | None:
        try:
            return self.plot()._repr_png_()
        except ImportError:
            return None


def find_learning_rate(
    model: Model,
    x: Tree,
    y: Tree,
    batch_size: int = 32,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    seed: int = 0,
) -> RangeTest:
    """Find a good learning rate for a model and its data.

    The model trains some batches while the rate grows by a constant factor, until the loss explodes. Afterwards, even
    after an error, weights, optimizer and metrics have their old values, bit for bit.

    Args:
        model: Model that is compiled, with a learning rate that is a number.
        x: Samples: an array `(n, ...)`, or a list or dict of arrays.
        y: Targets, in the same form.
        batch_size: Number of samples in a batch.
        low: First learning rate.
        high: Last learning rate.
        steps: Number of batches, at least 10.
        seed: Seed of the sample order.

    Returns:
        A `RangeTest`: `.suggestion`, and `.plot()`.

    Raises:
        ValueError: If the model is not compiled, follows a schedule, or an argument is out of range.

    Source:
        Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3, https://arxiv.org/abs/1506.01186

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
        >>> found = find_learning_rate(model, x, x @ [[2.0], [-1.0]], steps=40)
        >>> 1e-3 < found.suggestion < 1
        True
    """
    if not getattr(model, "compiled", False):
        raise ValueError("find_learning_rate: call model.compile(...) first.")
    if not 0 < low < high or steps < 10:
        raise ValueError(
            f"find_learning_rate: expected 0 < low < high and at least 10 steps, got {low}, {high} and {steps}."
        )
    batches = _batches(x, y, batch_size, seed)
    rates, losses = np.geomspace(low, high, steps), []
    with _kept_as_it_is(model, next(batches)):
        for rate in progress.over(rates, "find_learning_rate", "steps", steps):
            model.optimizer.learning_rate = float(rate)
            model.reset_metrics()
            losses.append(float(model.train_on_batch(*next(batches), return_dict=True)["loss"]))
            if not np.isfinite(losses[-1]) or _is_hopeless(losses):
                break
    seen = np.array(losses)
    kept = int(np.argmin(np.isfinite(seen))) if not np.isfinite(seen).all() else len(seen)
    smoothed = smooth(seen[:kept])
    return RangeTest(rates[:kept], seen[:kept], smoothed, suggest(rates[:kept], smoothed))


def smooth(losses: np.ndarray, width: float = 0.03) -> np.ndarray:
    """Average each loss with its neighbors, with Gaussian weights.

    Args:
        losses: `(n,)`.
        width: Standard deviation of the weights, as a share of the number of losses.

    Returns:
        `(n,)` floats.

    Example:
        >>> smooth(np.ones(5)).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if not len(losses):
        return np.asarray(losses, np.float64)
    distance = np.arange(len(losses))[:, None] - np.arange(len(losses))
    bell = np.exp(-0.5 * (distance / max(width * len(losses), 0.75)) ** 2)
    return bell @ losses / bell.sum(1)


def suggest(rates: np.ndarray, smoothed: np.ndarray) -> float | None:
    """Return the rate at which the loss falls fastest, on the way to its minimum.

    Args:
        rates: `(n,)`, growing by a factor.
        smoothed: Losses `(n,)`.

    Returns:
        A rate; None if the loss falls by less than 1 %.

    Example:
        >>> suggest(np.geomspace(1e-4, 1, 5), np.array([2.0, 1.9, 1.0, 0.9, 8.0]))
        0.001
    """
    least = int(np.argmin(smoothed)) if len(smoothed) else 0
    if least == 0 or smoothed[least] > 0.99 * smoothed[:least].max():
        return None
    falls = np.diff(smoothed[: least + 1]) / np.diff(np.log(rates[: least + 1]))
    return float(rates[int(np.argmin(falls))])


@contextlib.contextmanager
def _kept_as_it_is(model: Model, batch: Batch) -> Iterator[None]:
    """Restore every variable of a model, its optimizer and its metrics at the end. An interrupt waits for this."""
    values = _values(model)
    with interrupts.guard():
        try:
            model.test_on_batch(*batch)  # builds all parts without training
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            values = _values(model) | values
            _check_rate(model)
            yield
        finally:
            with interrupts.whole:
                for variable, value in values.values():
                    variable.assign(value)


def _values(model: Model) -> dict[int, tuple[Any, np.ndarray]]:
    """Return all variables of a training and their values, by identity."""
    variables = (*model.variables, *model.optimizer.variables, *model.metrics_variables)
    return {id(variable): (variable, variable.numpy()) for variable in variables}


def _check_rate(model: Model) -> None:
    """Raise before training if the learning rate cannot be set."""
    try:
        model.optimizer.learning_rate = float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"find_learning_rate: this learning rate cannot be changed. {error}") from error


def _is_hopeless(losses: list[float]) -> bool:
    if len(losses) < 10:
        return False
    recent = float(np.mean(losses[-3:]))
    least = min(float(np.mean(losses[i : i + 3])) for i in range(len(losses) - 2))
    return recent > HOPELESS * least + 1e-12 and recent > losses[0]


def _batches(x: Tree, y: Tree, batch_size: int, seed: int) -> Iterator[tuple[Any, Any]]:
    """Yield endless batches, in a new order for each pass."""
    import jax

    leaves = [np.shape(leaf) for leaf in jax.tree_util.tree_leaves((x, y), is_leaf=_is_array)]
    counts = [shape[0] if shape else 0 for shape in leaves]
    if not counts or min(counts) != max(counts) or min(counts) == 0:
        raise ValueError(f"find_learning_rate: expected arrays with as many samples in x as in y, got shapes {leaves}.")
    return _draw((x, y), counts[0], min(batch_size, counts[0]), np.random.default_rng(seed))


def _draw(arrays: Any, count: int, size: int, rng: np.random.Generator) -> Iterator[Any]:
    import jax

    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            rows = order[start : start + size]
            yield jax.tree_util.tree_map(lambda leaf, rows=rows: np.asarray(leaf)[rows], arrays, is_leaf=_is_array)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") or (isinstance(value, list) and bool(value) and np.isscalar(value[0]))


def _matplotlib(found: RangeTest, title: str) -> Any:
    figure = figures.matplotlib_figure(8, 4.6)
    axes = figure.add_subplot()
    axes.plot(found.rates, found.losses, color=RIGHT, linewidth=0.8, alpha=0.45, label="each batch")
    axes.plot(found.rates, found.smoothed, color=RIGHT, linewidth=2.2, label="smoothed")
    if found.suggestion:
        at = int(np.searchsorted(found.rates, found.suggestion * (1 - 1e-9)))
        axes.axvline(found.suggestion, color=WRONG, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.plot([found.suggestion], [found.smoothed[at]], "o", color=WRONG, markersize=9, label="falls fastest")
    axes.set_xscale("log")
    axes.set_ylim(*_window(found))
    axes.set_xlabel("learning rate", fontsize=figures.LABEL)
    axes.set_ylabel("loss", fontsize=figures.LABEL)
    axes.set_title(figures.literal(title), fontsize=figures.TITLE, loc="left")
    axes.tick_params(labelsize=figures.TICK)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=figures.TICK)
    return figure


def _plotly(found: RangeTest, title: str) -> Any:
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    hover = "rate %{x:.3g}<br>loss %{y:.4g}<extra></extra>"
    pale, strong = {"color": RIGHT, "width": 1}, {"color": RIGHT, "width": 3}
    figure.add_trace(
        Scatter(x=found.rates, y=found.losses, name="each batch", line=pale, opacity=0.45, hovertemplate=hover)
    )
    figure.add_trace(Scatter(x=found.rates, y=found.smoothed, name="smoothed", line=strong, hovertemplate=hover))
    if found.suggestion:
        figure.add_vline(x=found.suggestion, line={"color": WRONG, "dash": "dash"})
    figure.update_xaxes(type="log", exponentformat="power", dtick=1, title_text="learning rate")
    figure.update_yaxes(title_text="loss", range=_window(found))
    return figures.plotly_layout(figure, title, 460)


def _window(found: RangeTest) -> tuple[float, float]:
    """Return the range of losses to show. The explosion at the end is cut, because it would flatten the curve."""
    if not len(found.losses):
        return 0.0, 1.0
    low, start = float(found.smoothed.min()), float(found.smoothed[0])
    high = max(start, min(float(found.smoothed.max()), start + 1.5 * (start - low)))
    margin = 0.15 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin
