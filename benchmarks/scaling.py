"""What more devices cost: bytes and collectives on 1 to 8 simulated devices, and a model on paper for real ones.

`python -m benchmarks.scaling [--seconds 280]` prints the tables of docs/scale.md. Simulated devices share the cores of
this machine, so nothing is timed: operations, bytes and collectives are read from the compiled step, and the losses of
some steps are compared with those of one device. Each row is measured in a process of its own, which is ended after
some time: collectives of simulated devices may wait for ever.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

WORDS, WIDTH, LENGTH, BLOCKS = 512, 64, 32, 1
BATCH, STEPS = 64, 8

KINDS = ("Data", "Auto", "Model")

# Assumptions of the model on paper.
PARAMETERS, TOKENS = 1.3e9, 16_384
"""A language model, and the tokens of each device in a step. 6 operations for each parameter and token."""
MACHINES = {
    # name: (devices, peak operations a second, bytes a second that a device sends in a ring, bytes of memory)
    "8 H100, NVLink": (8, 989e12, 450e9, 80e9),
    "256 TPU v5e, a pod": (256, 197e12, 100e9, 16e9),
}
USED = 0.4
"""Share of the peak that the layers reach."""


def language_model() -> Any:
    import kernelkit as kk
    from kernelkit import layers

    words = kk.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, WIDTH, name="words")(words)
    for i in range(BLOCKS):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(4, WIDTH // 4, name=f"attention_{i}")(y, y, use_causal_mask=True)
        x = layers.Add()([x, y])
        y = layers.Dense(4 * WIDTH, "gelu", name=f"up_{i}")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(WIDTH, name=f"down_{i}")(y)])
    model = kk.Model(words, layers.Dense(WORDS, name="head")(layers.LayerNormalization()(x)))
    model.compile(kk.optimizers.Adam(0.01), kk.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def plans(count: int) -> dict[str, Any]:
    """Return a distribution of each kind on the first devices."""
    from kernelkit import distribution as dist

    devices = dist.list_devices()[:count]
    found: dict[str, Any] = {
        "DataParallel": dist.DataParallel(devices=devices),
        "AutoParallel": dist.AutoParallel(devices=devices, smallest=2**10),
    }
    if count >= 4:
        mesh = dist.DeviceMesh((2, count // 2), ["batch", "model"], devices)
        layouts = dist.LayoutMap(mesh)
        layouts["(up_.|head)/kernel"] = (None, "model")
        layouts["(up_.|head)/bias"] = ("model",)
        layouts["down_./kernel"] = ("model", None)
        layouts["attention_./(query|key|value)/kernel"] = (None, "model", None)
        layouts["attention_./attention_output/kernel"] = ("model", None, None)
        found[f"ModelParallel, 2 × {count // 2}"] = dist.ModelParallel(layout_map=layouts)
    return found


class Measured(NamedTuple):
    """What a step costs on each device, and what the first steps gave.

    Attributes:
        name: The kind of distribution.
        flops: Operations.
        held: Bytes of weights and slots.
        sent: Bytes of all collectives.
        collectives: Kind and bytes of each.
        weights: Bytes of the weights, altogether.
        losses: The losses of the first steps.
    """

    name: str
    flops: float
    held: int
    sent: int
    collectives: list[tuple[str, int]]
    weights: int
    losses: list[float]


def measure(count: int, batch: int, kind: str) -> Measured:
    """Measure a kind of distribution, in a process that has so many devices."""
    import numpy as np

    import kernelkit as kk
    from kernelkit.models.spread_cost import spread_cost

    draws = np.random.default_rng(0)
    x = draws.integers(0, WORDS, (batch * STEPS, LENGTH))
    y = (7 * x + 3) % WORDS  # can be learned
    ((name, plan),) = [(n, p) for n, p in plans(count).items() if n.startswith(kind)]
    kk.utils.set_random_seed(3)
    model = language_model()
    cost = spread_cost(model, (x[:batch], y[:batch], None), "train", plan)
    model.fit(x, y, batch_size=batch, shuffle=False, verbose=0, distribution=plan if count > 1 else None)
    return Measured(
        name if count > 1 else "one device",
        cost.flops,
        cost.held,
        cost.sent,
        [(c.kind, c.nbytes) for c in cost.collectives],
        sum(v.value.nbytes for v in model.trainable_variables),
        [float(loss) for loss in model.history.batches["loss"]],
    )


def measured_alone(count: int, batch: int, kind: str, seconds: float) -> Measured | None:
    """Measure in a process of its own; None if it comes to no end."""
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}",
        "NPROC": "16",  # on few cores the threads of simulated devices would wait for one another for ever
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-m", "benchmarks.scaling", "--inside", str(count), str(batch), kind]
    try:
        done = subprocess.run(command, env=environment, timeout=seconds, check=True, stdout=subprocess.PIPE, text=True)
    except subprocess.TimeoutExpired:
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(**found | {"collectives": [tuple(c) for c in found["collectives"]]})


def table(title: str, sizes: dict[int, int], kinds: tuple[str, ...], seconds: float) -> dict[str, Measured]:
    """Print a table of measurements for numbers of devices and sizes of batches, and return the last ones by kind."""
    print(f"\n{title}\n")
    heads = ["", "devices", "batch", "MFLOP each", "held by each", "collectives of a step", "their bytes"]
    heads += ["first and last loss", "losses differ by"]
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    found: dict[str, Measured] = {}
    alone: dict[int, Measured | None] = {}
    for count, batch in sizes.items():
        if batch not in alone:
            alone[batch] = measured_alone(1, batch, "Data", seconds)
        for kind in kinds if count >= 4 else kinds[:2] if count > 1 else kinds[:1]:
            one = alone[batch]
            many = one if count == 1 else measured_alone(count, batch, kind, seconds)
            print(row(count, batch, kind, many, one), flush=True)
            if many is not None:
                found[kind] = many
    return found


def row(count: int, batch: int, kind: str, many: Measured | None, one: Measured | None) -> str:
    """Return a row of a table."""
    if many is None or one is None:
        return f"| {kind} | {count} | {batch} | came to no end |"
    from kernelkit.distribution import readable

    kinds = sorted({k for k, _ in many.collectives})
    said = ", ".join(f"{sum(k == kind for k, _ in many.collectives)} {kind}" for kind in kinds) or "none"
    differs = max(abs(a / b - 1) for a, b in zip(many.losses, one.losses, strict=True))
    return (
        f"| {many.name} | {count} | {batch} | {many.flops / 1e6:,.1f} | {readable(many.held)} | {said} | "
        f"{readable(many.sent)} | {many.losses[0]:.5f}, {many.losses[-1]:.5f} | {differs:.0e} |"
    )


def ring(kind: str, nbytes: float, devices: int) -> float:
    """Return the bytes that a device sends for a collective whose result has some bytes, in a ring."""
    around = (devices - 1) / devices * nbytes
    return {"all-reduce": 2 * around, "reduce-scatter": around * devices}.get(kind, around)


def on_paper(found: dict[str, Measured]) -> None:
    """Print times for real machines, from the measured bytes for each byte of weights."""
    print(f"\n{PARAMETERS / 1e9:g} billion parameters, {TOKENS:,} tokens for each device, {USED:.0%} of the peak\n")
    print("| | | memory each | computing | sending | efficiency |")
    print("|---|---|---|---|---|---|")
    for machine, (devices, peak, bandwidth, memory) in MACHINES.items():
        computing = 6 * PARAMETERS * TOKENS / (USED * peak)
        for one in (found[kind] for kind in KINDS[:2] if kind in found):
            whole = 4 * PARAMETERS
            sent = sum(ring(kind, nbytes / one.weights * whole, devices) for kind, nbytes in one.collectives)
            sending = sent / bandwidth
            held = 4 * whole / (1 if one.name == "DataParallel" else devices)  # weights, gradients, two slots
            fits = "" if held < 0.8 * memory else ", too large"
            worst, best = computing / (computing + sending), computing / max(computing, sending)
            print(
                f"| {machine} | {one.name} | {held / 1e9:.1f} GB{fits} | {computing * 1e3:,.0f} ms | "
                f"{sending * 1e3:,.0f} ms | {worst:.0%} to {best:.0%} |"
            )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=280, help="for each row (280)")
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4, 8], help="numbers of devices (1 2 4 8)")
    parser.add_argument("--tables", nargs="+", choices=("strong", "weak"), default=("strong", "weak"))
    parser.add_argument("--inside", nargs=3, metavar=("COUNT", "BATCH", "KIND"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        count, batch, kind = chosen.inside
        print(json.dumps(measure(int(count), int(batch), kind)._asdict()))
        return
    if "strong" in chosen.tables:
        sizes = dict.fromkeys(chosen.devices, BATCH)
        on_paper(table(f"Strong scaling: {BATCH} sequences in all", sizes, KINDS, chosen.seconds))
    if "weak" in chosen.tables:
        sizes = {n: 8 * n for n in chosen.devices}
        table("Weak scaling: 8 sequences for each device", sizes, KINDS[:1], chosen.seconds)


if __name__ == "__main__":
    main()
