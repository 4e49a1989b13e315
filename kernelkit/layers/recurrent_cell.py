"""The base of recurrent cells: kernel, recurrent kernel and bias, and dropout masks that are constant over time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, constraints, initializers, random, regularizers
from kernelkit.layers.base.parts import walk
from kernelkit.layers.layer import Layer
from kernelkit.layers.windows import as_count
from kernelkit.random import SeedGenerator, make_default_seed
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shapes

# Elementwise activations: their derivative is an array of the same shape.
ELEMENTWISE = frozenset(
    getattr(activations, name)
    for name in (
        "celu elu exponential gelu hard_sigmoid hard_silu leaky_relu linear log_sigmoid mish relu relu6 selu sigmoid "
        "silu softplus softsign tanh"
    ).split()
)


class _Pinned(threading.local):
    """The dropout masks of the current thread's loops, by cell."""

    def __init__(self) -> None:
        self.masks: dict[int, tuple] = {}


_pinned = _Pinned()


class RecurrentCell(Layer):
    """A cell with a kernel for the input, one for the state, and a bias.

    Args:
        units: Size of the state and of the output.
        dropout: Share of the input's elements to drop.
        recurrent_dropout: Share of the state's elements to drop before the recurrent product.
        seed: Seed of both dropouts.
    """

    def __init__(
        self,
        *,
        units: int,
        activation: ActivationLike,
        use_bias: bool,
        kernel_initializer: InitializerLike,
        recurrent_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        recurrent_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike,
        recurrent_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = as_count(units, "units", self.who())
        drawn = self._drawn_seed(seed) if self._draws_seed_first else None
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        drawn = self._drawn_seed(seed) if drawn is None else drawn
        self.seed_generator = SeedGenerator(drawn) if self.dropout or self.recurrent_dropout else None

    _draws_seed_first = False
    """Whether Keras's cell draws its seed before those of its initializers."""

    def _drawn_seed(self, seed: int | None) -> int:
        """Return the seed of the dropout. Keras's cells draw one without dropout too, before the next layer's."""
        return make_default_seed() if seed is None else seed

    @property
    def state_size(self) -> Shapes:
        """The size of the state."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Return the state before the first step: zeros (batch_size, units)."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def _make_weights(
        self, kernel: tuple, recurrent_kernel: tuple, bias: tuple, bias_initializer: InitializerLike = None
    ) -> None:
        self.kernel = self.add_weight(
            kernel,
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            recurrent_kernel,
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                bias,
                bias_initializer or self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def _mask_shapes(self, batch_size: int) -> tuple[tuple, tuple]:
        """Return the shapes of the dropout masks of input and state."""
        return (batch_size, self.kernel.shape[0]), (batch_size, self.units)

    def draw_masks(self, batch_size: int) -> tuple[jax.Array | None, jax.Array | None]:
        """Return the dropout factors of the input and of the state; ``None`` for no dropout."""
        of_input, of_state = (jnp.ones(shape, self.compute_dtype) for shape in self._mask_shapes(batch_size))
        return self.get_dropout_mask(of_input), self.get_recurrent_dropout_mask(of_state)

    def get_dropout_mask(self, step_input: jax.Array) -> jax.Array | None:
        """Return new dropout factors of the input. An RNN calls this once for all steps; subclasses may override it.

        Args:
            step_input: An array of the shape and dtype of a step's input.

        Returns:
            Factors of this shape; ``None`` for no dropout.

        Example:
            >>> import kernelkit as kk
            >>> class First(kk.layers.SimpleRNNCell):
            ...     def get_dropout_mask(self, step_input):  # the first feature alone
            ...         return kk.ops.one_hot([0], step_input.shape[-1])
            >>> ones = {"kernel_initializer": "ones", "recurrent_initializer": "zeros", "activation": None}
            >>> rnn = kk.layers.RNN(First(1, dropout=0.5, **ones))
            >>> rnn(kk.ops.array([[[1.0, 5.0], [2.0, 5.0]]]), training=True).tolist()
            [[2.0]]
        """
        return self._factors(step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input: jax.Array) -> jax.Array | None:
        """Return new dropout factors of the state. An RNN calls this once for all steps; subclasses may override it.

        Args:
            step_input: An array of the shape and dtype of the state.

        Returns:
            Factors of this shape; ``None`` for no dropout.
        """
        return self._factors(step_input, self.recurrent_dropout)

    def reset_dropout_mask(self) -> None:
        """Forget a mask of the input that a subclass keeps; an RNN calls it before and after it runs.

        kernelkit's own cells store no mask: an RNN gives them its masks while it runs.
        """

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget a mask of the state that a subclass keeps; an RNN calls it before and after it runs."""

    def _factors(self, like: jax.Array, rate: float) -> jax.Array | None:
        return random.dropout(jnp.ones(like.shape, like.dtype), rate, seed=self.seed_generator) if rate else None

    def _drop(self, inputs: jax.Array, h: jax.Array, training: Any) -> tuple[jax.Array, jax.Array]:
        """Return the input and the state after dropout, if the cell has dropout and is in training."""
        if not training or self.seed_generator is None:
            return inputs, h
        masks = _pinned.masks.get(id(self)) or self.draw_masks(inputs.shape[0])
        return inputs if masks[0] is None else inputs * masks[0], h if masks[1] is None else h * masks[1]


@contextlib.contextmanager
def same_dropout_each_step(cell: Any, batch_size: int, training: Any) -> Iterator[None]:
    """Draw the dropout masks of a cell and its parts once, for all steps inside the block.

    Source: Gal and Ghahramani, 2016, A theoretically grounded application of dropout in recurrent neural networks.
    """
    parts = [cell, *walk(cell)] if isinstance(cell, Layer) else []
    dropping = [c for c in parts if training and isinstance(c, RecurrentCell) and c.seed_generator is not None]
    resets = [getattr(c, name) for c in parts for name in _RESETS if hasattr(c, name)]
    before = _pinned.masks
    for reset in resets:
        reset()
    _pinned.masks = before | {id(c): c.draw_masks(batch_size) for c in dropping}
    try:
        yield
    finally:
        _pinned.masks = before
        for reset in resets:  # the masks of a cell belong to this run, and maybe to a trace
            reset()


_RESETS = ("reset_dropout_mask", "reset_recurrent_dropout_mask")
