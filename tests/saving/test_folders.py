"""A model saved as a folder: whatever moment a process dies at, one whole model is found under the path."""

from __future__ import annotations

import os

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.saving import folder
from tests.dying import Death, Grim


@pytest.fixture(scope="module")
def grim():
    hook = Grim()
    yield hook
    hook.rest()


def model_of(value):
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1, name="d")])
    model.set_weights([np.full((1, 1), value), np.zeros(1)])
    return model


def value_of(path):
    return float(kk.models.load_model(path).get_weights()[0][0, 0])


def test_a_death_at_any_file_operation_leaves_the_old_model_or_the_new_one(grim, tmp_path):
    old, new = model_of(1.0), model_of(2.0)
    found, operations, died = [], 0, True
    while died:
        path = tmp_path / str(operations) / "model"
        path.parent.mkdir()
        old.save(path, zipped=False)
        grim.watch(path.parent, operations)
        died = False
        try:
            new.save(path, zipped=False)
        except Death:
            died = True
        finally:
            grim.rest()
        found.append(value_of(path))
        new.save(path, zipped=False)  # the next save works, and loses nothing either
        assert value_of(path) == 2.0
        operations += 1
    assert set(found) == {1.0, 2.0} and found == sorted(found) and len(found) > 6


def test_the_old_model_is_put_back_if_the_new_folder_cannot_take_its_place(tmp_path, monkeypatch):
    path = tmp_path / "model"
    model_of(1.0).save(path, zipped=False)
    replace = os.replace

    def refuse(source, target):
        if str(source).endswith(".unfinished") and str(target) == str(path):
            raise OSError("the disk is gone")
        replace(source, target)

    monkeypatch.setattr(folder.os, "replace", refuse)
    with pytest.raises(OSError, match="the disk is gone"):
        model_of(2.0).save(path, zipped=False)
    monkeypatch.undo()
    assert value_of(path) == 1.0 and [p.name for p in tmp_path.iterdir()] == ["model"]
