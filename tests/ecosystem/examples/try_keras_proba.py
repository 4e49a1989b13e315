"""keras-proba: heads for regression that know their error, a head that is a Gaussian process, calibration."""

import keras
import keras_proba
import numpy as np
from training import rng, tell, train

x = rng.normal(size=(32, 4)).astype("float32")
y = x[:, :1] * x[:, 1:2]
classes = rng.integers(0, 3, 32)


def net(head: keras.layers.Layer) -> keras.Model:
    """Return a net with this head."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), head])


calibration = keras_proba.metrics.ExpectedCalibrationError(from_logits=True)
calibration.update_state(classes, x[:, :3])
bayesian = net(keras_proba.layers.DenseFlipout(1))
tell(
    gaussian=train(net(keras_proba.layers.GaussianHead(1)), keras_proba.losses.GaussianNLL(), x, y),
    mixture=train(net(keras_proba.layers.MixtureGaussianHead(2)), keras_proba.losses.MixtureGaussianNLL(), x, y),
    flipout=len(train(bayesian, "mse", x, y)),
    calibration=float(calibration.result()),
    divergence=bool(np.isfinite([float(v) for v in bayesian.losses]).all()),
)
