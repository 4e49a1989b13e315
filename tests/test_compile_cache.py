"""Compiled programs on disk: what a process finds that another has compiled, and who may choose the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernelkit import compile_cache

pytestmark = pytest.mark.one_in(2)

TRAIN = """
import json, os, sys
import jax
asked, found = [], []
jax.monitoring.register_event_listener(
    lambda name, **_: {"/jax/compilation_cache/compile_requests_use_cache": asked,
                       "/jax/compilation_cache/cache_hits": found}.get(name, []).append(1)
)
import numpy as np
import kernelkit as kk
x, y = np.ones((40, 4), "float32"), np.zeros((40,), "int32")
model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, verbose=0, validation_data=(x, y), shuffle=False)
model.predict(x)
folder = jax.config.jax_compilation_cache_dir
print(json.dumps({"asked": len(asked), "found": len(found), "folder": folder,
                  "files": len(os.listdir(folder)) if folder and os.path.isdir(folder) else 0}))
"""


def train(tmp_path, **environment) -> dict:
    base = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_COMPILATION", "JAX_PERSISTENT", "KERNELKIT"))}
    base |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=base, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_second_process_compiles_nothing(tmp_path):
    first = train(tmp_path)
    assert first["asked"] > first["found"]  # it had something to compile
    assert Path(first["folder"]).is_relative_to(tmp_path / "cache" / "kernelkit")
    assert Path(first["folder"]).stat().st_mode & 0o077 == 0  # nobody else may plant programs
    second = train(tmp_path)
    assert second["asked"] == second["found"] == first["asked"]


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"KERNELKIT_COMPILE_CACHE": "0"}, None),
        ({"JAX_COMPILATION_CACHE_DIR": "{tmp}/of-jax"}, "{tmp}/of-jax"),
        ({"KERNELKIT_COMPILE_CACHE": "/proc/no-such-place"}, None),
    ],
    ids=["turned off", "chosen for jax", "not writable"],
)
def test_who_chooses_the_folder(tmp_path, environment, folder):
    filled = {k: v.format(tmp=tmp_path) for k, v in environment.items()}
    assert train(tmp_path, **filled)["folder"] == (folder and folder.format(tmp=tmp_path))


def test_programs_that_jax_compresses_otherwise_are_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    without = compile_cache._machine()
    monkeypatch.delitem(sys.modules, "zstandard")
    (tmp_path / "zstandard.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert compile_cache._machine() == without + "-zstd"
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))  # it brings Zstandard along
    assert compile_cache._machine() == without + "-zstd"


def test_old_programs_go_when_there_are_many(tmp_path, monkeypatch):
    from kernelkit import compile_cache

    monkeypatch.setattr(compile_cache, "MOST_FILES", 10)
    for i in range(12):
        path = tmp_path / f"program-{i:02d}"
        path.touch()
        os.utime(path, (i, i))
    compile_cache._thin_out(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"program-{i:02d}" for i in range(6, 12)]


def test_a_program_that_another_process_deletes_meanwhile_is_no_error(tmp_path, monkeypatch):
    for i in range(8):
        (tmp_path / str(i)).write_text("")
    monkeypatch.setattr(compile_cache, "MOST_FILES", 4)
    stat = os.stat

    def deleted_meanwhile(path, *args, **kwargs):
        if str(path).endswith("3"):
            raise FileNotFoundError(path)
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(compile_cache.os, "stat", deleted_meanwhile)
    compile_cache._thin_out(tmp_path)
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 5
