"""`FeatureSpace`: tables of mixed columns encoded as Keras encodes them.

Keras needs TensorFlow for its own: its answers stand here as numbers, and a file that Keras 3.15.1 wrote stands beside.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import polars as pl
import pytest

import kernelkit as kk
from kernelkit.utils import FeatureSpace

KERAS_FILE = Path(__file__).with_name("keras_feature_space.keras")

TABLE = {
    "f": [0.0, 0.1, 0.2, 0.3],
    "s": ["zero", "one", "two", "two"],
    "i": [0, 1, 2, 2],
    "n": [1.0, 2.0, 3.0, 4.0],
    "r": [1, 2, 3, 4],
    "h": ["a", "b", "c", "d"],
    "ih": [1, 2, 3, 4],
    "d": [0.0, 0.5, 0.7, 0.9],
}
# Keras 3.15.1: the places of the numbers that are not 0, of 89, and the numbers.
KERAS = [
    ([0, 7, 39, 44, 45, 46, 49, 55, 81], [1, 1, 1, 1, -1.3416407, 3, 1, 1, 1]),
    ([1, 3, 26, 38, 44, 45, 46, 50, 54, 76], [1, 0.1, 1, 1, 1, -0.4472136, 5, 1, 1, 1]),
    ([2, 3, 12, 37, 41, 45, 46, 48, 55, 66], [1, 0.2, 1, 1, 1, 0.4472136, 7, 1, 1, 1]),
    ([2, 3, 5, 37, 43, 45, 46, 48, 52, 66], [1, 0.3, 1, 1, 1, 1.3416407, 9, 1, 1, 1]),
]


def keras_says() -> np.ndarray:
    rows = np.zeros((4, 89), "float32")
    for row, (places, values) in zip(rows, KERAS):
        row[places] = values
    return rows


def space_of_all(output_mode: str = "concat") -> FeatureSpace:
    return FeatureSpace(
        {
            "f": "float",
            "s": "string_categorical",
            "i": "integer_categorical",
            "n": FeatureSpace.float_normalized(),
            "r": FeatureSpace.float_rescaled(2.0, 1.0),
            "h": "string_hashed",
            "ih": FeatureSpace.integer_hashed(5),
            "d": FeatureSpace.float_discretized(3),
        },
        crosses=[("s", "i"), FeatureSpace.cross(("h", "ih"), crossing_dim=6)],
        output_mode=output_mode,
    )


@pytest.fixture(scope="module")
def adapted() -> FeatureSpace:
    space = space_of_all()
    space.adapt(TABLE)
    return space


@pytest.fixture
def small() -> FeatureSpace:
    space = FeatureSpace({"a": "float_normalized", "b": "string_categorical"})
    space.adapt({"a": [1.0, 3.0], "b": ["x", "y"]})
    return space


def rows_of(table: dict) -> list[dict]:
    return [dict(zip(table, row)) for row in zip(*table.values())]


DATA = {
    "a dict": lambda: TABLE,
    "a pandas frame": lambda: pd.DataFrame(TABLE | {"more": [0, 0, 0, 0]}),
    "a frame of categories and nullable columns": lambda: pd.DataFrame(TABLE).astype(
        {"s": "category", "h": "string", "i": "Int64", "n": "Float64"}
    ),
    "a polars frame": lambda: pl.DataFrame(TABLE),
    "a structured array": lambda: pd.DataFrame(TABLE).to_records(index=False),
    "columns with an axis of features": lambda: {k: np.array(v)[:, None] for k, v in TABLE.items()},
    "byte strings": lambda: TABLE | {"s": np.array(TABLE["s"], "S")},
}
SETS = {
    "rows": lambda: rows_of(TABLE),
    "a generator of rows": lambda: iter(rows_of(TABLE)),
    "batches": lambda: kk.utils.Dataset.from_tensor_slices(TABLE).batch(3),
    "pairs": lambda: kk.utils.Dataset.from_tensor_slices((TABLE, np.arange(4))),
}


@pytest.mark.parametrize("data", DATA)
def test_a_table_is_encoded_as_keras_encodes_it(adapted, data):
    np.testing.assert_allclose(adapted(DATA[data]()), keras_says(), atol=1e-6)


@pytest.mark.parametrize("data", [*DATA, *SETS])
def test_vocabularies_and_statistics_are_learned_from(data):
    space = space_of_all()
    space.adapt((DATA | SETS)[data]())
    np.testing.assert_allclose(space(TABLE), keras_says(), atol=1e-6)


def test_a_single_row_loses_its_batch_axis(adapted):
    for row in (rows_of(TABLE)[1], pd.DataFrame(TABLE).iloc[1]):
        np.testing.assert_allclose(adapted(row), keras_says()[1], atol=1e-6)


def test_a_dict_of_outputs_has_features_then_crosses_each_sorted():
    space = space_of_all("dict")
    space.adapt(TABLE)
    names = ["d", "f", "h", "i", "ih", "n", "r", "s", "h_X_ih", "s_X_i"]
    outputs, row = space(TABLE), space(rows_of(TABLE)[0])
    assert list(outputs) == list(row) == list(space.get_encoded_features()) == names
    assert list(space.get_inputs()) == list(TABLE)
    np.testing.assert_allclose(np.concatenate(list(outputs.values()), 1), keras_says(), atol=1e-6)
    assert row["h_X_ih"].shape == (6,)


def test_indices_may_stay_indices_in_a_dict():
    space = FeatureSpace(
        {"s": FeatureSpace.string_categorical(output_mode="int"), "i": FeatureSpace.integer_hashed(3, "int")},
        crosses=[FeatureSpace.cross(("s", "i"), 5, output_mode="int")],
        output_mode="dict",
    )
    space.adapt({"s": ["x", "y", "y"], "i": [1, 2, 3]})
    outputs = space({"s": ["y", "?"], "i": [1, 2]})
    assert {n: (v.shape, str(v.dtype)) for n, v in outputs.items()} == dict.fromkeys(
        ["i", "s", "s_X_i"], ((2, 1), "int32")
    )
    assert outputs["s"].tolist() == [[1], [0]]


def test_unknown_categories_and_limits_are_as_in_keras():
    space = FeatureSpace(
        {
            "a": FeatureSpace.string_categorical(num_oov_indices=2),
            "i": FeatureSpace.integer_categorical(max_tokens=2, num_oov_indices=1),
        }
    )
    space.adapt({"a": ["x", "y", "y"], "i": [5, 5, 6]})
    assert space({"a": ["q", "y"], "i": [7, 5]}).tolist() == [[0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]]


def test_a_layer_of_ones_own_prepares_a_column():
    text = kk.layers.TextVectorization(output_mode="tf_idf")
    space = FeatureSpace({"text": FeatureSpace.feature(dtype="string", preprocessor=text, output_mode="float")})
    space.adapt({"text": ["1st string", "2nd string", "3rd string"]})
    expected = [[0, 0.5596158, 0, 0, 0.91629076], [0.82712203, 0, 0, 0.91629076, 0]]  # Keras
    np.testing.assert_allclose(space({"text": ["1st string", "2nd x"]}), expected, atol=1e-6)


def test_given_vocabularies_and_boundaries_need_no_adapt():
    space = FeatureSpace(
        {
            "d": FeatureSpace.float_discretized(None, bin_boundaries=[0.2, 0.6]),
            "s": FeatureSpace.feature("string", kk.layers.StringLookup(vocabulary=["x", "y"]), "one_hot"),
        }
    )
    assert space({"d": [0.1, 0.7], "s": ["x", "y"]}).tolist() == [[1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]]
    space.adapt({"d": [5.0], "s": ["z"]})  # nothing is left to learn
    assert space({"d": [0.1], "s": ["y"]}).tolist() == [[1, 0, 0, 0, 0, 1]]


def test_adapting_again_replaces_what_was_learned(small):
    small.adapt({"a": [10.0, 30.0], "b": ["p", "q"]})
    assert small({"a": [30.0], "b": ["q"]}).tolist() == small({"a": [30.0], "b": ["q"]}).tolist()
    assert small.preprocessors["b"].get_vocabulary() == ["[UNK]", "q", "p"]
    assert small({"a": [30.0], "b": ["x"]}).tolist() == [[1, 1, 0, 0]]


# Models ---------------------------------------------------------------------------------------------------------------


def test_a_model_of_raw_columns_trains_and_is_saved(small, tmp_path):
    inputs = small.get_inputs()
    model = kk.Model(inputs, kk.layers.Dense(1)(small.get_encoded_features()))
    model.compile("sgd", "mse")
    data = {"a": np.array([1.0, 3.0] * 4), "b": np.array(["x", "y"] * 4)}
    history = model.fit(data, np.array([0.0, 1.0] * 4), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "m.keras")
    again = kk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(data, verbose=0), model.predict(data, verbose=0))
    modules = {layer["module"] for layer in config_of(tmp_path / "m.keras")["config"]["layers"]}
    assert "keras.src.layers.preprocessing.feature_space" in modules  # where Keras finds its classes


def test_the_space_may_be_one_layer_of_a_model(small, tmp_path):
    inputs = {"a": kk.Input((1,)), "b": kk.Input((1,), dtype="string")}
    model = kk.Model(inputs, kk.layers.Dense(1)(small(inputs)))
    data = {"a": np.array([1.0, 3.0]), "b": np.array(["x", "y"])}
    model.save(tmp_path / "m.keras")
    again = kk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(data, verbose=0), model.predict(data, verbose=0))


def test_a_space_without_strings_may_be_compiled():
    space = FeatureSpace({"a": "float_rescaled", "b": "integer_hashed"})
    data = {"a": np.ones(3, "float32"), "b": np.arange(3)}
    np.testing.assert_array_equal(jax.jit(space)(data), space(data))


def test_a_data_set_is_mapped(small):
    table = {"a": np.array([1.0, 3.0]), "b": np.array(["x", "y"])}
    rows = kk.utils.Dataset.from_tensor_slices((table, np.arange(2.0)))
    for data in (rows.batch(2).map(lambda x, y: (small(x), y)), rows.map(lambda x, y: (small(x), y)).batch(2)):
        [(x, _)] = list(data)
        np.testing.assert_array_equal(np.asarray(x), small(table))


# Files ----------------------------------------------------------------------------------------------------------------


def config_of(path) -> dict:
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("config.json"))


def test_a_file_of_keras_is_read():
    space = kk.models.load_model(KERAS_FILE)
    assert isinstance(space, FeatureSpace)
    np.testing.assert_allclose(space(TABLE), keras_says(), atol=1e-6)


def test_a_file_is_written_as_keras_writes_it(adapted, tmp_path):
    adapted.save(tmp_path / "space.keras")
    with zipfile.ZipFile(tmp_path / "space.keras") as ours, zipfile.ZipFile(KERAS_FILE) as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())
    ours, theirs = config_of(tmp_path / "space.keras"), config_of(KERAS_FILE)
    assert (ours["module"], ours["class_name"]) == (theirs["module"], theirs["class_name"])
    assert set(ours["config"]) - set(theirs["config"]) == {"name"}
    for name, feature in theirs["config"]["features"].items():
        mine = ours["config"]["features"][name]
        for part in ("module", "class_name"):
            assert mine[part] == feature[part]
            assert mine["config"]["preprocessor"][part] == feature["config"]["preprocessor"][part]
        assert mine["config"]["dtype"] == feature["config"]["dtype"]
    again = kk.models.load_model(tmp_path / "space.keras")
    assert again.name == adapted.name
    np.testing.assert_array_equal(again(TABLE), adapted(TABLE))


def test_a_space_that_was_not_adapted_is_saved_as_such(tmp_path):
    space_of_all().save(tmp_path / "space.keras")
    again = kk.models.load_model(tmp_path / "space.keras")
    with pytest.raises(ValueError, match="adapt"):
        again(TABLE)
    again.adapt(TABLE)
    np.testing.assert_allclose(again(TABLE), keras_says(), atol=1e-6)


# Errors ---------------------------------------------------------------------------------------------------------------

WRONG_SPACES = {
    "nothing": (lambda: FeatureSpace({}), "features"),
    "a list": (lambda: FeatureSpace(["a"]), "features"),
    "an unknown type": (lambda: FeatureSpace({"age": "floaty"}), "'age'.*Did you mean 'float'"),
    "another object": (lambda: FeatureSpace({"age": 3}), "'age'"),
    "an unknown mode": (lambda: FeatureSpace({"age": "float"}, output_mode="x"), "output_mode"),
    "a cross with an unknown column": (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), r"\['b'\]"),
    "a cross with floats": (
        lambda: FeatureSpace({"a": "float", "b": "string_hashed"}, crosses=[("a", "b")]),
        "'a' gives floats",
    ),
    "a cross of one": (lambda: FeatureSpace({"b": "string_hashed"}, crosses=[("b",)]), "two or more"),
    "a cross that is a string": (lambda: FeatureSpace({"b": "string_hashed"}, crosses=["bb"]), "two or more"),
    "no bins": (lambda: FeatureSpace({"b": "string_hashed"}, hashing_dim=0), "hashing_dim"),
    "a function as layer": (lambda: FeatureSpace.feature("float32", abs, "float"), "must be a layer"),
}


@pytest.mark.parametrize("wrong", WRONG_SPACES)
def test_a_wrong_space_is_refused(wrong):
    make, message = WRONG_SPACES[wrong]
    with pytest.raises(ValueError, match=message):
        make()


WRONG_DATA = {
    "no names": ([1.0], "dict of columns"),
    "nothing": (None, "dict of columns"),
    "a missing column": ({"a": [1.0]}, r"\['b'\].*Their columns: \['a'\]"),
    "strings for numbers": ({"a": ["u"], "b": ["x"]}, "'a' takes numbers.*string_categorical"),
    "numbers for strings": ({"a": [1.0], "b": [3]}, "'b' takes strings.*integer_categorical"),
    "a missing number": ({"a": [1.0, None], "b": ["x", "x"]}, "'a': 1 of 2 values are missing"),
    "a missing string": ({"a": [1.0, 2.0], "b": ["x", None]}, "'b': 1 of 2 values are missing"),
    "pandas' NA": ({"a": [1.0], "b": pd.array([pd.NA], "string")}, "'b': 1 of 1 values are missing"),
    "dates": ({"a": pd.to_datetime(["2026-01-01"]), "b": ["x"]}, "'a' takes numbers, got datetime64"),
    "a value beside a batch": ({"a": 1.0, "b": ["x"]}, "'a' is a single value, but feature 'b'"),
    "unequal lengths": ({"a": [1.0, 2.0], "b": ["x"]}, "{'a': 2, 'b': 1}"),
}


@pytest.mark.parametrize("wrong", WRONG_DATA)
def test_wrong_data_are_refused_by_the_name_of_the_column(small, wrong):
    data, message = WRONG_DATA[wrong]
    with pytest.raises(ValueError, match=message):
        small(data)


@pytest.mark.parametrize("value", [2.5, float("nan"), "3", 10**30])
def test_integers_must_be_integers(value):
    space = FeatureSpace({"i": "integer_hashed"})
    with pytest.raises(ValueError, match="'i' takes integers"):
        space({"i": [value]})
    np.testing.assert_array_equal(space({"i": [4.0]}), space({"i": [4]}))


WRONG_SETS = {
    "no data": (lambda: iter([]), "no data"),
    "a number": (lambda: 3, "takes a dict of columns"),
    "no names": (lambda: kk.utils.Dataset.from_tensor_slices([1.0, 2.0]), "named columns"),
    "NaN": (lambda: {"a": [1.0, np.nan], "b": ["x", "y"]}, "'a' has 1 NaN among 2"),
    "no end": (lambda: kk.utils.Dataset.from_tensor_slices({"a": [1.0], "b": ["x"]}).repeat(), "never ends"),
}


@pytest.mark.parametrize("wrong", WRONG_SETS)
def test_wrong_data_to_adapt_to_are_refused_and_change_nothing(small, wrong):
    make, message = WRONG_SETS[wrong]
    before = small({"a": [1.0], "b": ["y"]}).tolist()
    with pytest.raises(ValueError, match=message):
        small.adapt(make())
    assert small({"a": [1.0], "b": ["y"]}).tolist() == before


def test_use_before_adapt_says_so():
    space = space_of_all()
    for use in (lambda: space(TABLE), space.get_inputs, space.get_encoded_features):
        with pytest.raises(ValueError, match=r"call adapt\(dataset\)"):
            use()


def test_features_that_do_not_fit_together_are_named():
    space = FeatureSpace({"s": FeatureSpace.string_categorical(output_mode="int"), "f": "float"})
    with pytest.raises(ValueError, match="'s' has not been encoded"):
        space.adapt({"s": ["x"], "f": [1.0]})
    space = FeatureSpace({"i": FeatureSpace.feature("int32", kk.layers.Identity(), "one_hot")})
    with pytest.raises(ValueError, match="'i'.*is not known"):
        space({"i": [1]})
    space = FeatureSpace({"f": FeatureSpace.feature("float32", kk.layers.Rescaling(1.0), "one_hot")})
    with pytest.raises(ValueError, match="'f'.*takes indices"):
        space({"f": [1.0]})
