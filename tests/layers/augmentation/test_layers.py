"""All layers: configs, shapes, dtypes, draws, errors, and use in models, in programs and in threads."""

import importlib.machinery
import json
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import jax
import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.augmentation.cases import CASES, SEEDLESS, arguments

pytestmark = pytest.mark.one_in(6)

RANDOM = [n for n in CASES if n not in SEEDLESS]
# Keras forgets these.
FORGOTTEN = {"RandomGrayscale": {"seed"}, "MaxNumBoundingBoxes": {"fill_value"}}


@pytest.mark.parametrize("name", CASES)
def test_configs_are_exchanged_with_keras(name):
    ours, theirs = getattr(kk.layers, name)(*CASES[name]), getattr(keras.layers, name)(*CASES[name])
    config = json.loads(json.dumps(ours.get_config()))
    assert set(config) - set(theirs.get_config()) == FORGOTTEN.get(name, set())
    back, there = type(ours).from_config(theirs.get_config()), type(theirs).from_config(config)
    ignored = {"name", "seed", "dtype"} | FORGOTTEN.get(name, set())
    if name == "RandomShear":
        ignored |= {"x_factor", "y_factor"}  # Keras cannot read what it saves for one number
    for mine, other in ((back, theirs), (ours, there)):
        mine, other = (json.loads(json.dumps(layer.get_config())) for layer in (mine, other))
        assert {k: v for k, v in mine.items() if k not in ignored} == {
            k: v for k, v in other.items() if k not in ignored
        }


def test_a_pipeline_is_exchanged_with_keras(data):
    made = [kk.layers.Resizing(6, 6), kk.layers.RandomFlip(seed=1), kk.layers.Rescaling(1 / 255)]
    ours = kk.layers.Pipeline(made, name="pipeline")
    theirs = keras.layers.Pipeline.from_config(ours.get_config())
    again = kk.layers.Pipeline.from_config(theirs.get_config())
    np.testing.assert_allclose(again(data["images"]), theirs(data["images"]), rtol=1e-5)
    assert [layer.name for layer in again.layers] == [layer.name for layer in made]
    with pytest.raises(ValueError, match="needs a list under 'layers'"):
        kk.layers.Pipeline.from_config({"name": "pipeline"})


@pytest.mark.parametrize("name", CASES)
def test_shapes_and_dtypes_are_known_before(name):
    layer = getattr(kk.layers, name)(*CASES[name])
    layer.build((2, 8, 10, 3))
    state = [v.value for v in layer.variables]
    for dtype in ("float32", "uint8"):
        images = jax.ShapeDtypeStruct((2, 8, 10, 3), dtype)
        outputs, _ = jax.eval_shape(lambda x: layer.stateless_call([], state, x), images)
        symbol = layer(kk.Input((8, 10, 3), dtype=dtype))
        assert symbol.shape == (None, *outputs.shape[1:])
        assert symbol.dtype == outputs.dtype.name
        assert layer(kk.Input((None, None, 3), dtype=dtype)).shape[::3] == (None, 3)
    assert layer.compute_output_shape((2, 8, 10, 3)) == outputs.shape
    assert layer.compute_output_shape((8, 10, 3)) == outputs.shape[1:]


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name, data):
    make = lambda: getattr(kk.layers, name)(*CASES[name], **arguments(name))  # noqa: E731
    first, second = make(), make()
    results = [first(data["images"]) for _ in range(8)]
    np.testing.assert_array_equal(results[0], second(data["images"]))
    assert any(not np.array_equal(results[0], other) for other in results[1:])
    again = type(first).from_config(first.get_config())
    np.testing.assert_array_equal(results[0], again(data["images"]))


@pytest.mark.parametrize("name", ["RandomRotation", "RandAugment", "AugMix", "RandomElasticTransform", "CutMix"])
def test_a_program_does_what_single_calls_do(name, data):
    eager, jitted = (getattr(kk.layers, name)(*CASES[name], **arguments(name)) for _ in range(2))
    keys = ("images", "segmentation_masks")
    data = {k: data[k] for k in keys}
    jitted.build(data["images"].shape)
    step = jax.jit(lambda state, x: jitted.stateless_call([], state, x, training=True))
    state = [v.value for v in jitted.variables]
    for _ in range(2):
        out, state = step(state, data)
        expected = eager(data)
        for key in keys:
            np.testing.assert_allclose(out[key], expected[key], rtol=1e-4, atol=0.05)


