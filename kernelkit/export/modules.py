"""Models as modules of flax and equinox. They run the model's pure function and hold its weights."""

from __future__ import annotations

import re
from typing import Any

import jax

from kernelkit.export.needs import need
from kernelkit.export.pure import Weights, pure
from kernelkit.typing import Tree


def to_nnx(model: Any) -> Any:
    """Return a model as a `flax.nnx.Module`.

    Each trainable variable is an `nnx.Param` and each other one an `nnx.BatchStat`, in attributes named by path, with
    ``_`` for other characters. ``module(inputs, training=True, rngs=nnx.Rngs(dropout=0))`` updates the averages.

    Args:
        model: A model that is built.

    Returns:
        The module; ``module.weights()`` are its weights for :func:`kernelkit.export.assign`.

    Raises:
        ImportError: If flax is not installed.

    Example:
        >>> import kernelkit as kk
        >>> module = kk.export.to_nnx(kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)]))
        >>> module(kk.ops.ones((4, 3))).shape
        (4, 2)
    """
    need("flax.nnx", "Modules of flax", "flax")
    from flax import nnx

    apply, weights = pure(model)
    trainable, state = _attributes(weights.trainable), _attributes(weights.state)

    class KernelkitModule(nnx.Module):
        """A kernelkit model."""

        def __init__(self) -> None:
            for path, name in trainable.items():
                setattr(self, name, nnx.Param(weights.trainable[path]))
            for path, name in state.items():
                setattr(self, name, nnx.BatchStat(weights.state[path]))

        def weights(self) -> Weights:
            """Return the weights by path."""
            return Weights(*({p: getattr(self, n)[...] for p, n in names.items()} for names in (trainable, state)))

        def __call__(self, *inputs: Tree, training: bool = False, rngs: Any = None, **named: Tree) -> Tree:
            rng = rngs.dropout() if rngs is not None else None
            outputs, new = apply(self.weights(), *inputs, training=training, rng=rng, mutable=True, **named)
            if training:
                for path, name in state.items():
                    getattr(self, name)[...] = new[path]
            return outputs

    return KernelkitModule()


def to_linen(model: Any) -> tuple[Any, dict]:
    """Return a model as a `flax.linen.Module` and its variables.

    Args:
        model: A model that is built.

    Returns:
        ``(module, {"params": ..., "batch_stats": ...})``: dicts from paths to arrays. Call it as any module of flax:
        ``module.apply(variables, inputs, training=True, rngs={"dropout": key}, mutable=["batch_stats"])``.

    Raises:
        ImportError: If flax is not installed.

    Example:
        >>> import kernelkit as kk
        >>> module, variables = kk.export.to_linen(kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)]))
        >>> module.apply(variables, kk.ops.ones((4, 3))).shape
        (4, 2)
    """
    need("flax.linen", "Modules of flax", "flax")
    from flax import linen

    apply, weights = pure(model)

    class KernelkitModule(linen.Module):
        """A kernelkit model."""

        @linen.compact
        def __call__(self, *inputs: Tree, training: bool = False, **named: Tree) -> Tree:
            trainable = {p: self.param(p, lambda _, v=v: v) for p, v in weights.trainable.items()}
            state = {p: self.variable("batch_stats", p, lambda v=v: v) for p, v in weights.state.items()}
            given = Weights(trainable, {p: v.value for p, v in state.items()})
            rng = self.make_rng("dropout") if training and self.has_rng("dropout") else None
            outputs, new = apply(given, *inputs, training=training, rng=rng, mutable=True, **named)
            if training and not self.is_initializing() and self.is_mutable_collection("batch_stats"):
                for path, variable in state.items():
                    variable.value = new[path]
            return outputs

    variables = {"params": dict(weights.trainable)}
    if weights.state:
        variables["batch_stats"] = dict(weights.state)
    return KernelkitModule(), variables


def to_equinox(model: Any) -> Any:
    """Return a model as an `equinox.Module`: a pytree whose leaves are the weights.

    ``module(inputs)`` predicts. ``module.train(inputs, key=key)`` returns the outputs of a training call and the module
    with the new averages. ``module.trainable`` and ``module.state`` are dicts from paths to arrays.

    Args:
        model: A model that is built.

    Raises:
        ImportError: If equinox is not installed.

    Example:
        >>> import equinox
        >>> import kernelkit as kk
        >>> module = to_equinox(kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)]))
        >>> module(kk.ops.ones((4, 3))).shape, isinstance(module, equinox.Module)
        ((4, 2), True)
    """
    equinox = need("equinox", "Modules of equinox")
    apply, weights = pure(model)

    class KernelkitModule(equinox.Module):  # type: ignore[name-defined]
        """A kernelkit model."""

        trainable: dict[str, jax.Array]
        state: dict[str, jax.Array]

        def weights(self) -> Weights:
            """Return the weights by path."""
            return Weights(self.trainable, self.state)

        def __call__(self, *inputs: Tree, **named: Tree) -> Tree:
            return apply(self.weights(), *inputs, **named)

        def train(self, *inputs: Tree, key: Any = None, **named: Tree) -> tuple[Tree, Any]:
            """Return the outputs of a training call and the module after it."""
            outputs, state = apply(self.weights(), *inputs, training=True, rng=key, mutable=True, **named)
            return outputs, type(self)(self.trainable, state)

    return KernelkitModule(dict(weights.trainable), dict(weights.state))


def _attributes(values: dict[str, Any]) -> dict[str, str]:
    """Return a name for each path that can be an attribute."""
    names: dict[str, str] = {}
    for path in values:
        name = re.sub(r"\W", "_", path)
        names[path] = f"v_{name}" if not name.isidentifier() or name == "weights" else name
        while list(names.values()).count(names[path]) > 1:
            names[path] += "_"
    return names
