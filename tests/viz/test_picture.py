"""The static pictures: right numbers in the right places, and no name that turns into markup."""

from __future__ import annotations

import base64
import io
import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as image

from kernelkit.viz import compare, plot_history
from kernelkit.viz import figure as figures
from kernelkit.viz.curves import paint, saved
from kernelkit.viz.curves.bundle import history_bundle, html, picture_bundle
from kernelkit.viz.curves.chart import BLUE, GREEN, Picture, charts_of_histories, charts_of_store
from kernelkit.viz.curves.layout import Stroke, breadth, items, ticks
from kernelkit.viz.curves.paint import dashes as dashes_of
from kernelkit.viz.curves.paint import png
from kernelkit.viz.curves.store import CurveStore
from kernelkit.viz.curves.svg import svg, svgs
from kernelkit.viz.curves.text import sparkline, text

EVIL = '<img src=x onerror="alert(1)">&</svg>\x1b[31m'


def history(**logs: list[float]) -> SimpleNamespace:
    return SimpleNamespace(history=logs, epoch=list(range(len(next(iter(logs.values()))))))


def evil_picture() -> Picture:
    charts = charts_of_histories({EVIL: ([0, 1], {EVIL: [1.0, 2.0]}), "other": ([0, 1], {EVIL: [2.0, 1.0]})})
    return Picture(EVIL, charts, (EVIL,))


def test_names_are_escaped_in_html():
    page = html(evil_picture(), key='"><script>')
    assert len(re.findall(r"<img\b", page)) == 2 and "<script" not in page and "&lt;img src=x" in page


def test_the_svg_is_well_formed_whatever_the_names():
    whole = ElementTree.fromstring(svg(evil_picture()))
    assert whole[1].text == EVIL.replace("\x1b", "?")
    for root in (whole, *map(ElementTree.fromstring, svgs(evil_picture()))):
        tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
        assert tags <= {"svg", "g", "rect", "text", "tspan", "path", "circle", "title"}
        assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)


def test_names_are_cut_to_their_room_and_whole_when_pointed_at():
    long = "categorical_crossentropy_of_the_second_of_two_outputs"
    wide = "정확도".ljust(3) * 12
    logs = {long: [2.0, 1.0], f"val_{long}": [2.0, 1.5], wide: [1.0, 2.0], "short": [1.0, 2.0]}
    drawn = svgs(Picture("t", charts_of_histories({"": ([0, 1], logs)})))
    titles = [ElementTree.fromstring(one)[1] for one in drawn[1:]]
    assert titles[0].text.endswith("…") and titles[0][0].text == long and titles[1][0].text == wide
    assert breadth(titles[0].text) < breadth(titles[1].text)  # beside the best value there is less room
    assert titles[2].text == "short" and len(titles[2]) == 0


def test_a_legend_names_all_its_lines_if_it_has_to_cut_their_names():
    runs = {f"a run with quite a long name, {i}": ([0, 1], {"loss": [1.0, 2.0 + i]}) for i in range(3)}
    (chart,) = charts_of_histories(runs)
    assert "more" not in svgs(Picture("t", (chart,)))[1]
    one = charts_of_histories({"": ([0], {"loss": [1.0], "val_loss": [2.0]})})  # one epoch: validation was "1 more"
    assert ">train<" in svgs(Picture("t", one))[1] and ">validation<" in svgs(Picture("t", one))[1]


def test_a_single_point_is_drawn_in_a_whole_epoch():
    (chart,) = charts_of_histories({"": ([0], {"score": [3.0]})})
    root = ElementTree.fromstring(svgs(Picture("t", (chart,)))[1])
    (dot,) = root.iter("{http://www.w3.org/2000/svg}circle")
    assert float(dot.get("cx")) == pytest.approx((52 + 380 - 16) / 2, abs=0.1)  # in the middle of the epoch
    numbers = [
        text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("text-anchor") == "middle"
    ]
    assert numbers == ["0", "1"]


def test_text_has_no_control_characters():
    assert "\x1b" not in text(evil_picture())


def test_names_are_no_mathematics_to_matplotlib_and_none_is_hidden():
    figure = plot_history({"_loss$x^$": [1.0, 2.0], "val__loss$x^$": [2.0, 1.0]}, title="$\\frac")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert len(figure.axes[0].get_legend().get_texts()) == 3


