"""What quantization costs: bytes of weights and accuracy of a small net for digits, the table of docs/quantization.md.

python -m benchmarks.quantization
"""

from __future__ import annotations

import math

import numpy as np

import kernelkit as kk

BLOCK = 32
TRAINED = 1400


def main() -> None:
    """Train a net, quantize copies of it, and print a row for each."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.images / 16).reshape(-1, 64).astype("float32"), digits.target
    kk.utils.set_random_seed(0)
    dense = [kk.layers.Dense(256, "relu"), kk.layers.Dense(256, "relu"), kk.layers.Dense(10)]
    model = kk.Sequential([kk.Input((64,)), *dense])
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x[:TRAINED], y[:TRAINED], epochs=15, verbose=0)
    modes = {"float32": None, "int8": kk.quantizers.Int8QuantizationConfig()}
    modes["int4"] = kk.quantizers.Int4QuantizationConfig(block_size=BLOCK)
    for name, config in modes.items():
        copy = kk.models.clone_model(model)
        copy.set_weights(model.get_weights())
        if config is not None:
            copy.quantize(config=config)
        _, accuracy = copy.evaluate(x[TRAINED:], y[TRAINED:], verbose=0)
        size = sum(math.prod(v.shape) * np.dtype(str(v.dtype)).itemsize for v in copy.weights)
        print(f"{name:8}{size:10,} bytes{accuracy:8.1%}")


if __name__ == "__main__":
    main()
