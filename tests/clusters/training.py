"""The same `build_and_fit(config)` for a notebook, for Ray's workers and for ipyparallel's engines."""

from __future__ import annotations

from typing import Any


def build_and_fit(config: dict) -> dict[str, Any]:
    """Train a small model.

    `die` names a file: while it is missing, process 1 writes it and dies in the third epoch. `slow` is the number of a
    process that takes 30 ms more for each batch.
    """
    import os
    import signal
    import time
    from pathlib import Path

    import jax
    import numpy as np

    import kernelkit as kk
    from kernelkit import processes
    from kernelkit.clusters.ray_train import RayReport

    class Die(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            mark = Path(config["die"])
            if epoch == 2 and not mark.exists() and kk.distribution.distribution().num_processes > 1:
                processes.any_of(True)  # all have looked before the file is there
                if not processes.is_first():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

    class Dawdle(kk.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if jax.process_index() == config["slow"]:
                time.sleep(0.03)

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(75, 8)).astype("float32"), rng.integers(0, 4, 75)
    kk.utils.set_random_seed(config["seed"])
    model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.Dropout(0.2), kk.layers.Dense(4)])
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True))
    callbacks = [RayReport(), *([Die()] if config.get("die") else []), *([Dawdle()] if "slow" in config else [])]
    history = model.fit(x, y, batch_size=16, epochs=config["epochs"], callbacks=callbacks, verbose=config["verbose"])
    return {"loss": history.history["loss"], "processes": processes.count(), "steps": len(history.batches["loss"])}
