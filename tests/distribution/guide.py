"""The steps of a guide to distributed training on jax, with `keras` from the command line: Keras or kernelkit.

Written anew from what such a guide teaches: data parallelism in force for the process, a model split over a mesh by
rules, and a training loop in plain jax over a model's stateless methods. Prints the losses as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

keras: Any = importlib.import_module(sys.argv[1])

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(64, 12)).astype("float32"), rng.integers(0, 4, 64)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make(optimizer: str = "adam") -> Any:
    inputs = keras.Input((12,), name="inputs")
    hidden = keras.layers.Dense(16, activation="relu", name="d1")(inputs)
    outputs = keras.layers.Dense(4, name="d2")(keras.layers.BatchNormalization(name="norm")(hidden))
    model = keras.Model(inputs, outputs)
    draws = np.random.default_rng(1)
    model.set_weights([w if w.ndim < 2 else draws.normal(0, 0.3, w.shape) for w in model.get_weights()])
    model.compile(optimizer=optimizer, loss=LOSS)
    return model


def fitted(model: Any) -> list[float]:
    losses = model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    return [*losses, model.evaluate(X, Y, batch_size=16, verbose=0)]


def data_parallel() -> list[float]:
    devices = keras.distribution.list_devices("cpu")
    mesh = keras.distribution.DeviceMesh(shape=(8,), axis_names=["data"], devices=devices)
    keras.distribution.set_distribution(keras.distribution.DataParallel(device_mesh=mesh))
    model = make()
    assert model.trainable_weights[0].value.sharding.is_fully_replicated
    losses = fitted(model)
    keras.distribution.set_distribution(None)
    return losses


def model_parallel() -> list[float]:
    devices = keras.distribution.list_devices("cpu")
    mesh = keras.distribution.DeviceMesh(shape=(2, 4), axis_names=["data", "model"], devices=devices)
    layouts = keras.distribution.LayoutMap(mesh)
    layouts["d1/kernel"] = keras.distribution.TensorLayout((None, "model"), mesh)
    layouts["d1/bias"] = ("model",)
    layouts["d2/kernel"] = ("model", None)
    layouts["d1/output"] = ("data", "model")
    plan = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="data")
    with plan.scope():
        model = make()
        kernel = next(w for w in model.trainable_weights if w.path == "d1/kernel")
        assert {s.data.shape for s in kernel.value.addressable_shards} == {(12, 4)}
        return fitted(model)


def own_loop() -> list[float]:
    """Shard arrays by hand, and train with the model's and the optimizer's stateless methods."""
    model, optimizer = make(), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    mesh = Mesh(np.array(jax.devices()).reshape(8), axis_names=("data",))
    whole, split = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))

    def loss_of(trainable: Any, rest: Any, x: Any, y: Any) -> Any:
        outputs, rest = model.stateless_call(trainable, rest, x, training=True)
        return LOSS(y, outputs), rest

    @jax.jit
    def step(state: Any, x: Any, y: Any) -> Any:
        trainable, rest, slots = state
        (loss, rest), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, rest, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, rest, slots)

    groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([jax.device_put(v.value, whole) for v in group] for group in groups)
    losses = []
    for first in range(0, 64, 16):
        x, y = (jax.device_put(part[first : first + 16], split) for part in (X, Y))
        loss, state = step(state, x, y)
        losses.append(float(loss))
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(np.asarray(value))
    return [*losses, model.evaluate(X, Y, batch_size=16, verbose=0)]


if __name__ == "__main__":
    found = {function.__name__: function() for function in (data_parallel, model_parallel, own_loop)}
    print("RESULT", json.dumps(found), flush=True)
