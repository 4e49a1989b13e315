"""keras-sig: the signature of a path as features, computed by loops and by matrix products."""

import keras
import numpy as np
from keras_sig import SigLayer
from training import rng, tell, train

x = rng.normal(size=(16, 12, 3)).astype("float32").cumsum(axis=1) / 4
y = np.abs(x).max(axis=(1, 2))


def model(**options: object) -> keras.Model:
    """Return a net that begins with signatures."""
    return keras.Sequential([keras.Input((12, 3)), SigLayer(depth=3, stream=False, **options), keras.layers.Dense(1)])


tell(
    loops=train(model(), "mse", x, y),
    products=train(model(gpu_optimized=True), "mse", x, y),
)
