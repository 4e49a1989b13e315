import numpy as np
import pytest


@pytest.fixture
def data():
    """Images and all that belongs to them; the second image has one box, and one that only fills up."""
    rng = np.random.default_rng(0)
    boxes = [[[1, 2, 5, 6], [0.5, 0, 3, 3]], [[2, 2, 9, 7], [-1, -1, -1, -1]]]
    return {
        "images": rng.uniform(0, 255, (2, 8, 10, 3)).astype("float32"),
        "labels": np.eye(4, dtype="float32")[:2],
        "bounding_boxes": {"boxes": np.array(boxes, "float32"), "labels": np.array([[0, 1], [2, -1]], "int32")},
        "segmentation_masks": rng.integers(0, 3, (2, 8, 10, 1)).astype("uint8"),
    }
