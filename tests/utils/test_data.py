"""Folders, series and batches as datasets; compared with Keras where it works without TensorFlow."""

import os
import pickle
import subprocess
import sys
import wave

import keras
import numpy as np
import pytest
from PIL import Image

import kernelkit as kk
from kernelkit.utils import Dataset, resampling
from kernelkit.utils.audio_dataset import read_wav, resampled

pytestmark = pytest.mark.one_in(3)

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in ("b", "a", "c"):
        os.makedirs(folder / name / "sub")
        for i in range(5):
            pixels = RNG.integers(0, 256, (7 + i % 2 * 3, 9, 3)).astype("uint8")
            Image.fromarray(pixels).save(folder / name / ("sub" if name == "a" and i > 2 else "") / f"im{i}.png")
    (folder / "a" / "note.txt").write_text("not an image")
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for name in ("neg", "pos"):
        os.mkdir(folder / name)
        for i in range(4):
            (folder / name / f"{i}.txt").write_text(f"text {name} {i} ü")
    return folder


def relative(dataset, folder):
    return [os.path.relpath(path, folder) for path in dataset.file_paths]


def batches(dataset):
    return [tuple(map(np.asarray, b)) if isinstance(b, tuple) else (np.asarray(b),) for b in dataset]


def alike(own, theirs):
    own, theirs = batches(own), batches(theirs)
    assert len(own) == len(theirs) > 0
    for a, b in zip(own, theirs):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            np.testing.assert_allclose(x, y, atol=2e-3)


READ = {"image_size": (6, 5), "batch_size": 4, "verbose": False}


def both(images, **options):
    options = READ | options
    return [m.utils.image_dataset_from_directory(images, format="grain", **options) for m in (kk, keras)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_mode": "categorical"},
        {"label_mode": None},
        {"class_names": ["b", "a"], "label_mode": "binary"},
        {"class_names": ["c", "a"]},
        {"batch_size": None},
        {"labels": list(range(15))},
        {"crop_to_aspect_ratio": True, "image_size": (4, 8)},
        {"pad_to_aspect_ratio": True, "image_size": (8, 4)},
        {"color_mode": "grayscale", "labels": None, "interpolation": "nearest"},
        {"color_mode": "rgba", "interpolation": "nearest"},
        {"interpolation": "bicubic", "data_format": "channels_first"},
        {"interpolation": "lanczos3", "image_size": (16, 3)},
    ],
    ids=str,
)
def test_images_as_keras_reads_them(images, options):
    own, theirs = both(images, shuffle=False, **options)
    assert (own.class_names, own.file_paths, len(own)) == (theirs.class_names, theirs.file_paths, len(list(theirs)))
    alike(own, theirs)


@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_the_same_seed_gives_the_same_files_as_in_keras(images, subset):
    split = None if subset is None else 0.3
    own, theirs = both(images, seed=3, validation_split=split, subset=subset)
    assert own.file_paths == theirs.file_paths
    seen = [sorted(np.concatenate([labels for _, labels in batches(d)]).tolist()) for d in (own, theirs)]
    assert seen[0] == seen[1]


def test_both_subsets_and_what_is_printed(images, capsys):
    first, second = kk.utils.image_dataset_from_directory(images, seed=1, validation_split=0.3, subset="both")
    assert capsys.readouterr().out.splitlines() == [
        "Found 15 files belonging to 3 classes.",
        "Using 11 files for training.",
        "Using 4 files for validation.",
    ]
    assert set(first.file_paths).isdisjoint(second.file_paths) and len(first.file_paths + second.file_paths) == 15


