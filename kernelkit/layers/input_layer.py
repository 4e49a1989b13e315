"""`Input`: the symbolic input of a model."""

from __future__ import annotations

import warnings
from typing import Any

from kernelkit import dtypes
from kernelkit.layers.layer import Layer
from kernelkit.recording import Node
from kernelkit.symbolic import KerasTensor, standardize_shape
from kernelkit.typing import DType, SizeList, Tensor

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer for an input of a model.

    Args:
        shape: Shape of one sample, ``None`` where a size varies.
        batch_size: Size of the batch axis, if it is fixed.
        dtype: Dtype's name.
        sparse: Whether the input is sparse; see :func:`Input`.
        ragged: Must be false or ``None``.
        batch_shape: Shape with the batch axis, instead of ``shape`` and ``batch_size``.
        input_tensor: A symbolic tensor to begin from.
        optional: Whether ``None`` may be passed.
        name: Name.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.InputLayer((28, 28), name="pictures")
        >>> layer.output.shape
        (None, 28, 28)
    """

    _not_in_config = ("shape", "batch_size", "input_tensor")

    def __init__(
        self,
        shape: SizeList | None = None,
        batch_size: int | None = None,
        dtype: DType = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("trainable", None)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            warnings.warn("Argument `input_shape` is deprecated. Use `shape` instead.", UserWarning, stacklevel=2)
        super().__init__(name=name, **kwargs)
        if ragged:
            raise ValueError("`ragged=True` is not supported. Pad ragged data and use a Masking layer.")
        if input_tensor is not None:
            _check_tensor(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
            shape, batch_shape, dtype, sparse = None, input_tensor.shape, input_tensor.dtype, input_tensor.sparse
        elif shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        elif batch_size is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument. It is the shape of one sample, without the batch axis.")
        if batch_shape is None:
            batch_shape = (batch_size, *standardize_shape(shape))
        self.batch_shape = standardize_shape(batch_shape)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.optional = optional
        self._input_dtype = dtypes.standardize_dtype(dtype)
        self.built = True
        output = input_tensor
        if output is None:
            output = KerasTensor(self.batch_shape, dtype=self._input_dtype, sparse=self.sparse, name=self.name)
        Node(self, (), {}, output)

    def call(self) -> None:
        """Do nothing: a model replaces the layer's output by its input."""

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self._input_dtype

    def get_config(self) -> dict:
        """Return the arguments that make an equal layer."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._input_dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "optional": self.optional,
            "name": self.name,
        }


def _check_tensor(
    tensor: Tensor, shape: SizeList | None, batch_size: Any, batch_shape: Any, dtype: DType, sparse: Any
) -> None:
    """Raise ``ValueError`` unless an input tensor is symbolic and fits the other arguments."""
    if not isinstance(tensor, KerasTensor):
        raise ValueError(f"Argument `input_tensor` must be a KerasTensor, got {tensor!r}.")
    said = {
        "shape": shape and tuple(shape),
        "batch_size": batch_size,
        "batch_shape": batch_shape and tuple(batch_shape),
    }
    is_so = {"shape": tensor.shape[1:], "batch_size": tensor.shape[:1] and tensor.shape[0], "batch_shape": tensor.shape}
    said |= {"dtype": dtype and dtypes.standardize_dtype(dtype), "sparse": sparse}
    is_so |= {"dtype": tensor.dtype, "sparse": tensor.sparse}
    for name, value in said.items():
        if value is not None and value != is_so[name]:
            raise ValueError(
                f"With `input_tensor` you cannot provide an incompatible `{name}`: got {value}, the tensor has "
                f"{is_so[name]}."
            )


def input_layer_of(tensor: KerasTensor) -> InputLayer:
    """Return the layer behind a tensor that :func:`Input` made."""
    operation = tensor._keras_history[0] if tensor._keras_history is not None else None
    if not isinstance(operation, InputLayer):
        raise ValueError(f"{tensor} was not made by Input().")
    return operation


def Input(
    shape: SizeList | None = None,
    batch_size: int | None = None,
    dtype: DType = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor to wire a model from.

    Args:
        shape: Shape of one sample (without the batch axis), ``None`` where a size varies.
        batch_size: Size of the batch axis, if it is fixed.
        dtype: Dtype's name; :func:`kernelkit.config.floatx` by default.
        sparse: Whether the input is sparse, a `jax.experimental.sparse.BCOO`. The model takes dense arrays too: `fit`,
            `evaluate` and `predict` also accept SciPy's sparse matrices, and convert each batch to a dense array.
        ragged: Must be false or ``None``.
        batch_shape: Shape with the batch axis, instead of ``shape`` and ``batch_size``.
        name: Name of the input.
        tensor: A symbolic tensor to begin from.
        optional: Whether ``None`` may be passed.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.Input((784,))
        >>> kk.Model(x, kk.layers.Dense(10)(x)).output_shape
        (None, 10)
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, input_tensor=tensor, optional=optional, name=name
    )
    return layer.output
