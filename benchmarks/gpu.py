"""The table for a GPU: `fit` of four models, beside Keras and jax written by hand. Ends within ten minutes.

    python -m benchmarks.gpu                     # on a machine with a GPU
    python -m benchmarks.gpu --tiny              # the same program on a CPU, with small models, as a test of itself

Runners: kernelkit; keras (on jax); keras-32 (with steps_per_execution=32); hand (a step written by hand and jitted, one
dispatch each, the data on the device). Each has a process of its own and a time limit, so that a slow one costs its
own row only. The share of the peak is the operations of the hand-written step, as XLA counts them, for each second of
kernelkit's, of what the device can do (figures of its maker, dense, for the dtype of the products).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RUNNERS = ("kernelkit", "keras", "keras-32", "hand")
CLASSES = 10
PEAKS = {  # TFLOP/s: bfloat16, and float32 as jax computes products on that device by default (TF32 since Ampere)
    "H200": (989, 494),
    "H100": (989, 494),
    "A100": (312, 156),
    "L4": (121, 60),
    "T4": (65, 8.1),
    "V100": (125, 15.7),
}


class Sizes(NamedTuple):
    """How large the models and their data are."""

    hidden: int = 1024
    rows: int = 65_536
    filters: tuple[int, ...] = (32, 64, 128)
    images: int = 12_800
    blocks: int = 6
    width: int = 512
    length: int = 256
    texts: int = 2_048
    stages: tuple[int, ...] = (3, 4, 6, 3)
    side: int = 224
    photos: int = 1_024
    scale: int = 1  # divides batch sizes


TINY = Sizes(32, 256, (4, 8), 64, 1, 16, 8, 32, (1, 1), 32, 16, 16)


def mlp(keras: Any, s: Sizes) -> Any:
    kl = keras.layers
    hidden = [kl.Dense(s.hidden, activation="relu") for _ in range(2)]
    return keras.Sequential([kl.Input((784,)), *hidden, kl.Dense(CLASSES, activation="softmax")])


def cnn(keras: Any, s: Sizes) -> Any:
    kl = keras.layers
    inputs = x = kl.Input((32, 32, 3))
    for filters in s.filters:
        x = kl.BatchNormalization()(kl.Conv2D(filters, 3, padding="same", use_bias=False)(x))
        x = kl.MaxPooling2D()(kl.Activation("relu")(x))
    return keras.Model(inputs, kl.Dense(CLASSES, activation="softmax")(kl.GlobalAveragePooling2D()(x)))


def transformer(keras: Any, s: Sizes) -> Any:
    kl = keras.layers
    keras.config.set_dtype_policy("mixed_bfloat16")
    inputs = kl.Input((s.length,), dtype="int32")
    x = kl.Embedding(8_000, s.width)(inputs)
    for _ in range(s.blocks):
        y = kl.LayerNormalization()(x)
        x = kl.add([x, kl.MultiHeadAttention(8, s.width // 8)(y, y)])
        y = kl.Dense(4 * s.width, activation="gelu")(kl.LayerNormalization()(x))
        x = kl.add([x, kl.Dense(s.width)(y)])
    x = kl.GlobalAveragePooling1D()(kl.LayerNormalization()(x))
    return keras.Model(inputs, kl.Dense(CLASSES, activation="softmax", dtype="float32")(x))


def resnet(keras: Any, s: Sizes) -> Any:
    kl = keras.layers

    def normed(x: Any, filters: int, size: int, stride: int = 1, relu: bool = True) -> Any:
        x = kl.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
        x = kl.BatchNormalization()(x)
        return kl.Activation("relu")(x) if relu else x

    inputs = kl.Input((s.side, s.side, 3))
    x = kl.MaxPooling2D(3, 2, padding="same")(normed(inputs, 64, 7, 2))
    for stage, blocks in enumerate(s.stages):
        for block in range(blocks):
            filters, stride = 64 * 2**stage, 2 if stage and not block else 1
            y = normed(normed(normed(x, filters, 1, stride), filters, 3), 4 * filters, 1, relu=False)
            if not block:
                x = normed(x, 4 * filters, 1, stride, relu=False)
            x = kl.Activation("relu")(kl.add([x, y]))
    return keras.Model(inputs, kl.Dense(CLASSES, activation="softmax")(kl.GlobalAveragePooling2D()(x)))


class Work(NamedTuple):
    """A model in Keras's code, the shape and the number of its inputs, its batch size, the dtype of its products."""

    model: Callable[[Any, Sizes], Any]
    shape: Callable[[Sizes], tuple[int, ...]]
    samples: Callable[[Sizes], int]
    batch_size: int
    is_bfloat16: bool = False

    def data(self, s: Sizes) -> tuple[np.ndarray, np.ndarray, int]:
        """Return inputs, labels and the batch size."""
        rng, samples = np.random.default_rng(0), self.samples(s)
        size = (samples, *self.shape(s))
        x = rng.integers(1, 8_000, size).astype("int32") if self.model is transformer else rng.random(size, "float32")
        return x, rng.integers(0, CLASSES, samples).astype("int32"), max(2, self.batch_size // s.scale)


WORKS = {
    "mlp": Work(mlp, lambda s: (784,), lambda s: s.rows, 256),
    "cnn": Work(cnn, lambda s: (32, 32, 3), lambda s: s.images, 256),
    "transformer": Work(transformer, lambda s: (s.length,), lambda s: s.texts, 32, True),
    "resnet": Work(resnet, lambda s: (s.side, s.side, 3), lambda s: s.photos, 64),
}


def of_package(runner: str, work: Work, s: Sizes, seconds: float) -> dict[str, float]:
    """Return the steps a second of `fit`, and seconds to the end of the first epoch."""
    started = time.perf_counter()
    keras = importlib.import_module("kernelkit" if runner == "kernelkit" else "keras")
    x, y, batch = work.data(s)
    model = work.model(keras, s)
    options = {"steps_per_execution": 32} if runner == "keras-32" else {}
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)

    def epoch() -> None:
        model.fit(x, y, batch_size=batch, verbose=0)

    epoch()
    first = time.perf_counter() - started
    return {"steps/s": len(x) // batch * rate(epoch, seconds), "first epoch s": first}


def rate(epoch: Callable[[], Any], seconds: float) -> float:
    """Return epochs a second, the median of at least three."""
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < seconds and len(taken) < 50):
        start = time.perf_counter()
        epoch()
        taken.append(time.perf_counter() - start)
    return 1 / statistics.median(taken)


