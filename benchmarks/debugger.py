"""What stepping, looking and going back cost: ``python -m benchmarks.debugger``.

Prints a step of `train_on_batch`, of `StepDebugger.step()` and of a long `step(n)`; a step that is looked into; and
going 1,000 steps back. The MLP is 784-64-10 with batches of 32, as in `benchmarks.run`. Then a model of 100 million
parameters in 512 MB, whose states go to files.
"""

from __future__ import annotations

import time

import jax
import numpy as np

import kernelkit as kk

STEPS = 2000


def model_and_data():
    kk.utils.set_random_seed(0)
    layers = [kk.Input((784,)), kk.layers.Dense(64, activation="relu"), kk.layers.Dense(10, activation="softmax")]
    model = kk.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    return model, rng.random((20_000, 784), dtype="float32"), rng.integers(0, 10, 20_000)


def seconds(work, repeats=5):
    """The shortest of several times."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def main():
    model, x, y = model_and_data()
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 200 * 32, 32)]
    model.train_on_batch(*batches[0])
    dbg = model.debug(x, y, batch_size=32)
    dbg.step(STEPS)

    def on_batches():
        for batch in batches:
            model.train_on_batch(*batch)

    def steps():
        for _ in batches:
            dbg.step()
        jax.block_until_ready(dbg.state_after())

    ours, theirs = [], []
    for _ in range(5):  # in turn, so that both meet the same machine
        theirs.append(seconds(on_batches, 1))
        ours.append(seconds(steps, 1))
    one, plain = min(ours) / len(batches), min(theirs) / len(batches)
    print(f"train_on_batch      {plain * 1e6:8.0f} us a step")
    print(f"step()              {one * 1e6:8.0f} us a step, {one / plain:.2f} of train_on_batch")
    many = seconds(lambda: dbg.step(1000) and jax.block_until_ready(dbg.state_after())) / 1000
    print(f"step(1000)          {many * 1e6:8.0f} us a step")

    dbg.table()

    def looks():
        for _ in range(50):
            dbg.step()
            dbg.table()

    print(f"step() and table()  {seconds(looks) / 50 * 1e6:8.0f} us a step")

    def back():
        dbg.back(1000)
        jax.block_until_ready(dbg.state_after())

    took = []
    for _ in range(5):
        took.append(seconds(back, 1))
        dbg.step(1000)
    print(f"back(1000)          {max(took) * 1e3:8.0f} ms, the slowest of {len(took)}")
    kept = dbg.timeline.snapshots
    print(f"snapshots           {kept.nbytes / 1e6:8.1f} of {kept.budget / 1e6:.0f} MB")

    large()


def large():
    """Walk through a training whose state is as large as the memory that the debugger may take."""
    layers = [kk.Input((4,), dtype="int32"), kk.layers.Embedding(1_000_000, 100), kk.layers.Flatten()]
    model = kk.Sequential([*layers, kk.layers.Dense(2, activation="softmax")])
    model.compile(kk.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).integers(0, 1_000_000, (64, 4)), np.arange(64) % 2
    dbg = model.debug(x, y, batch_size=8, memory="512MB", snapshot_every=2)
    dbg.step(8)
    loss = dbg.logs["loss"]
    took = seconds(lambda: dbg.back(6), 1)
    dbg.goto(8)
    assert dbg.logs["loss"] == loss
    print(f"{model.count_params() / 1e6:.0f} M parameters    back(6) takes {took:.1f} s; ", end="")
    kept = dbg.timeline.snapshots
    print(f"snapshots take {kept.nbytes / 1e6:.0f} of {kept.budget / 1e6:.0f} MB, the others lie in files")


if __name__ == "__main__":
    main()
