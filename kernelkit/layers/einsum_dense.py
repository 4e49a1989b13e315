"""`EinsumDense`: a Dense layer for any number of axes, given by an einsum equation."""

from __future__ import annotations

import copy
import re
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, constraints, initializers, regularizers
from kernelkit.initializers import VarianceScaling
from kernelkit.layers.low_rank import LowRankLayer
from kernelkit.layers.quantized.contraction import Contraction
from kernelkit.layers.quantized.quantizable import PRODUCTS, as_config
from kernelkit.ops.lowering import contract
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor


class EinsumDense(LowRankLayer):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    Args:
        equation: As for ``einsum``, such as ``"ab,bc->ac"``, ``"...x,xy->...y"`` or ``"ab...,bc->ac..."``.
        output_shape: Int or ints: the output's shape without the batch axis and without the axes of ``...``; ``None``
            for sizes that follow from the input.
        activation: Activation function or its name.
        bias_axes: Letters of the output axes that the bias has, such as ``"c"``; no bias for ``None``.
        kernel_initializer: Initializer of the kernel.
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        kernel_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.
        lora_rank: Rank of a low-rank adaptation (the kernel itself is then frozen), or ``None``.
        lora_alpha: Factor of the adaptation times its rank.
        gptq_unpacked_column_size: Ignored; files of Keras hold it.
        quantization_config: How the weight is quantized, if ``dtype`` is a quantized policy.
        activity_regularizer: Regularizer of the output.

    Raises:
        ValueError: If the equation has another form, or does not fit the shapes.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")
        >>> layer(kk.ops.ones((2, 3, 4))).shape
        (2, 3, 5)
    """

    adaptable = "kernel"
    forms = PRODUCTS
    _not_in_config = ("gptq_unpacked_column_size",)

    def __init__(
        self,
        equation: str,
        output_shape: Shapes,
        activation: ActivationLike = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        activity_regularizer: RegularizerLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs
        )
        self.equation = equation
        self.contraction = Contraction(equation)
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.quantization_config = as_config(quantization_config)

    def build(self, input_shape: Shapes) -> None:
        try:
            kernel_shape, bias_shape = weight_shapes(self.equation, self.bias_axes, input_shape, self.output_shape)
        except ValueError as error:
            raise ValueError(f"{self.who()}: {error}") from None
        initializer = _along_axes(self.kernel_initializer, self.equation)
        self._make_weight(kernel_shape, initializer, self.kernel_regularizer, self.kernel_constraint)
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                bias_shape,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self._adapt_if_asked()

    @property
    def kernel(self) -> Tensor:
        """The kernel: a variable; an array once LoRA is enabled; integers once it is quantized."""
        return self._adapted()

    @property
    def _int4_block_size(self) -> int | None:
        return getattr(self.form, "block", None)

    def call(self, inputs: Tensor) -> jax.Array:
        if self.form is not None:
            x = self._product(inputs)
        else:
            x, kernel = jnp.asarray(inputs), jnp.asarray(self.kernel)
            contracted = plain_contraction(self.equation)
            x = contract(x, kernel, contracted) if contracted else jnp.einsum(self.equation, x, kernel)
        x = self._with_bias(x)
        return self.activation(x)


def _along_axes(initializer: InitializerLike, equation: str) -> Any:
    """Return an initializer that counts the kernel's contracted axes as its inputs (fan-in)."""
    if not isinstance(initializer, VarianceScaling) or initializer.input_axes is not None:
        return initializer
    _, kernel, outputs = re.split(",|->", equation.replace(" ", ""))
    aware = copy.copy(initializer)
    aware.input_axes = [i for i, letter in enumerate(kernel) if letter not in outputs]
    aware.output_axes = [i for i, letter in enumerate(kernel) if letter in outputs]
    return aware


_FORM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def plain_contraction(equation: str) -> int:
    """Return the number of contracted axes, if they are the last of the input and the first of the kernel.

    Returns:
        The number, or 0 if the equation is of another form.

    Example:
        >>> plain_contraction("abcd,cdef->abef"), plain_contraction("abc,cd->adb")
        (2, 0)
    """
    inputs, _, rest = equation.replace(" ", "").partition(",")
    kernel, _, output = rest.partition("->")
    count = next((i for i, letter in enumerate(kernel) if letter not in inputs), len(kernel))
    lead = inputs[: len(inputs) - count]
    in_order = inputs.endswith(kernel[:count]) and output == lead + kernel[count:] and len(set(inputs)) == len(inputs)
    return count if in_order and "." not in equation else 0


def weight_shapes(
    equation: str, bias_axes: str | None, input_shape: Shapes, output_shape: tuple
) -> tuple[tuple, tuple | None]:
    """Return the shapes of kernel and bias.

    Args:
        equation: Einsum equation of an input and a kernel.
        bias_axes: Letters of the bias, or ``None``.
        input_shape: Shape with the batch axis.
        output_shape: Shape without the batch axis and without the axes of ``...``.

    Example:
        >>> weight_shapes("abc,cd->abd", "d", (None, 3, 4), (None, 5))
        ((4, 5), (5,))
    """
    form = _FORM.fullmatch(equation.replace(" ", ""))
    groups = form.groups() if form else ()
    if form is None or groups[0] != groups[4] or groups[2] != groups[6] or (groups[0] and groups[2]):
        raise ValueError(
            f"the equation {equation!r} is none of the forms 'ab,bc->ac', '...ab,bc->...ac' and 'ab...,bc->ac...'."
        )
    _, inputs, _, kernel, _, outputs, right = groups
    left = bool(groups[0])
    elided = len(input_shape) - len(inputs)
    if elided < 0 or (elided and not left and not right):
        raise ValueError(f"the equation {equation!r} does not fit an input of shape {tuple(input_shape)}.")
    sizes = dict(zip(inputs, input_shape[elided:] if left else input_shape, strict=False))
    # The batch axis is the first letter, unless `...` stands for it.
    named = outputs if left else outputs[1:]
    given = output_shape[len(output_shape) - len(named) :] if left else output_shape[: len(named)]
    for letter, size in zip(named, given, strict=False):
        known = sizes.get(letter)
        if size is not None and known is not None and size != known:
            raise ValueError(f"axis {letter!r} of {equation!r} is {known} in the input, but {size} in output_shape.")
        sizes[letter] = known if size is None else size
    unknown = [letter for letter in kernel if sizes.get(letter) is None]
    if unknown:
        raise ValueError(
            f"the size of axis {unknown[0]!r} of the kernel in {equation!r} follows neither from the input's shape "
            f"{tuple(input_shape)} nor from output_shape={output_shape}."
        )
    bias = None if bias_axes is None else _bias_shape(bias_axes, outputs, sizes, elided if right else 0)
    return tuple(sizes[letter] for letter in kernel), bias


def _bias_shape(bias_axes: str, outputs: str, sizes: dict, trailing: int) -> tuple:
    strange = [letter for letter in bias_axes if letter not in outputs]
    if strange or not bias_axes:
        raise ValueError(f"bias_axes={bias_axes!r} must be letters of the output, which has {outputs!r}.")
    first = min(outputs.index(letter) for letter in bias_axes)
    shape = tuple(sizes.get(letter) if letter in bias_axes else 1 for letter in outputs[first:])
    if None in shape:
        raise ValueError(f"the bias would have the shape {shape}: give the axes {bias_axes!r} a size in output_shape.")
    return shape + (1,) * trailing
