"""Trains small models on one device and on eight simulated ones, and prints what the tests compare, as JSON."""

from __future__ import annotations

import faulthandler
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import kernelkit as kk
from kernelkit import distribution as dist
from kernelkit import layers
from kernelkit.models.spread_cost import spread_cost

ROWS = 75  # of 16 a batch: five steps an epoch, and the last batch has 11 rows
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(ROWS, 8)).astype("float32")
IMAGES = rng.normal(size=(ROWS, 8, 8, 1)).astype("float32")
WORDS = rng.integers(0, 12, (ROWS, 6)) * (np.arange(6) < rng.integers(1, 7, (ROWS, 1)))
LABELS = rng.integers(0, 4, ROWS)
DEVICES = dist.list_devices()


def mlp() -> Any:
    return kk.Sequential(
        [
            layers.Dense(16, "relu", kernel_regularizer="l2"),
            layers.Dropout(0.3),
            layers.Dense(8, "relu", activity_regularizer="l2"),
            layers.Dense(4),
        ]
    )


def cnn() -> Any:
    return kk.Sequential(
        [
            # A bias before BatchNormalization has no gradient but rounding, which Adam makes as large as any other.
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def lstm() -> Any:
    return kk.Sequential([layers.Embedding(12, 8, mask_zero=True), layers.LSTM(8), layers.Dense(4)])


def transformer() -> Any:
    words = kk.Input((6,), dtype="int32")
    x = layers.Embedding(12, 16, name="words")(words)
    x = layers.Add()([x, layers.MultiHeadAttention(4, 4, name="attention")(x, x)])
    x = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.Dense(16, name="down")(layers.Dense(32, "gelu", name="up")(x))])
    return kk.Model(words, layers.Dense(4, name="head")(layers.GlobalAveragePooling1D()(x)))


DATA = {mlp: TABLE, cnn: IMAGES, lstm: WORDS, transformer: WORDS}


def compiled(make: Any, optimizer: Any = "adam", **settings: Any) -> Any:
    kk.utils.set_random_seed(3)
    model = make()
    loss = kk.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer() if callable(optimizer) else optimizer, loss, metrics=["accuracy"], **settings)
    return model


def trained(model: Any, x: Any, epochs: int = 4, **arguments: Any) -> dict:
    history = model.fit(x, LABELS, batch_size=16, epochs=epochs, verbose=0, **arguments).history
    more = {}
    if x is IMAGES:  # sizes that 8 does not divide, with moving averages of BatchNormalization
        more["evaluated"] = model.evaluate(x, LABELS, batch_size=30, verbose=0)
        more["predicted"] = model.predict(x[:13], batch_size=5, verbose=0).tolist()
    return more | {
        "loss": history["loss"],
        "accuracy": history["accuracy"],
        "compiles": model._training.program("train").compiles,
        "weights": [v.numpy().reshape(-1)[:50].tolist() for v in model.weights],
    }


def layouts(mesh: dist.DeviceMesh) -> dist.LayoutMap:
    found = dist.LayoutMap(mesh)
    found["(up|words)/(kernel|embeddings)"] = (None, "model")
    found["up/bias"] = ("model",)
    found["down/kernel"] = ("model", None)
    found[".*attention/(query|key|value)/kernel"] = (None, "model", None)
    found["up/output"] = ("batch", None, "model")
    return found


def parts(model: Any) -> list:
    """For each variable of the model and its optimizer: bytes altogether, and bytes on each device."""
    variables = [*model.weights, *model.optimizer.variables]
    return [
        (v.path, v.value.nbytes, sorted({s.data.nbytes for s in v.value.addressable_shards}), len(v.value.devices()))
        for v in variables
    ]


def error_of(function: Any) -> str:
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def wide() -> Any:
    """A model of one large layer, whose gradients' bytes are known."""
    return kk.Sequential([kk.Input((8,)), layers.Dense(256, use_bias=False), layers.Dense(4, use_bias=False)])


