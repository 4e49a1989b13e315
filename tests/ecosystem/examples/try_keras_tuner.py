"""A search of KerasTuner over units and learning rates."""

import json
import tempfile
import time

import keras
import keras_tuner
import numpy as np

started = time.process_time()
rng = np.random.default_rng(0)
x = rng.normal(size=(96, 4)).astype("float32")
y = (x @ rng.normal(size=(4, 1))).astype("float32")


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """Return a compiled net of the sizes that are tried."""
    model = keras.Sequential([keras.Input((4,))])
    for i in range(hp.Int("layers", 1, 2)):
        units = hp.Int(f"units_{i}", 4, 12, step=4)
        model.add(keras.layers.Dense(units, activation="tanh", kernel_initializer=keras.initializers.Constant(0.1)))
    model.add(keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.2)))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse", metrics=["mae"])
    return model


class OwnLoop(keras_tuner.RandomSearch):
    """A tuner whose trial is a loop of its own, as KerasTuner's guide writes it."""

    def run_trial(self, trial, x, y, **kwargs):
        """Train in batches by hand, and return what is compared."""
        model = self.hypermodel.build(trial.hyperparameters)
        for _ in range(trial.hyperparameters.Int("passes", 1, 3)):
            for start in range(0, len(x), 32):
                model.train_on_batch(x[start : start + 32], y[start : start + 32])
        return {"mae": model.evaluate(x, y, verbose=0, return_dict=True)["mae"]}


found = {}
with tempfile.TemporaryDirectory() as folder:
    for name in ("RandomSearch", "BayesianOptimization", "Hyperband"):
        options = {"max_epochs": 3} if name == "Hyperband" else {"max_trials": 3}
        tuner = getattr(keras_tuner, name)(
            build, objective="val_loss", seed=1, directory=folder, project_name=name, **options
        )
        tuner.search(x, y, epochs=3, validation_data=(x, y), verbose=0, shuffle=False)
        best = tuner.get_best_hyperparameters(1)[0]
        found[name] = best.values["rate"] if name != "Hyperband" else len(tuner.oracle.trials)
        found[f"{name}, loss"] = tuner.get_best_models(1)[0].evaluate(x, y, verbose=0, return_dict=True)["loss"]
    tuner = OwnLoop(
        build, keras_tuner.Objective("mae", "min"), 3, seed=1, directory=folder, project_name="own", overwrite=True
    )
    tuner.search(x, y)
    found["run_trial"] = [t.score for t in sorted(tuner.oracle.trials.values(), key=lambda t: t.trial_id)]
print(json.dumps({**found, "seconds": time.process_time() - started}))
