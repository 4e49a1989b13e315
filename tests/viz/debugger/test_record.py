"""A training in a file, opened elsewhere."""

import io
import json
import zipfile

import numpy as np
import pytest

import kernelkit as kk
from tests.viz.debugger.models import BATCH, fresh, leaves


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    model, (x, y) = fresh("mlp")
    dbg = model.debug(x, y, batch_size=BATCH, snapshot_every=4)
    dbg.step(10)
    path = tmp_path_factory.mktemp("run") / "run.kkrec"
    dbg.record(path, layers=["hidden"], every=3, batches=True)
    return dbg, path, x, y


def test_without_data(recorded):
    dbg, path, _, _ = recorded
    lesson = kk.viz.replay(path)
    assert (lesson.begin, lesson.head, lesson.looked) == (0, 10, [0, 3, 6, 9])
    np.testing.assert_array_equal(lesson.history(), dbg.history())
    dbg.goto(7)
    assert lesson.goto(7) == dbg.logs
    np.testing.assert_array_equal(lesson.activations("hidden"), dbg.activations("hidden"))
    np.testing.assert_array_equal(lesson.indices, dbg.batch.indices)
    np.testing.assert_array_equal(lesson.batch[0], dbg.batch.x)
    np.testing.assert_array_equal(lesson.sample_losses(), dbg.sample_losses())
    assert lesson.table().row("hidden")["mean"] == pytest.approx(dbg.table().row("hidden")["mean"])
    json.dumps(lesson.state())
    with pytest.raises(ValueError, match="were not stored"):
        lesson.activations("out")
    lesson.step()
    with pytest.raises(ValueError, match="was not looked into"):
        lesson.table()
    assert lesson.back(2) == dbg.goto(6)


def test_with_data_it_goes_on(recorded):
    dbg, path, x, y = recorded
    again = kk.viz.replay(path, x, y, batch_size=BATCH)
    for k in (10, 5, 13):
        again.goto(k)
        dbg.goto(k)
        for a, b in zip(leaves(again.state_after()), leaves(dbg.state_after()), strict=True):
            np.testing.assert_array_equal(a, b)
    assert again.timeline.snapshots.steps("main")[:3] == [0, 4, 8]
    with pytest.raises(ValueError, match="give other batches"):
        kk.viz.replay(path, x, y, batch_size=BATCH - 1)


def test_a_training_without_a_step_leaves_no_file(tmp_path):
    model, (x, y) = fresh("mlp")
    dbg = model.debug(x, y, batch_size=BATCH)
    with pytest.raises(ValueError, match=r"there is none\. Run some first"):
        dbg.record(tmp_path / "run.kkrec")
    assert list(tmp_path.iterdir()) == []


def changed(path, target, name, data):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            new.writestr(member, data if member == name else old.read(member))
    return target


def test_files_are_not_trusted(recorded, tmp_path):
    _, path, x, y = recorded
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    pickled = changed(path, tmp_path / "a.kkrec", "records/loss.npy", buffer.getvalue())
    with pytest.raises(ValueError, match="is no array|declares"):
        kk.viz.replay(pickled)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    huge = changed(path, tmp_path / "b.kkrec", "records/loss.npy", header.getvalue())
    with pytest.raises(ValueError, match="but holds other data"):
        kk.viz.replay(huge)
    for text in (b"{}", b"no json", b'{"format": 2}'):
        with pytest.raises(ValueError, match="not a readable recording"):
            kk.viz.replay(changed(path, tmp_path / "c.kkrec", "manifest.json", text))
    with pytest.raises(ValueError):
        kk.viz.replay(changed(path, tmp_path / "d.kkrec", "snapshots/0/trainable/0.npy", buffer.getvalue()), x, y, 8)
    with pytest.raises(ValueError, match="kkrec"):
        recorded[0].record(tmp_path / "run.zip")