def test_the_bundle_needs_no_kernel_and_no_network():
    charts = charts_of_histories({"": ([0, 1], {"loss": [1.0, 2.0]})})
    bundle = picture_bundle(Picture("mlp", charts), "abc")
    assert 'data-kernelkit-panel="abc"' in bundle["text/html"]
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])[1]
    assert base64.b64decode(image).decode() in bundle["text/html"]
    assert not re.search(
        r"(https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", re.sub(r"base64,[^\"]+", "", bundle["text/html"])
    )
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_without_pillow_there_is_no_png(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert png(Picture("mlp", ())) is None
    assert picture_bundle(Picture("mlp", ())).keys() == {"text/plain", "text/html"}


def test_a_pillow_whose_font_has_no_sizes_costs_the_png_alone(monkeypatch):
    from PIL import ImageFont

    monkeypatch.setattr(ImageFont, "load_default", lambda: pytest.fail("not a font of the right size"))
    paint.fonts.cache_clear()
    assert picture_bundle(Picture("mlp", ())).keys() == {"text/plain", "text/html"}
    paint.fonts.cache_clear()


def test_the_curve_runs_where_the_numbers_say():
    drawing = svg(Picture("", charts_of_histories({"": ([0, 1, 2], {"loss": [4.0, 0.0, 4.0]})})))
    path = re.search(
        r'<path d="M([^"h]+)" fill="none" style="stroke:var\(--kk-0072B2,#0072B2\)" stroke-linejoin', drawing
    )[1]
    steps = np.array([float(number) for number in re.findall(r"-?\d*\.?\d+", path)]).reshape(-1, 2)
    (x0, y0), (x1, y1), (x2, y2) = steps.cumsum(0)  # each point is relative to the one before
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and x0 < x1
    assert y0 == pytest.approx(y2) and y2 < y1


@pytest.mark.parametrize(
    "values", [[], [1.0], [float("nan")] * 3, [2.0, 2.0, 2.0], [1e300, -1e300], [float("inf"), 1.0]]
)
def test_odd_curves_are_drawn_without_complaint(values):
    picture = Picture("odd", charts_of_histories({"": (range(len(values)), {"loss": values})}))
    ElementTree.fromstring(svg(picture))
    assert text(picture)
    assert png(picture)


def test_ticks_are_round_and_inside():
    assert ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    for low, high in [(0.013, 0.0192), (-5, 1234567), (1e-9, 3e-9)]:
        found = ticks(low, high)
        assert 3 <= len(found) <= 12 and low <= found[0] + 1e-9 and found[-1] <= high + 1e-9


def test_sparkline_shows_gaps():
    assert sparkline(np.array([0.0, np.nan, 1.0])) == "▁·█"
    assert len(sparkline(np.arange(1000.0))) == 32


def test_steps_are_placed_between_the_epochs_ends():
    store = CurveStore()
    store.add_steps(0, {"loss": np.arange(10.0)})
    store.add_epoch(3, {"loss": 9.0}, 10)
    store.add_steps(10, {"loss": np.arange(10.0)})
    store.add_epoch(4, {"loss": 9.5}, 20)
    store.add_steps(20, {"loss": np.arange(5.0)})
    batch, train = charts_of_store(store, first_epoch=2, steps_per_epoch=10)[0].lines
    np.testing.assert_allclose(batch.x, 2 + np.arange(1, 26) / 10)
    np.testing.assert_allclose(train.x, [2.5, 3.5])  # the middles of the epochs


def test_a_static_curve_of_many_steps_keeps_its_spikes_and_stays_small():
    store = CurveStore()
    values = np.zeros(500_000, np.float32)
    values[123_456] = 9.0
    store.add_steps(0, {"loss": values})
    (chart,) = charts_of_store(store)
    assert len(chart.lines[0].x) <= 1024 and chart.lines[0].y.max() == 9.0
    assert len(html(Picture("", (chart,)))) < 100_000


def test_histories_of_different_metrics_are_overlaid():
    comparison = compare(history(loss=[3.0, 1.0]), history(loss=[2.0, 1.5, 1.2], val_loss=[2.0, 2.0, 2.0]))
    (chart,) = comparison.picture().charts
    assert [line.label for line in chart.lines] == ["run 1", "run 2", "run 2 (validation)"]
    assert len({line.color for line in chart.lines}) == 2
    assert "text/html" in comparison._repr_mimebundle_()


def test_compare_says_what_is_wrong():
    with pytest.raises(ValueError, match="at least one history"):
        compare()
    with pytest.raises(ValueError, match="expected 2 different labels"):
        compare(history(loss=[1.0]), history(loss=[1.0]), labels=["a", "a"])
    with pytest.raises(ValueError, match="Expected a History"):
        compare(history(loss=[1.0]), 3)


@pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
def test_plot_history_draws_every_curve(backend):
    figure = plot_history(history(loss=[3.0, 1.0], val_loss=[3.0, 2.0], accuracy=[0.1, 0.9]), backend)
    if backend == "plotly":
        assert [list(trace.y) for trace in figure.data] == [[3.0, 1.0], [3.0, 2.0], [0.1, 0.9]]
    else:
        assert [line.get_ydata().tolist() for line in figure.axes[0].lines[:2]] == [[3.0, 1.0], [3.0, 2.0]]
        assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy"]


def test_plot_history_says_what_is_wrong():
    with pytest.raises(ValueError, match="unknown backend 'ascii'"):
        plot_history(history(loss=[1.0]), "ascii")
    with pytest.raises(ValueError, match="no values yet"):
        plot_history({})


def test_the_bundle_of_a_history():
    bundle = history_bundle(history(loss=[3.0, 1.0]))
    assert bundle.keys() == {"text/plain", "text/html", "image/png", saved.MIME}
    assert "2 epochs" in bundle["text/plain"]


def test_the_legend_of_several_runs_lies_below_the_charts_and_names_validation_once():
    runs = {
        f"run {i}": {"loss": [3.0, 2.0 + i / 9, 1.0], "val_loss": [3.1, 2.4, 2.0], "accuracy": [0.1, 0.5, 0.6]}
        for i in range(6)
    }
    figure = plot_history(runs)
    assert [axes.get_legend() for axes in figure.axes] == [None, None]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*runs, "validation"]
    figure.draw_without_rendering()
    lowest = min(axes.get_tightbbox().y0 for axes in figure.axes)
    assert legend.get_window_extent().y1 <= lowest + 1
    (single,) = plot_history({"loss": [2.0, 1.0], "val_loss": [2.0, 1.5]}).axes
    assert [text.get_text() for text in single.get_legend().get_texts()][:2] == ["train", "validation"]


