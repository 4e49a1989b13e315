"""How large compiled training steps are: HLO instructions and kernels that each layer adds, here and in Keras.

    python -m benchmarks.program_sizes

Compiling takes most of a first epoch, and its time goes with the number of kernels. Each layer is put between the same
input and the same loss; what the net without it needs is taken off.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# name: (shape of a sample, the layers of a net by a package's `layers`)
NETS: dict[str, tuple[tuple[int, ...], Callable[[Any], list]]] = {
    "Dense": ((16,), lambda layers: [layers.Dense(8)]),
    "Dense, relu": ((16,), lambda layers: [layers.Dense(8, activation="relu")]),
    "Conv2D 3x3": ((12, 12, 3), lambda layers: [layers.Conv2D(8, 3)]),
    "Conv2D 3x3, second": ((12, 12, 3), lambda layers: [layers.Conv2D(8, 3), layers.Conv2D(8, 3)]),
    "MaxPooling2D": ((12, 12, 3), lambda layers: [layers.Dense(8), layers.MaxPooling2D()]),
    "BatchNormalization": ((12, 12, 3), lambda layers: [layers.Dense(8), layers.BatchNormalization()]),
    "LayerNormalization": ((12, 8), lambda layers: [layers.Dense(8), layers.LayerNormalization()]),
    "Dropout": ((12, 8), lambda layers: [layers.Dense(8), layers.Dropout(0.5)]),
    "LSTM": ((12, 8), lambda layers: [layers.LSTM(8)]),
    "GRU": ((12, 8), lambda layers: [layers.GRU(8)]),
    "Bidirectional LSTM": ((12, 8), lambda layers: [layers.Bidirectional(layers.LSTM(8))]),
}
WITHOUT = {
    "Conv2D 3x3, second": "Conv2D 3x3",
    "MaxPooling2D": ((12, 12, 3), lambda layers: [layers.Dense(8)]),
    "BatchNormalization": ((12, 12, 3), lambda layers: [layers.Dense(8)]),
    "LayerNormalization": ((12, 8), lambda layers: [layers.Dense(8)]),
    "Dropout": ((12, 8), lambda layers: [layers.Dense(8)]),
}
BATCH = 16


def sizes(text: str) -> tuple[int, int]:
    """Return the numbers of instructions and of kernels (fusions, products, convolutions, calls) of an HLO text."""
    instructions = re.findall(r"^\s+(?:ROOT )?%?[\w.\-]+ = ", text, re.M)
    kernels = re.findall(r" (?:fusion|dot|convolution|custom-call|reduce|scatter|sort|copy|while)\(", text)
    return len(instructions), len(kernels)


def step_text(package: Any, model: Any, shape: tuple[int, ...]) -> str:
    """Return the optimized HLO of a model's training step."""
    model.compile("adam", "mse")
    x, y = np.ones((BATCH, *shape), "float32"), np.ones((BATCH, 1), "float32")
    model.train_on_batch(x, y)
    if package.__name__ == "kernelkit":
        return model._training.program("train").texts()[-1]
    import jax

    state = model._get_jax_state(
        trainable_variables=True, non_trainable_variables=True, optimizer_variables=True, metrics_variables=True
    )
    return jax.jit(model.train_step, donate_argnums=0).lower(state, (x, y)).compile().as_text()


def net(package: Any, shape: tuple[int, ...], make: Callable[[Any], list]) -> str:
    """Return the step of a net of some layers and a last `Dense`."""
    layers = package.layers
    model = package.Sequential([package.Input(shape), *make(layers), layers.Flatten(), layers.Dense(1)])
    return step_text(package, model, shape)


def attention(package: Any, with_it: bool) -> str:
    """Return the step of a net with attention of a sequence to itself, or of the same net without it."""
    layers = package.layers
    inputs = package.Input((12, 8))
    x = layers.Dense(8)(inputs)
    if with_it:
        x = layers.MultiHeadAttention(2, 4)(x, x)
    return step_text(package, package.Model(inputs, layers.Dense(1)(layers.Flatten()(x))), (12, 8))


def counted(package: Any) -> dict[str, tuple[int, int]]:
    """Return what each layer adds to the instructions and kernels of a step, by the layer's name."""
    found = {}
    for name, (shape, make) in NETS.items():
        other = WITHOUT.get(name, (shape, lambda layers: []))
        other = NETS[other] if isinstance(other, str) else other
        whole, rest = sizes(net(package, shape, make)), sizes(net(package, *other))
        found[name] = (whole[0] - rest[0], whole[1] - rest[1])
    whole, rest = sizes(attention(package, True)), sizes(attention(package, False))
    found["MultiHeadAttention"] = (whole[0] - rest[0], whole[1] - rest[1])
    return found


def main() -> None:
    if len(sys.argv) > 1:
        os.environ["KERAS_BACKEND"] = "jax"
        import importlib

        print(json.dumps(counted(importlib.import_module(sys.argv[1]))))
        return
    found = {}
    for package in ("kernelkit", "keras"):
        command = [sys.executable, "-m", "benchmarks.program_sizes", package]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[package] = json.loads(out.splitlines()[-1])
    print("| the layer adds | instructions, kernelkit | Keras | kernels, kernelkit | Keras |\n|---|---|---|---|---|")
    for name, (instructions, kernels) in found["kernelkit"].items():
        keras = found["keras"][name]
        print(f"| {name} | {instructions} | {keras[0]} | {kernels} | {keras[1]} |")


if __name__ == "__main__":
    main()