def test_draws_are_uniform():
    images = np.zeros((1000, 2, 4, 1), "float32")
    draw = lambda layer: layer.get_random_transformation(images)  # noqa: E731
    angle = draw(kk.layers.RandomRotation((-0.1, 0.3), seed=0))["angle"]
    assert angle.min() >= -36 and angle.max() <= 108
    np.testing.assert_allclose([angle.mean(), angle.std()], [36, 144 / 12**0.5], rtol=0.08)
    zoom = draw(kk.layers.RandomZoom(0.2, seed=0))
    np.testing.assert_array_equal(zoom["height_zoom"], zoom["width_zoom"])
    np.testing.assert_allclose([zoom["width_zoom"].mean(), zoom["width_zoom"].std()], [1, 0.4 / 12**0.5], rtol=0.08)
    flips = draw(kk.layers.RandomFlip(seed=0))["flips"]
    np.testing.assert_allclose(flips.mean(), 0.5, atol=0.06)
    applied = draw(kk.layers.RandomInvert((0.2, 0.4), seed=0))["apply_inversion"]
    np.testing.assert_allclose(applied.mean(), 0.3, atol=0.06)
    erased = draw(kk.layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), seed=0))["batch_masks"]
    assert set(erased.sum(axis=(1, 2, 3)).tolist()) == {2}  # half of the height, half of the width
    layer = kk.layers.RandAugment(seed=0)
    index = np.array([draw(layer)["layer_idxes"] for _ in range(20)])
    assert len(set(index.ravel().tolist())) > 7


def test_images_without_a_batch_may_be_numpy_and_keep_more_in_their_dict(data):
    single = {"images": data["images"][0], "labels": np.float32(3.0), "file": "a.png"}
    out = kk.layers.RandomContrast(0.3)(single)
    assert out["images"].shape == (8, 10, 3)
    assert (float(out["labels"]), out["file"]) == (3.0, "a.png")
    assert data["images"].base is None and single["images"].flags.writeable


def test_integers(data):
    images = data["images"].astype("uint8")
    for name in ("Resizing", "RandomBrightness", "RandomGrayscale", "ContrastLimitedAdaptiveHistogramEqualization"):
        assert getattr(kk.layers, name)(*CASES[name])(images).dtype == "uint8"
    brighter = kk.layers.RandomBrightness((0.5, 0.5))(images)
    assert int(brighter.min()) >= 127 and int(brighter.max()) == 255  # clipped, not wrapped around
    assert kk.layers.RandomHue(0.2, dtype="bfloat16")(images).dtype == "bfloat16"


def test_colors_stay_in_their_range(data):
    for name, factor in (("RandomSaturation", (0.95, 0.95)), ("RandomHue", (0.3, 1.0)), ("RandomContrast", 1.0)):
        out = getattr(kk.layers, name)(factor)(data["images"])
        assert float(out.min()) >= -1e-3 and float(out.max()) <= 255.001


def test_mixing(data):
    labels = {"images": data["images"], "labels": data["labels"]}
    for name in ("MixUp", "CutMix"):
        layer = getattr(kk.layers, name)(seed=0)
        drawn = layer.get_random_transformation(labels)
        mixed = layer.transform_labels(data["labels"], drawn)
        weight, order = np.ravel(drawn["mix_weight"])[:, None], np.asarray(drawn["permutation_order"])
        expected = weight * data["labels"] + (1 - weight) * data["labels"][order]
        np.testing.assert_allclose(mixed, expected, rtol=1e-5)
        with pytest.raises(ValueError, match="one-hot"):
            layer(labels | {"labels": np.array([1, 2])})
    both = kk.layers.MixUp(seed=0, bounding_box_format="xyxy")(data)["bounding_boxes"]
    assert both["boxes"].shape == (2, 4, 4) and both["labels"].shape == (2, 4)


