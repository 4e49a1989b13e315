"""Frames and other tables: numbers in every dtype, and errors that name the column, its dtype and the remedy."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kernelkit as kk
from kernelkit.feeds.convert import as_array, to_arrays
from kernelkit.feeds.make import is_stream

NUMBERS = {"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]}
EXPECTED = [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(NUMBERS),
        pd.DataFrame(NUMBERS).convert_dtypes(),
        pd.DataFrame(NUMBERS).convert_dtypes(dtype_backend="pyarrow"),
        pd.DataFrame(NUMBERS).astype("category"),
        pd.DataFrame(NUMBERS).astype(object),
        pl.DataFrame(NUMBERS),
        pa.table(NUMBERS),
    ],
)
def test_numbers_in_every_dtype(frame):
    assert not is_stream(frame)
    np.testing.assert_array_equal(np.asarray(as_array(frame), "float32"), EXPECTED)
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    assert model.predict(frame).shape == (3, 1)


@pytest.mark.parametrize("series", [pd.Series([1, 2]), pl.Series([1, 2]), pa.chunked_array([[1, 2]]), pa.array([1, 2])])
def test_a_single_column_has_an_axis_of_its_own(series):
    np.testing.assert_array_equal(as_array(series), [[1], [2]])


DAY = datetime.datetime(2026, 11, 28)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["Oslo", "Rome", "Rome"], r"column 'x' \(\w+\) holds strings \('Oslo'\): .*StringLookup"),
        (pd.Categorical(["Oslo", "Rome", "Rome"]), r"column 'x' \(category\) holds strings \('Oslo'\)"),
        (pd.array([1, None, None], dtype="Int64"), r"column 'x' \(Int64\) has 2 missing values: fill them .*fillna"),
        (pd.array([1, None, 3], dtype="int64[pyarrow]"), r"\(int64\[pyarrow\]\) has 1 missing values"),
        (pd.array(["a", None, "b"], dtype="string"), r"\(string\) has 1 missing values"),
        (pd.array(["a", "c", "b"], dtype="string[pyarrow]"), r"\(string\) holds strings \('a'\)"),
        (pd.array([True, None, False], dtype="boolean"), r"\(boolean\) has 1 missing values"),
        ([1, None, "a"], r"\(object\) has 1 missing values"),
        ([1, 2, "a"], r"\(object\) holds strings \('a'\)"),
        ([DAY] * 3, r"column 'x' is datetime64\[\w+\]: make numbers of it, such as .dt.year"),
        ([DAY - DAY] * 3, r"column 'x' is timedelta64\[\w+\]: .*total_seconds"),
        ([[1, 2], [3], [4]], r"holds a list \(\[1, 2\]\), which is no number"),
        ([1j, 2j, 3j], "holds a complex"),
    ],
)
def test_columns_that_are_no_numbers(column, message):
    frame = pd.DataFrame({"good": [1, 2, 3], "x": column})
    with pytest.raises(TypeError, match=message):
        as_array(frame)
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=message):
        model.fit(frame, np.zeros(3), verbose=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["Oslo", "Rome"], r"column 'x' \(\w+\) holds strings \('Oslo'\)"),
        ([1, None], r"column 'x' \(\w+\) has 1 missing values"),
        ([DAY, DAY], r"column 'x' is (Date|time)\w*.*: make numbers of it"),
        ([DAY - DAY, DAY - DAY], "total_seconds"),
        ([[1], [2, 3]], "holds a list"),
    ],
)
def test_columns_of_polars_and_pyarrow(values, message):
    for frame in (pl.DataFrame({"good": [1, 2], "x": values}), pa.table({"good": [1, 2], "x": values})):
        with pytest.raises(TypeError, match=message):
            as_array(frame)


def test_all_columns_that_are_wrong_are_named_but_for_a_long_rest():
    frame = pd.DataFrame({f"c{i}": ["a", "b"] for i in range(9)} | {"n": [1, 2]})
    with pytest.raises(TypeError, match=r"column 'c0'.*column 'c4'.*and 4 more columns"):
        as_array(frame)


def test_columns_of_strings_alone_are_strings():
    for frame in (pd.DataFrame({"a": ["x", "y"], "b": ["z", "w"]}), pl.DataFrame({"a": ["x", "y"], "b": ["z", "w"]})):
        assert as_array(frame).tolist() == [["x", "z"], ["y", "w"]]
    assert as_array(pd.Series(["x", "y"])).tolist() == [["x"], ["y"]]


def test_frames_that_hold_nothing_yet():
    with pytest.raises(TypeError, match="collect"):
        as_array(pl.DataFrame(NUMBERS).lazy())
    with pytest.raises(TypeError, match="no columns"):
        as_array(pd.DataFrame())
    np.testing.assert_array_equal(as_array(pd.DataFrame({"a": [decimal.Decimal("1.5")]})), [[1.5]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [[1, 2, 3], [4, 5], [6]],
            r"rows have unequal lengths \(1, 2, 3, ...\); pad them with kernelkit.utils",
        ),
        (np.array([[1, 2, 3], [4, 5], [6]], dtype=object), r"rows have unequal lengths \(1, 2, 3, ...\); pad them"),
        ([[[1, 2], [3]], [[1, 2], [3, 4]]], "rows have unequal lengths"),
        ([1, [2, 3]], "rows have unequal lengths"),
        (np.array([1, None, 3], dtype=object), r"they hold None \(NoneType\), which is no number"),
        (np.array([1, {"a": 1}], dtype=object), "no number"),
        (np.array(["2026-11-28"], dtype="datetime64[D]"), "are dates"),
        (np.array([1], dtype="timedelta64[s]"), "are durations"),
        (np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]), r"fields \['a', 'b'\]"),
    ],
)
def test_arrays_that_are_no_numbers(data, message):
    with pytest.raises(TypeError, match=message):
        to_arrays(data)


def test_masked_values_are_never_used():
    x = np.ma.array(np.ones((4, 3)), mask=[[1, 0, 0]] + [[0, 0, 0]] * 3)
    y = np.ma.array(np.zeros(4), mask=[0, 0, 1, 1])
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    good = np.ones((4, 3)), np.zeros(4)
    for use, count in (
        (lambda: model.predict(x), 1),
        (lambda: model.fit(x, good[1]), 1),
        (lambda: model.fit(good[0], y), 2),
        (lambda: model.fit(*good, sample_weight=y), 2),
        (lambda: model.evaluate([x], good[1]), 1),
        (lambda: model.fit(*good, validation_data=(x, y)), 1),
        (lambda: model.train_on_batch(x, good[1]), 1),
        (lambda: model.fit(iter([(x, y)])), 1),
        (lambda: model.predict_on_batch(x), 1),
    ):
        with pytest.raises(ValueError, match=f"masked array with {count} masked values"):
            use()
    with pytest.raises(ValueError, match="masked"):
        kk.ops.convert_to_tensor(x)
    plain = np.ma.array(np.ones((4, 3)), mask=False)
    np.testing.assert_array_equal(model.predict(plain), model.predict(np.ones((4, 3))))


@pytest.mark.parametrize(
    "use",
    [
        lambda x: kk.layers.Dense(2)(x),
        lambda x: kk.layers.LSTM(2)(np.ones((4, 3, 2)), mask=x > 0),
        lambda x: kk.layers.Rescaling(2.0)(x),
        lambda x: kk.layers.Normalization().adapt(x),
        lambda x: kk.layers.IntegerLookup(vocabulary=[7])(x.astype(int)),
        lambda x: kk.losses.MeanSquaredError()(np.ones((4, 3)), x),
        lambda x: kk.losses.mean_squared_error(x, np.ones((4, 3))),
        lambda x: kk.losses.MeanSquaredError()(np.ones((4, 3)), np.ones((4, 3)), sample_weight=x[:, 0]),
        lambda x: kk.metrics.Mean()(x),
        lambda x: kk.metrics.MeanSquaredError()(np.ones((4, 3)), x),
        lambda x: kk.Variable(x),
        lambda x: kk.Variable(np.ones((4, 3))).assign(x),
        lambda x: kk.Variable(np.ones((4, 3))).assign_add(x),
        lambda x: kk.initializers.Constant(x)((4, 3)),
        lambda x: kk.ops.array(x),
        lambda x: kk.utils.to_categorical(x[:, 0]),
        lambda x: kk.utils.normalize(x),
        lambda x: kk.utils.pad_sequences([x[0]]),
        lambda x: kk.utils.split_dataset(x, 0.5),
        lambda x: kk.utils.timeseries_dataset_from_array(x, None, 2),
    ],
)
def test_no_door_takes_values_under_a_mask(use):
    x = np.ma.array(np.ones((4, 3)), mask=np.eye(4, 3))
    with pytest.raises(ValueError, match="masked"):
        use(x)
    use(np.ma.array(np.ones((4, 3)), mask=False))


class Stand:
    """Stands for a tensor of torch, which is too large for the tests: what is asked of it, in order."""

    is_quantized, layout = True, "torch.sparse_coo"

    def __init__(self, value, dtype, asked):
        self.value, self.asked = value, asked
        self.dtype = type("dtype", (), {"is_floating_point": True, "__str__": lambda _: dtype})()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        dtype = "torch.float32" if name == "float" else str(self.dtype)

        def called():
            self.asked.append(name)
            return self.value if name == "numpy" else Stand(self.value, dtype, self.asked)

        return called


Stand.__module__ = "torch"


def test_tensors_of_torch_of_every_dtype_and_layout():
    asked = []
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, kernel_initializer="ones")])
    given = Stand(np.ones((3, 2), "float32"), "torch.bfloat16", asked)
    assert model.predict(given, verbose=0).tolist() == [[2.0]] * 3
    assert asked == "detach dequantize to_dense float resolve_conj resolve_neg cpu numpy".split()