def straight() -> Any:
    """Windows of many kinds, with nothing but `Flatten` between the last one and a `Dense` whose kernel is split."""
    pictures = kk.Input((8, 8, 3))
    ways = [
        layers.Conv2D(4, 3, use_bias=False)(pictures),
        layers.DepthwiseConv2D(3, padding="same")(pictures),
        layers.AveragePooling2D(2)(layers.SeparableConv2D(4, 3)(pictures)),
        layers.MaxPooling2D()(layers.Conv2DTranspose(2, 3, strides=2)(pictures)),
        layers.Conv1D(4, 3)(layers.Reshape((64, 3))(pictures)),
    ]
    return kk.Model(pictures, layers.add([layers.Dense(4)(layers.Flatten()(x)) for x in ways]))


def weights_after_an_epoch() -> list:
    model = compiled(straight, kk.optimizers.SGD(0.01))
    x = np.repeat(IMAGES[:16], 3, -1) * np.arange(1, 4, dtype="float32")
    model.fit(x, LABELS[:16], batch_size=16, verbose=0)
    return [v.numpy().tolist() for v in model.weights]


class OwnStep(kk.Model):
    """A model with a step of its own, written against variables."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, data: Any) -> dict:
        x, y = data
        with kk.GradientTape() as tape:
            loss = kk.ops.mean(kk.losses.sparse_categorical_crossentropy(y, self(x, training=True), from_logits=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss, "accuracy": loss * 0}


def batches() -> Any:
    """Yield batches of unequal sizes, as a generator does at the end of the data."""
    for first in range(0, ROWS, 16):
        yield TABLE[first : first + 16], LABELS[first : first + 16]


def by_a_generator(model: Any) -> dict:
    losses = [model.fit(batches(), verbose=0).history["loss"][0] for _ in range(2)]
    return {"loss": losses, "on_batch": model.train_on_batch(TABLE[:5], LABELS[:5])}


VARIANTS: dict[str, Any] = {
    "float16": lambda: trained(compiled(lambda: _mixed("mixed_float16")), TABLE, 1),
    "accumulated": lambda: trained(
        compiled(mlp, lambda: kk.optimizers.Adam(0.01, gradient_accumulation_steps=3, use_ema=True)), TABLE, 2
    ),
    "odd": lambda: {"loss": compiled(cnn).fit(IMAGES[:30], LABELS[:30], batch_size=10, verbose=0).history["loss"]},
    "generator": lambda: by_a_generator(compiled(mlp)),
    "own_step": lambda: {
        "loss": compiled(OwnStep).fit(TABLE, LABELS, batch_size=16, epochs=2, verbose=0).history["loss"]
    },
}


def _mixed(policy: str) -> Any:
    kk.mixed_precision.set_global_policy(policy)
    try:
        return mlp()
    finally:
        kk.mixed_precision.set_global_policy("float32")


def saved_by_orbax(folder: str) -> list:
    """Save a model whose weights are split over eight devices, and return its weights."""
    with dist.AutoParallel(smallest=32).scope():
        model = compiled(wide)
    checkpoint = kk.callbacks.OrbaxCheckpoint(folder, save_on_background=False)
    model.fit(TABLE[:16], LABELS[:16], verbose=0, callbacks=[checkpoint])
    return [v.numpy().tolist() for v in [*model.weights, *model.optimizer.variables]]


def restored_by_orbax(folder: str) -> list[dict]:
    """Read the folder on two and on four devices: the values, and the share of the largest weight on each device."""
    found = []
    for count in (2, 4):
        with dist.AutoParallel(devices=DEVICES[:count], smallest=32).scope():
            model = compiled(wide)
        model.load_weights(folder)
        kernel = model.layers[0].kernel.value
        found.append(
            {
                "values": [v.numpy().tolist() for v in [*model.weights, *model.optimizer.variables]],
                "parts": [kernel.nbytes / s.data.nbytes for s in kernel.addressable_shards],
            }
        )
    return found


def fused() -> list[int]:
    """Compiled programs and dispatches of three epochs of eight steps, four of them in each dispatch."""
    with dist.DataParallel().scope():
        model = compiled(wide, steps_per_execution=4)
    model.fit(TABLE[:64], LABELS[:64], batch_size=8, epochs=3, verbose=0)
    program = model._training.program("train")
    return [program.compiles, program.dispatches]


def debugged() -> tuple[list, list]:
    """The weights after `fit` on eight devices, and after the same steps in the debugger, some of them taken back."""
    with dist.DataParallel().scope():
        fitted, stepped = compiled(mlp), compiled(mlp)
        for model in (fitted, stepped):
            kk.utils.set_random_seed(4)
            model.build((None, 8))
        fitted.fit(TABLE[:64], LABELS[:64], batch_size=16, shuffle=False, verbose=0)
        debugger = stepped.debug(TABLE[:64], LABELS[:64], batch_size=16, shuffle=False)
        debugger.step(3)
        debugger.back(2)
        debugger.step(3)
        state = debugger.state_after()
    return [v.numpy().tolist() for v in fitted.trainable_variables], [np.asarray(v).tolist() for v in state.trainable]


def profiled(mesh: dist.DeviceMesh) -> dict:
    """What `profile` says of a model of one device, if it were on eight, and if it were split."""
    model = compiled(wide, "sgd")
    said = model.profile(TABLE[:16], LABELS[:16], repeats=1, distribution="data")
    split = dist.AutoParallel(mesh, model_dim_name="model", smallest=32)
    return {
        "data": said.spread._asdict(),
        "split": spread_cost(model, (TABLE[:16], LABELS[:16], None), "train", split)._asdict(),
        "text": str(said),
        "weights": sum(v.value.nbytes for v in model.trainable_variables),
        "places": sorted({len(v.value.devices()) for v in model.weights}),
        "step_flops": said.rows[-1].flops,
    }


def panel_of_eight() -> list[str]:
    """What the live panel says of the devices: of one, and of eight by one word."""
    from kernelkit.viz.curves.panel import LivePanel

    said = []
    for chosen in (None, "auto"):
        facts: list = []

        class Output:
            live = True

            def open(self, title: str, receive: Any) -> None:
                pass

            def send(self, content: dict, buffer: bytes, facts: list = facts) -> None:
                facts.append(content["facts"])

            def close(self, *rest: Any) -> None:
                pass

        panel = LivePanel(Output(), ticks=False)
        compiled(wide).fit(TABLE[:16], LABELS[:16], verbose=panel, distribution=chosen)
        said.append(facts[-1]["device"])
    return said


def peaks() -> dict:
    """The most bytes on a device, beyond what it holds, while a split model is loaded from a file."""
    with dist.AutoParallel(smallest=32).scope():
        model = kk.Sequential([kk.Input((64,)), *[layers.Dense(64, use_bias=False) for _ in range(6)]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.weights.h5"
        model.save_weights(path)

        def held() -> int:
            sizes = dict.fromkeys(jax.devices(), 0)
            for array in jax.live_arrays():
                shape = array.sharding.shard_shape(array.shape)
                for device in array.sharding.device_set:
                    sizes[device] += int(np.prod(shape)) * array.dtype.itemsize
            return max(sizes.values())

        gc.collect()
        before, seen, lay = held(), [], kk.placement.put

        def put(value: Any, layout: Any) -> Any:
            placed = lay(value, layout)
            seen.append(held())
            return placed

        kk.placement.put = put
        try:
            model.load_weights(path)
        finally:
            kk.placement.put = lay
    return {"extra": max(seen) - before, "tensor": 64 * 64 * 4, "count": len(seen)}


def main() -> dict:
    found: dict[str, Any] = {"devices": len(DEVICES)}
    began = time.process_time()
    for make, x in DATA.items():
        one = trained(compiled(make), x)
        with dist.DataParallel().scope():
            spread = compiled(make)
        found[make.__name__] = one, trained(spread, x)
        found[f"{make.__name__}_places"] = sorted({n for *_, n in parts(spread)})
    for name, variant in VARIANTS.items():
        alone = variant()
        with dist.DataParallel().scope():
            found[name] = alone, variant()

    mesh = dist.DeviceMesh((2, 4), ["batch", "model"])
    with dist.ModelParallel(layout_map=layouts(mesh), batch_dim_name="batch").scope():
        model = compiled(transformer)
        found["model_parallel"] = found["transformer"][0], trained(model, WORDS)
        found["parts"] = parts(model)
    described = dist.describe(model)
    found["described"] = [(v.path, v.axes, v.rule, v.nbytes_per_device) for v in described.variables]
    found["described_bytes"] = described.nbytes_per_device

    # Saved on 2 x 4 devices, continued on 1, on 4, and split by shape on 8.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        found["continued"] = []
        for count in (1, 2, 4, 8):
            plan = dist.DataParallel(devices=DEVICES[:count]) if count < 8 else dist.AutoParallel(smallest=64)
            kk.utils.set_random_seed(5)
            with plan.scope():
                again = kk.models.load_model(path)
            found["continued"].append(again.fit(WORDS, LABELS, batch_size=16, epochs=1, verbose=0).history["loss"])

    # One model, moved: made on one device, trained on eight by one word, and with its weights split by their shapes.
    model = compiled(mlp)
    first = trained(model, TABLE, 2, distribution="auto")
    compiles = model._training.program("train").compiles
    model.fit(TABLE, LABELS, batch_size=16, verbose=0, distribution="auto")
    found["moved"] = {
        "first": first,
        "compiles": [compiles, model._training.program("train").compiles],
        "kind": type(model._training.distribution).__name__,
    }
    model = compiled(mlp)
    model._training.distribute(dist.AutoParallel(smallest=32))
    found["by_shape"] = found["mlp"][0], trained(model, TABLE)
    found["by_shape_parts"] = parts(model)

    one = weights_after_an_epoch()
    with dist.AutoParallel(mesh, model_dim_name="model", smallest=8).scope():
        found["straight"] = one, weights_after_an_epoch()

    with dist.DataParallel().scope():
        model = compiled(wide, "sgd")
        model.fit(TABLE[:64], LABELS[:64], batch_size=16, verbose=0)
    found["collectives"] = [list(c) for c in dist.describe(model).collectives]
    found["picture"] = kk.viz.sharding(model, kinds=("weight", "optimizer")).svg
    found["gradient_bytes"] = sum(v.value.nbytes for v in model.trainable_variables)

    def unmatched(key: str, axes: tuple) -> None:
        plan = dist.LayoutMap(mesh)
        plan[key] = axes
        with dist.ModelParallel(layout_map=plan).scope():
            compiled(transformer).fit(WORDS, LABELS, verbose=0)

    found["errors"] = {
        "unmatched": error_of(lambda: unmatched("upp/.*", (None, "model"))),
        "odd": error_of(lambda: unmatched("head/kernel", (None, ("batch", "model")))),
        "too_many_axes": error_of(lambda: unmatched("up/bias", (None, "model"))),
        "mesh": error_of(lambda: dist.DeviceMesh((16,), ["batch"])),
        "two": error_of(
            lambda: compiled(mlp).fit(TABLE, LABELS, verbose=0, distribution=3)  # no distribution at all
        ),
    }
    found |= {
        "fused": fused(),
        "debugged": debugged(),
        "profiled": profiled(mesh),
        "panel": panel_of_eight(),
        "peaks": peaks(),
    }
    found["seconds"] = time.process_time() - began
    return found


if __name__ == "__main__":
    assert jax.device_count() == 8
    faulthandler.dump_traceback_later(500, exit=True)  # collectives of simulated devices may wait for ever
    result = main()
    result["orbax"] = saved_by_orbax(sys.argv[1])
    result["restored"] = restored_by_orbax(sys.argv[1])
    json.dump(result, sys.stdout)
