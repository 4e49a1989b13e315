"""`Loss`: the distance of predictions from labels, reduced to one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config, dtype_policies, masking, scope, tree
from kernelkit import serialize as _serialize
from kernelkit.dispatch import op
from kernelkit.losses.labels import are_numbers, check_class_indices, check_yes_no, is_on_accelerator
from kernelkit.losses.reduction import check_reduction, reduce_weighted
from kernelkit.losses.shapes import squeeze_or_expand
from kernelkit.masked_arrays import unmasked
from kernelkit.typing import DType, Tensor, Tree


class Loss(_serialize.Configurable):
    """Base of losses. A subclass defines ``call(y_true, y_pred)``, which returns one value for each sample.

    Args:
        name: Name; made from the class's name if not given.
        reduction: How the values become one number: ``"sum_over_batch_size"``, ``"mean"``, ``"sum"``,
            ``"mean_with_sample_weight"``, or ``"none"`` / ``None`` to keep them.
        dtype: Dtype (or policy) in which the loss is computed.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit import losses
        >>> class Cubed(losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return abs(y_true - y_pred) ** 3
        >>> float(Cubed()([0.0, 1.0], [2.0, 1.0]))
        4.0
    """

    # Arguments that Keras leaves out of configs: they are saved only if they differ from these values.
    _implied: dict[str, Any] = {}
    takes_class_indices = False
    """Whether labels are class indices, which are checked against the size of the predictions' last axis."""

    takes_yes_no = False
    """Whether labels are 0 or 1, or probabilities, which are checked."""

    # Class indices stay integers: a 16-bit float could not hold them.
    _labels_are_indices = False

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: DType = None
    ) -> None:
        self.name = name or scope.auto_name(scope.to_snake_case(type(self).__name__))
        self.reduction = check_reduction(reduction)
        self._policy = dtype_policies.get(dtype or config.floatx())

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed."""
        return self._policy.compute_dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one loss value for each sample (or position), not yet weighted or reduced."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred).")

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> Tensor:
        """Return the loss of a batch.

        Args:
            y_true: Labels; arrays nested at will.
            y_pred: Predictions (batch, ...). A mask that came with them from a layer is applied.
            sample_weight: A number, or an array (batch,) or of the shape of the values that :meth:`call` returns.

        Returns:
            A scalar; the weighted values for ``reduction="none"``.
        """
        return loss_value(self, y_true, y_pred, sample_weight, masking.get_mask(y_pred))

    @_serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal loss, as plain JSON values."""
        implied = {"dtype": config.floatx(), **self._implied}
        return {k: v for k, v in super().get_config().items() if k not in implied or v != implied[k]}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunctionWrapper(Loss):
    """A function ``(y_true, y_pred) -> values`` as a :class:`Loss`.

    Args:
        fn: The function.
        reduction: As in :class:`Loss`.
        name: Name; that of the function by default.
        dtype: As in :class:`Loss`.
        **kwargs: More arguments of the function.

    Example:
        >>> from kernelkit import losses
        >>> loss = LossFunctionWrapper(losses.huber, delta=2.0)
        >>> float(loss([[0.0]], [[3.0]]))
        4.0
    """

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self.takes_class_indices = getattr(fn, "takes_class_indices", False)
        self.takes_yes_no = getattr(fn, "takes_yes_no", False)
        for option in ("axis", "ignore_class"):
            if self.takes_class_indices and option in kwargs:
                setattr(self, option, kwargs[option])
        self._fn_kwargs = kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not tree.is_nested(y_true) and not tree.is_nested(y_pred):
            y_true, y_pred = squeeze_or_expand(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    @_serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal loss, with those of the function."""
        extra = {k: _serialize.serialize_value(v) for k, v in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": _serialize.serialize_keras_object(self.fn), **extra}


@op
def loss_value(loss: Loss, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None, mask: Tensor = None) -> Tensor:
    """Compute a :class:`Loss` on arrays: cast, call, weight, reduce. It is recorded as one op."""
    if (loss.takes_class_indices or loss.takes_yes_no) and loss.reduction not in (None, "none") and mask is None:
        _check_labels(loss, y_true, y_pred, sample_weight)
    y_pred = _to_arrays(y_pred, loss.dtype)
    y_true = _to_arrays(y_true, None if loss._labels_are_indices else loss.dtype)
    values = loss.call(y_true, y_pred)
    if values is None or isinstance(values, (str, bytes, dict)):
        found = "None" if values is None else f"a {type(values).__name__}"
        raise ValueError(
            f"The loss {loss.name!r} returned {found}: let it return a tensor with a value for each sample."
        )
    mask = combine_masks(mask, masking.get_mask(values))
    if scope.local.observer is not None:
        values = scope.local.observer.loss(loss, jnp.asarray(values, dtype=loss.dtype), sample_weight, mask)
    return reduce_weighted(jnp.asarray(values, dtype=loss.dtype), sample_weight, mask, loss.reduction)


def _check_labels(loss: Loss, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor) -> None:
    """Raise if labels on the host are out of range. Labels of a compiled step are checked before the step."""
    if isinstance(y_true, dict) or isinstance(sample_weight, jax.core.Tracer):
        return
    if isinstance(y_true, jax.core.Tracer) or (isinstance(y_true, jax.Array) and is_on_accelerator(y_true)):
        return
    labels, shape = np.asarray(y_true), np.shape(y_pred)
    if not are_numbers(labels) or not shape:
        return
    if loss.takes_class_indices:
        classes = shape[getattr(loss, "axis", -1)]
        check_class_indices(labels, classes, getattr(loss, "ignore_class", None), sample_weight, "y_true")
    elif labels.size == math.prod(shape):  # otherwise the loss raises the error for wrong shapes
        check_yes_no(labels, sample_weight, "y_true", warn=False)


def _to_arrays(structure: Tree, dtype: str | None) -> Tensor:
    """Return the structure with arrays as leaves; lists of numbers are arrays, not structures."""
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {k: _to_arrays(v, dtype) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)) and any(np.ndim(leaf) > 0 for leaf in tree.flatten(structure)):
        parts = [_to_arrays(v, dtype) for v in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return jnp.asarray(unmasked(structure), dtype=dtype)


def combine_masks(first: Any, second: Any) -> Tensor:
    """Return the mask that is true where both masks are; ``None`` counts as all true."""
    if first is None or second is None:
        return second if first is None else first
    return jnp.logical_and(first, second)
