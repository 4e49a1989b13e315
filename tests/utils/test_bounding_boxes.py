"""Overlap and encoding of bounding boxes, compared with Keras."""

import keras
import numpy as np
import pytest

from kernelkit.utils import bounding_boxes as own

theirs = keras.utils.bounding_boxes
ANCHORS = np.array([[10, 20, 30, 60], [50, 60, 70, 80], [0, 0, 5, 5]], "float32")
BOXES = ANCHORS + np.array([5, 5, 0, -7], "float32") * np.array([[1], [1], [0]], "float32")
PADDED = np.concatenate([BOXES, -np.ones((1, 4), "float32")])


def close(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-5)


def test_all_names_are_there():
    assert set(own.__all__) == {n for n in dir(theirs) if not n.startswith("_")}


@pytest.mark.parametrize(
    "pair", [(ANCHORS, BOXES), (ANCHORS[None], BOXES), (ANCHORS, BOXES[None]), (ANCHORS[None], BOXES[None])]
)
def test_iou(pair):
    close(own.compute_iou(*pair, "xyxy"), theirs.compute_iou(*pair, "xyxy"))


@pytest.mark.parametrize("mask_val", [-1, -7])
def test_iou_of_padding(mask_val):
    for pair in ((ANCHORS, PADDED), (PADDED, BOXES)):
        both = [m.compute_iou(*pair, "xyxy", use_masking=True, mask_val=mask_val) for m in (own, theirs)]
        close(*both)


@pytest.mark.parametrize("kind", ["xywh", "center_yxhw"])
def test_iou_in_other_formats(kind):
    close(own.compute_iou(ANCHORS, BOXES, kind), theirs.compute_iou(ANCHORS, BOXES, kind))
    close(own.compute_ciou(ANCHORS, BOXES, kind), theirs.compute_ciou(ANCHORS, BOXES, kind))


def test_iou_in_shares_of_the_image():
    options = {"bounding_box_format": "rel_xyxy", "image_shape": (100, 50, 3)}
    close(
        own.compute_iou(ANCHORS / 100, BOXES / 100, **options),
        theirs.compute_iou(ANCHORS / 100, BOXES / 100, **options),
    )
    with pytest.raises(ValueError, match="`image_shape` argument must be provided"):
        own.compute_iou(ANCHORS, BOXES, "rel_xyxy")
    with pytest.raises(ValueError, match="expects boxes1 to be batched"):
        own.compute_iou(ANCHORS[0], BOXES, "xyxy")


def test_an_empty_box_overlaps_nothing():
    assert own.compute_iou(np.zeros((1, 4)), np.zeros((1, 4)), "xyxy").tolist() == [[0.0]]


@pytest.mark.parametrize("order", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
def test_there_and_back(order, variance):
    deltas = own.encode_box_to_deltas(ANCHORS, BOXES[None], "xyxy", "xyxy", order, variance)
    close(deltas, theirs.encode_box_to_deltas(ANCHORS, BOXES[None], "xyxy", "xyxy", order, variance))
    options = {"encoded_format": order, "variance": variance}
    back = own.decode_deltas_to_boxes(ANCHORS, deltas, "xyxy", "xywh", **options)
    close(back, theirs.decode_deltas_to_boxes(ANCHORS, deltas, "xyxy", "xywh", **options))
    close(own.convert_format(back, "xywh", "xyxy"), BOXES[None])


def test_by_level_and_in_shares():
    found = own.decode_deltas_to_boxes(
        {"a": ANCHORS, "b": BOXES}, {"a": ANCHORS / 100, "b": BOXES / 100}, "xyxy", "xyxy"
    )
    close(found["b"], theirs.decode_deltas_to_boxes(BOXES, BOXES / 100, "xyxy", "xyxy"))
    options = {"anchor_format": "rel_xyxy", "box_format": "xyxy", "image_shape": (100, 50, 3)}
    both = [m.decode_deltas_to_boxes(ANCHORS / 100, BOXES / 100, **options) for m in (own, theirs)]
    close(*both)


def test_what_is_refused():
    with pytest.raises(ValueError, match="length 4"):
        own.encode_box_to_deltas(ANCHORS, BOXES, "xyxy", "xyxy", variance=[1.0])
    with pytest.raises(ValueError, match="encoding_format"):
        own.encode_box_to_deltas(ANCHORS, BOXES, "xyxy", "xyxy", "xyxy")
