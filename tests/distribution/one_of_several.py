"""One of the processes of a training, or the only one: trains, saves, and prints what the tests compare, as JSON.

Arguments: what to do, the number of this process, how many there are, the port, a folder.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

import kernelkit as kk
from kernelkit import distribution as dist
from kernelkit import processes
from kernelkit.training.display import Display

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(75, 8)).astype("float32"), rng.integers(0, 4, 75)


def make(seed: int = 3) -> Any:
    kk.utils.set_random_seed(seed)
    model = kk.Sequential(
        [kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.BatchNormalization(), kk.layers.Dropout(0.2)]
    )
    model.add(kk.layers.Dense(4))
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


class Slow(kk.callbacks.Callback):
    """Ends or interrupts this process in the middle of an epoch."""

    def __init__(self, at: int, action: Any) -> None:
        super().__init__()
        self.at, self.action, self.steps = at, action, 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.action()


def trained(folder: Path, number: int) -> dict:
    model = make()
    log = kk.callbacks.CSVLogger(folder / "log.csv")
    history = model.fit(X, Y, batch_size=16, epochs=3, callbacks=[log], validation_data=(X[:13], Y[:13]), verbose=2)
    found = {
        "history": history.history,
        "evaluated": model.evaluate(X, Y, batch_size=30, verbose=0),
        "predicted": model.predict(X[:7], verbose=0).tolist(),
        "compiles": model._training.program("train").compiles,
    }
    model.save(folder / "model.keras")
    found["again"] = kk.models.load_model(folder / "model.keras").evaluate(X, Y, verbose=0)
    found["stream"] = model.fit(((X[i : i + 16], Y[i : i + 16]) for i in range(0, 75, 16)), verbose=0).history["loss"]
    return found


def split(folder: Path, number: int) -> dict:
    """Weights that lie in several processes: each has its part, and a file has the whole."""
    with dist.AutoParallel(smallest=16).scope():
        model = make()
        losses = model.fit(X, Y, batch_size=16, epochs=2, verbose=0).history["loss"]
    model.save_weights(folder / "split.weights.h5")
    kernel = model.layers[0].kernel.value
    return {"loss": losses, "mine": [s.data.nbytes for s in kernel.addressable_shards], "whole": kernel.nbytes}


def own_share(folder: Path, number: int) -> dict:
    """Each process has other data: its part of every batch."""
    plan = dist.DataParallel(auto_shard_dataset=False)
    with plan.scope():
        model = make()
    size, parts = 16 // dist.get_device_count(), dist.get_device_count()
    rows = np.arange(64).reshape(4, parts, size)[:, number].reshape(-1)
    return {"loss": model.fit(X[rows], Y[rows], batch_size=size, epochs=2, shuffle=False, verbose=0).history["loss"]}


def disagreeing(folder: Path, number: int) -> dict:
    model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(4 + number)])
    model.compile("sgd", "mse")
    try:
        model.fit(X, X[:, :1], verbose=0)
    except RuntimeError as error:
        return {"error": str(error)}
    return {}


def killed(folder: Path, number: int) -> dict:
    """The last process is killed in the second epoch; the others say so."""
    model = make()
    last = int(sys.argv[3]) - 1
    die = Slow(8 if number == last else 10**6, lambda: os.kill(os.getpid(), signal.SIGKILL))
    backup = kk.callbacks.BackupAndRestore(folder / "backup", save_freq=1, delete_checkpoint=False)
    model.fit(X, Y, batch_size=16, epochs=3, callbacks=[backup, die], verbose=0)
    return {}


def own_folders(folder: Path, number: int) -> dict:
    """Each process has a folder of its own for backups, as on machines that share none; only the first one writes."""
    for _ in range(2):
        model = make()
        backup = kk.callbacks.BackupAndRestore(folder / f"own_{number}", save_freq=2, delete_checkpoint=False)
        stop = Slow(3, lambda model=model: setattr(model, "stop_training", True))
        try:
            model.fit(X, Y, batch_size=16, epochs=1, callbacks=[backup, stop], verbose=0)
        except RuntimeError as error:
            return {"error": str(error)}
    return {}


def resumed(folder: Path, number: int) -> dict:
    model = make(seed=4)
    backup = kk.callbacks.BackupAndRestore(folder / "backup", save_freq=1, delete_checkpoint=False)
    history = model.fit(X, Y, batch_size=16, epochs=3, callbacks=[backup], verbose=0).history
    return {"loss": history["loss"], "weights": [v.numpy().reshape(-1).tolist() for v in model.weights]}


def unbroken(folder: Path, number: int) -> dict:
    model = make()
    one_by_one = Slow(10**6, lambda: None)
    history = model.fit(X, Y, batch_size=16, epochs=3, callbacks=[one_by_one], verbose=0).history
    return {"loss": history["loss"], "weights": [v.numpy().reshape(-1).tolist() for v in model.weights]}


def steered(folder: Path, number: int) -> dict:
    """Requests reach one process each, and all of them act: pause, learning rate, steps, checkpoint, stop."""
    model, shown = make(), Steered(number, folder)
    model.fit(X, Y, batch_size=16, epochs=1000, verbose=shown)
    rate, kernel = float(model.optimizer.learning_rate), model.layers[0].kernel.numpy()
    steps = len(model.history.batches["loss"])
    return {"events": shown.events, "rate": rate, "steps": steps, "weights": kernel.tolist()}


class Steered(Display):
    """In place of a panel: its thread presses buttons, those of process 1 but the stop button, which is process 0's."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.folder, self.events = number, folder, []
        self.paused = threading.Event()
        self.saved = threading.Event()

    def begin(self, run: Any) -> None:
        self.control = run.control
        run.control.subscribe(self.note)
        threading.Thread(target=self.press, daemon=True).start()

    def note(self, event: Any) -> None:
        self.events.append(re.sub(r"[\d,]+", "n", event.text.replace(str(self.folder), "")))
        if event.kind in ("paused", "saved"):
            (self.paused if event.kind == "paused" else self.saved).set()

    def press(self) -> None:
        if self.number == 1:
            self.control.pause()
            self.paused.wait(60)
            self.paused.clear()
            self.control.set_learning_rate(0.25)
            self.control.step(2)
            self.paused.wait(60)
            self.control.save(str(self.folder / "steered.keras"))
            self.control.resume()
        elif self.number == 0:
            self.saved.wait(60)
            self.control.stop()


