"""optuna-integration: trials that are pruned by the losses of their epochs."""

import warnings

import keras
import optuna
from optuna_integration import KerasPruningCallback
from training import draw_weights, rng, tell

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.WARNING)
x = rng.normal(size=(64, 4)).astype("float32")
y = x @ rng.normal(size=(4, 1)).astype("float32")


def objective(trial: optuna.Trial) -> float:
    """Return the last loss of a net of the sizes that are tried."""
    units = trial.suggest_int("units", 4, 12)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "tanh"), keras.layers.Dense(1)])
    draw_weights(net)
    net.compile(keras.optimizers.Adam(trial.suggest_float("rate", 1e-4, 1e-1, log=True)), "mse")
    history = net.fit(
        x, y, epochs=4, verbose=0, shuffle=False, callbacks=[KerasPruningCallback(trial, "loss")], validation_split=0.2
    )
    return history.history["val_loss"][-1]


study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=0), pruner=optuna.pruners.MedianPruner(n_startup_trials=2)
)
study.optimize(objective, n_trials=8)
tell(
    states=[t.state.name for t in study.trials],
    units=[t.params["units"] for t in study.trials],
    losses=next(list(t.intermediate_values.values()) for t in study.trials),
    best=study.best_value,
)
