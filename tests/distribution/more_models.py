"""Trains models of many kinds on simulated devices, and compares each number with one device: `make devices`.

    python -m tests.distribution.more_models [--seconds 240] [NAME ...]

Each kind is compared in a process of its own, which is ended after some time: collectives of simulated devices may wait
for ever, and the others shall be compared all the same.

A bias in front of a normalization has no gradient but rounding, which Adam makes as large as any other: such layers
have none here. A convolution that only a `Flatten` parts from a `Dense` is left out: docs/scale.md tells why.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

DIFFERS = 3
"""The exit code that says so; 1 is that of an error, and of a process that came to no end."""

ROWS = 77
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(ROWS, 8)).astype("float32")
SEQUENCES = rng.normal(size=(ROWS, 7, 3)).astype("float32") * (np.arange(7)[:, None] < rng.integers(1, 8, (ROWS, 1, 1)))
IMAGES = rng.normal(size=(ROWS, 8, 8, 3)).astype("float32")
CLASSES = rng.integers(0, 4, ROWS)
NUMBERS = rng.normal(size=(ROWS, 2)).astype("float32")
WEIGHTS = rng.uniform(0.1, 2, ROWS).astype("float32")


def loss() -> Any:
    import kernelkit as kk

    return kk.losses.SparseCategoricalCrossentropy(from_logits=True)


def trained(model: Any, *data: Any, **arguments: Any) -> list:
    """Return all numbers of a short training."""
    history = model.fit(*data, **{"batch_size": 16, "epochs": 2, "verbose": 0} | arguments)
    return [*history.history.values(), *(v.numpy() for v in model.weights)]


def several_inputs_and_outputs() -> list:
    import kernelkit as kk
    from kernelkit import layers

    table, sequence = kk.Input((8,), name="table"), kk.Input((7, 3), name="sequence")
    joined = layers.Concatenate()([layers.Dense(6, "relu")(table), layers.GRU(5)(sequence)])
    outputs = {"class": layers.Dense(4, name="class")(joined), "numbers": layers.Dense(2, name="numbers")(joined)}
    model = kk.Model({"table": table, "sequence": sequence}, outputs)
    metrics = {"class": ["accuracy"], "numbers": ["mae", kk.metrics.R2Score()]}
    model.compile(
        "adam", {"class": loss(), "numbers": "mse"}, metrics=metrics, loss_weights={"class": 1, "numbers": 0.3}
    )
    x, y = {"table": TABLE, "sequence": SEQUENCES}, {"class": CLASSES, "numbers": NUMBERS}
    found = trained(model, x, y, sample_weight={"class": WEIGHTS, "numbers": WEIGHTS[::-1].copy()})
    found += model.evaluate(x, y, batch_size=30, verbose=0)
    return found + list(model.predict({k: v[:13] for k, v in x.items()}, batch_size=5, verbose=0).values())


def sequences_with_masks() -> list:
    import kernelkit as kk
    from kernelkit import layers

    model = kk.Sequential([kk.Input((7, 3)), layers.Masking(), layers.Bidirectional(layers.LSTM(5)), layers.Dense(4)])
    model.compile("adam", loss())
    return [*trained(model, SEQUENCES, CLASSES), model.predict(SEQUENCES[:9], batch_size=4, verbose=0)]


def two_that_compete() -> list:
    import kernelkit as kk
    from kernelkit import layers, ops

    class Gan(kk.Model):
        def __init__(self) -> None:
            super().__init__()
            self.maker = kk.Sequential([kk.Input((4,)), layers.Dense(8)])
            self.judge = kk.Sequential([kk.Input((8,)), layers.Dense(6, "relu"), layers.Dense(1)])
            self.seeds = kk.random.SeedGenerator(7)
            self.of_maker, self.of_judge = kk.optimizers.Adam(0.01), kk.optimizers.RMSprop(0.01)

        def train_step(self, real: Any) -> dict:
            noise = kk.random.normal((ops.shape(real)[0], 4), seed=self.seeds)
            with kk.GradientTape() as tape:
                wrong = ops.mean(ops.softplus(-self.judge(real))) + ops.mean(
                    ops.softplus(self.judge(self.maker(noise)))
                )
            weights = self.judge.trainable_variables
            self.of_judge.apply(tape.gradient(wrong, weights), weights)
            with kk.GradientTape() as tape:
                caught = ops.mean(ops.softplus(-self.judge(self.maker(noise))))
            weights = self.maker.trainable_variables
            self.of_maker.apply(tape.gradient(caught, weights), weights)
            return {"wrong": wrong, "caught": caught}

    model = Gan()
    model.compile(optimizer=None)
    return trained(model, TABLE)


def pairs_of_the_whole_batch() -> list:
    """A loss that compares each row with every other one, and a second network that follows the first."""
    import kernelkit as kk
    from kernelkit import layers, ops

    class Pairs(kk.Model):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.teacher = (
                kk.Sequential([kk.Input((8,)), layers.Dense(16, "relu"), layers.Dense(6)]) for _ in range(2)
            )
            self.teacher.trainable = False
            self.seeds = kk.random.SeedGenerator(5)

        def call(self, x: Any) -> Any:
            return self.student(x)

        def train_step(self, x: Any) -> dict:
            one, other = (x + 0.1 * kk.random.normal(ops.shape(x), seed=self.seeds) for _ in range(2))
            with kk.GradientTape() as tape:
                likeness = ops.matmul(
                    ops.normalize(self.student(one)), ops.transpose(ops.normalize(self.teacher(other)))
                )
                wrong = kk.losses.sparse_categorical_crossentropy(ops.arange(len(x)), likeness, from_logits=True)
                mean = ops.mean(wrong) + ops.mean(ops.top_k(wrong, 5)[0])
            weights = self.student.trainable_variables
            self.optimizer.apply(tape.gradient(mean, weights), weights)
            for follower, weight in zip(self.teacher.weights, self.student.weights, strict=True):
                follower.assign(0.9 * follower + 0.1 * weight)
            return {"mean": mean, "hardest": ops.max(likeness)}

    model = Pairs()
    model.compile("adam")
    return trained(model, TABLE)


def a_step_from_state_to_state() -> list:
    """A `train_step(state, data)` in plain jax, with a step inside of the step."""
    import jax

    import kernelkit as kk
    from kernelkit import layers

    class Meta(kk.Model):
        def __init__(self) -> None:
            super().__init__()
            self.net = kk.Sequential(
                [kk.Input((8,)), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dense(4)]
            )

        def call(self, x: Any, training: bool = False) -> Any:
            return self.net(x, training=training)

        def train_step(self, state: Any, data: Any) -> tuple:
            x, y = data
            trainable, others, slots, metrics = state
            half = len(x) // 2

            def wrong(weights: Any, others: Any, x: Any, y: Any) -> Any:
                outputs, others = self.stateless_call(weights, others, x, training=True)
                return loss()(y, outputs), others

            def after_a_step(weights: Any) -> Any:
                gradients, later = jax.grad(wrong, has_aux=True)(weights, others, x[:half], y[:half])
                weights = [w - 0.1 * g for w, g in zip(weights, gradients, strict=True)]
                return wrong(weights, later, x[half:], y[half:])

            (value, others), gradients = jax.value_and_grad(after_a_step, has_aux=True)(trainable)
            trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
            return {"loss": value}, (trainable, others, slots, metrics)

    model = Meta()
    model.compile("adam", loss())
    return trained(model, TABLE, CLASSES)


def frozen_then_thawed() -> list:
    import kernelkit as kk
    from kernelkit import layers

    norm = layers.BatchNormalization()
    base = kk.Sequential(
        [kk.Input((8, 8, 3)), layers.Conv2D(4, 3, use_bias=False), norm, layers.GlobalAveragePooling2D()]
    )
    base.trainable = False
    images = kk.Input((8, 8, 3))
    model = kk.Model(images, layers.Dense(4)(base(images, training=False)))
    averaged = {"use_ema": True, "ema_overwrite_frequency": 2, "gradient_accumulation_steps": 2, "clipnorm": 0.5}
    model.compile(kk.optimizers.AdamW(0.01, **averaged), loss())
    found = trained(model, IMAGES, CLASSES)
    base.trainable = True
    model.compile(kk.optimizers.SGD(0.01, momentum=0.9, global_clipnorm=0.3), loss())
    return found + trained(model, IMAGES, CLASSES)


def low_rank() -> list:
    import kernelkit as kk
    from kernelkit import layers

    model = kk.Sequential([kk.Input((8,)), layers.Dense(16, "relu", name="up"), layers.Dense(4, name="head")])
    model.compile("adam", loss())
    found = trained(model, TABLE, CLASSES)
    model.layers[0].enable_lora(2)
    model.compile("adam", loss())
    return found + trained(model, TABLE, CLASSES)


def odd_batches() -> list:
    import kernelkit as kk

    model = kk.Sequential([kk.layers.Dense(4)])
    model.compile("sgd", loss(), metrics=[kk.metrics.SparseTopKCategoricalAccuracy(2)])
    validation = {"validation_data": (TABLE[:9], CLASSES[:9]), "validation_batch_size": 4, "steps_per_epoch": 5}
    found = trained(model, TABLE, CLASSES, batch_size=7, **validation)
    cuts = [(0, 16), (16, 21), (21, 22), (22, 38)]
    found += model.evaluate(((TABLE[a:b], CLASSES[a:b]) for a, b in cuts), verbose=0)
    found.append(model.predict((TABLE[a:b] for a, b in cuts), verbose=0))
    return [*found, model.train_on_batch(TABLE[:3], CLASSES[:3]), model.test_on_batch(TABLE[:1], CLASSES[:1])]


def every_optimizer() -> list:
    import kernelkit as kk

    found = []
    for name in ("adafactor", "lion", "nadam", "ftrl", "adagrad", "adadelta", "lamb", "muon", "rmsprop", "adamax"):
        model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.Dense(4)])
        model.compile(name, loss())
        found += trained(model, TABLE, CLASSES)
    return found


MODELS: dict[str, Callable[[], list]] = {
    make.__name__: make
    for make in (
        several_inputs_and_outputs,
        sequences_with_masks,
        two_that_compete,
        pairs_of_the_whole_batch,
        a_step_from_state_to_state,
        frozen_then_thawed,
        low_rank,
        odd_batches,
        every_optimizer,
    )
}


def plans() -> dict[str, Any]:
    from kernelkit import distribution as dist

    both = dist.DeviceMesh((2, 4), ["batch", "model"])
    return {
        "DataParallel on 8": dist.DataParallel(),
        "DataParallel on 3": dist.DataParallel(devices=dist.list_devices()[:3]),
        "AutoParallel on 8": dist.AutoParallel(smallest=16),
        "AutoParallel on 2 x 4": dist.AutoParallel(both, model_dim_name="model", smallest=8),
    }


def compare(name: str) -> bool:
    """Print by how much a model's numbers differ on several devices; return whether they are those of one."""
    import kernelkit as kk

    kk.utils.set_random_seed(3)
    one = [np.asarray(v, "float64") for v in MODELS[name]()]
    same = True
    for label, plan in plans().items():
        kk.utils.set_random_seed(3)
        began = time.monotonic()
        with plan.scope():
            many = [np.asarray(v, "float64") for v in MODELS[name]()]
        worst = max(float(np.max(np.abs(a - b) / (1 + np.abs(a)))) for a, b in zip(one, many, strict=True))
        same &= worst < 1e-5
        print(f"{name}: {label} {worst:.0e} ({time.monotonic() - began:.0f} s)", flush=True)
    return same