def feeds(folder: Path, number: int) -> dict:
    """Every process has the same source, of any kind, and reads its rows out of each batch."""

    class Rows(kk.utils.PyDataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> tuple:
            return X[index * 16 : index * 16 + 16], Y[index * 16 : index * 16 + 16]

    class Loader:
        """What a torch DataLoader is for `fit`: something to iterate over, again in each epoch."""

        def __iter__(self) -> Any:
            return (Rows()[i] for i in range(5))

        def __len__(self) -> int:
            return 5

    found = {}
    for name, source in {"PyDataset": Rows(workers=2), "loader": Loader(), "Dataset": None}.items():
        data = kk.utils.Dataset.from_tensor_slices((X, Y)).batch(16) if source is None else source
        found[name] = make().fit(data, epochs=2, shuffle=False, verbose=0).history["loss"]
    arrays = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    return found | {"arrays": make().fit(X, Y, **arrays).history["loss"]}


def strangers(folder: Path, number: int) -> dict:
    """The processes shuffle differently, as unseeded loaders do."""

    def shuffled() -> Any:
        order = np.random.default_rng(number).permutation(64).reshape(4, 16)
        return ((X[rows], Y[rows]) for rows in order)

    said = {}
    for name in ("fit", "evaluate"):
        try:
            getattr(make(), name)(shuffled(), verbose=0)
        except RuntimeError as error:
            said[name] = str(error)
    return said


def torch_loaders(folder: Path, number: int) -> dict:
    """A DataLoader that is shuffled without a seed of its own."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    model = make()
    return {
        "loss": model.fit(DataLoader(data, batch_size=16, shuffle=True), epochs=2, verbose=0).history["loss"],
        "evaluated": model.evaluate(DataLoader(data, batch_size=30), verbose=0),
    }


def tensorflow_loaders(folder: Path, number: int) -> dict:
    """A `tf.data` that is shuffled without a seed of its own."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y))
    model = make()
    return {
        "loss": model.fit(data.shuffle(75).batch(16), epochs=2, verbose=0).history["loss"],
        "evaluated": model.evaluate(data.batch(30), verbose=0),
    }


def joined(folder: Path, number: int) -> dict:
    """The processes of an environment know one another."""
    return {"numbers": processes.agree(number)[:, 0].tolist(), "devices": dist.get_device_count()}


def interrupted(folder: Path, number: int) -> dict:
    model = make()
    press = Slow(8 if number == 0 else 10**6, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        model.fit(X, Y, batch_size=16, epochs=3, callbacks=[press], verbose=0)
    except KeyboardInterrupt:
        return {"steps": len(model.history.batches["loss"]), "weights": model.layers[0].kernel.numpy().tolist()}
    return {}


if __name__ == "__main__":
    what, number, count, port, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], Path(sys.argv[5])
    faulthandler.dump_traceback_later(200, exit=True)
    bound = {"coordinator_bind_address": f"127.0.0.1:{port}"} if number == 0 else {}
    if what == "joined":  # all that is needed stands in the environment
        dist.initialize(**bound)
    elif count > 1:
        dist.initialize(f"127.0.0.1:{port}", count, number, **bound)
    if count > 1:
        dist.set_distribution(dist.DataParallel())
    for name in what.split(","):
        faulthandler.dump_traceback_later(100, exit=True)
        print("RESULT", json.dumps({name: globals()[name](folder, number)}), flush=True)
