"""kernelkit: deep learning that lives in the notebook.

A Keras-style toolkit on jax. ``import kernelkit as keras`` runs Keras code; training steps are pure, fused and jitted;
a notebook shows the training while it runs.
"""

from typing import Any

from kernelkit import (
    activations,
    callbacks,
    compile_cache,
    config,
    constraints,
    datasets,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    progress,
    quantizers,
    random,
    regularizers,
    rich_display,
    saving,
    serialize,
    signatures,
    tree,
    utils,
    visualization,
)
from kernelkit.constraints import Constraint
from kernelkit.devices import device
from kernelkit.dispatch import op
from kernelkit.distribution.clusters import register as register_cluster
from kernelkit.dtype_policies import DTypePolicy, FloatDTypePolicy
from kernelkit.initializers import Initializer
from kernelkit.layers import Input, InputSpec, Layer
from kernelkit.layers.rematerialize import RematScope, remat
from kernelkit.losses import Loss
from kernelkit.metrics import Metric
from kernelkit.models import Model, Sequential
from kernelkit.models.function import Function
from kernelkit.operation import Operation
from kernelkit.optimizers import Optimizer
from kernelkit.quantizers import Quantizer
from kernelkit.recording import FunctionOperation
from kernelkit.regularizers import Regularizer
from kernelkit.scope import StatelessScope, SymbolicScope, name_scope
from kernelkit.symbolic import KerasTensor
from kernelkit.tape import GradientTape
from kernelkit.training import display, history
from kernelkit.variable import Variable
from kernelkit.version import __version__

__all__ = [
    "Constraint",
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "compile_cache",
    "config",
    "constraints",
    "datasets",
    "device",
    "distillation",
    "dtype_policies",
    "export",
    "initializers",
    "layers",
    "legacy",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "op",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "serve",
    "teaching",
    "tree",
    "tuner",
    "utils",
    "version",
    "visualization",
    "wrappers",
]


def version() -> str:
    """Return the version of kernelkit.

    Example:
        >>> import kernelkit as kk
        >>> kk.version() == kk.__version__
        True
    """
    return __version__


def _notebook_display() -> display.Display | None:
    """Return the live panel, in a notebook; `viz` is imported only there."""
    import sys

    return _viz().notebook_display() if sys.modules.keys() & {"IPython", "marimo"} else None


def _notebook_line() -> progress.Line | None:
    """Return a line of progress for the current cell, in a notebook."""
    import sys

    return _viz().notebook_line() if "IPython" in sys.modules else None


def _viz() -> Any:
    """Return `kernelkit.viz`, which is imported at the first display."""
    import importlib

    return importlib.import_module("kernelkit.viz")


def _imported(name: str) -> Any:
    import importlib

    return importlib.import_module(f"kernelkit.{name}")


_WHEN_USED = (
    "applications",
    "backend",
    "distillation",
    "distribution",
    "export",
    "legacy",
    "mixed_precision",
    "preprocessing",
    "serve",
    "teaching",
    "tuner",
    "wrappers",
)


def __getattr__(name: str) -> object:
    if name == "viz":
        return _viz()
    if name in _WHEN_USED:
        return _imported(name)
    raise AttributeError(f"module 'kernelkit' has no attribute {name!r}.{serialize.suggest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_WHEN_USED, "viz"} | {name for name in globals() if name.startswith("__")})


compile_cache.enable_by_default()
for _function in (device, name_scope, remat):
    signatures.plain_hints(_function)
register_cluster("ipyparallel", lambda: _imported("clusters.engines"))
register_cluster("ray", lambda: _imported("clusters.ray_train"))
display.register(_notebook_display)
history.register(_viz)
progress.register(_notebook_line)
rich_display.register(lambda thing: _viz().html_of(thing), lambda thing: _viz().bundle_of(thing))
serialize.register_namespace(
    "", globals(), (Layer, Loss, Metric, Optimizer, Initializer, Regularizer, Constraint, DTypePolicy)
)
serialize.register_namespace_later(
    "applications",
    ("CustomScaleLayer", "LayerScale"),
    lambda: _imported("applications.own_layers"),
)
serialize.register_namespace_later(
    "distillation",
    ("Distiller", "FeatureDistillation", "LogitsDistillation"),
    lambda: _imported("distillation"),
)
