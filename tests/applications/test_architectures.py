"""The architectures are Keras's: layers, settings, weights in their order, and numbers."""

import os

import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.applications.twins import ALL, ONE_EACH, build, described, no_draws, random_weights  # noqa: F401

EVERY = os.environ.get("KERNELKIT_TEST_ALL_APPLICATIONS") == "1"
NAMES = ALL if EVERY else list(ONE_EACH)


def test_every_family_has_its_variant_here():
    assert len(ALL) == 40 and set(ONE_EACH) <= set(ALL)
    assert [n for n in ALL if not callable(getattr(kk.applications, n, None))] == []


@pytest.mark.one_in(5)
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_draws")
def test_layers_and_weights_are_those_of_keras(name):
    theirs, own = build(keras, name), build(kk, name)
    assert own.name == theirs.name and own.count_params() == theirs.count_params()
    assert (own.input_shape, own.output_shape) == (theirs.input_shape, theirs.output_shape)
    for a, b in zip(described(own), described(theirs), strict=True):
        assert a == b
    assert [tuple(w.shape) for w in own.weights] == [tuple(w.shape) for w in theirs.weights]


@pytest.mark.one_in(3)
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES if EVERY else ["MobileNetV2", "ConvNeXtTiny"])
@pytest.mark.usefixtures("no_draws")
def test_outputs_are_those_of_keras(name):
    family = next((n for n in ONE_EACH if name.startswith(n.rstrip("0123456789")[:9])), name)
    size = ONE_EACH.get(name, ONE_EACH.get(family, 75))
    options = {"include_top": False, "pooling": "avg", "input_shape": (size, size, 3)}
    theirs, own = build(keras, name, **options), build(kk, name, **options)
    weights = random_weights(theirs)
    theirs.set_weights(weights)
    own.set_weights(weights)
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    expected = theirs.predict(images, verbose=0)
    assert np.isfinite(expected).all() and expected.std() > 0
    np.testing.assert_allclose(own.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.one_in(4)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV3Small", "EfficientNetV2B0", "ConvNeXtTiny"])
@pytest.mark.parametrize(
    "options",
    [
        {"include_top": False},
        {"include_top": False, "pooling": "max", "input_shape": (64, 48, 3)},
        {"classes": 7, "classifier_activation": None},
    ],
    ids=str,
)
@pytest.mark.usefixtures("no_draws")
def test_options_change_the_same_layers(name, options):
    theirs, own = build(keras, name, **options), build(kk, name, **options)
    assert described(own) == described(theirs) and own.name == theirs.name
    assert (own.input_shape, own.output_shape) == (theirs.input_shape, theirs.output_shape)


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("no_draws")
def test_widths_of_mobile_networks():
    for options in ({"alpha": 0.35}, {"alpha": 1.4}):
        options |= {"include_top": False, "input_shape": (96, 96, 3)}
        assert described(build(kk, "MobileNetV2", **options)) == described(build(keras, "MobileNetV2", **options))
    options = {"alpha": 0.75, "minimalistic": True, "include_preprocessing": False, "dropout_rate": 0.0}
    own, theirs = build(kk, "MobileNetV3Large", **options), build(keras, "MobileNetV3Large", **options)
    assert described(own) == described(theirs)


@pytest.mark.usefixtures("no_draws")
def test_mobilenet_v3_takes_images_of_any_size_with_its_classifier_too():
    model = build(kk, "MobileNetV3Small", alpha=0.35, classes=3)
    for size in (32, 40):
        assert model(np.ones((1, size, size + 8, 3), "float32")).shape == (1, 3)
    x = kk.Input((None, None, 3))
    assert build(kk, "MobileNetV3Large", input_tensor=x).input_shape == (None, None, None, 3)


@pytest.mark.usefixtures("no_draws")
def test_a_network_begins_at_a_given_tensor():
    x = kk.Input((32, 32, 3), name="mine")
    model = kk.applications.MobileNet(weights=None, include_top=False, input_tensor=kk.layers.Rescaling(2.0)(x))
    assert model.inputs[0] is x and model.output_shape == (None, 1, 1, 1024)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("VGG16", {"weights": "nowhere.h5"}),
        ("VGG16", {"weights": "imagenet", "classes": 10}),
        ("ResNet50", {"input_shape": (16, 16, 3), "include_top": False}),
        ("ResNet50", {"input_shape": (None, None, 3)}),
        ("VGG16", {"input_shape": (32, 32)}),
        ("VGG16", {"weights": "imagenet", "input_shape": (64, 64, 3)}),
        ("VGG16", {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)}),
        ("MobileNet", {"weights": "imagenet", "alpha": 0.3}),
        ("MobileNet", {"weights": "imagenet", "depth_multiplier": 2}),
        ("MobileNetV2", {"weights": "imagenet", "alpha": 0.3}),
        ("VGG16", {"weights": "imagenet", "classifier_activation": "relu"}),
    ],
)
def test_what_cannot_be_is_refused_as_by_keras(name, options):
    for package in (keras, kk):
        with pytest.raises(ValueError):
            build(package, name, **options)


@pytest.mark.one_in(3)
def test_transfer_learning_trains_the_new_head_alone_and_then_all():
    base = kk.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None, pooling="avg")
    base.trainable = False
    inputs = kk.Input((32, 32, 3))
    model = kk.Model(inputs, kk.layers.Dense(2, activation="softmax")(base(inputs, training=False)))
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(8, 32, 32, 3)), np.arange(8) % 2
    before = [w.copy() for w in base.get_weights()]
    model.fit(x, y, epochs=1, verbose=0)
    assert len(model.trainable_weights) == 2
    assert all(np.array_equal(a, b) for a, b in zip(base.get_weights(), before))
    base.trainable = True
    model.compile(kk.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, verbose=0)
    changed = {w.name for w, old in zip(base.weights, before) if not np.array_equal(w.numpy(), old)}
    assert changed and not changed & {"moving_mean", "moving_variance"}


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("no_draws")
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "InceptionResNetV2"])
def test_layers_of_an_architecture_are_loaded_with_a_model(name, tmp_path):
    cls = {"ConvNeXtTiny": "LayerScale", "InceptionResNetV2": "CustomScaleLayer"}[name]
    layer = next(v for v in build(kk, name, include_top=False).layers if type(v).__name__ == cls)
    again = kk.saving.deserialize_keras_object(kk.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
