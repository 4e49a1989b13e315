"""What more devices cost: bytes and collectives on eight simulated devices, and a model on paper for real ones.

`python -m benchmarks.scaling [--no-losses]` prints the tables of docs/scale.md. Simulated devices share this machine's
cores, so nothing is timed: operations, bytes and collectives are read from the compiled step, and losses are compared.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

WORDS, WIDTH, LENGTH, BLOCKS = 512, 64, 32, 1
BATCH, STEPS = 64, 0 if "--no-losses" in sys.argv else 8

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
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True))
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


def measure(count: int, batch: int, kinds: tuple[str, ...]) -> dict[str, tuple]:
    """Return for each kind of plan the cost of a step, and the losses of some steps."""
    import numpy as np

    import kernelkit as kk
    from kernelkit.models.spread_cost import spread_cost

    draws = np.random.default_rng(0)
    x = draws.integers(0, WORDS, (batch * max(STEPS, 1), LENGTH))
    y = np.roll(x, -1, axis=1)
    found = {}
    for name, plan in plans(count).items():
        if not name.startswith(kinds):
            continue
        kk.utils.set_random_seed(3)
        model = language_model()
        cost = spread_cost(model, (x[:batch], y[:batch], None), "train", plan)
        losses = [float("nan")]
        if STEPS:
            model.fit(x, y, batch_size=batch, shuffle=False, verbose=0, distribution=plan if count > 1 else None)
            losses = model.history.batches["loss"]
        weights = sum(v.value.nbytes for v in model.trainable_variables)
        found[name] = cost, np.array(losses), weights
    return found


def table(title: str, sizes: dict[int, int], kinds: tuple[str, ...]) -> dict[str, tuple]:
    """Print a table of measurements for numbers of devices and sizes of batches, and return the last ones."""
    import numpy as np

    from kernelkit.distribution import readable

    print(f"\n{title}\n")
    print("| | devices | batch | MFLOP each | held by each | collectives of a step | their bytes | loss differs by |")
    print("|---|---|---|---|---|---|---|---|")
    alone: dict[int, Any] = {}
    found: dict[str, tuple] = {}
    for count, batch in sizes.items():
        if batch not in alone:
            alone[batch] = measure(1, batch, ("Data",))["DataParallel"]
        found = {"DataParallel": alone[batch]} if count == 1 else measure(count, batch, kinds)
        for name, (cost, losses, _) in found.items():
            sent = sorted({c.kind for c in cost.collectives})
            said = ", ".join(f"{sum(c.kind == k for c in cost.collectives)} {k}" for k in sent) or "none"
            differs = float(np.abs(losses / alone[batch][1] - 1).max())
            print(
                f"| {name if count > 1 else 'one device'} | {count} | {batch} | {cost.flops / 1e6:,.1f} | "
                f"{readable(cost.held)} | {said} | {readable(cost.sent)} | {differs:.0e} |",
                flush=True,
            )
    return found


def ring(kind: str, nbytes: float, devices: int) -> float:
    """Return the bytes that a device sends for a collective whose result has some bytes, in a ring."""
    around = (devices - 1) / devices * nbytes
    return {"all-reduce": 2 * around, "reduce-scatter": around * devices}.get(kind, around)


def on_paper(found: dict[str, tuple]) -> None:
    """Print times for real machines, from the measured bytes for each byte of weights."""
    print(f"\n{PARAMETERS / 1e9:g} billion parameters, {TOKENS:,} tokens for each device, {USED:.0%} of the peak\n")
    print("| | | memory each | computing | sending | efficiency |")
    print("|---|---|---|---|---|---|")
    for machine, (devices, peak, bandwidth, memory) in MACHINES.items():
        computing = 6 * PARAMETERS * TOKENS / (USED * peak)
        for name in ("DataParallel", "AutoParallel"):
            cost, _, weights = found[name]
            whole = 4 * PARAMETERS
            sent = sum(ring(c.kind, c.nbytes / weights * whole, devices) for c in cost.collectives)
            sending = sent / bandwidth
            held = 4 * whole / (1 if name == "DataParallel" else devices)  # weights, gradients, two slots
            fits = "" if held < 0.8 * memory else ", too large"
            worst, best = computing / (computing + sending), computing / max(computing, sending)
            print(
                f"| {machine} | {name} | {held / 1e9:.1f} GB{fits} | {computing * 1e3:,.0f} ms | "
                f"{sending * 1e3:,.0f} ms | {worst:.0%} to {best:.0%} |"
            )


def main() -> None:
    """Measure on eight simulated devices, in a process of its own if this one has fewer."""
    if "--inside" not in sys.argv:
        environment = os.environ | {
            "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
            "NPROC": "16",  # on few cores the threads of simulated devices would wait for one another for ever
            "JAX_PLATFORMS": "cpu",
        }
        command = [sys.executable, "-m", "benchmarks.scaling", "--inside", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=environment, timeout=900, check=False).returncode)
    import faulthandler

    faulthandler.dump_traceback_later(850, exit=True)
    found = table(f"Strong scaling: {BATCH} sequences in all", dict.fromkeys((1, 2, 4, 8), BATCH), KINDS)
    on_paper(found)
    table("Weak scaling: 8 sequences for each device", {n: 8 * n for n in (1, 2, 4)}, ("Data",))


if __name__ == "__main__":
    main()