def by_hand(name: str, work: Work, s: Sizes, seconds: float) -> dict[str, float]:
    """Return the steps a second of a jitted step, and the operations of one."""
    import jax
    import jax.numpy as jnp
    import optax

    from benchmarks import gpu_by_hand

    started = time.perf_counter()
    x, y, batch = (jnp.asarray(v) if isinstance(v, np.ndarray) else v for v in work.data(s))
    parameters, logits = getattr(gpu_by_hand, name)(gpu_by_hand.Keys(0), s)
    optimizer = optax.adam(1e-3, eps=1e-7)

    def step(state: Any, x: Any, y: Any) -> tuple:
        parameters, slots = state

        def loss(p: Any) -> tuple:
            z = logits(p, x).astype("float32")
            right = (z.argmax(-1) == y).mean()
            return optax.softmax_cross_entropy_with_integer_labels(z, y).mean(), right

        (value, right), gradients = jax.value_and_grad(loss, has_aux=True)(parameters)
        updates, slots = optimizer.update(gradients, slots, parameters)
        return (optax.apply_updates(parameters, updates), slots), (value, right)

    run = (
        jax.jit(step, donate_argnums=0).lower((parameters, optimizer.init(parameters)), x[:batch], y[:batch]).compile()
    )
    state = (parameters, optimizer.init(parameters))
    steps = len(x) // batch

    def epoch() -> None:
        nonlocal state
        for k in range(steps):
            rows = slice(k * batch, (k + 1) * batch)
            state, seen = run(state, x[rows], y[rows])
        jax.block_until_ready(seen)

    epoch()
    first = time.perf_counter() - started
    costs = run.cost_analysis()
    costs = costs[0] if isinstance(costs, list) else costs
    return {"steps/s": steps * rate(epoch, seconds), "first epoch s": first, "operations": float(costs["flops"])}


