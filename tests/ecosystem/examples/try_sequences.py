"""Layers from small packages: ncps, keras-mdn-layer."""

import json
import time

import keras
import keras_mdn_layer
import ncps.keras
import numpy as np
from ncps.wirings import AutoNCP

started = time.process_time()
rng = np.random.default_rng(0)
x = rng.normal(size=(16, 12, 3)).astype("float32")
y = rng.normal(size=(16, 2)).astype("float32")


def train(model: keras.Model, loss: object, target: np.ndarray) -> list:
    """Give the model drawn weights, train it for two epochs, return its losses and outputs."""
    model(x)
    drawn = np.random.default_rng(1)
    model.set_weights(
        [w if w.dtype != "float32" else 0.2 * drawn.normal(size=w.shape).astype("float32") for w in model.get_weights()]
    )
    model.compile(keras.optimizers.SGD(0.01), loss)
    losses = model.fit(x, target, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
    return [*losses, *model.predict(x[:1], verbose=0).ravel().tolist()]


def dense(units: int) -> keras.layers.Layer:
    """Return the last layer."""
    return keras.layers.Dense(units)


mixture = keras.Sequential([keras.layers.Flatten(), keras_mdn_layer.MDN(2, 3)])
print(
    json.dumps(
        {
            "cfc": train(keras.Sequential([ncps.keras.CfC(8, return_sequences=False), dense(2)]), "mse", y),
            "ltc": train(keras.Sequential([ncps.keras.LTC(8, return_sequences=False), dense(2)]), "mse", y),
            "wired": train(keras.Sequential([ncps.keras.CfC(AutoNCP(12, 2), return_sequences=False)]), "mse", y),
            "mixture": train(mixture, keras_mdn_layer.get_mixture_loss_func(2, 3), y),
            "seconds": time.process_time() - started,
        }
    )
)
