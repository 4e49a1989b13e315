"""scikit-keras: nets built from lists of hidden layers, by scikit-learn's names."""

import functools

import keras
import numpy as np
from skkeras.models import Straight
from skkeras.scikit_learn import KerasClassifier, KerasRegressor
from training import rng, tell

x = rng.normal(size=(60, 4)).astype("float32")
two = (x[:, 0] > 0).astype(int)
three = two + (x[:, 1] > 0)
fitting = {
    "hidden": Straight(
        dense_units=[6], dense_activation="tanh", dense_kernel_initializer=keras.initializers.Constant(0.1)
    ),
    "output_layer": functools.partial(keras.layers.Dense, kernel_initializer=keras.initializers.Constant(0.2)),
    "epochs": 4,
    "verbose": 0,
    "shuffle": False,
    "batch_size": 20,
}
found = {}
for name, estimator, y in (
    ("two classes", KerasClassifier(**fitting), two),
    ("three classes", KerasClassifier(**fitting), three),
    ("regression", KerasRegressor(**fitting), x[:, :1]),
):
    losses = estimator.fit(x, y).history["loss"]
    predicted = estimator.predict(x[:5], verbose=0)
    found[name] = [*losses, *np.ravel(predicted).tolist(), float(estimator.score(x, y, verbose=0))]
tell(**found)
