"""Images between files, Pillow and arrays, compared with Keras."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

import kernelkit as kk

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "x.png"
    Image.fromarray(RNG.integers(0, 256, (9, 14, 3)).astype("uint8")).save(path)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba", "target_size": (5, 6)},
        {"target_size": (20, 5), "interpolation": "bicubic"},
        {"target_size": (3, 5), "keep_aspect_ratio": True},
        {"target_size": (8, 3), "keep_aspect_ratio": True, "interpolation": "lanczos"},
    ],
    ids=str,
)
def test_images_are_read_as_keras_reads_them(path, options):
    own, theirs = (m.utils.load_img(path, **options) for m in (kk, keras))
    assert (own.mode, own.size) == (theirs.mode, theirs.size)
    np.testing.assert_array_equal(np.asarray(own), np.asarray(theirs))
    for layout in ("channels_last", "channels_first"):
        a, b = (m.utils.img_to_array(own, layout) for m in (kk, keras))
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(3, 4, 1), (3, 4, 3), (3, 4, 4)])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"data_format": "channels_first"}])
def test_arrays_become_images_as_in_keras(shape, options):
    x = RNG.random(shape) * 255
    x = x.transpose(2, 0, 1) if "data_format" in options else x
    own, theirs = (m.utils.array_to_img(x, **options) for m in (kk, keras))
    assert own.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(own), np.asarray(theirs))


def test_large_gray_values_and_constant_images():
    large = np.full((2, 2, 1), 70000.0)
    assert kk.utils.array_to_img(large, scale=False).mode == keras.utils.array_to_img(large, scale=False).mode == "I"
    assert np.asarray(kk.utils.array_to_img(np.full((2, 2, 1), 5.0))).tolist() == [[0, 0], [0, 0]]


def test_there_and_back(tmp_path):
    x = RNG.integers(0, 256, (4, 5, 3)).astype("float32")
    kk.utils.save_img(tmp_path / "x.png", x, scale=False)
    np.testing.assert_array_equal(kk.utils.img_to_array(kk.utils.load_img(tmp_path / "x.png")), x)
    with pytest.warns(UserWarning, match="RGBA"):
        kk.utils.save_img(tmp_path / "x.jpg", np.zeros((4, 5, 4)))
    file = io.BytesIO()
    kk.utils.save_img(file, x, file_format="jpg")
    file.seek(0)
    assert kk.utils.load_img(file).size == (5, 4)


def test_what_is_refused(path):
    with pytest.raises(ValueError, match="rank 3"):
        kk.utils.array_to_img(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="channel number"):
        kk.utils.array_to_img(np.zeros((3, 4, 2)))
    with pytest.raises(ValueError, match="color_mode"):
        kk.utils.load_img(path, color_mode="x")
    with pytest.raises(ValueError, match="interpolation"):
        kk.utils.load_img(path, target_size=(2, 2), interpolation="x")
    with pytest.raises(TypeError, match="path"):
        kk.utils.load_img(3)
    with pytest.raises(ValueError, match="image shape"):
        kk.utils.img_to_array(np.zeros((2, 2, 2, 2)))


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        kk.utils.array_to_img(np.zeros((2, 2, 1)))
