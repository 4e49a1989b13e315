"""`Input`: where a model begins."""

from __future__ import annotations

from typing import Any

from kernelkit import dtypes
from kernelkit.layers.layer import Layer
from kernelkit.symbolic import KerasTensor, Node, standardize_shape

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer that stands for a model's input.

    Args:
        shape: Shape of one sample, ``None`` where a size varies.
        batch_size: Size of the batch axis, if it is fixed.
        dtype: Dtype's name.
        sparse: Must be false or ``None``.
        ragged: Must be false or ``None``.
        batch_shape: Shape with the batch axis, instead of ``shape`` and ``batch_size``.
        input_tensor: A symbolic tensor to begin from.
        optional: Whether ``None`` may be passed.
        name: Name.
    """

    _not_in_config = ("shape", "batch_size", "input_tensor")

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ValueError("kernelkit has no sparse or ragged inputs. Pad ragged data and use a Masking layer.")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "Input() takes the shape of one sample as shape=(...), or the full shape as batch_shape=(...)."
            )
        if batch_shape is None:
            batch_shape = (batch_size, *standardize_shape(shape))
        self.batch_shape = standardize_shape(batch_shape)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.optional = optional
        self._input_dtype = dtypes.standardize_dtype(dtype)
        self.built = True
        output = input_tensor or KerasTensor(self.batch_shape, dtype=self._input_dtype, name=self.name)
        Node(self, (), {}, output)

    def call(self) -> Any:
        """Never run: a model puts its inputs in place of the layer."""
        raise NotImplementedError("An InputLayer is not called.")

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


def input_layer_of(tensor: KerasTensor) -> InputLayer:
    """Return the layer behind a tensor that :func:`Input` made."""
    operation = tensor._keras_history[0] if tensor._keras_history is not None else None
    if not isinstance(operation, InputLayer):
        raise ValueError(f"{tensor} was not made by Input().")
    return operation


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
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
        sparse: Must be false or ``None``.
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