def peak(device: str, is_bfloat16: bool) -> float | None:
    """Return what a device can do in TFLOP/s, if it is known."""
    return next(
        (both[0 if is_bfloat16 else 1] for name, both in PEAKS.items() if name in device.replace("-", " ").split()),
        None,
    )


def table(found: dict[str, dict[str, dict[str, float] | str]], device: str) -> str:
    """Return the rows as Markdown."""
    lines = ["| steps/s | " + " | ".join(RUNNERS) + " | to Keras | to hand | first epoch s: kernelkit, Keras | peak |"]
    lines.append("|---" * 9 + "|")
    for name, rows in found.items():

        def figure(runner: str, key: str, rows: Any = rows) -> float | None:
            return rows[runner].get(key) if isinstance(rows[runner], dict) else None

        speeds = {r: figure(r, "steps/s") for r in RUNNERS}
        cells = [f"{v:,.1f}" if v else str(rows[r]) for r, v in speeds.items()]
        ours = speeds["kernelkit"]
        for other in ("keras", "hand"):
            cells.append(f"{ours / speeds[other]:.2f}" if ours and speeds[other] else "")
        cells.append(", ".join(f"{v:.1f}" if (v := figure(r, "first epoch s")) else "" for r in ("kernelkit", "keras")))
        most, operations = peak(device, WORKS[name].is_bfloat16), figure("hand", "operations")
        cells.append(f"{ours * operations / most / 1e12:.0%}" if ours and most and operations else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small models, on any device")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for the steps of a row")
    parser.add_argument("--limit", type=float, default=75.0, help="seconds that one process may take")
    parser.add_argument("--total", type=float, default=560.0, help="seconds after which no process is started")
    parser.add_argument("--one", nargs=2, metavar=("RUNNER", "MODEL"), help="measure one here, and print JSON")
    options = parser.parse_args()
    sizes = TINY if options.tiny else Sizes()
    if options.one:
        runner, name = options.one
        work = WORKS[name]
        own = (name, work, sizes, options.seconds)
        print(json.dumps(by_hand(*own) if runner == "hand" else of_package(runner, *own[1:])))
        return
    question = "import jax; d = jax.devices()[0]; print(d.platform); print(d.device_kind)"
    asked = subprocess.run([sys.executable, "-c", question], check=True, capture_output=True, text=True).stdout
    platform, device = asked.strip().splitlines()[-2:]
    if platform == "cpu" and not options.tiny:
        raise SystemExit("jax sees no GPU here. `--tiny` runs the program on the CPU.")
    environment = os.environ | {"KERAS_BACKEND": "jax", "KERNELKIT_COMPILE_CACHE": "0"}
    environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    begun = time.perf_counter()
    found: dict[str, dict[str, dict[str, float] | str]] = {name: {} for name in WORKS}
    for name in WORKS:
        for runner in RUNNERS:
            left = options.total - (time.perf_counter() - begun)
            if left < 5:
                found[name][runner] = "no time left"
                continue
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu", "--one", runner, name]
            command += ["--seconds", str(options.seconds), *(["--tiny"] if options.tiny else [])]
            try:
                limit = min(options.limit, left)
                done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit)
                found[name][runner] = json.loads(done.stdout.splitlines()[-1])
            except subprocess.TimeoutExpired:
                found[name][runner] = f"over {limit:.0f} s"
            except (IndexError, json.JSONDecodeError):
                found[name][runner] = (done.stderr.strip().splitlines() or ["no output"])[-1][:80]
            print(f"{time.perf_counter() - begun:4.0f} s  {name} {runner}: {found[name][runner]}", flush=True)
    print(f"\n{device}\n\n{table(found, device)}")


if __name__ == "__main__":
    main()
