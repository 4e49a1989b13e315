"""Lambdas in files: compiled code, for those who trust the file."""

import json
import zipfile

import keras
import numpy as np
import pytest

import kernelkit as kk


def lambda_model(package, by=2):
    return package.Sequential(
        [package.Input((4,)), package.layers.Lambda(lambda x, plus=1.0: x * by + plus, name="l")], name="m"
    )


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_lambda_comes_back_to_those_who_trust_it(tmp_path, ending):
    x = np.arange(8.0, dtype="float32").reshape(2, 4)
    path = tmp_path / f"m{ending}"
    lambda_model(kk).save(path)
    with pytest.raises(ValueError, match="arbitrary code execution.*pass safe_mode=False"):
        kk.models.load_model(path)
    np.testing.assert_array_equal(kk.models.load_model(path, safe_mode=False)(x), 2 * x + 1)


def test_files_of_keras(tmp_path):
    x = np.ones((2, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 5)])
    model.save(tmp_path / "k.keras")
    np.testing.assert_array_equal(kk.models.load_model(tmp_path / "k.keras", safe_mode=False)(x), 5 * x)
    kk.Sequential([kk.Input((4,)), kk.layers.Lambda(lambda x: x * 7)]).save(tmp_path / "kk.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "kk.keras", safe_mode=False)(x), 7 * x)


def test_what_the_code_finds_by_name():
    config = kk.layers.Lambda(lambda x: keras.ops.square(x) + np.float32(1)).get_config()
    layer = kk.layers.Lambda.from_config(config, safe_mode=False)
    assert layer(np.array([3.0], "float32")).tolist() == [10.0]
    with pytest.raises(ValueError, match="arbitrary code execution"):
        kk.layers.Lambda.from_config(config)


def test_the_setting_for_all_files(monkeypatch):
    config = kk.saving.serialize_keras_object({"activation": lambda x: x**2})
    monkeypatch.setitem(kk.config._settings, "unsafe_deserialization", False)  # put back at the end
    kk.config.enable_unsafe_deserialization()
    assert kk.saving.deserialize_keras_object(config)["activation"](3) == 9


def test_a_file_cannot_switch_safe_mode_off(tmp_path):
    path = tmp_path / "m.keras"
    lambda_model(kk).save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    config["safe_mode"] = False
    config["config"]["layers"][1]["safe_mode"] = False
    config["config"]["layers"][1]["config"]["safe_mode"] = False
    parts["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    with pytest.raises(ValueError, match="arbitrary code execution"):
        kk.models.load_model(path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"python": "2.7"}, "compiled by Python 2.7"),
        ({"code": "AAAA"}, "another version of Python, or is damaged"),
        ({"code": "TgA="}, "not a code object"),
        ({"closure": None}, "closes over"),
        ({"code": None}, "another version of Python, or is damaged"),
    ],
)
def test_code_that_does_not_fit(changes, match):
    scale = 3
    described = kk.layers.Lambda(lambda x: x * scale).get_config()
    described["function"]["config"].update(changes)
    with pytest.raises(ValueError, match=match):
        kk.layers.Lambda.from_config(described, safe_mode=False)


def test_what_a_lambda_holds_on_to_must_be_describable():
    opened = object()
    with pytest.raises(ValueError, match="Give the function a name"):
        kk.layers.Lambda(lambda x: (x, opened)[0]).get_config()
