"""What is drawn on images, compared with Keras where it needs no OpenCV."""

import keras
import matplotlib
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.visualization import galleries

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 6, 8, 3)).astype("uint8")
MASKS = RNG.integers(0, 3, (2, 6, 8))
GRAY = np.full((1, 40, 60, 3), 200, "uint8")
BOXES = {"boxes": np.array([[[10, 12, 40, 30], [1, 1, 5, 5.0]]]), "labels": np.array([[1, -1]])}


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alpha": 0.3},
        {"ignore_index": 1},
        {"color_mapping": {0: (1, 2, 3), 1: (255, 0, 0), 2: (0, 255, 9)}},
        {"blend": False},
    ],
)
def test_masks_as_keras_draws_them(options):
    own = kk.visualization.draw_segmentation_masks(IMAGES, MASKS, 3, **options)
    theirs = np.asarray(keras.visualization.draw_segmentation_masks(IMAGES, MASKS[..., None], 3, **options))
    assert (own.dtype, own.shape) == (np.uint8, IMAGES.shape)
    assert np.abs(own.astype(int) - theirs.astype(int)).max() <= 1


def test_masks_of_all_shapes():
    draw = kk.visualization.draw_segmentation_masks
    expected = draw(IMAGES, MASKS)
    np.testing.assert_array_equal(draw(IMAGES, MASKS[..., None]), expected)
    first = draw(IMAGES.transpose(0, 3, 1, 2), MASKS[:, None], data_format="channels_first")
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), expected)
    np.testing.assert_array_equal(draw(IMAGES / 255.0, MASKS), expected)
    partial = draw(IMAGES, MASKS, color_mapping={1: (255, 0, 0)}, blend=False)
    assert (partial[MASKS == 1] == [255, 0, 0]).all() and (partial[MASKS != 1] == IMAGES[MASKS != 1]).all()


def test_masks_that_are_refused():
    draw = kk.visualization.draw_segmentation_masks
    with pytest.raises(ValueError, match="4D"):
        draw(IMAGES[0], MASKS)
    with pytest.raises(TypeError, match="integer dtype"):
        draw(IMAGES, MASKS.astype("float32"))
    with pytest.raises(ValueError, match="masks have the shape"):
        draw(IMAGES, MASKS[:1])
    with pytest.raises(ValueError, match="alpha"):
        draw(IMAGES, MASKS, alpha=2)


def test_lines_of_a_box():
    drawn = kk.visualization.draw_bounding_boxes(GRAY, BOXES, "xyxy", color=(255, 0, 0))
    changed = np.argwhere((drawn[0] != 200).any(-1))
    assert (changed.min(0).tolist(), changed.max(0).tolist()) == ([11, 9], [31, 41])  # as OpenCV does for Keras
    assert drawn[0, 12, 20].tolist() == [255, 0, 0] and drawn[0, 20, 20].tolist() == [200] * 3
    assert GRAY.min() == 200  # the images given stay as they were


def test_boxes_in_shares_of_the_image_and_channels_first():
    box = {"boxes": [[[0.1, 0.2, 0.5, 0.9]]], "labels": [[0]]}
    images = GRAY.transpose(0, 3, 1, 2) / 255
    drawn = kk.visualization.draw_bounding_boxes(images, box, "rel_xyxy", data_format="channels_first")
    changed = np.argwhere((drawn[0] != 200).any(0))
    assert (changed.min(0).tolist(), changed.max(0).tolist()) == ([7, 5], [37, 31])


def test_text_beside_a_box():
    plain = kk.visualization.draw_bounding_boxes(GRAY, BOXES, "xyxy")
    named = kk.visualization.draw_bounding_boxes(GRAY, BOXES, "xyxy", class_mapping={1: "cat"}, font_scale=0.6)
    sure = kk.visualization.draw_bounding_boxes(
        GRAY, BOXES | {"confidences": [[0.87, 0]]}, "xyxy", {1: "cat"}, font_scale=0.6, text_thickness=2
    )
    ink = [int((x != 200).sum()) for x in (plain, named, sure)]
    assert ink[0] < ink[1] < ink[2]


def test_boxes_that_are_refused():
    draw = kk.visualization.draw_bounding_boxes
    with pytest.raises(ValueError, match="4D"):
        draw(GRAY[0], BOXES, "xyxy")
    with pytest.raises(TypeError, match="should be a dict"):
        draw(GRAY, [1], "xyxy")
    with pytest.raises(ValueError, match="'boxes' and 'labels'"):
        draw(GRAY, {"boxes": 1}, "xyxy")
    with pytest.raises(ValueError, match="format"):
        draw(GRAY, BOXES, "xyz")


def test_a_gallery(tmp_path):
    figure = kk.visualization.plot_image_gallery(
        IMAGES, y_true=[0, 1], y_pred=[1, 1], label_map={0: "a", 1: "b"}, rows=1, scale=3, show=False
    )
    assert [axes.get_title() for axes in figure.axes] == ["Label: a  Pred: b", "Label: b  Pred: b"]
    assert figure.get_size_inches().tolist() == [6, 3]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), IMAGES[0])
    assert kk.visualization.plot_image_gallery(IMAGES / 255, value_range=(0, 1), path=tmp_path / "x.png") is None
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("count", "asked", "grid"),
    [
        (1, (None, None), (1, 1)),
        (3, (None, None), (2, 2)),
        (10, (None, None), (3, 4)),
        (5, (2, None), (2, 3)),
        (5, (None, 2), (3, 2)),
    ],
)
def test_the_grid_has_room_for_all(count, asked, grid):
    assert galleries._grid(count, *asked) == grid


def test_galleries_of_boxes_and_masks():
    figure = kk.visualization.plot_bounding_box_gallery(
        GRAY,
        "xyxy",
        y_true=BOXES,
        y_pred=BOXES,
        pred_color=(9, 9, 9),
        class_mapping={1: "cat"},
        legend=True,
        show=False,
    )
    image = figure.axes[0].images[0].get_array()
    assert image[12, 20].tolist() == [9, 9, 9]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground Truth", "Prediction"]
    figure = kk.visualization.plot_segmentation_mask_gallery(
        IMAGES, 3, y_true=MASKS[..., None], y_pred=MASKS, show=False
    )
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert len(shown) == 6
    np.testing.assert_array_equal(shown[3], IMAGES[1])
    np.testing.assert_array_equal(shown[4], kk.visualization.draw_segmentation_masks(IMAGES, MASKS, 3)[1])


def test_galleries_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="either `path`"):
        kk.visualization.plot_image_gallery(IMAGES, path=tmp_path / "x.png", show=True)
    with pytest.raises(ValueError, match="label_map"):
        kk.visualization.plot_image_gallery(IMAGES, y_true=[1, 2])
    with pytest.raises(ValueError, match="4D"):
        kk.visualization.plot_image_gallery(IMAGES[0])
    with pytest.raises(ValueError, match="legend"):
        kk.visualization.plot_bounding_box_gallery(GRAY, "xyxy", legend=True, legend_handles=[1])
