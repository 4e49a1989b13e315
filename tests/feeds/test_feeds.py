"""Every source of data gives the same batches."""

import gc
import threading
import weakref

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.feeds import arrays
from kernelkit.feeds.class_weights import weights_of_classes
from kernelkit.feeds.file_rows import FileRows
from kernelkit.feeds.make import make_feed
from kernelkit.feeds.rows import aligned
from kernelkit.feeds.split import split


def batches_of(feed, epoch=0):
    """The batches that a feed's chunks hold, in the order in which they would run."""
    out = []
    for chunk in feed.epoch(epoch):
        for i in range(chunk.first, chunk.first + chunk.count):
            rows = slice(i * chunk.batch_size, (i + 1) * chunk.batch_size)
            places = rows if chunk.order is None else np.asarray(chunk.order)[rows]
            out.append([np.asarray(v)[places] for v in jax.tree.leaves(chunk.data)])
    return out


def test_batches_in_order_with_a_last_partial_one():
    x = np.arange(23, dtype="float32")[:, None]
    got = batches_of(make_feed(x, x[:, 0], batch_size=5))
    assert [len(b[0]) for b in got] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate([b[0] for b in got]), x)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in got]), x[:, 0])


def test_shuffling_keeps_pairs_and_differs_by_epoch_but_not_by_run():
    x = np.arange(200)
    feed = make_feed(x, x * 2, batch_size=32, shuffle=True, seed=5)
    first = [np.concatenate(v) for v in zip(*batches_of(feed, 0), strict=True)]
    second = [np.concatenate(v) for v in zip(*batches_of(feed, 1), strict=True)]
    np.testing.assert_array_equal(first[0] * 2, first[1])
    np.testing.assert_array_equal(np.sort(first[0]), x)
    assert not np.array_equal(first[0], second[0])
    again = make_feed(x, x * 2, batch_size=32, shuffle=True, seed=5)
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches_of(again, 1)]), second[0])


def test_shuffling_whole_batches():
    x = np.arange(100)
    got = batches_of(make_feed(x, batch_size=10, shuffle="batch", seed=1))
    starts = [int(b[0][0]) for b in got]
    assert sorted(starts) == list(range(0, 100, 10)) and starts != sorted(starts)
    assert all(np.array_equal(b[0], np.arange(s, s + 10)) for b, s in zip(got, starts, strict=True))


def test_large_arrays_come_in_chunks_and_only_what_is_needed_is_read(monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 4096)
    x = np.random.default_rng(0).random((1000, 16), dtype="float32")
    feed = make_feed(x, batch_size=8, shuffle=True, seed=0)
    chunks = list(feed.epoch(0))
    assert all(sum(v.nbytes for v in jax.tree.leaves(c.data)) <= 4096 for c in chunks) and len(chunks) > 10
    order = feed.order(0)
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches_of(feed)]), x[order])


def memmapped(x, folder):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


KINDS = {
    "float32": lambda x, folder: x,
    "float64": lambda x, folder: x.astype("float64"),
    "uint8": lambda x, folder: (x * 255).astype("uint8"),
    "bool": lambda x, folder: x > 0.5,
    "bfloat16": lambda x, folder: np.asarray(jax.numpy.asarray(x, "bfloat16")),
    "not contiguous": lambda x, folder: np.asfortranarray(x),
    "inside a larger array": lambda x, folder: np.concatenate([x[:1], x]).reshape(-1)[x[0].size :].reshape(x.shape),
    "not aligned": lambda x, folder: np.frombuffer(b"1" + x.tobytes(), "uint8")[1:].view("float32").reshape(x.shape),
    "jax": lambda x, folder: jax.numpy.asarray(x),
    "memmap": memmapped,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_kind_of_array_in_memory(kind, shuffle, monkeypatch, tmp_path):
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 4096)
    x = KINDS[kind](np.random.default_rng(0).random((203, 4, 4), dtype="float32"), tmp_path)
    feed = make_feed(x, np.arange(203), batch_size=8, shuffle=shuffle, seed=0)
    order = feed.order(0) if shuffle else np.arange(203)
    got = batches_of(feed)
    dtype = "float32" if kind == "float64" else x.dtype
    assert all(b[0].dtype == dtype for b in got)
    np.testing.assert_array_equal(np.concatenate([b[0] for b in got]), np.asarray(x).astype(dtype)[order])
    np.testing.assert_array_equal(np.concatenate([b[1] for b in got]), order)


