"""Layers of the same seed do the same as Keras's, to all that belongs to an image."""

import copy

import jax
import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.augmentation.cases import CASES, arguments

pytestmark = pytest.mark.one_in(6)

ALL = ("images", "labels", "bounding_boxes", "segmentation_masks")
# What Keras does otherwise than it says, or not at all.
COMPARED = {
    "RandomCrop": ("images", "labels", "segmentation_masks"),  # boxes: exchanges rows and columns
    "RandomShear": (
        "images",
        "labels",
        "segmentation_masks",
    ),  # boxes: takes shares of the width for those of the height
    "RandomGrayscale": None,  # takes no dict
    "RandAugment": ("images", "bounding_boxes"),  # Keras's takes long
    "CutMix": ("images", "labels"),  # masks get the image's channels
    "MixUp": ("images", "labels"),  # labels of boxes are stacked along the batch
    "ContrastLimitedAdaptiveHistogramEqualization": None,  # takes no dict with labels
}
# Keras's are large programs (a step for each value of a pixel), or take no traced arrays.
NOT_COMPILED = ("Equalization", "RandAugment", "Rescaling", "RandomCrop", "MaxNumBoundingBoxes")
RANDOM_TO_KERAS = ("AugMix", "RandomElasticTransform")  # other streams of random numbers


def both(name, args, data, calls=2, training=True, **kwargs):
    ours, theirs = getattr(kk.layers, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)
    if name in NOT_COMPILED:
        for _ in range(calls):
            # Keras writes into the dict that it is given.
            yield ours(data, training=training), theirs(copy.deepcopy(data), training=training)
        return
    shapes = jax.tree.map(np.shape, data)
    for layer in (ours, theirs):
        layer.build(shapes)

    @jax.jit  # one compilation takes less time than one for each operation
    def call(mine, other, data):
        out, mine = ours.stateless_call([], mine, copy.copy(data), training=training)
        there, other = theirs.stateless_call([], other, copy.copy(data), training=training)
        return out, there, mine, other

    mine, other = ([v.value for v in layer.variables] for layer in (ours, theirs))
    for _ in range(calls):
        out, there, mine, other = call(mine, other, data)
        yield out, there


def same(ours, theirs, tolerance=1e-5):
    ours, theirs = jax.tree_util.tree_leaves_with_path(ours), jax.tree_util.tree_leaves(theirs)
    for (path, mine), other in zip(ours, theirs, strict=True):
        name = jax.tree_util.keystr(path)
        assert mine.shape == other.shape, name
        assert mine.dtype == other.dtype, name
        mine, other = np.asarray(mine, "float64"), np.asarray(other, "float64")
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=255 * tolerance, err_msg=name)


@pytest.mark.parametrize("name", [n for n in CASES if n not in RANDOM_TO_KERAS])
def test_same_seed_same_result(name, data):
    keys = COMPARED.get(name, ALL)
    inputs = data["images"] if keys is None or name == "Rescaling" else {k: data[k] for k in keys}
    kwargs = arguments(name) if name == "Rescaling" else {"bounding_box_format": "xyxy", **arguments(name)}
    for ours, theirs in both(name, CASES[name], inputs, 1 if name == "RandAugment" else 2, **kwargs):
        if name == "RandomFlip":  # boxes that only fill up are not cut off there
            for boxes in (ours["bounding_boxes"], theirs["bounding_boxes"]):
                boxes["boxes"] = np.where(np.asarray(boxes["labels"])[..., None] < 0, 0, np.asarray(boxes["boxes"]))
        same(ours, theirs)


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomBrightness", "Resizing"])
def test_single_image_and_channels_first(name, data):
    single = jax.tree.map(lambda x: x[0], data)
    for ours, theirs in both(name, CASES[name], single, 1, bounding_box_format="xyxy", **arguments(name)):
        same(ours, theirs)
    images = {
        "images": np.moveaxis(data["images"], -1, 1),
        "segmentation_masks": np.moveaxis(data["segmentation_masks"], -1, 1),
    }
    for ours, theirs in both(name, CASES[name], images, 1, data_format="channels_first", **arguments(name)):
        same(ours, theirs)


@pytest.mark.parametrize("name", ["RandomFlip", "RandomZoom", "Resizing"])
@pytest.mark.parametrize("fmt", ["center_yxhw", "rel_xywh"])
def test_formats_of_boxes(name, fmt, data):
    data = {k: data[k] for k in ("images", "bounding_boxes")}
    data["bounding_boxes"] = keras.utils.bounding_boxes.convert_format(
        data["bounding_boxes"], "xyxy", fmt, height=8, width=10
    )
    data["bounding_boxes"] = {k: np.asarray(v)[:, :1] for k, v in data["bounding_boxes"].items()}
    for ours, theirs in both(name, CASES[name], data, 1, bounding_box_format=fmt, **arguments(name)):
        same(ours, theirs)


@pytest.mark.parametrize(
    "mode, interpolation",
    [(m, "bilinear") for m in ("reflect", "wrap", "constant", "nearest")] + [("reflect", "nearest")],
)
def test_fill_modes(mode, interpolation, data):
    data = {k: data[k] for k in ("images", "segmentation_masks")}
    options = {"fill_mode": mode, "interpolation": interpolation, "fill_value": 7.0, "seed": 1}
    for ours, theirs in both("RandomTranslation", (0.5, 0.5), data, 1, **options):
        same(ours, theirs)


@pytest.mark.parametrize(
    "options",
    [
        *({"interpolation": i, "antialias": True} for i in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")),
        {"interpolation": "bicubic"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True, "fill_value": 3.0},
    ],
)
def test_resizing(options, data):
    for images in (data["images"], data["images"].astype("uint8")):
        for ours, theirs in both("Resizing", (16, 12), images, 1, **options):
            same(ours, theirs)


@pytest.mark.parametrize("size", [(4, 4), (5, 9), (16, 12), (8, 10)])
def test_center_crop(size, data):
    for ours, theirs in both("CenterCrop", size, data["images"], 1):
        same(ours, theirs)


@pytest.mark.parametrize(
    "name, args",
    [
        ("RandomContrast", ((0.2, 0.4),)),
        ("RandomHue", ((0.2, 0.4),)),
        ("RandomColorDegeneration", ((0.2, 0.4),)),
        ("RandomPosterization", ((3, 6),)),
        ("Equalization", ()),
        ("AutoContrast", ()),
        ("RandomErasing", ((0.9, 0.9),)),
    ],
)
def test_value_range(name, args, data):
    images = data["images"] / 127.5 - 1
    for ours, theirs in both(name, args, images, 1, value_range=(-1, 1), **arguments(name)):
        same(ours, theirs)


@pytest.mark.parametrize("grid, limit", [((3, 3), 40.0), ((8, 8), 0.0)])
def test_adaptive_equalization(grid, limit, data):
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    for ours, theirs in both(name, (), data["images"][:, :7], 1, tile_grid_size=grid, clip_limit=limit):
        same(ours, theirs)


def test_rescaling_per_channel(data):
    for ours, theirs in both("Rescaling", ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0]), data["images"], 1, training=None):
        same(ours, theirs)


@pytest.mark.parametrize(
    "name", ["RandomFlip", "RandomContrast", "RandomHue", "RandAugment", "AugMix", "MixUp", "CutMix"]
)
def test_without_training_nothing_is_changed(name, data):
    keys = ("images", "labels", "segmentation_masks")
    out = getattr(kk.layers, name)(*CASES[name])({k: data[k] for k in keys}, training=False)
    for key in keys:
        np.testing.assert_array_equal(out[key], data[key])
