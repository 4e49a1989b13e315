"""`ImageDataGenerator` and its siblings give the pictures of Keras's, seed by seed."""

from __future__ import annotations

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras._tf_keras.keras.preprocessing import image as theirs

import kernelkit as kk
from kernelkit.feeds.py_dataset import NumberedPasses
from kernelkit.preprocessing import image as ours

IMAGES = np.random.default_rng(0).uniform(0, 255, (7, 8, 8, 3)).astype("float32")
LABELS = np.array([0, 1, 1, 0, 1, 0, 1])


def same(a, b, tolerance=1e-3):
    """Hold two batches, which may be nested, to the same shapes, dtypes and values."""
    if isinstance(a, (tuple, list)):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other, tolerance)
        return
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def pair(function, *args, **kwargs):
    """Return what a function of Keras and ours of the same name return after the same global seed."""
    results = []
    for module in (theirs, ours):
        np.random.seed(3)
        results.append(getattr(module, function)(*args, **kwargs))
    return results


TURNS = [
    {"rotation_range": 40},
    {"shear_range": 20.0, "zoom_range": 0.4, "fill_mode": "reflect", "interpolation_order": 0},
    {"zoom_range": [0.5, 0.9], "horizontal_flip": True, "vertical_flip": True},
    {"brightness_range": (0.3, 1.6), "channel_shift_range": 60.0},
    {"rescale": 1 / 255, "samplewise_center": True, "samplewise_std_normalization": True, "rotation_range": 9},
    {"preprocessing_function": lambda x: x * 2, "rescale": 0.5, "dtype": "float64"},
]


@pytest.mark.parametrize("settings", TURNS, ids=range(len(TURNS)))
def test_batches_are_keras_s_for_each_seed(settings):
    flows = [m.ImageDataGenerator(**settings).flow(IMAGES, LABELS, batch_size=3, seed=5) for m in (theirs, ours)]
    assert len(flows[0]) == len(flows[1]) == 3
    for _ in range(4):
        same(*(next(flow) for flow in flows))
    for flow in flows:
        flow.reset()
    same(*(next(flow) for flow in flows))
    same(*(flow[2] for flow in flows))


@pytest.mark.parametrize("settings", TURNS[:4], ids=range(4))
def test_one_image(settings):
    generators = [m.ImageDataGenerator(**settings) for m in (theirs, ours)]
    first, second = (g.get_random_transform((8, 8, 3), seed=11) for g in generators)
    assert set(first) == set(second)
    assert [float(first[k] or 0) for k in first] == pytest.approx([float(second[k] or 0) for k in first])
    same(*(g.apply_transform(IMAGES[0], first) for g in generators))
    same(*(g.random_transform(IMAGES[1], seed=2) for g in generators))


@pytest.mark.parametrize("settings", [{"a": 0.3, "b": [1, 2]}, {"a": 3, "b": 1.5}, {"a": 0, "b": 0.9}])
def test_the_height_moves_up_and_down(settings):
    """The numbers that are drawn are Keras's, which moves to the sides by the height's and up by the width's."""
    ranges = {"width_shift_range": settings["a"], "height_shift_range": settings["b"]}
    first, second = (m.ImageDataGenerator(**ranges).get_random_transform((8, 5, 3), seed=4) for m in (theirs, ours))
    assert (first["tx"], first["ty"]) == pytest.approx((second["ty"], second["tx"]))
    assert second["ty"]


def test_moves_go_where_they_should():
    generator = ours.ImageDataGenerator(height_shift_range=[2], fill_mode="constant", cval=9.0)
    image = np.arange(20.0).reshape(5, 4, 1)
    up, down = image.copy(), image.copy()
    up[:3], up[3:], down[2:], down[:2] = image[2:], 9, image[:3], 9
    moved = [generator.random_transform(image, seed=seed) for seed in range(6)]
    found = [next(i for i, right in enumerate((up, down)) if np.array_equal(v, right)) for v in moved]
    assert set(found) == {0, 1}
    np.random.seed(0)
    rows = ours.random_shift(image, 0.0, 0.4, 0, 1, 2)
    np.testing.assert_allclose(rows[2:3] - rows[2:3, :1], image[2:3] - image[2:3, :1], atol=1e-9)
    assert not np.allclose(rows, image)


def test_images_that_are_not_square_turn_about_their_middle():
    """Keras turns them about a point that lies elsewhere: half a turn of this line takes it out of the image."""
    line = np.zeros((1, 4, 9))
    line[0, :, 4] = 1
    np.testing.assert_allclose(ours.apply_affine_transform(line, theta=180), line, atol=1e-9)


def test_a_seed_leaves_numpy_s_global_random_numbers_alone():
    np.random.seed(1)
    expected = np.random.random(2)
    np.random.seed(1)
    next(ours.ImageDataGenerator(rotation_range=9).flow(IMAGES, seed=0))
    np.testing.assert_array_equal(np.random.random(2), expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"featurewise_center": True, "rescale": 1 / 255},
        {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1.0},
    ],
    ids=["std", "center", "zca"],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_what_fit_learns(settings, data_format):
    x = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    generators = [m.ImageDataGenerator(data_format=data_format, **settings) for m in (theirs, ours)]
    for generator in generators:
        generator.fit(x)
    same(*(g.mean for g in generators))
    same(*(next(g.flow(x, batch_size=4, shuffle=False)) for g in generators), 5e-3)