def test_a_memory_map_is_read_from_its_file(monkeypatch, tmp_path):
    """Part of a map, of another dtype, written to: rows come from the right places, and none through the map."""
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 4096)
    whole = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "float64", (300, 3, 5))
    whole[:] = np.random.default_rng(0).random(whole.shape)
    part = whole[17:250]
    feed = make_feed(part, batch_size=8, shuffle=True, seed=0)
    assert isinstance(feed._leaves[0], FileRows)
    got = np.concatenate([b[0] for b in batches_of(feed)])
    np.testing.assert_array_equal(got, np.asarray(part)[feed.order(0)].astype("float32"))


def test_a_private_map_keeps_its_changes(monkeypatch, tmp_path):
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    np.save(tmp_path / "x.npy", np.zeros((20, 4), "float32"))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[:] = np.arange(20)[:, None]
    got = np.concatenate([b[0] for b in batches_of(make_feed(x, batch_size=4))])
    np.testing.assert_array_equal(got, x)


def test_a_map_of_a_file_that_was_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    np.save(tmp_path / "x.npy", np.arange(80, dtype="float32").reshape(20, 4))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    (tmp_path / "x.npy").unlink()
    got = np.concatenate([b[0] for b in batches_of(make_feed(x, batch_size=4))])
    np.testing.assert_array_equal(got, np.arange(80).reshape(20, 4))


def test_a_file_that_was_cut(monkeypatch, tmp_path):
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    np.save(tmp_path / "x.npy", np.zeros((2000, 4), "float32"))
    feed = make_feed(np.load(tmp_path / "x.npy", mmap_mode="r"), batch_size=4)
    (tmp_path / "x.npy").open("r+b").truncate(1000)
    with pytest.raises(OSError, match="was it truncated"):
        batches_of(feed)


def test_a_resident_copy_gives_the_same_batches(monkeypatch):
    x = np.arange(53, dtype="float32")
    host = make_feed(x, x + 1, batch_size=8, shuffle=True, seed=2)
    monkeypatch.setattr(arrays, "fits_on_accelerator", lambda leaves: True)
    resident = make_feed(x, x + 1, batch_size=8, shuffle=True, seed=2)
    for a, b in zip(batches_of(host), batches_of(resident), strict=True):
        for u, v in zip(a, b, strict=True):
            np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize(("samples", "steps"), [(53, None), (53, 3), (2, None), (5000, None)])
