"""The wheel: what is in it, and that it works outside the checkout in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import kernelkit

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "labextension" / "built"

TINY_FIT = """
import numpy as np
import kernelkit as keras

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(np.ones((32, 4), "float32"), np.zeros(32, "int32"), epochs=3, verbose=0)
model.summary()
print(keras.__version__, keras.__file__, len(history.history["loss"]))
"""


def run(*command: object, **options: object) -> str:
    """Run a command to its end and return what it printed; its own words are in the error if it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv() -> str:
    found = shutil.which("uv", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
    assert found, "uv is in the dev group of pyproject.toml: install it"
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the sdist, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


def environment(folder: Path, requirement: str) -> Path:
    """Return the Python of a new environment that holds a requirement and what it depends on."""
    run(uv(), "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    run(uv(), "pip", "install", "--quiet", "--python", python, requirement)
    return python


def outside(folder: Path) -> dict:
    """Options for a process that knows neither the checkout nor this environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "PYTEST"))}
    jupyter = {"JUPYTER_DATA_DIR": str(folder / "jupyter"), "IPYTHONDIR": str(folder / "ipython")}
    return {"cwd": folder, "env": kept | jupyter | {"JAX_PLATFORMS": "cpu"}}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    parts = ("", ".dist-info", ".data")
    assert {name.split("/")[0] for name in names} == {
        "kernelkit", *(f"kernelkit-{kernelkit.__version__}{part}" for part in parts[1:])
    }  # fmt: skip
    data = f"kernelkit-{kernelkit.__version__}.data/data/share/jupyter/labextensions/kernelkit-labextension/"
    built = {p.relative_to(EXTENSION).as_posix() for p in EXTENSION.rglob("*") if p.is_file()}
    assert {name.removeprefix(data) for name in names if ".data/" in name} == built
    shipped = (p for p in (ROOT / "kernelkit").rglob("*") if p.suffix in {".py", ".js", ".css", ".typed"})
    sources = {p.relative_to(ROOT).as_posix() for p in shipped if "frontend" not in p.parts}
    assert sources <= set(names)
    assert not [name for name in names if "/frontend/" in name or "node_modules" in name]


@pytest.mark.slow
def test_the_wheel_alone_trains_a_model(wheel, tmp_path):
    python = environment(tmp_path / "venv", str(wheel))
    printed = run(python, "-c", TINY_FIT, **outside(tmp_path))
    version, origin, epochs = printed.splitlines()[-1].split()
    assert (version, epochs) == (kernelkit.__version__, "3")
    assert Path(origin).is_relative_to(tmp_path / "venv")
    assert "dense" in printed


@pytest.mark.one_in(3)
@pytest.mark.slow
@pytest.mark.notebook
def test_the_wheel_runs_the_quickstart(wheel, tmp_path):
    python = environment(tmp_path / "venv", f"kernelkit[notebook] @ {wheel.as_uri()}")
    notebook = shutil.copy(ROOT / "notebooks" / "01_quickstart.ipynb", tmp_path)
    run(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", notebook, **outside(tmp_path))
    last = [cell for cell in json.loads(Path(notebook).read_text())["cells"] if cell["cell_type"] == "code"][-1]
    assert "'test accuracy': 0.9" in "".join(last["outputs"][0]["data"]["text/plain"])


@pytest.mark.one_in(3)
@pytest.mark.slow
def test_jupyterlab_finds_the_extension_after_an_install_of_the_wheel(wheel, tmp_path):
    python = environment(tmp_path / "venv", f"kernelkit @ {wheel.as_uri()}")
    run(uv(), "pip", "install", "--quiet", "--python", python, "jupyterlab")
    options = outside(tmp_path) | {"stderr": subprocess.STDOUT, "stdout": subprocess.PIPE}
    done = subprocess.run([str(python.with_name("jupyter")), "labextension", "list"], text=True, **options)
    assert re.search(r"kernelkit-labextension v[\d.]+ .*enabled.*OK", done.stdout), done.stdout


def test_the_extension_is_small_and_fetches_nothing():
    package = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    assert (EXTENSION / package["jupyterlab"]["_build"]["load"]).exists()
    code = [p.read_text(encoding="utf-8") for p in EXTENSION.rglob("*.js")]
    assert sum(map(len, code)) < 260 * 1024
    assert not [c for c in code if "innerHTML" in c or "insertAdjacentHTML" in c or re.search(r"\beval\(", c)]


def test_readme_and_classifiers_name_the_same_pythons():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(settings["classifiers"]))
    assert settings["requires-python"] == f">={named[0]}"
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert f"Python {', '.join(named[:-1])} or {named[-1]}" in text, page
    assert (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-") in named
