"""What `import kernelkit` brings with it: jax and numpy, and nothing else that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys

USED_LATER = """
IPython anywidget h5py ipykernel ipywidgets keras matplotlib optax optuna pandas plotly
rich scipy sklearn sqlalchemy tensorflow torch tqdm
statistics fractions jax.extend jax._src.pallas
""".split()


def modules_after(code: str, cwd) -> set[str]:
    """The names in `sys.modules` of a fresh interpreter that ran some code."""
    code += "\nimport json, sys; print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_import_leaves_the_heavy_packages_for_later(pytestconfig):
    modules = modules_after("import kernelkit", pytestconfig.rootpath)
    assert "jax" in modules
    assert sorted(modules & set(USED_LATER)) == []


def test_import_starts_no_device(pytestconfig):
    code = "import kernelkit\nfrom jax._src import xla_bridge\nassert not xla_bridge._backends, xla_bridge._backends"
    assert "kernelkit" in modules_after(code, pytestconfig.rootpath)
