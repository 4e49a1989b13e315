"""The command line: `python -m tests.ecosystem [FAMILY ...]`; see `--help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.ecosystem import compare
from tests.ecosystem.families import ALL

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "ecosystem"
PYTHON = BUILD / "venv" / "bin" / "python"
SUITE = BUILD / "suite" / "bin" / "python"

KERAS = "keras==3.15.1"
HUB = "keras-hub==0.32.0"
NEEDS = {
    "bayesflow": "bayesflow==2.0.12",
    "hexagdly": "keras-hexagdly==0.7.0",
    "hgq": "hgq2==0.2.0",
    "imblearn": "imbalanced-learn==0.14.2",
    "k3im": "k3im==0.1.1",
    "kan": "keras-efficient-kan==0.1.10",
    "keras_geometric": "keras-geometric==0.0.2",
    "keras_proba": "keras-proba==0.1.0",
    "keras_rs": "keras-rs==0.4.0",
    "keras_sig": "keras-sig==1.0.2",
    "keras_tuner": "keras-tuner==1.4.8 six",
    "kerex": "kerex==1.1.8 keras-fft==1.0.0",
    "kgcnn": "kgcnn==4.0.2",
    "kimm": "kimm==0.2.5",
    "medicai": "medicai==0.0.4",
    "mingru": "mingru-keras==0.1.3",
    "mlflow": "mlflow-skinny==3.17.2 sqlalchemy alembic",
    "optuna_integration": "optuna-integration==5.0.0 optuna==5.0.0",
    "scikeras": "scikeras==0.13.0",
    "sequences": "ncps==1.0.1 keras-mdn-layer==1.0.0",
    "skkeras": "scikit-keras==0.4.1",
    "tqdm": "tqdm==4.70.1",
    "zeromodels": "zeromodels==1.3.6",
}
"""What each example installs; the families of KerasHub need that alone."""

LEFT_OUT = (
    "tensorflow tensorflow-text torch ase keras-nlp onnx onnxruntime onnxscript pymatgen pyxtal rdkit tf2onnx"
).split()
"""What the packages ask for and do not need on jax, or not for these examples."""

TESTS = "absl-py grain keras-rs keras-tuner pandas portpicker tensorboard tensorflow-cpu tensorflow-text".split()
"""What the packages' own tests need beside pytest: they read data with TensorFlow and grain, whatever the engine."""

LONG = (
    "BASNet DFine DepthAnything Flux HGNetV2 MetaCLIP2 PARSeq Qwen3_5 Qwen3_5Moe RetinaNet SAM SAM3PromptableConcept "
    "StableDiffusion3 bayesflow k3im keras_tuner kimm medicai scikeras zeromodels"
).split()
"""What takes more than half a minute; turns leave it out."""


def main() -> int:
    """Run what the command line asks for; return 1 if something fails that is not in the ledger."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.ecosystem",
        description="Compare what packages written for Keras compute on Keras and on kernelkit in its place.",
    )
    parser.add_argument("names", nargs="*", help="families of KerasHub and examples of other packages (all)")
    parser.add_argument("--turn", type=int, metavar="N", help="only N names, others after each commit (CI)")
    parser.add_argument("--suite", metavar="PATH", help="run the tests of a checkout with kernelkit in Keras's place")
    chosen = parser.parse_args()
    if chosen.suite:
        set_up_tests()
        return run(["-m", "kernelkit.as_keras", "-m", "pytest", "-q", chosen.suite], SUITE).returncode
    known = [*ALL, *NEEDS]
    unknown = sorted(set(chosen.names) - set(known))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. Known: {', '.join(known)}")
    names = chosen.names or known
    if chosen.turn:
        names = turn([name for name in names if name not in LONG], chosen.turn, commits())
    set_up(names)
    families, scripts = [n for n in names if n in ALL], [n for n in names if n not in ALL]
    keras, ours = BUILD / "keras", BUILD / "kernelkit"
    if families:
        work([], keras, None, "all", families)
        work(["-m", "kernelkit.as_keras"], ours, keras, "all", families)
        work([], keras, ours, "read", families)
    for script in scripts:
        path = str(HERE / "examples" / f"try_{script}.py")
        for prefix, folder in ([], keras), (["-m", "kernelkit.as_keras"], ours):
            folder.mkdir(parents=True, exist_ok=True)
            done = run([*prefix, path], stdout=subprocess.PIPE)
            (folder / f"{script}.txt").write_text(done.stdout if done.returncode == 0 else f"exit {done.returncode}\n")
    return compare.report(keras, ours, families, scripts)


def set_up(names: list[str]) -> None:
    """Make the environment, and install what these families and examples need and what is not in it yet."""
    wanted = sorted({part for name in names for part in NEEDS.get(name, HUB).split()})
    stamp = BUILD / "packages.txt"
    found = stamp.read_text().split() if PYTHON.exists() and stamp.exists() else []
    if found and set(wanted) <= set(found):
        return
    uv = str(Path(sys.executable).with_name("uv"))
    BUILD.mkdir(parents=True, exist_ok=True)
    overrides = BUILD / "overrides.txt"
    overrides.write_text("".join(f"{name}; sys_platform == 'never'\n" for name in LEFT_OUT))
    if not found:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, PYTHON.parents[1]], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", PYTHON, "--override", overrides]
    packages = sorted({KERAS, *wanted, *found})
    subprocess.run([*install, "pytest", "scikit-learn", "--editable", ROOT, *packages], check=True)
    stamp.write_text("\n".join(packages))


def set_up_tests() -> None:
    """Make the environment for the packages' own tests, which has TensorFlow in it, once."""
    if SUITE.exists():
        return
    uv = str(Path(sys.executable).with_name("uv"))
    BUILD.mkdir(parents=True, exist_ok=True)
    overrides = BUILD / "overrides_suite.txt"
    overrides.write_text("tensorflow; sys_platform == 'never'\n")  # tensorflow-cpu stands for it
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, SUITE.parents[1]], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", SUITE, "--override", overrides]
    subprocess.run([*install, "pytest", "scikit-learn", "six", "--editable", ROOT, KERAS, HUB, *TESTS], check=True)


def turn(known: list[str], count: int, commits: int) -> list[str]:
    """Return so many names, others after each commit."""
    return [known[(count * commits + i) % len(known)] for i in range(count)]


def commits() -> int:
    """Return how many commits there are."""
    counted = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return int(counted.stdout)


def work(prefix: list[str], own: Path, other: Path | None, parts: str, families: list[str]) -> None:
    """Run the worker; its own errors are facts in its files."""
    run([*prefix, str(HERE / "worker.py"), str(own), str(other or "-"), parts, *families]).check_returncode()


def run(arguments: list[str], python: Path = PYTHON, **options: object) -> subprocess.CompletedProcess:
    """Run Python in the packages' environment."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    environment["PYTHONWARNINGS"] = "ignore"
    return subprocess.run([str(python), *arguments], env=environment, text=True, check=False, **options)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
