"""Bounding boxes: their functions against Keras's, and that boxes go where the pixels go."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.layers.augmentation import boxes

pytestmark = pytest.mark.one_in(4)

OTHERS = keras.utils.bounding_boxes
BOXES = np.array(
    [[[1.0, 2.0, 5.0, 6.0], [0.5, 0.0, 3.0, 3.0]], [[2.0, 2.0, 9.0, 7.0], [-1.0, -1.0, 12.0, 9.0]]], "float32"
)


@pytest.mark.parametrize("source", boxes.FORMATS)
@pytest.mark.parametrize("target", boxes.FORMATS)
def test_formats(source, target):
    sizes = {"height": 8, "width": 10}
    ours = boxes.convert_format(BOXES, source, target.upper(), **sizes)
    np.testing.assert_allclose(ours, OTHERS.convert_format(BOXES, source, target, **sizes), rtol=1e-5, atol=1e-5)


def test_errors_of_formats():
    with pytest.raises(ValueError, match="Unknown format of bounding boxes 'xxyy'. Use one of xyxy"):
        boxes.convert_format(BOXES, "xxyy", "xyxy")
    with pytest.raises(ValueError, match="must receive `height` and `width`"):
        boxes.convert_format(BOXES, "xyxy", "rel_xyxy", height=8)
    with pytest.raises(ValueError, match=r"\(\.\.\., 4\), got \(2, 3\)"):
        boxes.convert_format(np.ones((2, 3)), "xyxy", "xywh")
    for function in (boxes.crop, boxes.pad):
        with pytest.raises(NotImplementedError, match="use convert_format"):
            function(BOXES, 0, 0, 1, 1, bounding_box_format="xywh")


def test_clipping_cropping_padding():
    given = {"boxes": BOXES, "labels": np.array([[0, 1], [2, 3]])}
    for size in ((8, 10), (1, 2)):
        ours, theirs = boxes.clip_to_image_size(given, *size), OTHERS.clip_to_image_size(given, *size)
        np.testing.assert_allclose(ours["boxes"], theirs["boxes"])
        np.testing.assert_array_equal(ours["labels"], theirs["labels"])
    np.testing.assert_allclose(boxes.crop(BOXES, 1, 2, 4, 5), OTHERS.crop(BOXES, 1, 2, 4, 5))
    # Keras adds to columns what is meant for rows and to rows what is meant for columns unless both are equal.
    np.testing.assert_allclose(boxes.pad(BOXES, 2, 2), OTHERS.pad(BOXES, 2, 2))
    np.testing.assert_allclose(boxes.pad(BOXES, 1, 2)[..., 0], BOXES[..., 0] + 2)


def test_affine_transform():
    angle, x, y, scale, shear_x, shear_y, center = (
        np.array(v) for v in ([30.0, 80], *[[0.1, 0.2]] * 2, [1.1, 0.9], [5.0, 2], [6.0, 1], [0.2, 0.7])
    )
    arguments = BOXES, angle, x, y, scale, shear_x, shear_y, 8, 10
    np.testing.assert_allclose(
        boxes.affine_transform(*arguments), OTHERS.affine_transform(*arguments), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        boxes.affine_transform(*arguments, center, center),
        OTHERS.affine_transform(*arguments, center, center),
        rtol=1e-5,
        atol=1e-5,
    )


MOVES = [
    ("RandomFlip", (), {}),
    ("RandomRotation", ((0.25, 0.25),), {}),
    ("RandomTranslation", ((-0.2, 0.2), (-0.2, 0.2)), {}),
    ("RandomZoom", ((-0.3, 0.3), (-0.3, 0.3)), {}),
    ("RandomShear", ((0.1, 0.2), (0.0, 0.0)), {}),
    ("RandomPerspective", ((1.0, 1.0), 0.3), {}),
    ("RandomCrop", (20, 30), {}),
    ("CenterCrop", (20, 30), {}),
    ("CenterCrop", (20, 48), {}),
    ("Resizing", (31, 17), {}),
    ("Resizing", (48, 48), {"pad_to_aspect_ratio": True}),
    ("Resizing", (18, 18), {"crop_to_aspect_ratio": True}),
]


@pytest.mark.parametrize("name, args, kwargs", MOVES)
@pytest.mark.parametrize("fmt", ["xyxy", "rel_center_xywh"])
def test_boxes_go_where_the_pixels_go(name, args, kwargs, fmt):
    images = np.zeros((3, 24, 36, 1), "float32")
    images[:, 9:15, 14:22] = 255
    found = np.broadcast_to(np.array([14.0, 9.0, 22.0, 15.0], "float32"), (3, 1, 4))
    data = {
        "images": images,
        "bounding_boxes": {
            "boxes": boxes.convert_format(found, "xyxy", fmt, 24, 36),
            "labels": np.ones((3, 1), "int32"),
        },
        "segmentation_masks": (images > 0).astype("int32"),
    }
    if name not in ("CenterCrop", "Resizing"):
        kwargs = {"seed": 5} | kwargs
    out = getattr(kk.layers, name)(*args, bounding_box_format=fmt, **kwargs)(data)
    height, width = out["images"].shape[1:3]
    corners = np.asarray(boxes.convert_format(out["bounding_boxes"]["boxes"], fmt, "xyxy", height, width))
    for pixels in (np.asarray(out["images"])[..., 0] > 127, np.asarray(out["segmentation_masks"])[..., 0] > 0.5):
        for image, corner in zip(pixels, corners[:, 0], strict=True):
            rows, columns = np.nonzero(image.any(1))[0], np.nonzero(image.any(0))[0]
            seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(corner, seen, atol=1.6)


def test_boxes_that_leave_the_image_and_lists_of_boxes():
    layer = kk.layers.RandomTranslation((0.0, 0.0), (0.5, 0.5), bounding_box_format="xyxy")
    data = {
        "images": np.ones((2, 8, 8, 1), "float32"),
        "bounding_boxes": {
            "boxes": [np.array([[0.0, 0, 2, 2], [5, 5, 8, 8]]), np.array([[1.0, 1, 3, 3]])],
            "labels": [np.array([1, 2]), np.array([3])],
        },
    }
    out = layer(data)["bounding_boxes"]
    assert out["labels"].tolist() == [[1, -1], [3, -1]]
    assert out["boxes"][:, 0].tolist() == [[4, 0, 6, 2], [5, 1, 7, 3]]


def test_methods_may_be_called_by_themselves():
    layer = kk.layers.RandomFlip("horizontal", bounding_box_format="xyxy")
    drawn = {"flips": np.array([[True]]), "input_shape": (10, 8, 3)}
    single = {"boxes": np.array([[2.0, 1, 4, 3]]), "labels": np.array([1])}
    assert layer.transform_bounding_boxes(single, drawn)["boxes"].tolist() == [[4, 1, 6, 3]]
    assert layer.transform_images(np.arange(2.0).reshape(1, 2, 1), drawn).ravel().tolist() == [1, 0]


def test_boxes_need_a_format():
    data = {"images": np.ones((1, 8, 8, 1)), "bounding_boxes": {"boxes": BOXES[:1], "labels": np.ones((1, 2))}}
    with pytest.raises(ValueError, match="bounding_box_format='xyxy'"):
        kk.layers.RandomFlip()(data)
    with pytest.raises(ValueError, match="keys 'boxes'"):
        kk.layers.RandomFlip(bounding_box_format="xyxy")(data | {"bounding_boxes": BOXES[:1]})
    for name in ("CutMix", "RandomElasticTransform"):
        with pytest.raises(NotImplementedError, match="bounding boxes"):
            getattr(kk.layers, name)(bounding_box_format="xyxy")(data)


def test_max_number_of_boxes(data):
    for number in (1, 4):
        kwargs = {"bounding_box_format": "xyxy", "fill_value": -2}
        ours = kk.layers.MaxNumBoundingBoxes(number, **kwargs)(data)["bounding_boxes"]
        theirs = keras.layers.MaxNumBoundingBoxes(number, **kwargs)(dict(data))["bounding_boxes"]
        np.testing.assert_array_equal(ours["boxes"], theirs["boxes"])
        np.testing.assert_array_equal(ours["labels"], theirs["labels"])