def test_plotlys_legend_of_several_runs_names_each_run_and_validation_once():
    pytest.importorskip("plotly")
    logs = {"loss": [3, 2], "val_loss": [3, 2.5], "accuracy": [0.1, 0.5]}
    figure = plot_history({"first": logs, "<b>second</b>": logs | {"auc": [0.5, 0.6]}}, backend="plotly")
    named = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in named] == ["first", "&lt;b&gt;second&lt;/b&gt;", "validation"]
    assert figure.layout.legend.orientation == "h" and figure.layout.legend.y < 0  # below, not over the curves
    runs = {trace.legendgroup for trace in named[:2]}
    assert {trace.legendgroup for trace in figure.data[3:]} == runs and len(figure.data) == 3 + 7
    alone = plot_history({"loss": [3, 2], "auc": [0.5, 0.6], "val_auc": [0.4, 0.6]}, backend="plotly")
    assert len({trace.name for trace in alone.data if trace.showlegend}) == len([t for t in alone.data if t.showlegend])
    assert {trace.name for trace in alone.data} == {trace.name for trace in alone.data if trace.showlegend}


def test_a_saved_fit_of_two_charts_is_small():
    store, rng = CurveStore(), np.random.default_rng(0)
    for epoch in range(20):
        loss = np.exp(-np.arange(epoch * 100, epoch * 100 + 100) / 700) + rng.normal(0, 0.1, 100)
        store.add_steps(epoch * 100, {"loss": loss.astype("float32"), "accuracy": (1 - loss / 2).astype("float32")})
        logs = {"loss": loss.mean(), "accuracy": 1 - loss.mean() / 2}
        store.add_epoch(epoch, logs | {f"val_{name}": value for name, value in logs.items()}, epoch * 100 + 100)
    charts = charts_of_store(store, 0, 100, ("loss", "accuracy"))
    bundle = picture_bundle(Picture("digits", charts, ("done", "20 epochs", "2,000 steps", "9.1 s")))
    sizes = {kind: len(data) for kind, data in bundle.items()}
    assert sum(sizes.values()) <= 85_000, sizes  # the PNG has twice the dots of a page's pixels
    assert charts[0].lines[0].y.max() == store.steps["loss"].read().high.max()  # fewer points, no spike less


@pytest.mark.filterwarnings("error")
def test_letters_that_no_font_has_cost_no_warning():
    figure = plot_history({"loss": [2.0, 1.0]}, title="모델 ×")
    ((text, missing),) = figures.add_fonts(figure)
    assert (text.get_text(), missing) == ("모델 ×", {"모", "델"})


def test_a_font_that_has_the_letters_is_taken(monkeypatch):
    monkeypatch.setattr(figures, "installed_wide_fonts", lambda: ("none of them", "Gothic"))
    had = {"none of them": set(), "Gothic": {"모", "델"}}
    monkeypatch.setattr(figures, "_letters_of", lambda family, letters: had.get(family, set()) & letters)
    figure = plot_history({"loss": [2.0, 1.0]}, title="모델")
    assert figures.add_fonts(figure) == []
    assert figure._suptitle.get_fontfamily()[-1] == "Gothic" and "none of them" not in figure._suptitle.get_fontfamily()


# The PNG --------------------------------------------------------------------------------------------------------------


def pixels(picture: Picture) -> np.ndarray:
    """The PNG as (height, width, 3)."""
    return np.asarray(image.open(io.BytesIO(png(picture))).convert("RGB"))