def test_settings_that_need_others():
    with pytest.warns(UserWarning, match="featurewise_center is turned on"):
        generator = ours.ImageDataGenerator(featurewise_std_normalization=True)
    assert generator.featurewise_center
    with pytest.warns(UserWarning, match="hasn't been fit on any training data"):
        generator.standardize(IMAGES[0])


def test_subsets_weights_and_other_inputs():
    inputs = (IMAGES, [np.arange(7), np.ones((7, 2))])
    weights = np.arange(7.0)
    for subset, rows in (("training", slice(2, None)), ("validation", slice(2))):
        settings = {"batch_size": 2, "shuffle": False, "subset": subset}
        flows = [m.ImageDataGenerator(validation_split=0.3).flow(inputs, LABELS, **settings) for m in (theirs, ours)]
        same(*([flow[i] for i in range(len(flow))] for flow in flows))
        flow = ours.ImageDataGenerator(validation_split=0.3).flow(inputs, LABELS, sample_weight=weights, **settings)
        given = np.concatenate([flow[i][2] for i in range(len(flow))])  # Keras gives the first weights to both
        np.testing.assert_array_equal(given, weights[rows])
    flows = [m.ImageDataGenerator().flow(IMAGES, LABELS, sample_weight=weights, seed=0) for m in (theirs, ours)]
    same(*(next(flow) for flow in flows))
    with pytest.raises(ValueError, match="different classes after the split"):
        ours.ImageDataGenerator(validation_split=0.3).flow(IMAGES, [0, 0, 1, 1, 1, 1, 1], subset="training")


def folder_of_images(root):
    for name, count in (("cats", 4), ("dogs", 3)):
        (root / name / "more").mkdir(parents=True)
        for i in range(count):
            where = root / name / "more" if i == 1 else root / name
            ours.save_img(where / f"{i}.png", IMAGES[i] + 20 * (name == "dogs"))
        (root / name / "notes.txt").write_text("no image")
    return str(root)


@pytest.mark.parametrize(
    "settings",
    [
        {"class_mode": "categorical", "seed": 1},
        {"class_mode": "binary", "shuffle": False, "color_mode": "grayscale"},
        {"class_mode": "sparse", "seed": 2, "classes": ["dogs", "cats"], "color_mode": "rgba"},
        {"class_mode": "input", "seed": 1, "interpolation": "bilinear"},
        {"class_mode": None, "shuffle": False, "subset": "training"},
        {"class_mode": "binary", "shuffle": False, "subset": "validation", "keep_aspect_ratio": True},
    ],
)
def test_folders(tmp_path, settings):
    folder = folder_of_images(tmp_path)
    made = [
        m.ImageDataGenerator(rescale=1 / 255, zoom_range=0.1, validation_split=0.25).flow_from_directory(
            folder, target_size=(5, 5), batch_size=3, **settings
        )
        for m in (theirs, ours)
    ]
    for name in ("class_indices", "filenames", "samples", "num_classes", "image_shape", "filepaths"):
        assert getattr(made[0], name) == getattr(made[1], name), name
    same(*(flow.classes for flow in made))
    assert len(made[0]) == len(made[1])
    if settings["class_mode"] is None or "seed" not in settings:  # transforms draw NumPy's global numbers
        values = []
        for flow in made:
            np.random.seed(0)
            values.append(next(flow))
        same(*values)
    else:
        for _ in range(4):
            same(*(next(flow) for flow in made))


@pytest.mark.parametrize(
    "settings",
    [
        {"class_mode": "categorical"},
        {"class_mode": "sparse", "classes": ["dog", "cat"]},
        {"class_mode": "binary", "weight_col": "weight"},
        {"class_mode": "raw", "y_col": ["weight", "age"]},
        {"class_mode": "multi_output", "y_col": ["weight", "age"]},
        {"class_mode": "input"},
        {"class_mode": None},
        {"class_mode": "categorical", "y_col": "several"},
        {"class_mode": "raw", "y_col": "age", "subset": "validation"},
    ],
)
def test_tables(tmp_path, settings):
    folder_of_images(tmp_path)
    table = pd.DataFrame(
        {
            "filename": ["cats/0.png", "dogs/0.png", "missing.png", "cats/2.png", "dogs/2.png"],
            "class": ["cat", "dog", "dog", "cat", "dog"],
            "several": [["a"], ["a", "b"], ["b"], ["c"], ["c", "a"]],
            "weight": [1.0, 2.0, 3.0, 4.0, 5.0],
            "age": [1, 2, 3, 4, 5],
        }
    )
    made = []
    for module in (theirs, ours):
        generator = module.ImageDataGenerator(validation_split=0.5)
        with pytest.warns(UserWarning, match="invalid image filename"):
            flow = generator.flow_from_dataframe(
                table, str(tmp_path), target_size=(5, 4), shuffle=False, batch_size=3, **settings
            )
        made.append(flow)
    assert made[0].filenames == made[1].filenames
    assert len(made[0]) == len(made[1])
    same(*([flow[i] for i in range(len(flow))] for flow in made))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("random_rotation", {"rg": 30}),
        ("apply_affine_transform", {"ty": 2, "zy": 0.7, "fill_mode": "constant"}),
        ("random_shear", {"intensity": 20}),
        ("random_zoom", {"zoom_range": (0.6, 1.3)}),
        ("random_channel_shift", {"intensity_range": 30.0}),
        ("apply_affine_transform", {"theta": 30, "tx": 1, "shear": 5, "zx": 0.8}),
        ("apply_channel_shift", {"intensity": 40.0}),
    ],
)
def test_functions(function, arguments):
    same(*pair(function, IMAGES[0].transpose(2, 0, 1), **arguments))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_brightness(scale, factor):
    same(*pair("apply_brightness_shift", IMAGES[0] * factor, 0.6, scale=scale))
    same(*pair("random_brightness", IMAGES[0] * factor, (0.5, 1.5), scale=scale))


