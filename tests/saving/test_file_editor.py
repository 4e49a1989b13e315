"""Looking into weights files and changing them."""

import h5py
import keras
import numpy as np
import pytest

import kernelkit as kk


@pytest.fixture
def model():
    inner = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name="inner")
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2, name="a"), inner])
    model.compile("adam", "mse")
    return model


@pytest.fixture
def path(model, tmp_path):
    model.save_weights(tmp_path / "m.weights.h5")
    return tmp_path / "m.weights.h5"


def edit(path):
    return kk.saving.KerasFileEditor(path)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_what_it_shows(model, tmp_path, ending, capsys):
    path = tmp_path / f"m{ending}"
    (model.save if ending == ".keras" else model.save_weights)(path)
    editor = edit(path)
    editor.summary()
    shown = capsys.readouterr().out
    assert "0: shape=(3, 2), dtype=float32" in shown and "optimizer" in shown
    np.testing.assert_array_equal(editor.weights_dict["layers"]["dense"]["0"], model.layers[0].kernel)
    np.testing.assert_array_equal(
        editor.weights_dict["layers"]["sequential"]["layers"]["dense"]["0"], model.layers[1].layers[0].kernel
    )
    assert editor.object_metadata["/layers/dense"] == {"name": "a"}


def test_saved_again_it_is_the_same(model, path, tmp_path):
    edit(path).save(tmp_path / "again.weights.h5")
    before = model.get_weights()
    for weight in model.weights:
        weight.assign(weight * 0)
    model.load_weights(tmp_path / "again.weights.h5")
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    twin = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")])
    twin.add(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="inner"))
    twin.load_weights(tmp_path / "again.weights.h5")
    np.testing.assert_array_equal(twin.get_weights()[2], before[2])


def test_compare(model, path, capsys):
    result = edit(path).compare(model)
    assert (result["status"], result["error_count"]) == ("success", 0)
    assert result["match_count"] == 4 + len(model.optimizer.variables)
    other = kk.Sequential([kk.Input((3,)), kk.layers.Dense(5), kk.layers.Dense(2)])
    result = edit(path).compare(other)
    assert result == {"status": "error", "error_count": 5, "match_count": 0}
    shown = capsys.readouterr().out
    assert "Weight shape mismatch for /layers/dense/0: (3, 5) expected, (3, 2)" in shown
    assert "/layers/dense_1 present in reference model, missing" in shown
    assert "/optimizer present in saved file, missing" in shown


def test_changes(path, tmp_path):
    editor = edit(path)
    editor.rename_object("layers/dense", "first")
    editor.add_object("layers/new", {"0": np.ones(2), "1": np.zeros(3)})
    editor.delete_weight("new", "1")
    editor.add_weights("new", {"0": np.full(2, 7.0), "5": 1})
    editor.delete_object("optimizer")
    editor.delete_object("layers/sequential")
    editor.save(tmp_path / "out.weights.h5")
    with h5py.File(tmp_path / "out.weights.h5") as file:
        found = {}
        file.visititems(
            lambda name, value: found.update({name: value[()].tolist()} if isinstance(value, h5py.Dataset) else {})
        )
        assert file["layers/first/vars"].attrs["name"] == "a"
    assert set(found) == {"layers/first/vars/0", "layers/first/vars/1", "layers/new/vars/0", "layers/new/vars/5"}
    assert found["layers/new/vars/0"] == [7.0, 7.0]
    again = edit(tmp_path / "out.weights.h5")
    assert set(again.weights_dict["layers"]) == {"first", "new"}


def test_what_is_refused(path, tmp_path):
    editor = edit(path)
    for match, call in {
        "leaf name": lambda: editor.rename_object("optimizer", "x/y"),
        "does not appear": lambda: editor.delete_object("nothing"),
        "more than once": lambda: editor.delete_object("dense"),
        "such an object already": lambda: editor.rename_object("optimizer", "layers"),
        "not found in model": lambda: editor.add_object("nothing/new", {}),
        "Weights found": lambda: editor.delete_weight("optimizer", "99"),
        "without '/'": lambda: editor.add_weights("optimizer", {"../x": 1}),
        "expected a `.weights.h5` extension": lambda: editor.save(tmp_path / "x.h5"),
        "extension": lambda: edit(tmp_path / "x.h5"),
        "File not found": lambda: edit(tmp_path / "x.weights.h5"),
    }.items():
        with pytest.raises(ValueError, match=match):
            call()


def test_hostile_files(path, tmp_path):
    def hostile(change):
        bad = tmp_path / "bad.weights.h5"
        bad.write_bytes(path.read_bytes())
        with h5py.File(bad, "r+") as file:
            change(file)
        return bad

    def circle(file):
        file["layers/again"] = file["layers"]

    def doubling(file):
        group = file.create_group("x")
        for _ in range(60):
            below = file.create_group(f"tmp{_}")
            group["a"] = group["b"] = below
            group = below

    def outside(file):
        file["layers/out"] = h5py.ExternalLink(str(path), "layers")

    def huge(file):
        file.create_dataset("layers/vars/0", shape=(10**9, 10**3), chunks=(1, 10**3), dtype="f4")

    for change, match in (
        (circle, "nested too deep"),
        (doubling, "declares more than it holds"),
        (outside, "link to another file"),
        (huge, "declares the shape"),
    ):
        with pytest.raises(ValueError, match=match):
            edit(hostile(change))
