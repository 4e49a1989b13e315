"""`viz.show_batch`: what is shown of each kind of data, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kernelkit as kk
from kernelkit import viz

PICTURES = np.random.default_rng(0).integers(0, 256, (30, 8, 6, 3)).astype("uint8")
CLASSES = np.arange(30) % 3
EVIL = "<img src=x> $x$"


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (CLASSES, ["a", "b", "c"]),
        (CLASSES[:, None].astype("float32"), ["a", "b", "c"]),
        (np.eye(3)[CLASSES], ["a", "b", "c"]),
        (CLASSES / 4, ["0", "0.25", "0.5"]),
        (np.array(["x", "y", "z"] * 10), ["x", "y", "z"]),
        ({"left": CLASSES, "size": CLASSES + 0.5}, ["a, 0.5", "b, 1.5", "c, 2.5"]),
        (np.stack([CLASSES, CLASSES + 1], 1), ["0, 1", "1, 2", "2, 3"]),
        (None, ["", "", ""]),
    ],
    ids=["numbers", "column", "one-hot", "floats", "strings", "outputs", "vectors", "none"],
)
def test_images_are_titled_with_their_targets(y, expected):
    figure = viz.show_batch(PICTURES, y, labels="abc", count=3)
    assert titles(figure) == expected
    said = figure.get_suptitle()
    low, high = PICTURES[:3].min(), PICTURES[:3].max()
    assert said.startswith(f"The first 3 of 30 samples; x: 8 × 6 × 3 uint8, {low} to {high}")


def test_a_map_stands_beside_its_image():
    maps = np.zeros((30, 8, 6, 1), "float32")
    maps[0, :4] = 1
    (axes,) = viz.show_batch(PICTURES, maps, count=1).axes
    drawn = np.asarray(axes.images[0].get_array())
    assert drawn.shape == (8, 6 + 1 + 6, 3)
    np.testing.assert_allclose(drawn[:, :6], PICTURES[0] / 255)
    assert (drawn[:4, 7:] == 1).all() and (drawn[4:, 7:] == 0).all()


def test_strings_tables_vectors_and_several_inputs_make_a_table():
    table = viz.show_batch([EVIL, "a dog"], [1, 0], labels=["dog", "cat"])
    assert table.rows == [[EVIL, "cat"], ["a dog", "dog"]] and table.head == ["x", "y"]
    page = table._repr_html_()
    assert "<img" not in page and "tex2jax_ignore" in page
    frame = pd.DataFrame({"age": [30, np.nan], "city": ["Seoul", "Ulm"]})
    table = viz.show_batch(frame, np.array([0.5, 0.25]))
    assert table.head == ["age", "city", "y"] and table.rows == [["30", "Seoul", "0.5"], ["nan", "Ulm", "0.25"]]
    assert "age: float64, 30 to 30, 1 NaN or infinite" in str(table)
    wide = viz.show_batch({"a": np.zeros((2, 784)), "b": np.ones((2, 2))})
    assert wide.head == [*(f"a[{i}]" for i in range(11)), "773 more", "b[0]", "b[1]"]


def test_the_first_batch_of_a_dataset_is_shown():
    class Batches(kk.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return PICTURES[4 * index : 4 * index + 4], CLASSES[4 * index : 4 * index + 4]

    for data in (Batches(), Loader()):
        assert titles(viz.show_batch(data, labels="abc")) == ["a", "b", "c", "a"]
    with pytest.raises(ValueError, match="Leave y out"):
        viz.show_batch(Batches(), CLASSES)


class Loader:
    """Batches as a DataLoader of torch gives them: lists, from a new iterator each time."""

    def __iter__(self):
        return iter([[PICTURES[:4], CLASSES[:4]]])


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (iter([]), None, {}, "a generator would lose"),
        (PICTURES, CLASSES[:7], {}, "x has 30 samples, y has 7"),
        (PICTURES[:0], None, {}, "no samples"),
        (PICTURES, CLASSES, {"labels": ["a"]}, "labels has 1 names, but y holds class 1"),
        (3.0, None, {}, "x holds no samples, got float"),
        (PICTURES, None, {"backend": "ggplot"}, "unknown backend"),
    ],
    ids=["generator", "lengths", "empty", "labels", "scalar", "backend"],
)
def test_what_cannot_be_shown_is_said(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        viz.show_batch(x, y, **options)


def test_plotly_draws_the_same_and_names_stay_text():
    figure = viz.show_batch(PICTURES, CLASSES, labels=[EVIL, "b", "c"], count=2, backend="plotly")
    assert len(figure.data) == 2 and "<img" not in figure.to_json().replace("\\u003c", "<")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 1], "uint8", [0, 1]),
        ([0, 20], "int32", [0, 1]),
        ([0, 16], "float32", [0, 1]),
        ([0, 0.5], "float32", [0, 0.5]),
        ([0, 204], "uint8", [0, 0.8]),
        ([0, 204], "float32", [0, 0.8]),
        ([-1, 1], "float32", [0, 1]),
        ([0, 4000], "uint16", [0, 1]),
        ([False, True], "bool", [0, 1]),
    ],
    ids=["mask", "classes", "digits", "shares", "pixels", "float pixels", "signed", "16 bits", "bool"],
)
def test_images_of_any_range_are_seen(values, dtype, expected):
    images = np.zeros((2, 4, 4), dtype)
    images[0], images[1] = values[0], values[1]
    drawn = [np.asarray(axes.images[0].get_array())[0, 0] for axes in viz.show_batch(images).axes]
    np.testing.assert_allclose(drawn, expected)
