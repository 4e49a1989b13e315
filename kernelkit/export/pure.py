"""A model as a pure function and its weights, for jax, optax and the exporters."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax

from kernelkit import scope
from kernelkit.export.signature import unique
from kernelkit.random import is_seed
from kernelkit.typing import Tree
from kernelkit.variable import Variable


class Weights(NamedTuple):
    """The values of a model's variables, by path.

    Attributes:
        trainable: Arrays that an optimizer changes by gradients.
        state: The other arrays, such as moving averages. Seeds are not among them: ``rng`` takes their place.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.BatchNormalization(name="norm")], name="net")
        >>> _, weights = kk.export.pure(model)
        >>> sorted(weights.trainable), sorted(weights.state)
        (['net/norm/beta', 'net/norm/gamma'], ['net/norm/moving_mean', 'net/norm/moving_variance'])
    """

    trainable: dict[str, jax.Array]
    state: dict[str, jax.Array]


class Apply(Protocol):
    """The pure function of a model.

    ``apply(weights, inputs, training=False, rng=None)`` returns the outputs; with ``mutable=True`` the pair
    ``(outputs, state)``, where ``state`` holds the new values of ``weights.state``. A model whose ``call`` takes
    several arguments is given them all: ``apply(weights, a, b, mask=mask)``.
    """

    def __call__(
        self,
        weights: Weights,
        *inputs: Tree,
        training: bool = False,
        rng: Any = None,
        mutable: bool = False,
        **named: Tree,
    ) -> Any: ...


def pure(model: Any) -> tuple[Apply, Weights]:
    """Return a model as a pure function and the values of its weights.

    The function can be jitted, differentiated and vmapped. It never changes the model.

    Args:
        model: A model or layer that is built.

    Returns:
        ``(apply, weights)``: see :class:`Apply` and :class:`Weights`.

    Raises:
        ValueError: If the model is not built yet.

    Example:
        >>> import jax, kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> apply, weights = kk.export.pure(model)
        >>> loss = lambda trainable, x: (apply(weights._replace(trainable=trainable), x) ** 2).mean()
        >>> gradients = jax.jit(jax.grad(loss))(weights.trainable, kk.ops.ones((4, 3)))
        >>> [g.shape for g in gradients.values()]
        [(2,), (3, 2)]
    """
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights yet: call it on a batch of data, or build(input_shape).")
    seeds, trainable, state = named_variables(model)

    def apply(
        weights: Weights,
        *inputs: Tree,
        training: bool = False,
        rng: Any = None,
        mutable: bool = False,
        **named: Tree,
    ) -> Any:
        lent = [(v, weights.trainable[path]) for path, v in trainable.items()]
        lent += [(v, weights.state[path]) for path, v in state.items()]
        lent += lent_seeds(seeds, rng)
        with scope.StatelessScope(lent) as lender:
            outputs = model(*inputs, training=training, **named)
        if not mutable:
            return outputs
        return outputs, {path: lender.get_current_value(v) for path, v in state.items()}

    values = Weights({p: v.value for p, v in trainable.items()}, {p: v.value for p, v in state.items()})
    return apply, values


def assign(model: Any, weights: Weights) -> None:
    """Assign values to the variables of a model, by path.

    Args:
        model: The model that was passed to :func:`pure`.
        weights: Values, such as the weights that your own training loop returned.

    Raises:
        ValueError: If a path names no variable of the model.

    Example:
        >>> import jax
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2, kernel_initializer="ones")])
        >>> apply, weights = kk.export.pure(model)
        >>> kk.export.assign(model, jax.tree.map(lambda array: 2 * array, weights))
        >>> model.layers[0].kernel.numpy()[0].tolist()
        [2.0, 2.0]
    """
    _, trainable, state = named_variables(model)
    by_path = {**trainable, **state}
    given = {**weights.trainable, **weights.state}
    if unknown := sorted(set(given) - set(by_path)):
        raise ValueError(f"Model {model.name!r} has no variables {unknown}.")
    for path, value in given.items():
        by_path[path].assign(value)


def named_variables(model: Any) -> tuple[list[Variable], dict[str, Variable], dict[str, Variable]]:
    """Return ``(seeds, trainable, state)``: the variables of a model, the last two by path.

    A model made of separately built models may hold the same path twice; the second path gets a number.
    """
    seeds = [v for v in model.variables if is_seed(v)]
    trainable = list(model.trainable_variables)
    state = [v for v in model.non_trainable_variables if not is_seed(v)]
    paths = unique([v.path for v in [*trainable, *state]])
    count = len(trainable)
    return seeds, dict(zip(paths[:count], trainable, strict=True)), dict(zip(paths[count:], state, strict=True))


def lent_seeds(seeds: list[Variable], rng: Any = None) -> list[tuple[Variable, jax.Array]]:
    """Return seeds with their values: their own, or those that follow from a key."""
    if rng is None:
        return [(v, v.value) for v in seeds]
    key = rng if jax.numpy.issubdtype(rng.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(rng)
    data = [jax.random.key_data(jax.random.fold_in(key, i)).ravel()[:2] for i in range(len(seeds))]
    return [(v, d.astype(v.dtype)) for v, d in zip(seeds, data, strict=True)]
