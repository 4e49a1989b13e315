"""The idioms of `tf.data` on the datasets of folders, arrays and series."""

import pickle

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.utils import Dataset
from kernelkit.utils.elements import HostArray, TensorSpec


def numbers(count):
    return Dataset.range(count)


def values(dataset):
    return [np.asarray(v).tolist() for v in dataset]


def test_batches_have_the_method_numpy():
    x = np.arange(12, dtype="uint8").reshape(6, 2)
    for images, labels in Dataset.from_tensor_slices((x, np.arange(6))).batch(4).take(1):
        assert type(images.numpy()) is np.ndarray and images[0].numpy().astype("float32").tolist() == [0.0, 1.0]
        assert int(labels[1].numpy()) == 1 and ["a", "b"][labels[1]] == "b" and {1: "one"}[labels[1]] == "one"
        assert isinstance(images, np.ndarray) and (images / 255.0).numpy().max() <= 1
    for made in Dataset.range(2).batch(2).map(lambda v: kk.ops.cast(v, "float32") * 2):
        assert made.numpy().tolist() == [0.0, 2.0]


def test_arrays_with_the_method_numpy_are_arrays_everywhere():
    batch = np.arange(6, dtype="float32").reshape(3, 2).view(HostArray)
    np.testing.assert_array_equal(jax.jit(lambda v: v * 2)(batch), batch * 2)
    np.testing.assert_array_equal(kk.ops.sum(batch), 15)
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    np.testing.assert_array_equal(model(batch), model(np.asarray(batch)))
    np.testing.assert_allclose(model.predict(batch), model(batch), rtol=1e-6)
    assert type(pickle.loads(pickle.dumps(batch))) is np.ndarray
    with pytest.raises(TypeError, match="unhashable"):
        hash(batch)


def test_windows_that_are_made_batches():
    found = numbers(6).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))
    assert values(found) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert [values(w) for w in numbers(5).window(2)] == [[0, 1], [2, 3], [4]]
    assert [values(w) for w in numbers(9).window(2, shift=4, stride=2)] == [[0, 2], [4, 6], [8]]
    pairs = Dataset.zip(numbers(4), numbers(4).map(lambda v: v * 10)).window(2)
    joined = pairs.flat_map(lambda a, b: Dataset.zip((a.batch(2), b.batch(2))))
    assert [(a.tolist(), b.tolist()) for a, b in joined] == [([0, 1], [0, 10]), ([2, 3], [20, 30])]
    with pytest.raises(ValueError, match="at least 1"):
        numbers(3).window(0)


def test_joining_datasets():
    letters = Dataset.from_tensor_slices(np.array(["a", "b", "c"]))
    zipped = Dataset.zip((numbers(5), letters))
    assert [(int(n), str(s)) for n, s in zipped] == [(0, "a"), (1, "b"), (2, "c")] and len(zipped) == 3
    nested = Dataset.zip({"n": numbers(2), "pair": (numbers(2), letters)})
    assert [str(e["pair"][1]) for e in nested] == ["a", "b"]
    assert values(numbers(3).flat_map(lambda n: Dataset.range(n))) == [0, 0, 1]
    spun = numbers(3).interleave(lambda n: Dataset.from_tensors(n).repeat(3), cycle_length=2, block_length=2)
    assert values(spun) == [0, 0, 1, 1, 0, 1, 2, 2, 2]
    drawn = values(Dataset.sample_from_datasets([numbers(4), numbers(4).map(lambda v: v + 10)], [0.5, 0.5], seed=1))
    assert sorted(drawn) == [0, 1, 2, 3, 10, 11, 12, 13] and drawn != sorted(drawn)


def test_going_over_elements():
    assert int(numbers(5).reduce(np.int64(0), lambda state, v: state + v)) == 10
    assert values(numbers(4).scan(0, lambda state, v: (state + v, state + v))) == [0, 1, 3, 6]
    assert values(numbers(9).shard(4, 1)) == [1, 5] and len(numbers(9).shard(4, 1)) == 2
    assert values(numbers(9).take_while(lambda v: v < 3)) == [0, 1, 2]
    assert values(Dataset.from_tensor_slices(np.array([1, 2, 1, 3, 2])).unique()) == [1, 2, 3]
    assert values(numbers(4).apply(lambda ds: ds.map(lambda v: v + 1))) == [1, 2, 3, 4]
    assert values(numbers(3).with_options(object())) == [0, 1, 2]
    assert values(Dataset.from_generator(lambda n: iter(range(n)), output_signature=None, args=(3,))) == [0, 1, 2]
    assert int(Dataset.from_tensors(7).get_single_element()) == 7
    for wrong in (numbers(0), numbers(2)):
        with pytest.raises(ValueError, match="one element"):
            wrong.get_single_element()
    with pytest.raises(ValueError, match="index from 0 to 1"):
        numbers(3).shard(2, 2)
    with pytest.raises(TypeError, match="function"):
        Dataset.from_generator(iter([1]))


def test_batches_of_another_size_and_padded_ones():
    batches = numbers(7).batch(3)
    assert values(batches.rebatch(2)) == [[0, 1], [2, 3], [4, 5], [6]]
    assert values(batches.unbatch()) == list(range(7))
    rows = Dataset.from_generator(lambda: (np.arange(n) for n in (1, 3, 2)))
    assert values(rows.padded_batch(2)) == [[[0, 0, 0], [0, 1, 2]], [[0, 1]]]
    assert values(rows.padded_batch(3, padded_shapes=[4], padding_values=-1)) == [
        [[0, -1, -1, -1], [0, 1, 2, -1], [0, 1, -1, -1]]
    ]
    pairs = rows.map(lambda v: (v, v[0]))
    (a, b), _ = pairs.padded_batch(2, padded_shapes=([None], []), padding_values=(9, 0))
    assert a.tolist() == [[0, 9, 9], [0, 1, 2]] and b.tolist() == [0, 0]
    with pytest.raises(ValueError, match="larger than"):
        list(rows.padded_batch(3, padded_shapes=[2]))
    with pytest.raises(ValueError, match="batch_size"):
        rows.batch(0)


def test_the_spec_of_elements():
    data = Dataset.from_tensor_slices((np.zeros((5, 2), "float32"), {"y": np.array(["a"] * 5)}))
    assert data.element_spec == (TensorSpec((2,), "float32"), {"y": TensorSpec((), "string")})
    batched = data.batch(2).prefetch(1)
    assert batched.element_spec == (TensorSpec((None, 2), "float32"), {"y": TensorSpec((None,), "string")})
    series = kk.utils.timeseries_dataset_from_array(np.arange(9.0), None, 3)
    assert series.element_spec == TensorSpec((None, 3), "float64")
    with pytest.raises(ValueError, match="no element"):
        numbers(0).element_spec


def test_a_series_in_windows_is_trained_on():
    series = np.sin(np.arange(40) / 3).astype("float32")
    data = Dataset.from_tensor_slices(series).window(5, shift=1, drop_remainder=True)
    data = data.flat_map(lambda w: w.batch(5)).map(lambda w: (w[:-1], w[-1:])).shuffle(40, seed=0).batch(8).prefetch(1)
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert history[1] < history[0]


def test_masked_arrays_are_refused():
    with pytest.raises(ValueError, match="1 masked values"):
        Dataset.from_tensor_slices(np.ma.array([1, 2], mask=[0, 1]))