def test_each_pass_has_an_order_of_its_own(images):
    data = kk.utils.image_dataset_from_directory(images, seed=1, **READ)
    first, second = (np.concatenate([x for x, _ in data]) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first.sum((1, 2, 3))), np.sort(second.sum((1, 2, 3))))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"validation_split": 0.3}, "`subset` is set"),
        ({"subset": "training"}, "`subset` is set"),
        ({"subset": "test", "validation_split": 0.3}, "`subset` must be"),
        ({"validation_split": 2, "subset": "training"}, "between 0 and 1"),
        ({"validation_split": 0.3, "subset": "training"}, "provide a `seed`"),
        ({"label_mode": "wrong"}, "label_mode"),
        ({"labels": "wrong"}, "labels"),
        ({"labels": [1]}, "lengths of `labels`"),
        ({"label_mode": "binary"}, "exactly 2"),
        ({"class_names": ["a", "z"]}, "did not match"),
        ({"labels": None, "class_names": ["a"]}, "class_names"),
        ({"color_mode": "x"}, "color_mode"),
        ({"interpolation": "x"}, "interpolation"),
        ({"format": "x"}, "format"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
    ],
    ids=str,
)
def test_folders_that_are_refused(images, options, match):
    with pytest.raises(ValueError, match=match):
        kk.utils.image_dataset_from_directory(images, verbose=False, **options)


