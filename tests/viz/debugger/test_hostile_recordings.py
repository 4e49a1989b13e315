"""Recordings from strangers: each field is checked, and what it describes is held to the rules of all files."""

import io
import json
import zipfile

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.manifest import problem_of
from tests.viz.debugger.models import BATCH, fresh


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    model, (x, y) = fresh("mlp")
    dbg = model.debug(x, y, batch_size=BATCH, snapshot_every=4)
    dbg.step(10)
    path = tmp_path_factory.mktemp("run") / "run.kkrec"
    dbg.record(path, layers=["hidden"], every=3)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, x, y


def packed(files, tmp_path):
    path = tmp_path / "bad.kkrec"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def with_fields(recorded, tmp_path, **fields):
    files = recorded[0]
    manifest = json.loads(files["manifest.json"]) | fields
    return packed(files | {"manifest.json": json.dumps(manifest)}, tmp_path)


def refuse(path, recorded, match):
    _, x, y = recorded
    for data in ((), (x, y, BATCH)):
        with pytest.raises(ValueError, match=match):
            kk.viz.replay(path, *data)


NONSENSE = [5, -1, 2.5, True, None, "x", [], {}, [0] * 50, [5], [[0]], {"a": 1}, 10**29, [10**29], [None], ["a", "a"]]
FINE = {
    "layers": [[]],
    "seed": [5, None],
    "means": [True],
    "pages": [{}],
    "model": [None],
    "first_epoch": [5],
    "begin": [5],  # a step, but the recording has no state for it
}


def test_each_field_refuses_what_it_is_not(recorded):
    manifest = json.loads(recorded[0]["manifest.json"])
    assert problem_of(manifest) is None
    for field in (
        "begin",
        "head",
        "first_epoch",
        "starts",
        "seed",
        "means",
        "layers",
        "logs",
        "snapshots",
        "pages",
        "model",
    ):
        assert f"'{field}' is missing" in problem_of({k: v for k, v in manifest.items() if k != field})
        for value in NONSENSE:
            if not any(value is fine or (value == fine and type(value) is type(fine)) for fine in FINE.get(field, [])):
                told = problem_of(manifest | {field: value})
                if told is None:
                    assert (field, value) in [("begin", 0), ("logs", [])], (field, value)
                else:
                    assert repr(field) in told or field in told, (field, value, told)


@pytest.mark.parametrize("field", ["starts", "snapshots", "layers", "logs", "seed", "model", "pages"])
def test_a_recording_with_nonsense_in_a_field_is_refused_by_name(recorded, tmp_path, field):
    refuse(
        with_fields(recorded, tmp_path, **{field: 5 if field != "seed" else 10**29}), recorded, rf"bad\.kkrec.*{field}"
    )


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"5", b"{}", b"[" * 100_000, b'{"format": 1}', b'{"a":' * 300_000, b"\xff"], ids=range(8)
)
def test_a_manifest_that_is_none(recorded, tmp_path, text):
    refuse(packed(recorded[0] | {"manifest.json": text}, tmp_path), recorded, "not a readable recording")


@pytest.mark.parametrize("shape", ["(True,)", "(-1,)", "(10, )" * 3, "(1e9,)", "None", "(" * 5000])
def test_arrays_whose_headers_are_nonsense(recorded, tmp_path, shape):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (64 - (len(text) + 11) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(40)
    refuse(packed(recorded[0] | {"records/loss.npy": data}, tmp_path), recorded, "loss.npy")


@pytest.mark.parametrize("value", [np.ones(10, "c8"), np.ones(9, "f4"), np.ones((10, 1), "f4")])
def test_arrays_of_another_kind(recorded, tmp_path, value):
    buffer = io.BytesIO()
    np.save(buffer, value)
    refuse(packed(recorded[0] | {"records/loss.npy": buffer.getvalue()}, tmp_path), recorded, "loss.npy")
    refuse(packed(recorded[0] | {"indices.npy": buffer.getvalue()}, tmp_path), recorded, "indices.npy|10")


def with_model(recorded, tmp_path, change):
    manifest = json.loads(recorded[0]["manifest.json"])
    config, settings = json.loads(manifest["model"]["model"]), json.loads(manifest["model"]["compile"])
    change(config, settings)
    model = {"model": json.dumps(config), "compile": json.dumps(settings)}
    return with_fields(recorded, tmp_path, model=model)


def dense_of(config):
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")


def test_the_model_of_a_recording_is_held_to_the_rules_of_all_files(recorded, tmp_path):
    _, x, y = recorded
    secret = tmp_path / "secret.txt"
    secret.write_text("a\nb")
    iou = {
        "module": "keras.metrics",
        "class_name": "MeanIoU",
        "config": {"num_classes": 30000},
        "registered_name": None,
    }
    words = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": str(secret)}}
    logger = {"module": "keras.callbacks", "class_name": "CSVLogger", "config": {"filename": str(tmp_path / "log")}}
    cases = {
        "has fewer bytes": lambda config, _: dense_of(config)["config"].update(units=10**8),
        "would take": lambda _, settings: settings.update(metrics=[iou]),
        "In safe mode no file": lambda config, _: dense_of(config).update(words),
        "is not known": lambda config, _: dense_of(config).update(logger),
        "": lambda config, _: config.update(config=5),
    }
    for match, change in cases.items():
        with pytest.raises(ValueError, match=match):
            kk.viz.replay(with_model(recorded, tmp_path, change), x, y, BATCH)
    assert not (tmp_path / "log").exists()