def test_fit_trains_on_flows_and_writes_images(tmp_path):
    """The numbers of Keras's fit on the same batches, and one file for each image that was made."""
    losses = []
    for library, module in ((keras, theirs), (kk, ours)):
        model = library.Sequential([library.Input((8, 8, 3)), library.layers.Flatten(), library.layers.Dense(1)])
        model.layers[-1].set_weights([np.full((192, 1), 0.01, "float32"), np.zeros(1, "float32")])
        model.compile(library.optimizers.SGD(0.01), "mse")
        generator = module.ImageDataGenerator(rescale=1 / 255, validation_split=0.3, rotation_range=15)
        train = generator.flow(IMAGES, LABELS, batch_size=2, seed=4, subset="training", ignore_class_split=True)
        valid = generator.flow(
            IMAGES, LABELS, batch_size=2, seed=4, shuffle=False, subset="validation", ignore_class_split=True
        )
        losses.append(model.evaluate(module.ImageDataGenerator(rescale=1 / 255).flow(IMAGES, LABELS), verbose=0))
        history = model.fit(train, epochs=2, validation_data=valid, verbose=0).history
        assert set(history) == {"loss", "val_loss"}
        assert len(model.predict(module.ImageDataGenerator().flow(IMAGES, shuffle=False), verbose=0)) == 7
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    flow = ours.ImageDataGenerator().flow(IMAGES, batch_size=4, save_to_dir=tmp_path, save_prefix="made", shuffle=False)
    next(flow)
    assert sorted(p.name[:6] for p in tmp_path.iterdir()) == ["made_0", "made_1", "made_2", "made_3"]


def passes(seed, workers):
    """Return the batches of two passes over small images, whose first pixel is their number."""
    numbers = np.arange(40, dtype="float32").reshape(40, 1, 1, 1)
    generator = ours.ImageDataGenerator(channel_shift_range=0.25) if seed is not None else ours.ImageDataGenerator()
    flow = generator.flow(np.tile(numbers, (1, 2, 2, 1)), np.arange(40), batch_size=4, seed=seed)
    flow.workers = workers
    feed = NumberedPasses(flow)
    found = []
    for epoch in range(2):
        found.append(list(feed.open(epoch, 0)))
        feed.epoch_ends()
    return found


@pytest.mark.parametrize("seed", [None, 5])
def test_several_threads_make_each_batch_once(seed):
    for batches in passes(seed, 8):
        assert sorted(np.concatenate([y for _, y in batches])) == list(range(40))
        for x, y in batches:
            np.testing.assert_allclose(x[:, 0, 0, 0], y, atol=0.25)


def test_a_seed_gives_the_same_batches_for_any_number_of_threads():
    same(passes(5, 3), passes(5, 8), 0)


def test_copies_for_processes_take_their_batches_from_one_order():
    flow = ours.ImageDataGenerator().flow(IMAGES, LABELS, batch_size=3)
    copies = [pickle.loads(pickle.dumps(flow)) for _ in range(2)]
    assert [c.index_array.tolist() for c in copies] == [flow.index_array.tolist()] * 2
    same(*(copy[1] for copy in copies))


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="validation_split must be at least 0"):
        ours.ImageDataGenerator(validation_split=1.5)
    with pytest.raises(ValueError, match="`zoom_range` should be two numbers"):
        ours.ImageDataGenerator(zoom_range=(1, 2, 3))
    generator = ours.ImageDataGenerator()
    with pytest.raises(ValueError, match="y should have as many rows as the images: 2, and there are 7"):
        generator.flow(IMAGES, [1, 2])
    with pytest.raises(ValueError, match=r"flow\(\) takes images"):
        generator.flow(IMAGES[0])
    with pytest.raises(ValueError, match="subset must be"):
        generator.flow(IMAGES, subset="test")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        generator.flow_from_directory("/no/such/folder")
