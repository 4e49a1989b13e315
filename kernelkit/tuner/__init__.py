"""Search for good hyperparameters: a thin layer over Optuna, which is imported when a `Tuner` is made.

Example:
    >>> import kernelkit as kk
    >>> def build(hp):
    ...     model = kk.Sequential([kk.layers.Dense(hp.Int("units", 4, 16), "relu"), kk.layers.Dense(1)])
    ...     model.compile(kk.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1, sampling="log")), "mse")
    ...     return model
    >>> tuner = kk.tuner.RandomSearch(build, "loss", max_trials=2)
    >>> tuner.search(kk.ops.ones((8, 2)), kk.ops.ones((8, 1)), epochs=2, verbose=0)
    >>> model = tuner.get_best_models()[0]
"""

from kernelkit.public import names_of as _names_of
from kernelkit.tuner.hypermodel import HyperModel, Objective
from kernelkit.tuner.hyperparameters import HyperParameters
from kernelkit.tuner.results import TrialResult
from kernelkit.tuner.searches import BayesianOptimization, GridSearch, Hyperband, RandomSearch
from kernelkit.tuner.tuner import Tuner

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "RandomSearch",
    "TrialResult",
    "Tuner",
]

__dir__ = _names_of(globals())