def test_a_copy_on_the_cpu_gives_the_same_batches(monkeypatch, samples, steps):
    x = np.arange(samples * 3, dtype="float64").reshape(samples, 3)

    def fed(limit):
        monkeypatch.setattr(arrays, "RESIDENT_BYTES", limit)
        monkeypatch.setattr(arrays, "CHUNK_BYTES", 1024)
        feed = make_feed(x, {"a": x[:, 0]}, batch_size=8, shuffle=True, seed=2, steps=steps, epochs=3)
        batches = [batch for epoch in range(3) for batch in batches_of(feed, epoch)]
        return batches, feed._resident is not None

    chunked, copied = fed(0)
    expected, used = fed(2**20)
    assert not copied and used == (samples > 8)
    for a, b in zip(chunked, expected, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
        assert a[0].dtype == b[0].dtype == np.float32


def test_training_on_a_resident_copy_gives_the_same_weights(monkeypatch):
    def trained():
        kk.utils.set_random_seed(0)
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(4), kk.layers.Dense(1)])
        model.compile("adam", "mse")
        rng = np.random.default_rng(0)
        model.fit(rng.random((50, 3)), rng.random((50, 1)), batch_size=8, epochs=2, verbose=0)
        return model.get_weights()

    chunked = trained()
    monkeypatch.setattr(arrays, "fits_on_accelerator", lambda leaves: True)
    for a, b in zip(chunked, trained(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_generators_frames_loaders_and_lists():
    x, y = np.random.default_rng(0).random((40, 3)), np.random.default_rng(1).random((40, 1))

    def loss_of(*args, **kwargs):
        kk.utils.set_random_seed(0)
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model.fit(*args, verbose=0, shuffle=False, **kwargs).history["loss"]

    expected = loss_of(x, y, batch_size=10, epochs=2)

    class Loader:
        """Like torch's DataLoader: re-iterable, with a length."""

        def __iter__(self):
            return ((x[i : i + 10], y[i : i + 10]) for i in range(0, 40, 10))

        def __len__(self):
            return 4

    def endless():
        while True:
            yield from Loader()

    import pandas as pd

    np.testing.assert_allclose(loss_of(Loader(), epochs=2), expected, rtol=1e-6)
    np.testing.assert_allclose(loss_of(endless(), epochs=2, steps_per_epoch=4), expected, rtol=1e-6)
    np.testing.assert_allclose(
        loss_of(pd.DataFrame(x), pd.Series(y[:, 0]), batch_size=10, epochs=2), expected, rtol=1e-6
    )
    np.testing.assert_allclose(loss_of(x.tolist(), y.tolist(), batch_size=10, epochs=2), expected, rtol=1e-6)


@pytest.mark.parametrize("use", ["fit", "evaluate", "predict"])
def test_an_error_that_is_kept_leaves_no_thread(use):
    class Ends(kk.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise SystemExit

        on_test_batch_begin = on_predict_batch_begin = on_train_batch_begin

    def endless():
        while True:
            yield np.ones((4, 3)), np.ones((4, 1))

    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    steps = {"steps_per_epoch": 5} if use == "fit" else {"steps": 5}
    with pytest.raises(SystemExit) as kept:
        getattr(model, use)(endless(), verbose=0, callbacks=[Ends()], **steps)
    assert not [t for t in threading.enumerate() if t.name == "kernelkit-feed"], kept


def test_an_error_in_a_generator_reaches_fit_and_leaves_no_thread():
    def broken():
        yield np.ones((4, 3)), np.ones((4, 1))
        raise RuntimeError("the disk is gone")

    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="the disk is gone"):
        model.fit(broken(), verbose=0)
    assert not [t for t in threading.enumerate() if t.name == "kernelkit-feed"]


def test_class_weights():
    np.testing.assert_allclose(weights_of_classes(np.array([0, 1, 2]), {0: 2.0, 2: 5.0}), [2, 1, 5])
    np.testing.assert_allclose(weights_of_classes(np.eye(3)[[2, 0]], {0: 2.0, 2: 5.0}), [5, 2])
    np.testing.assert_allclose(weights_of_classes(np.array([[1], [0]]), {1: 3.0}, np.array([2.0, 4.0])), [6, 4])


def test_validation_split_takes_the_last_samples():
    x = np.arange(10)
    (a, _, _), (b, _, _) = split(x, None, None, 0.3)
    np.testing.assert_array_equal(a, x[:7])
    np.testing.assert_array_equal(b, x[7:])


@pytest.mark.parametrize("share", [0.9999, 1.5])
def test_bad_validation_splits(share):
    with pytest.raises(ValueError, match="validation_split"):
        split(np.arange(10), None, None, share)


def test_aligned_memory():
    for shape in ((3,), (7, 5), (1, 2, 3)):
        array = aligned(shape, "float32")
        assert array.ctypes.data % 64 == 0 and array.shape == shape


def test_the_copy_for_a_fit_goes_with_it(monkeypatch):
    made = []
    original = arrays.ArrayFeed._copied_chunks

    def watched(self, *args):
        made.append(weakref.ref(self))
        yield from original(self, *args)

    monkeypatch.setattr(arrays.ArrayFeed, "_copied_chunks", watched)
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((64, 3)), np.ones((64, 1)), epochs=2, verbose=0)
    gc.collect()
    assert len(made) == 2 and all(feed() is None for feed in made)


def test_class_weights_of_classes_that_are_far_apart():
    labels = np.array([[0, 10**12], [7, -1]])
    np.testing.assert_array_equal(
        weights_of_classes(labels.ravel(), {10**12: 2.0, 7: 3.0, 10**15: 4.0}), np.array([1, 2, 3, 1], "float32")
    )
    np.testing.assert_array_equal(weights_of_classes(np.array([], "int64"), {0: 2.0}), np.zeros(0))


def test_class_weights_in_every_form_and_way():
    x, y = np.ones((6, 2), "float32"), np.array([0, 1, 2, 0, 1, 2])
    for weights in ({0: 1.0, 1: 2.0, 2: 6.0}, [1.0, 2.0, 6.0], np.array([1.0, 2.0, 6.0])):
        for use in (
            lambda m, w: m.fit(x, y, class_weight=w, verbose=0).history["loss"][0],
            lambda m, w: m.fit(iter([(x, y)]), class_weight=w, verbose=0).history["loss"][0],
            lambda m, w: m.train_on_batch(x, y, class_weight=w),
        ):
            model = kk.Sequential(
                [kk.Input((2,)), kk.layers.Dense(3, activation="softmax", kernel_initializer="zeros")]
            )
            model.compile("sgd", "sparse_categorical_crossentropy")
            np.testing.assert_allclose(use(model, weights), 3 * np.log(3), rtol=1e-5)
    with pytest.raises(ValueError, match="weights for 2 classes, but y holds the class 2"):
        model.fit(iter([(x, y)]), class_weight=[1.0, 2.0], verbose=0)
    with pytest.raises(ValueError, match="weights for 2 classes, but y holds the class 2"):
        model.train_on_batch(x, y, class_weight=[1.0, 2.0])