def rgb(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def test_the_png_has_the_place_of_the_svg_at_twice_the_dots_and_its_curves_where_the_numbers_say():
    picture = Picture("", charts_of_histories({"": ([0, 1, 2], {"loss": [4.0, 0.0, 4.0]})}))
    width, height = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg(picture)).groups()
    found = pixels(picture)
    assert found.shape == (2 * int(height), 2 * int(width), 3)
    strokes = [item for item in items(picture.charts[0], float(width)) if isinstance(item, Stroke)]
    legend, curve = [np.stack([stroke.x, stroke.y], 1) for stroke in strokes if stroke.color == BLUE]
    for x, y in [*curve, *((curve[:-1] + curve[1:]) / 2), legend.mean(0)]:
        row, column = round(2 * (y + 44)), round(2 * x)
        around = found[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3)
        assert (around == rgb(BLUE)).all(1).any(), (x, y)
    assert not (found[: 2 * 44] == rgb(BLUE)).all(2).any()
    assert (found[0] == 255).all() and (found[-1] == 255).all()


def test_the_dashes_of_validation_are_as_long_as_in_the_svg():
    (chart,) = charts_of_histories({"": (range(3), {"loss": [1.0] * 3, "val_loss": [2.0, 2.0, 2.0]})})
    (line,) = [item for item in items(chart, 430.0) if isinstance(item, Stroke) and item.round and item.dash]
    dashes = list(dashes_of(np.stack([line.x, line.y], 1), list(line.dash)))
    length = line.x[-1] - line.x[0]
    assert len(dashes) == -(-length // 9.5) and dashes[0][0].tolist() == [line.x[0], line.y[0]]
    assert [part[-1, 0] - part[0, 0] for part in dashes[:-1]] == pytest.approx([6.0] * (len(dashes) - 1))
    bent = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])
    assert [part.tolist() for part in dashes_of(bent, [6.0, 1.0])] == [
        [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]],
        [[4.0, 3.0], [4.0, 4.0]],
    ]


def test_a_point_that_is_nan_ends_a_dashed_line():
    line = np.array([[0.0, 0.0], [np.nan, 1.0]])
    assert len(list(itertools.islice(dashes_of(line, [6.0, 3.0]), 5))) < 5


def test_a_very_long_title_is_measured_few_times(monkeypatch):
    measured, plain = [], paint._breadth
    monkeypatch.setattr(paint, "_breadth", lambda text, size: measured.append(text) or plain(text, size))
    cut = paint._fitted("word " * 400, 12, 200)
    assert len(measured) < 15 and plain(cut, 12) <= 200 < plain(cut[:-1] + "word…", 12) and cut.endswith("…")


def test_letters_of_the_png_come_from_the_first_font_that_has_them(monkeypatch):
    first = paint.runs("loss", 20.0)[0][0]
    greek = paint.runs("β", 20.0)
    assert greek[0][0].getname()[0] == "DejaVu Sans" and greek[0][1] == "β"  # Pillow's own font has few letters
    assert [letters for _, letters in paint.runs("aβ\x1bb", 20.0)] == ["a", "β", "?b"]
    monkeypatch.setattr(paint, "WIDE", ())
    paint.of_letter.cache_clear()
    assert paint.of_letter("모", 20.0) == (first, "?")
    monkeypatch.setattr(paint, "WIDE", ("Gothic",))
    monkeypatch.setattr(paint, "opened", lambda name, size: "Gothic" if name == "Gothic" else None)
    monkeypatch.setattr(paint, "has", lambda font, letter: font == "Gothic")
    paint.of_letter.cache_clear()
    assert paint.of_letter("모", 20.0) == ("Gothic", "모")
    paint.of_letter.cache_clear()


def test_long_names_are_cut_in_the_png_and_all_colors_are_those_of_its_lines():
    picture = Picture("a very long name " * 20, charts_of_histories({"": ([0, 1], {"loss": [2.0, 1.0]})}), ("done",))
    found = pixels(picture)
    assert (found[:, -20:] == 255).all()
    colors = {tuple(color) for color in found.reshape(-1, 3).tolist()}
    assert {(255, 255, 255), tuple(rgb(BLUE)), tuple(rgb(GREEN)), tuple(rgb("#1a1a1a"))} <= colors and len(colors) <= 19


def test_the_picture_of_a_fit_needs_no_matplotlib():
    program = (
        "import sys\nfrom kernelkit.viz import history_bundle\n"
        "class Fake: history, epoch = {'loss': [2.0, 1.0], '정확도': [1.0, 2.0]}, [0, 1]\n"
        "assert 'image/png' in history_bundle(Fake())\nassert 'PIL.ImageDraw' in sys.modules\n"
        "assert not {'matplotlib', 'plotly'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