def test_folders_without_files(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        kk.utils.image_dataset_from_directory(tmp_path / "none")
    with pytest.raises(ValueError, match="No text files found"):
        kk.utils.text_dataset_from_directory(tmp_path, labels=None, verbose=False)


def test_texts_as_keras_reads_them(texts):
    options = {"batch_size": 3, "max_length": 8, "shuffle": False, "verbose": False, "format": "grain"}
    own, theirs = (m.utils.text_dataset_from_directory(texts, **options) for m in (kk, keras))
    for (x, y), (their_x, their_y) in zip(own, theirs, strict=True):
        assert [str(t) for t in x] == [t.decode() if isinstance(t, bytes) else str(t) for t in their_x]
        np.testing.assert_array_equal(y, their_y)
    assert next(iter(kk.utils.text_dataset_from_directory(texts, shuffle=False, verbose=False)))[0][0] == "text neg 0 ü"


def write_wav(path, values, width, rate=8000, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(values)


def test_sounds(tmp_path):
    for name, count in (("a", 3), ("b", 5)):
        os.mkdir(tmp_path / name)
        write_wav(tmp_path / name / "1.wav", (np.arange(count) * 4096).astype("<i2").tobytes(), 2)
    data = kk.utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    sounds, labels = next(iter(data))
    assert (sounds.shape, sounds.dtype, labels.tolist()) == ((2, 5, 1), np.float32, [0, 1])
    np.testing.assert_allclose(sounds[0, :, 0], [0, 0.125, 0.25, 0, 0])
    fitted = kk.utils.audio_dataset_from_directory(tmp_path, output_sequence_length=4, batch_size=None, verbose=False)
    assert [s.shape for s, _ in fitted] == [(4, 1), (4, 1)]
    slower = kk.utils.audio_dataset_from_directory(tmp_path, sampling_rate=16000, shuffle=False, verbose=False)
    assert next(iter(slower))[0].shape == (2, 10, 1)
    with pytest.raises(ValueError, match="ragged"):
        kk.utils.audio_dataset_from_directory(tmp_path, ragged=True)
    with pytest.raises(ValueError, match="sampling_rate"):
        kk.utils.audio_dataset_from_directory(tmp_path, sampling_rate=0)


@pytest.mark.parametrize(
    ("width", "data", "expected"),
    [
        (1, bytes([128, 0, 192]), [0, -1, 0.5]),
        (2, np.array([0, -32768, 16384], "<i2").tobytes(), [0, -1, 0.5]),
        (3, b"\0\0\0\0\0\x80\0\0\x40", [0, -1, 0.5]),
        (4, np.array([0, -(2**31), 2**30], "<i4").tobytes(), [0, -1, 0.5]),
    ],
)
def test_sample_widths(tmp_path, width, data, expected):
    write_wav(tmp_path / "x.wav", data, width, channels=1)
    sound, rate = read_wav(str(tmp_path / "x.wav"))
    assert (sound[:, 0].tolist(), rate) == (expected, 8000)


def test_resampling_keeps_a_tone():
    time = np.arange(100) / 100
    tone = np.sin(2 * np.pi * 5 * time)[:, None]
    np.testing.assert_allclose(resampled(tone, 150)[:, 0], np.sin(2 * np.pi * 5 * np.arange(150) / 150), atol=1e-5)
    np.testing.assert_allclose(resampled(tone, 50)[:, 0], tone[::2, 0], atol=1e-5)
    (path := __file__)
    with pytest.raises(ValueError, match="not a .wav"):
        read_wav(path)


def test_resizing_by_areas_and_smooth_kernels():
    image = RNG.random((6, 4, 2)).astype("float32")
    np.testing.assert_allclose(
        resampling.resize(image, (3, 2), "area"), image.reshape(3, 2, 2, 2, 2).mean((1, 3)), rtol=1e-5
    )
    for kind in ("gaussian", "mitchellcubic", "lanczos5", "area"):
        np.testing.assert_allclose(resampling.resize(np.ones((5, 4, 1)), (9, 3), kind), 1, rtol=1e-5)


SERIES = np.arange(20)


@pytest.mark.parametrize(
    "options",
    [
        {"targets": None, "sequence_length": 3},
        {"targets": SERIES * 10, "sequence_length": 3, "sequence_stride": 2, "sampling_rate": 2},
        {"targets": SERIES * 10, "sequence_length": 3, "start_index": 4, "end_index": 14},
        {"targets": SERIES[:9], "sequence_length": 3},
        {"targets": None, "sequence_length": 3, "batch_size": None, "sequence_stride": 9},
    ],
    ids=str,
)
def test_windows_as_keras_cuts_them(options):
    options = {"batch_size": 8} | options
    own, theirs = (m.utils.timeseries_dataset_from_array(SERIES, format="grain", **options) for m in (kk, keras))
    assert [[v.tolist() for v in b] for b in batches(own)] == [[v.tolist() for v in b] for b in batches(theirs)]
    assert len(own) == len(list(own))


def test_windows_in_random_order_and_refused():
    make = kk.utils.timeseries_dataset_from_array
    data = make(SERIES, SERIES, 3, batch_size=4, shuffle=True, seed=1)
    windows, targets = (np.concatenate(part) for part in zip(*data))
    assert (windows[:, 0] == targets).all() and sorted(targets) == list(range(18)) and list(targets) != list(range(18))
    for options in ({"sampling_rate": 0}, {"sequence_stride": 20}, {"start_index": 25}, {"end_index": 21},
                    {"start_index": -1}, {"start_index": 8, "end_index": 4}):  # fmt: skip
        with pytest.raises(ValueError, match="must be"):
            make(SERIES, None, 3, **options)


# Dataset --------------------------------------------------------------------------------------------------------------


def values(dataset):
    return [v.tolist() if hasattr(v, "tolist") else v for v in dataset]


def test_what_is_done_to_datasets():
    data = Dataset.from_tensor_slices(np.arange(7))
    assert values(data.map(lambda x: x * 2).batch(3)) == [[0, 2, 4], [6, 8, 10], [12]]
    assert values(data.batch(3, drop_remainder=True)) == [[0, 1, 2], [3, 4, 5]]
    assert values(data.batch(3).unbatch()) == list(range(7))
    assert values(data.take(2).concatenate(data.skip(5))) == [0, 1, 5, 6]
    assert values(data.take(2).repeat(2)) == [0, 1, 0, 1]
    assert values(data.repeat().take(9)) == [*range(7), 0, 1]
    assert values(data.filter(lambda x: x % 2 == 0)) == [0, 2, 4, 6]
    assert [(i, int(v)) for i, v in data.take(2).enumerate(5)] == [(5, 0), (6, 1)]
    assert values(data.prefetch(2)) == values(data.map(lambda x: x, num_parallel_calls=-1)) == list(range(7))
    pairs = Dataset.from_tensor_slices(({"a": np.arange(3)}, np.arange(3.0)))
    x, y = next(iter(pairs.map(lambda x, y: (x["a"] + 1, y)).batch(2)))
    assert (x.tolist(), y.tolist()) == ([1, 2], [0.0, 1.0])


def test_lengths_of_datasets():
    data = Dataset.from_tensor_slices(np.arange(7))
    lengths = [len(d) for d in (data, data.batch(3), data.batch(3, True), data.take(2), data.skip(5), data.repeat(2))]
    assert lengths == [7, 3, 2, 2, 2, 14]
    assert data.repeat().cardinality() == data.repeat().batch(2).cardinality() == -1
    assert data.filter(bool).cardinality() == -2
    with pytest.raises(TypeError, match="infinite"):
        len(data.repeat())
    with pytest.raises(ValueError, match="same number"):
        Dataset.from_tensor_slices((np.arange(2), np.arange(3)))


def test_shuffling_and_caching():
    data = Dataset.from_tensor_slices(np.arange(20))
    shuffled = data.shuffle(20, seed=1)
    first, second = values(shuffled), values(shuffled)
    assert first != second and sorted(first) == sorted(second) == list(range(20))
    fixed = data.shuffle(5, seed=1, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed)
    calls = []
    cached = data.map(lambda x: calls.append(x) or x).cache()
    list(cached.take(3))
    assert values(cached) == values(cached) == list(range(20)) and len(calls) == 23
    with pytest.raises(NotImplementedError, match="cache"):
        data.cache("file")


def test_an_error_in_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(Dataset.from_tensor_slices(np.arange(9)).map(lambda x: 1 // int(x), num_parallel_calls=2))


def test_a_folder_trains_a_model(images):
    data = kk.utils.image_dataset_from_directory(images, seed=0, validation_split=0.3, subset="both", **READ)
    train, validation = (d.map(lambda x, y: (x / 255, y)).cache().prefetch(1) for d in data)
    layers = [kk.Input((6, 5, 3)), kk.layers.Flatten(), kk.layers.Dense(3, activation="softmax")]
    model = kk.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(train, validation_data=validation, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(train).shape == (11, 3)


# Splitting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"left_size": 0.75}, (8, 2)),
        ({"right_size": 3}, (7, 3)),
        ({"left_size": 0.3, "right_size": 0.3}, (3, 3)),
        ({"left_size": 4}, (4, 6)),
    ],
)
def test_sizes_of_a_split(options, sizes):
    left, right = kk.utils.split_dataset(np.arange(10), **options)
    assert (len(left), len(right)) == sizes
    assert values(left) == list(range(sizes[0])) and values(right) == list(range(10 - sizes[1], 10))


def test_splits_of_pairs_and_datasets():
    pair = (np.arange(10), np.arange(10) * 2)
    left, right = kk.utils.split_dataset(pair, 3, shuffle=True, seed=3)
    seen = [(int(x), int(y)) for x, y in [*left, *right]]
    assert sorted(x for x, _ in seen) == list(range(10)) and all(y == 2 * x for x, y in seen)
    again = kk.utils.split_dataset(Dataset.from_tensor_slices(pair), 3, shuffle=True, seed=3)
    assert [(int(x), int(y)) for part in again for x, y in part] == seen


def test_splits_that_are_refused():
    split = kk.utils.split_dataset
    for options in ({}, {"left_size": 11}, {"left_size": 1.5}, {"left_size": 0.9, "right_size": 0.9},
                    {"left_size": 8, "right_size": 8}, {"left_size": 0.01}):  # fmt: skip
        with pytest.raises(ValueError, match="size"):
            split(np.arange(10), **options)
    with pytest.raises(TypeError, match="arrays or a dataset"):
        split(3, 0.5)
    with pytest.raises(TypeError, match="type"):
        split(np.arange(3), "a")
    with pytest.raises(ValueError, match="empty"):
        split([], 0.5)


# PyDataset ------------------------------------------------------------------------------------------------------------


class Numbers(kk.utils.PyDataset):
    """Batches that tell their own number and how often the dataset was changed."""

    def __init__(self, count=5, **options):
        super().__init__(**options)
        self.count, self.ended, self.begun, self.seen = count, 0, 0, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        self.seen.append(index)
        x = np.full((2, 1), index + 10 * self.ended, "float32")
        return x, x

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def linear():
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
    model.compile(kk.optimizers.SGD(0.0), "mse")
    return model


@pytest.mark.parametrize("options", [{}, {"workers": 3, "max_queue_size": 2}])
def test_a_py_dataset_is_predicted_evaluated_and_fitted(options):
    data, model = Numbers(**options), linear()
    assert model.predict(data).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert model.evaluate(data, verbose=0) == 0
    data.seen.clear()
    before = data.begun, data.ended
    model.fit(data, epochs=3, shuffle=False, verbose=0)
    assert (data.begun - before[0], data.ended - before[1]) == (3, 3)
    assert sorted(data.seen[-15:]) == sorted([*range(5)] * 3)


def test_batches_in_a_random_order():
    data = Numbers(20)
    linear().fit(data, epochs=2, verbose=0)
    first, second = data.seen[-40:-20], data.seen[-20:]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second


def test_epochs_of_another_length_than_the_dataset():
    data = Numbers(5)
    linear().fit(data, epochs=3, steps_per_epoch=3, shuffle=False, verbose=0)
    assert data.seen == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert data.ended == 3


def test_a_dataset_without_end():
    class Endless(kk.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return np.ones((2, 1)), np.ones((2, 1))

    history = linear().fit(Endless(workers=2), epochs=2, steps_per_epoch=4, verbose=0)
    assert len(history.history["loss"]) == 2


def test_processes_see_the_dataset_as_it_is_in_each_epoch():
    data, model = Numbers(3, workers=1, use_multiprocessing=True), linear()
    feed = kk.feeds.make.make_feed(data, shuffle=False)
    for epoch in range(2):
        xs = [np.asarray(chunk.data[0])[0, 0] for chunk in feed.epoch(epoch)]
        assert xs == [0 + 10 * epoch, 1 + 10 * epoch, 2 + 10 * epoch]
        feed.epoch_end()
    assert data.seen == []
    del model


def test_a_dataset_that_processes_cannot_have():
    data = Numbers(use_multiprocessing=True)
    data.file = lambda: None
    with pytest.raises(ValueError, match="must be pickled"):
        linear().predict(data)


def test_py_datasets_that_are_wrong():
    assert kk.utils.Sequence is kk.utils.PyDataset
    with pytest.raises(NotImplementedError, match="__getitem__"):
        kk.utils.PyDataset()[0]
    with pytest.raises(NotImplementedError, match="__len__"):
        kk.utils.PyDataset().num_batches
    with pytest.raises(ValueError, match="workers"):
        kk.utils.PyDataset(workers=-1)
    with pytest.raises(ValueError, match="no batch"):
        linear().predict(Numbers(0))
    with pytest.raises(ValueError, match="whole batches"):
        linear().fit(Numbers(), np.ones(3))
    with pytest.raises(ZeroDivisionError):
        linear().predict(Failing(3, workers=2))
    assert pickle.loads(pickle.dumps(Numbers(7))).count == 7


class Failing(Numbers):
    def __getitem__(self, index):
        if index == 2:
            raise ZeroDivisionError
        return super().__getitem__(index)


def test_a_dataset_of_a_notebook_is_made_by_threads_where_processes_are_asked_for(tmp_path):
    code = """
import warnings
import numpy as np
import kernelkit as kk

class D(kk.utils.PyDataset):
    def __len__(self):
        return 3
    def __getitem__(self, index):
        return np.full((2, 1), index, "float32"), np.zeros((2, 1), "float32")

model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
model.compile("sgd", "mse")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    model.fit(D(workers=2, use_multiprocessing=True), epochs=2, verbose=0)
print([str(w.message).split(" (")[0][:90] for w in told])
print(len(model.history.epoch))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told, epochs = done.stdout.splitlines()
    assert eval(told) == ["D(use_multiprocessing=True): other processes cannot make this dataset"] and epochs == "2"