def run_alone(name: str, seconds: float) -> str:
    """Compare a model in a process of its own, which has eight devices; return what is wrong, "" if nothing is."""
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "NPROC": "16", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.distribution.more_models", "--inside", str(seconds), name]
    try:
        code = subprocess.run(command, env=os.environ | devices, timeout=seconds + 20, check=False).returncode
    except subprocess.TimeoutExpired:
        return f"no end within {seconds:.0f} s"
    return {0: "", DIFFERS: "other numbers than one device"}.get(code, f"ended with code {code}")


def main() -> int:
    """Run what the command line asks for; return 1 if a model's numbers differ or it comes to no end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.distribution.more_models", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}; all by default")
    parser.add_argument("--seconds", type=float, default=240, help="for each model (240)")
    parser.add_argument("--inside", type=float, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(MODELS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if chosen.inside:
        faulthandler.dump_traceback_later(chosen.inside, exit=True)  # collectives of these devices may wait for ever
        warnings.filterwarnings("ignore", message="A batch of .* rows cannot be split")
        return 0 if compare(chosen.names[0]) else DIFFERS
    troubles = {name: run_alone(name, chosen.seconds) for name in chosen.names or MODELS}
    for name, trouble in troubles.items():
        if trouble:
            print(f"{name}: {trouble}")
    print(f"{sum(not t for t in troubles.values())} of {len(troubles)} kinds of models give one device's numbers")
    return int(any(troubles.values()))


if __name__ == "__main__":
    sys.exit(main())
