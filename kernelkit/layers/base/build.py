"""Building a layer: the weights that it makes, and the shapes for which it makes them."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any

import numpy as np

from kernelkit import changes, constraints, dtypes, initializers, regularizers, scope
from kernelkit.layers.base import arguments, shapes
from kernelkit.layers.base.call import signature_of
from kernelkit.layers.base.policy import HasPolicy
from kernelkit.layers.base.state import HasState
from kernelkit.typing import ConstraintLike, DType, InitializerLike, RegularizerLike, ShapeLike, Shapes
from kernelkit.variable import Variable


class Builds(HasState, HasPolicy):
    """The part of :class:`~kernelkit.layers.Layer` that makes its weights."""

    _own_variables: list[Variable]
    _build_shapes: dict[str, Any] | None
    _building: bool

    def build(self, input_shape: Shapes) -> None:
        """Make the weights for inputs of a given shape. Subclasses override it; the default makes no weights.

        Args:
            input_shape: Shape with the batch axis, ``None`` where a size is unknown; in the structure of the inputs.
        """
        self.built = True

    def add_weight(
        self,
        *args: Any,
        shape: ShapeLike = None,
        initializer: InitializerLike = None,
        dtype: DType = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the layer.

        Args:
            *args: ``shape``, ``initializer`` and ``dtype`` may be given without their names, in this order.
            shape: Tuple of ints; ``()`` by default.
            initializer: Name, object or function; by default Glorot-uniform for floats, zeros for other dtypes.
            dtype: Dtype; the policy's variable dtype by default.
            trainable: Whether gradients change the variable.
            autocast: Whether the variable is read in the compute dtype under mixed precision.
            regularizer: Regularizer whose value is added to the model's loss.
            constraint: Function applied to the value after each update.
            aggregation: How replicas are combined.
            overwrite_with_gradient: Whether the optimizer replaces the value by the gradient.
            name: Name.

        Returns:
            The :class:`~kernelkit.Variable`.
        """
        self._require_init()
        self._refuse_new_state(name)
        shape, initializer, dtype = arguments.weight_arguments(args, shape, initializer, dtype)
        shape = () if shape is None else (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if None in shape:
            raise ValueError(
                f"{self.who()}: the weight {name or '?'!r} would have the shape {shape}. Weights need known sizes; "
                "give the axis a size in the model's Input."
            )
        dtype = self.variable_dtype if dtype is None else dtypes.standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with contextlib.nullcontext() if scope.local.names[-1:] == [self.name] else scope.name_scope(self.name):
            variable = Variable(
                initializers.get(initializer), shape, dtype, trainable, autocast, aggregation, name=name
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            variable.trainable = False
        self._own_variables.append(variable)
        changes.structure.note()
        return variable

    add_variable = add_weight  # Keras's second name for it

    def _build_for(self, arguments: dict[str, Any]) -> None:
        """Build from the arguments of a call."""
        args, kwargs = shapes.arguments_of(self.build, signature_of(self), arguments, self.who())
        self.build(*args, **kwargs)
        self.built = True

    def get_build_config(self) -> dict | None:
        """Return the shapes that the layer was built for."""
        if self._build_shapes is None:
            return None
        if len(self._build_shapes) == 1:
            return {"input_shape": next(iter(self._build_shapes.values()))}
        return {"shapes_dict": self._build_shapes}

    def build_from_config(self, config: dict) -> None:
        """Build for the shapes of :meth:`get_build_config`."""
        if not config or self.built:
            return
        if "input_shape" in config:
            self.build(shapes.as_tuples(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: shapes.as_tuples(v) for k, v in config["shapes_dict"].items()})
        self.built = True

    def _require_init(self) -> None:
        if "_own_variables" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}.__init__() must call super().__init__() before the layer is used."
            )

    def _refuse_new_state(self, weight: str | None) -> None:
        # True only inside this layer's own call(): it is built, not building, and the innermost name scope is its own.
        if self.built and not self._building and scope.local.call and scope.local.names[-1:] == [self.name]:
            raise ValueError(
                f"{self.who()}: you cannot add new elements of state to a layer that is built, and call() adds the "
                f"weight {weight or '?'!r} each time it runs. Make it in build(input_shape) or in __init__()."
            )


def build_once(build: Any) -> Any:
    """Wrap a class's `build`: run it in the layer's name scope, store the shapes, mark the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Builds, *args: Any, **kwargs: Any) -> None:
        self._require_init()
        if self._building:
            build(self, *args, **kwargs)
            return
        self._building = True
        try:
            # In a call the name scope of this layer isn't open yet, so it is opened here.
            with scope.name_scope(self.name) as path, scope.recording_again():
                self._path = path
                build(self, *args, **kwargs)
            bound = inspect.signature(build).bind(self, *args, **kwargs).arguments
            self._build_shapes = dict(list(bound.items())[1:])
            self.built = True
        finally:
            self._building = False

    return wrapper
