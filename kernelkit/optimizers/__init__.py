"""Optimizers: rules that change weights by their gradients.

Example:
    >>> from kernelkit import optimizers
    >>> optimizers.get("adam").get_config()["beta_2"]
    0.999
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.optimizers import schedules
from kernelkit.optimizers.adadelta import Adadelta
from kernelkit.optimizers.adafactor import Adafactor
from kernelkit.optimizers.adagrad import Adagrad
from kernelkit.optimizers.adam import Adam
from kernelkit.optimizers.adamax import Adamax
from kernelkit.optimizers.adamw import AdamW
from kernelkit.optimizers.ftrl import Ftrl
from kernelkit.optimizers.lamb import Lamb
from kernelkit.optimizers.lion import Lion
from kernelkit.optimizers.loss_scale_optimizer import LossScaleOptimizer
from kernelkit.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from kernelkit.optimizers.muon import Muon
from kernelkit.optimizers.nadam import Nadam
from kernelkit.optimizers.optax_optimizer import OptaxOptimizer
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.optimizers.rmsprop import RMSprop
from kernelkit.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from kernelkit.optimizers.sgd import SGD
from kernelkit.public import names_of as _names_of


def get(identifier: Any) -> Any:
    """Return the optimizer for an identifier.

    Args:
        identifier: ``None`` (returned), a name, a config dict, an :class:`Optimizer` or its class, or a transformation
            of optax.

    Raises:
        ValueError: If the identifier has another type, or is an unknown name.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.optimizers.get("adam")).__name__
        'Adam'
    """
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        return deserialize(identifier)
    if not isinstance(identifier, Optimizer) and hasattr(identifier, "init") and hasattr(identifier, "update"):
        return OptaxOptimizer(identifier)
    optimizer = _serialize.get(identifier, "optimizers", "optimizer", Optimizer)
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise ValueError(f"Could not interpret {identifier!r} as an optimizer: give a name, an Optimizer or a config.")
    return optimizer


def serialize(optimizer: Optimizer) -> dict:
    """Return an optimizer as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> round(kk.optimizers.serialize(kk.optimizers.SGD(0.5))["config"]["learning_rate"], 3)
        0.5
    """
    return _serialize.serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make an optimizer from :func:`serialize`'s result.

    Args:
        config: Dict with ``class_name`` (in any case: ``"adam"``) and ``config``.
        custom_objects: Names of classes and functions that are not registered.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.optimizers.serialize(kk.optimizers.SGD(0.5, momentum=0.9))
        >>> kk.optimizers.deserialize(config).momentum
        0.9
    """
    if not config.get("module") and not config.get("registered_name"):
        cls = _serialize.lookup(config["class_name"], "optimizers", "optimizer", custom_objects)
        config = {**config, "class_name": cls.__name__}
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="optimizers")


def __getattr__(name: str) -> Any:
    if name == "legacy":
        import importlib

        return importlib.import_module("kernelkit.optimizers.legacy")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_serialize.register_namespace("optimizers", globals(), (Optimizer, OptimizerMap))

__dir__ = _names_of(globals(), "legacy", "schedules")
