"""Random numbers: seeds that can be saved, compared and restored.

Each draw takes a ``seed``:

- an int: the same numbers each time;
- a :class:`SeedGenerator`: the next numbers of its stream. Its state is a variable, so that draws inside a jitted step
  are pure;
- ``None``: the global stream, which :func:`set_random_seed` starts.
"""

from __future__ import annotations

import random as _python_random
import sys
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit import dtypes, processes, scope, serialize
from kernelkit.dispatch import op
from kernelkit.known_sizes import as_shape
from kernelkit.public import names_of as _names_of
from kernelkit.threefry import as_key
from kernelkit.typing import DType, Seed, ShapeLike, SizeList, Tensor, Tree
from kernelkit.variable import Variable

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator:
    """A stream of seeds for random draws.

    Args:
        seed: Int; with ``None`` a seed is drawn from the global stream.
        name: Name of the generator.

    Example:
        >>> from kernelkit import random
        >>> first, second = random.SeedGenerator(7), random.SeedGenerator(7)
        >>> bool((random.uniform((3,), seed=first) == random.uniform((3,), seed=second)).all())
        True
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments of SeedGenerator(): {sorted(kwargs)}.")
        self._given_seed = seed
        if seed is None:
            seed = make_default_seed()
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer, got {seed!r}.")
        if seed < 0:
            raise ValueError(f"A seed must not be negative, got {seed}.")
        self.name = name or scope.auto_name("seed_generator")
        with scope.name_scope(self.name):
            self.state = Variable(
                np.array([seed % 2**32, 0], "uint32"), dtype="uint32", trainable=False, name="seed_generator_state"
            )

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the next seed, a uint32 pair, and advance the stream.

        Args:
            ordered: Whether the second number counts the draws. Otherwise both numbers move on to others below 933,199,
                as those of the global stream do.
        """
        value = self.state.value
        if ordered:
            self.state.assign(value + jnp.array([0, 1], "uint32"))
        else:
            self.state.assign((value + np.uint32(1)) * np.uint32(5387) % np.uint32(933199))
        return value

    def get_config(self) -> dict:
        """Return the arguments. Without a seed, a generator made from them draws a new one."""
        return {"seed": self._given_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> SeedGenerator:
        """Make a generator from :meth:`get_config`'s result."""
        return cls(**config)


def is_seed(variable: Variable) -> bool:
    """Return whether a variable holds the state of a :class:`SeedGenerator`."""
    return variable.name == "seed_generator_state"


_global: dict[str, Any] = {"generator": None, "data": None, "common": None, "times": 0}
_lock = threading.Lock()


def set_random_seed(seed: int) -> None:
    """Make all later random draws reproducible: kernelkit's, Python's ``random`` and NumPy's.

    If torch or TensorFlow is imported, its draws too, such as the order of a shuffled ``DataLoader``.

    Args:
        seed: Int in [0, 2**32).

    Example:
        >>> import kernelkit as kk
        >>> kk.utils.set_random_seed(0)
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed() takes an int from 0 to 2**32 - 1, got {seed!r}.")
    _python_random.seed(int(seed))
    np.random.seed(int(seed))
    for package, path in (("torch", ("manual_seed",)), ("tensorflow", ("random", "set_seed"))):
        seeder: Any = sys.modules.get(package)
        for name in path:
            seeder = getattr(seeder, name, None)  # a package may be half imported
        if seeder is not None:
            seeder(int(seed))
    with _lock:
        _global["times"] += 1
        _global["generator"] = None
        _global["data"] = np.random.Generator(np.random.Philox(int(seed)))
        _global["common"] = _python_random.Random(int(seed))


def forget_global_seed() -> None:
    """Let the global stream restart with another seed at its next use."""
    with _lock:
        _global["generator"] = _global["data"] = _global["common"] = None


def times_seeded() -> int:
    """Return how often :func:`set_random_seed` was called in this process."""
    return _global["times"]


def make_default_seed() -> int:
    """Return the seed of what was given none: an initializer, a layer with noise, the global stream.

    It is drawn from Python's ``random``, as in Keras. So a program that calls :func:`set_random_seed` gets Keras's
    initial weights. Where several processes train one model, it is drawn from a generator that only kernelkit uses:
    a draw of the program in one of the processes must not give it other weights.
    """
    common = _global["common"]
    source = common if common is not None and processes.count() > 1 else _python_random
    return source.randint(1, 10**9)


def make_own_seed() -> int:
    """Return a seed where Keras draws none, such as that of the order of data.

    Its stream is not that of :func:`make_default_seed`, whose next seeds would not be Keras's any more.
    """
    with _lock:
        if _global["data"] is None:
            _global["data"] = np.random.Generator(np.random.Philox(_python_random.SystemRandom().randrange(2**32)))
        return int(_global["data"].integers(2**31 - 1))


def global_seed_generator() -> SeedGenerator:
    """Return the generator used by draws without a seed.

    Raises:
        ValueError: Inside a function that jax traces: the draws would be the same at each call.
    """
    if isinstance(jnp.zeros(()) + 0, jax.core.Tracer) and scope.local.stateless is None:
        raise ValueError(
            "When tracing a JAX function, you should only use seeded random ops: one without a seed would give "
            "the same numbers at each call. Pass seed=kernelkit.random.SeedGenerator(...), which the layer keeps, "
            "or an int."
        )
    if _global["generator"] is None:
        generator = SeedGenerator(make_default_seed(), name="global_seed_generator")
        with _lock:
            _global["generator"] = _global["generator"] or generator
    return _global["generator"]


def draw_seed(seed: Seed) -> jax.Array:
    """Return a uint32 pair, the key of one draw.

    Args:
        seed: A :class:`SeedGenerator`, an int, ``None`` (global stream) or a uint32 pair.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return global_seed_generator().next(ordered=False)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return jnp.array([int(seed) % 2**32, 0], "uint32")
    if isinstance(seed, (jax.Array, np.ndarray, Variable)):
        return jnp.asarray(seed).astype("uint32")
    raise ValueError(
        f"Argument `seed` must be either an integer, a kernelkit.random.SeedGenerator or None, got {seed!r}."
    )


def _key(seed: Seed) -> jax.Array:
    return as_key(draw_seed(seed))


def _shape_or_none(shape: ShapeLike | None) -> Any:
    """Return a shape as a tuple; ``None`` is left, as jax's name for the shape of the parameters."""
    return None if shape is None else as_shape(shape)


def _float(dtype: DType) -> Any:
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ValueError(f"This distribution needs a float dtype, got {name!r}.")
    return jnp.dtype(name)


def normal(
    shape: ShapeLike, mean: Tensor = 0.0, stddev: Tensor = 1.0, dtype: DType = None, seed: Seed = None
) -> jax.Array:
    """Draw from a normal distribution.

    Args:
        shape: Tuple of ints, or an int for a vector.
        mean: Mean.
        stddev: Standard deviation.
        dtype: Float dtype of the result.
        seed: Int, :class:`SeedGenerator` or ``None``.

    Example:
        >>> from kernelkit import random
        >>> random.normal((2, 3), seed=0).shape
        (2, 3)
    """
    dtype = _float(dtype)
    sample = jax.random.normal(_key(seed), as_shape(shape), dtype)
    return sample * jnp.asarray(stddev, dtype) + jnp.asarray(mean, dtype)


def truncated_normal(
    shape: ShapeLike | None, mean: Tensor = 0.0, stddev: Tensor = 1.0, dtype: DType = None, seed: Seed = None
) -> jax.Array:
    """Draw from a normal distribution cut off at two standard deviations.

    Arguments as :func:`normal`; ``None`` as ``shape`` is a scalar.

    Example:
        >>> import kernelkit as kk
        >>> numbers = kk.random.truncated_normal((1000,), stddev=2.0, seed=0)
        >>> bool(abs(numbers).max() <= 4.0)
        True
    """
    dtype = _float(dtype)
    sample = jax.random.truncated_normal(_key(seed), -2.0, 2.0, _shape_or_none(shape), dtype)
    return sample * jnp.asarray(stddev, dtype) + jnp.asarray(mean, dtype)


def uniform(
    shape: ShapeLike, minval: Tensor = 0.0, maxval: Tensor = 1.0, dtype: DType = None, seed: Seed = None
) -> jax.Array:
    """Draw uniformly from [minval, maxval).

    Example:
        >>> from kernelkit import random
        >>> bool((random.uniform((4,), 2.0, 3.0, seed=1) >= 2).all())
        True
    """
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ValueError(f"`keras.random.uniform` requires a floating point `dtype`. For {name!r} use randint().")
    return jax.random.uniform(_key(seed), as_shape(shape), jnp.dtype(name), minval, maxval)


def randint(shape: ShapeLike, minval: Tensor, maxval: Tensor, dtype: DType = "int32", seed: Seed = None) -> jax.Array:
    """Draw integers from [minval, maxval).

    Args:
        shape: Tuple of ints, or an int for a vector.
        minval: Smallest number.
        maxval: The number above the largest one.
        dtype: Integer dtype of the result; ``None`` for int32.
        seed: Int, :class:`SeedGenerator` or ``None``.

    Example:
        >>> import kernelkit as kk
        >>> numbers = kk.random.randint((100,), minval=1, maxval=7, seed=0)
        >>> int(numbers.min()), int(numbers.max())
        (1, 6)
    """
    dtype = "int32" if dtype is None else dtype
    if not dtypes.is_int(dtype):
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Got {dtype!r}.")
    return jax.random.randint(_key(seed), as_shape(shape), minval, maxval, jnp.dtype(dtypes.standardize_dtype(dtype)))


@op
def categorical(logits: Tensor, num_samples: int, dtype: DType = "int32", seed: Seed = None) -> jax.Array:
    """Draw class indices from unnormalized log-probabilities.

    Args:
        logits: Floats (batch, classes).
        num_samples: Draws for each row.
        dtype: Integer dtype of the result.
        seed: Int, :class:`SeedGenerator` or ``None``.

    Returns:
        Integers (batch, num_samples).

    Example:
        >>> import kernelkit as kk
        >>> kk.random.categorical([[0.0, 100.0, 0.0]], num_samples=4, seed=0).tolist()
        [[1, 1, 1, 1]]
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ValueError(f"random.categorical: logits must be (batch, classes), got shape {logits.shape}.")
    sample = jax.random.categorical(_key(seed), logits[..., None], axis=1, shape=(logits.shape[0], num_samples))
    return sample.astype(dtypes.standardize_dtype(dtype))


@op
def shuffle(x: Tensor, axis: int = 0, seed: Seed = None) -> jax.Array:
    """Return the slices of ``x`` along ``axis`` in random order.

    Example:
        >>> import kernelkit as kk
        >>> sorted(kk.random.shuffle(kk.ops.arange(5), seed=0).tolist())
        [0, 1, 2, 3, 4]
    """
    return jax.random.permutation(_key(seed), jnp.asarray(x), axis)


@op
def dropout(inputs: Tree, rate: Any, noise_shape: SizeList | None = None, seed: Seed = None) -> jax.Array:
    """Set a random share of the elements to zero and scale up the others, so that the expected sum is unchanged.

    Args:
        inputs: Floats of any shape.
        rate: Probability of dropping an element, in [0, 1].
        noise_shape: Shape of the random mask, broadcast against ``inputs``; ``None`` entries take the input's size.
        seed: Int, :class:`SeedGenerator` or ``None``.

    Source: Srivastava et al., 2014, Dropout: a simple way to prevent neural networks from overfitting.

    Example:
        >>> import kernelkit as kk
        >>> dropped = kk.random.dropout(kk.ops.ones(1000), rate=0.5, seed=0)
        >>> sorted(set(dropped.tolist()))
        [0.0, 2.0]
    """
    inputs = jnp.asarray(inputs)
    shape = inputs.shape
    if noise_shape is not None:
        shape = tuple(inputs.shape[i] if d is None else d for i, d in enumerate(noise_shape))
    if isinstance(rate, (int, float)) and rate >= 1:
        return jnp.zeros_like(inputs)
    # An element is kept if a uniform float, the upper 23 bits of a word, is below 1 - rate: compared as integers.
    threshold = jnp.ceil(jnp.asarray(1.0 - rate, "float32") * 2**23).astype("uint32")
    keep = drawn_once((jax.random.bits(_key(seed), shape, "uint32") >> 9) < threshold)
    scale = jnp.asarray(1.0 / (1.0 - rate), inputs.dtype)
    return jnp.where(keep, inputs * scale, jnp.zeros((), inputs.dtype))


def drawn_once(mask: jax.Array) -> jax.Array:
    """Return a random mask so that a compiled program draws each of its elements once.

    XLA would merge the draw with all that reads it: in the forward pass, in the backward pass, and for each element
    that a smaller mask is broadcast to. It does not merge expensive functions, such as a square root, which leaves 0
    and 1 as they are.

    Args:
        mask: Booleans of any shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from kernelkit.random import drawn_once
        >>> drawn_once(jnp.array([True, False])).tolist()
        [True, False]
    """
    return lax.gt(lax.sqrt(lax.convert_element_type(mask, "float32")), np.float32(0.5))


def gamma(shape: ShapeLike | None, alpha: Tensor, dtype: DType = None, seed: Seed = None) -> jax.Array:
    """Draw from a gamma distribution of shape parameter ``alpha`` and scale 1.

    ``None`` as ``shape`` is the shape of ``alpha``.

    Example:
        >>> import kernelkit as kk
        >>> kk.random.gamma((2, 3), alpha=2.0, seed=0).shape
        (2, 3)
    """
    dtype = _float(dtype)
    return jax.random.gamma(_key(seed), jnp.asarray(alpha, dtype), _shape_or_none(shape), dtype)


def binomial(
    shape: ShapeLike | None, counts: Any, probabilities: Any, dtype: DType = None, seed: Seed = None
) -> jax.Array:
    """Draw numbers of successes in ``counts`` trials of the given success probability.

    ``None`` as ``shape`` is the shape of the two parameters.

    Example:
        >>> import kernelkit as kk
        >>> kk.random.binomial((2, 3), counts=10, probabilities=0.5, seed=0).shape
        (2, 3)
    """
    dtype = _float(dtype)
    wide = jnp.promote_types(dtype, "float32")  # the draw is computed in 32 bits, as Keras does
    parameters = jnp.asarray(counts, wide), jnp.asarray(probabilities, wide)
    return jax.random.binomial(_key(seed), *parameters, _shape_or_none(shape), dtype)


def beta(shape: ShapeLike | None, alpha: Tensor, beta: Tensor, dtype: DType = None, seed: Seed = None) -> jax.Array:
    """Draw from a beta distribution of concentrations ``alpha`` and ``beta``.

    ``None`` as ``shape`` is the shape of the two parameters.

    Example:
        >>> import kernelkit as kk
        >>> kk.random.beta((2, 3), alpha=2.0, beta=5.0, seed=0).shape
        (2, 3)
    """
    dtype = _float(dtype)
    return jax.random.beta(
        _key(seed), jnp.asarray(alpha, dtype), jnp.asarray(beta, dtype), _shape_or_none(shape), dtype
    )


serialize.register_namespace("random", globals(), (SeedGenerator,))

__dir__ = _names_of(globals())
