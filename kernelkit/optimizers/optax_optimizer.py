"""Any gradient transformation of optax as an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit.optimizers import step
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.typing import Tensor
from kernelkit.variable import Variable


class OptaxOptimizer(Optimizer):
    """Train with a gradient transformation of optax.

    Each array of the transformation's state is a variable. So the state is saved, shown and restored like that of any
    other optimizer. `model.compile(optax.adam(1e-3))` makes an OptaxOptimizer.

    Args:
        transform: A transformation, such as ``optax.adamw(1e-3)`` or an ``optax.chain(...)``.
        name: Name.
        **kwargs: More arguments of :class:`~kernelkit.optimizers.Optimizer`: clipping, averaging, accumulation.

    Raises:
        TypeError: If ``transform`` is not a transformation.

    Source: https://optax.readthedocs.io

    Example:
        >>> import optax
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> optimizer = OptaxOptimizer(optax.sgd(0.1, momentum=0.9))
        >>> optimizer.apply([[1.0, -1.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    def __init__(self, transform: Any, name: str | None = None, **kwargs: Any) -> None:
        if not (callable(getattr(transform, "init", None)) and callable(getattr(transform, "update", None))):
            raise TypeError(f"OptaxOptimizer needs a transformation with init() and update(), got {transform!r}.")
        for argument in ("learning_rate", "weight_decay"):
            if argument in kwargs:
                raise TypeError(f"OptaxOptimizer takes no {argument}: it is a part of the transformation.")
        super().__init__(learning_rate=0.0, name=name, **kwargs)
        self.transform = transform
        self._variables = [self._iterations]
        self._learning_rate = None
        self._keys: list[str] = []
        self._leaves: list[Variable] = []
        self._structure: Any = None
        self._is_random_key: list[bool] = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make variables for the transformation's state. The transformation gets the weights as a dict by path."""
        super().build(variables)
        if self._structure is not None:
            return
        self._keys = _unique_names([v.path for v in self._trainable_variables])
        weights = dict(zip(self._keys, self._trainable_variables, strict=True))
        state = self.transform.init({key: v.value for key, v in weights.items()})
        leaves, self._structure = jtu.tree_flatten(state)
        self._is_random_key = [_is_random_key(leaf) for leaf in leaves]
        for path, leaf in jtu.tree_flatten_with_path(state)[0]:
            steps = [jtu.keystr((key,), simple=True) for key in path]
            self._leaves.append(self._add_leaf(steps, leaf, weights))
            if steps[-2:] == ["hyperparams", "learning_rate"]:
                self._learning_rate = self._leaves[-1]

    def _add_leaf(self, path: list[str], leaf: Tensor, weights: dict[str, Variable]) -> Variable:
        leaf = jax.random.key_data(leaf) if _is_random_key(leaf) else jnp.asarray(leaf)
        weight = next((weights[key] for key in path if key in weights), None)
        same = weight is not None and weight.shape == leaf.shape
        name = "_".join(key.replace("/", "_") for key in path)
        return self._add(
            leaf, dtype=leaf.dtype, layout=weight._layout if weight is not None and same else None, name=name or "state"
        )

    def _apply_rules(self, state: step.State, gradients: list, values: list, rate: Tensor) -> tuple[list, step.State]:
        pairs = list(zip(gradients, values, strict=True))
        zeros_for_none = [jnp.zeros_like(v) if g is None else g for g, v in pairs]
        leaves = [
            jax.random.wrap_key_data(state[id(v)]) if is_key else state[id(v)]
            for v, is_key in zip(self._leaves, self._is_random_key, strict=True)
        ]
        updates, new = self.transform.update(
            dict(zip(self._keys, zeros_for_none, strict=True)),
            jtu.tree_unflatten(self._structure, leaves),
            dict(zip(self._keys, values, strict=True)),
        )
        for variable, leaf in zip(self._leaves, self._structure.flatten_up_to(new), strict=True):
            leaf = jax.random.key_data(leaf) if _is_random_key(leaf) else leaf
            state[id(variable)] = jnp.asarray(leaf, state[id(variable)].dtype)
        moves = [updates[key] for key in self._keys]
        moved = [v if g is None else v + move.astype(v.dtype) for (g, v), move in zip(pairs, moves, strict=True)]
        return moved, state

    @property
    def learning_rate(self) -> Variable:
        """The rate, if the transformation was made with ``optax.inject_hyperparams``."""
        if self._learning_rate is None:
            raise AttributeError(
                f"The learning rate of optimizer {self.name!r} is hidden in an optax transformation. To read and set "
                "it, make it with optax.inject_hyperparams(optax.adam)(learning_rate=...), and train or build first."
            )
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float) -> None:
        self.learning_rate.assign(learning_rate)

    def _rate_in(self, state: step.State) -> Any:
        return 0.0  # the transformation has its own rate

    def _host_rate(self) -> None:
        return None

    def get_config(self) -> dict:
        raise ValueError(
            f"Optimizer {self.name!r} cannot be saved: an optax transformation is made of functions without a name. "
            "Save the weights, or the model without its optimizer, and compile again after loading."
        )


def _is_random_key(leaf: Tensor) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _unique_names(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        result.append(f"{name}_{seen[name]}" if seen[name] else name)
    return result