@pytest.mark.parametrize(
    "name, args, message",
    [
        ("RandomRotation", (1.5,), r"`factor` must be a number, or a list of two numbers, in \[-1.0, 1.0\], got 1.5"),
        ("RandomRotation", ((0.1, 0.2, 0.3),), "got"),
        ("RandomRotation", ("much",), "got 'much'"),
        ("RandomZoom", (-1.0,), r"in \(-1.0, 1.0\]"),
        ("RandomShear", (-0.2,), "x_factor"),
        ("RandomContrast", (-0.5,), "factor"),
        ("RandomPosterization", (9,), r"\[1, 8\]"),
        ("RandomGrayscale", (1.5,), "probability"),
        ("RandomGaussianBlur", (1.0, 4), "odd"),
        ("RandomBrightness", (0.2, (1, 2, 3)), "value_range"),
        ("RandomFlip", ("diagonal",), "mode"),
        ("Resizing", (0, 3), "height"),
        ("CenterCrop", (3, 2.5), "width"),
        ("ContrastLimitedAdaptiveHistogramEqualization", ((0, 255), 4.0, 3), "tile_grid_size"),
        ("MaxNumBoundingBoxes", (0,), "max_number"),
    ],
)
def test_errors_of_arguments(name, args, message):
    with pytest.raises(ValueError, match=message):
        getattr(kk.layers, name)(*args)


def test_rescaling_of_channels_that_come_first(monkeypatch):
    monkeypatch.setattr(kk.config, "image_data_format", lambda: "channels_first")
    out = kk.layers.Rescaling([1.0, 2.0, 3.0], offset=0.5)(np.ones((2, 3, 4, 5), "float32"))
    assert out[0, :, 0, 0].tolist() == [1.5, 2.5, 3.5]


def test_errors_of_inputs():
    with pytest.raises(NotImplementedError, match="fill_mode"):
        kk.layers.RandomRotation(0.1, fill_mode="mirror")
    with pytest.raises(ValueError, match=r"takes images of shape .* got \(4, 4\)"):
        kk.layers.RandomFlip()(np.ones((4, 4), "float32"))
    with pytest.raises(ValueError, match="key 'images'"):
        kk.layers.RandomFlip()({"pictures": np.ones((1, 4, 4, 3), "float32")})
    with pytest.raises(ValueError, match="three channels"):
        kk.layers.RandomGrayscale()(np.ones((1, 4, 4, 2), "float32"))


def test_in_a_graph_of_tensorflow_a_layer_is_a_call_back_to_python(monkeypatch):
    class Shape(tuple):
        rank = property(len)

    class Unknown(tuple):
        rank = None

    class SymbolicTensor:
        def __init__(self, shape, dtype="float32"):
            self.shape, self.dtype = shape, np.dtype(dtype)

        def set_shape(self, shape):
            self.shape = shape

    SymbolicTensor.__module__ = "tensorflow.python.framework.ops"
    calls = []

    def numpy_function(function, tensors, Tout):
        calls.append(function)
        return [SymbolicTensor(None, dtype) for dtype in Tout]

    monkeypatch.setitem(
        sys.modules,
        "tensorflow",
        types.SimpleNamespace(
            __spec__=importlib.machinery.ModuleSpec("tensorflow", None), numpy_function=numpy_function
        ),
    )
    symbolic = SymbolicTensor(Shape((None, 4, 6, 3)), "uint8")
    images = np.arange(2 * 4 * 6 * 3, dtype="uint8").reshape(2, 4, 6, 3)
    for layer in (kk.layers.Rescaling(2.0), kk.layers.Resizing(2, 2), kk.Sequential([kk.layers.Rescaling(2.0)])):
        outputs = layer(symbolic)
        (found,) = calls.pop()(images)
        np.testing.assert_allclose(found, layer(images))
        assert tuple(outputs.shape) == (None, *found.shape[1:]) and outputs.dtype == found.dtype
        with pytest.raises(ValueError, match=r"unknown rank.*set_shape"):
            layer(SymbolicTensor(Unknown()))


def test_in_a_model(data, tmp_path):
    model = kk.Sequential(
        [
            kk.Input((None, None, 3), dtype="uint8"),
            kk.layers.Resizing(8, 8),
            kk.layers.RandAugment(seed=1),
            kk.layers.RandomErasing(seed=2),
            kk.layers.RandomCrop(6, 6, seed=3),
            kk.layers.Rescaling(1 / 255),
            kk.layers.Flatten(),
            kk.layers.Dense(2),
        ]
    )
    images = data["images"].astype("uint8")
    model.compile("sgd", "mse")
    history = model.fit(images, np.ones((2, 2)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.save(tmp_path / "m.keras")
    expected = model.predict(images, verbose=0)
    loaded = kk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    theirs = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(theirs.get_weights()[0], model.get_weights()[0])


def test_threads_may_share_a_layer(data):
    layer = kk.layers.RandomFlip(seed=0)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: layer(data["images"]), range(16)))
    assert all(r.shape == data["images"].shape for r in results)
