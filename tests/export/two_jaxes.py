"""Files written under one jax and read under another, both ways: `python -m tests.export jaxes`.

Two environments, Python 3.11 with its jax 0.10 and the newest Python with its jax, write the programs and `.keras`
files of the small models, with inputs, outputs and gradients; each reads those of the other. jax promises to read the
programs of an older jax; one of a newer jax may be refused, in words, and is counted.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.export.watched import ROOT

NEEDS = ("flatbuffers", "h5py", "rich")
OLDER, NEWER = "0.10.2", "0.12"


def main(folder: Path) -> bool:
    """Make both environments, write with each and read with each; return whether all was right."""
    newer = newest_python()
    if newer is None:
        print("jaxes: no Python from 3.12 on was found, which jax 0.12 needs")
        return False
    pythons = {"older": set_up(folder / "older", sys.executable, f"jax=={OLDER}"),
               "newer": set_up(folder / "newer", newer, f"jax~={NEWER}.0")}  # fmt: skip
    for name, python in pythons.items():
        (folder / "files" / name).mkdir(parents=True, exist_ok=True)
        run(python, "write", folder / "files" / name)
    right = True
    for name, python in pythons.items():
        other = "newer" if name == "older" else "older"
        told = run(python, "read", folder / "files" / other)
        print(f"jaxes: {told}", flush=True)
        right &= "wrong: 0" in told
    return right


def newest_python() -> str | None:
    """Return the newest Python from 3.12 on that runs here."""
    for minor in range(20, 11, -1):
        home = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
        for path in [shutil.which(f"python3.{minor}"), *sorted(glob.glob(f"{home}/versions/3.{minor}.*/bin/python"))]:
            if path and subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return path
    return None


def set_up(folder: Path, python: str, jax: str) -> Path:
    """Make an environment, unless it is there, and return its Python."""
    stamp, told = folder / "installed", "\n".join([python, jax, *NEEDS])
    if not stamp.exists() or stamp.read_text() != told:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", python, folder], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", jax, *NEEDS], check=True
        )
        stamp.write_text(told)
    return folder / "bin" / "python"


def run(python: Path, what: str, folder: Path) -> str:
    """Write or read the files with one Python; return its last line."""
    command = [str(python), "-m", "tests.export.two_jaxes", what, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        return f"{what} ended with {done.returncode}: {done.stderr[-1500:]}"
    return done.stdout.strip().splitlines()[-1]


def loss_of(apply, x):
    """Return a loss of the weights, whose gradient is compared."""
    import jax

    return lambda weights: sum((y**2).sum() for y in jax.tree.leaves(apply(weights, x)))


def write(folder: Path) -> None:
    """Write each small model as a program with gradients and as a `.keras` file, and the numbers that they give."""
    import jax
    import numpy as np

    from tests.export import zoo

    for name in zoo.ZOO:
        model = zoo.build(name)
        model.export(folder / f"{name}.shlo", format="stablehlo", gradients=True, verbose=False)
        model.save(folder / f"{name}.keras")
        x = zoo.draw(model, 3)
        apply, weights = model.pure()
        loss = loss_of(apply, x)
        gradients = jax.jit(jax.grad(lambda t, w=weights, f=loss: f(w._replace(trainable=t))))(weights.trainable)
        numbers = {f"x{i}": a for i, a in enumerate(jax.tree.leaves(x))}
        numbers |= {f"y{i}": a for i, a in enumerate(jax.tree.leaves(model(x)))}
        numbers |= {f"g:{path}": g for path, g in gradients.items()}
        np.savez(folder / f"{name}.npz", **{key: np.asarray(a) for key, a in numbers.items()})
    (folder / "by.json").write_text(json.dumps(jax.__version__))
    print(f"written by jax {jax.__version__}")


def read(folder: Path) -> None:
    """Read what the other one wrote, compare, and say how far the numbers lie apart."""
    import jax
    import numpy as np

    import kernelkit as kk
    from tests.export import zoo

    worst = {"outputs": 0.0, "gradients": 0.0, "outputs of .keras files": 0.0}
    wrong, refused = [], 0
    by = json.loads((folder / "by.json").read_text())
    for name in zoo.ZOO:
        numbers = np.load(folder / f"{name}.npz")
        x = zoo.draw(zoo.build(name), 3)
        leaves, tree = jax.tree.flatten(x)
        x = jax.tree.unflatten(tree, [numbers[f"x{i}"] for i in range(len(leaves))])
        want = [numbers[key] for key in numbers.files if key.startswith("y")]
        again = kk.saving.load_model(folder / f"{name}.keras")
        found = {"outputs of .keras files": far(jax.tree.leaves(again(x)), want)}
        try:
            program = kk.export.load(folder / f"{name}.shlo")
        except ValueError as error:
            refused += 1
            if by < jax.__version__ or f"jax {by} or newer" not in str(error):
                wrong.append(f"{name} {error}")
        else:
            gradients = jax.grad(loss_of(program.apply, x), allow_int=True)(program.weights)
            pairs = [(gradients[key[2:]], numbers[key]) for key in numbers.files if key.startswith("g:")]
            found["outputs"] = far(jax.tree.leaves(program(x)), want)
            found["gradients"] = max(far([got], [gradient], scaled=True) for got, gradient in pairs)
        if max(found.values()) > 1e-5:
            wrong.append(f"{name} {found}")
        worst = {key: max(worst[key], found.get(key, 0.0)) for key in worst}
    told = ", ".join(f"{key} to {value:.1e}" for key, value in worst.items())
    print(
        f"{len(zoo.ZOO)} models, written by jax {by}, read by {jax.__version__}: {told}; programs refused in words: "
        f"{refused}; wrong: {len(wrong)} {wrong}"
    )


def far(got, want, scaled=False) -> float:
    """Return the largest difference, with `scaled` as a part of the largest number."""
    import numpy as np

    assert len(got) == len(want)
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(got, want, strict=True)]
    return max(float(np.abs(a - b).max()) / (max(1.0, float(np.abs(b).max())) if scaled else 1.0) for a, b in pairs)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
