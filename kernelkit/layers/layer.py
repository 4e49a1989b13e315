"""`Layer`: weights and a function of tensors, with the bookkeeping that models need.

A layer is a thin shell. `call` is written as if weights were plain arrays; run under a
:class:`~kernelkit.scope.StatelessScope`, as :meth:`Layer.stateless_call` does, it is a pure function of them.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kernelkit import (
    changes,
    constraints,
    dtype_policies,
    dtypes,
    initializers,
    placement,
    regularizers,
    scope,
    serialize,
    tape,
)
from kernelkit.hints import explain_tracer
from kernelkit.inference import eval_spec, infer
from kernelkit.layers import input_spec, rematerialize
from kernelkit.layers.base import arguments, shapes
from kernelkit.layers.base.call import Call, signature_of
from kernelkit.layers.base.parts import children, walk
from kernelkit.layers.base.state import HasState
from kernelkit.layers.base.tensors import attach_masks, collect_masks, convert, describe_tensors, is_leaf, is_tensor
from kernelkit.operation import Operation
from kernelkit.sparse import is_sparse
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.tracebacks import shorten
from kernelkit.typing import ConstraintLike, DType, InitializerLike, RegularizerLike, ShapeLike, Shapes, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["Layer"]

_PLAIN = (bool, int, float, str, type(None), np.ndarray, jax.Array)


class Layer(Operation, HasState):
    """The base class of layers.

    A subclass makes its weights in ``build(input_shape)`` with :meth:`add_weight` and computes in ``call(inputs)``.
    Layers, variables, metrics and seed generators kept as attributes (in lists and dicts too) are parts of the layer.

    Args:
        activity_regularizer: Regularizer applied to the output.
        trainable: Whether gradients change the layer's weights.
        dtype: A dtype or :class:`~kernelkit.DTypePolicy`, for the computation and the weights.
        autocast: Whether float inputs are cast to the compute dtype.
        name: Name; made from the class's name if not given.

    Example:
        >>> import kernelkit as kk
        >>> class Scale(kk.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.scale
        >>> Scale()(kk.ops.ones((2, 3))).shape
        (2, 3)
    """

    # Whether call() gets sparse arrays unchanged, as ops do. Most of kernelkit's own layers get dense arrays.
    _takes_sparse = True
    # Whether call() is user code that calls layers and ops: shapes are then inferred call by call.
    _is_made_of_calls = False
    # Keras's switches: whether array-likes become jax arrays, and whether numbers may be positional arguments.
    _convert_input_args = True
    _allow_non_tensor_positional_args = False
    # Whether weights are quantized; layers/quantized/ knows how.
    _is_quantized = False
    # TensorFlow's AutoGraph skips objects with this attribute. In `map` it would rewrite the code of a layer otherwise.
    autograph_info__: dict[str, Any] = {}
    _untracked: frozenset[str] = frozenset({"_init_arguments", "_inbound_nodes", "_outbound_nodes", "_own_losses"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_ours = cls.__module__.startswith("kernelkit.")
        if Layer in cls.__bases__ and cls.__module__.startswith(f"{__package__}."):
            cls._takes_sparse = vars(cls).get("_takes_sparse", False)
        if "call" in vars(cls) and not is_ours:
            cls._is_made_of_calls = True
            cls._takes_sparse = vars(cls).get("_takes_sparse", True)
        if "build" in vars(cls):
            cls.build = _build_once(vars(cls)["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: RegularizerLike = None,
        trainable: bool = True,
        dtype: DType = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._input_shape_hint = arguments.take_input_shape(type(self).__name__, kwargs)
        arguments.refuse_unknown(type(self), kwargs)
        Operation.__init__(self, name)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(f"{type(self).__name__}: expected `trainable` to be a boolean, got {trainable!r}.")
        self._own_variables: list[Variable] = []
        self._own_losses: list = []
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self._dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self._remat = rematerialize.current()
        self.built = _has_nothing_to_build(type(self))
        self.supports_masking = vars(type(self)).get("supports_masking", getattr(type(self), "supports_masking", False))
        self.input_spec: Any = None
        self._path: str | None = None
        self._build_shapes: dict[str, Any] | None = None
        self._building = False

    def __setattr__(self, name: str, value: Any) -> None:
        # Numbers, strings and arrays hold no parts, so assigning them in each call costs nothing.
        if name not in self._untracked and not (
            isinstance(value, _PLAIN) and isinstance(self.__dict__.get(name), _PLAIN)
        ):
            changes.structure.note()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changes.structure.note()
        object.__delattr__(self, name)

    # Building ---------------------------------------------------------------------------------------------------------

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

    # Calling ----------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        self._require_init()
        if scope.local.watcher is not None:
            return scope.local.watcher.call(self, args, kwargs)
        try:
            call = Call(signature_of(self), args, kwargs, self.who)
            if any_symbolic(args, kwargs):
                return self._call_symbolic(call)
            if scope.local.tape is not None:
                return self._run_taped(call)
            return self._run(call)
        except Exception as error:
            self._add_note(error, args)
            if scope.local.call is None:  # the outermost call, which the user's program made
                shorten(error)
            raise

    def _call_symbolic(self, call: Call) -> Tree:
        """Call the layer on symbolic tensors: convert, build, check, infer the shape, record, pass masks on."""
        if self._convert_input_args:
            call.convert(None)
        if not self._allow_non_tensor_positional_args:
            call.require_tensors(self.who, symbolic=True)
        self._build_and_check(call)
        outputs = self.symbolic_call(*call.args, **call.kwargs)
        if not self._spec_runs_call():
            self._build_parts(call)
            arriving = call.fill_masks()
            self._hand_masks_on(call, arriving, outputs, functools.partial(infer, self.compute_mask))
        return outputs

    def _build_parts(self, call: Call) -> None:
        """Build the layers inside by running `call` on shapes, where neither `build` nor shape inference does."""
        if type(self).build is not Layer.build or all(layer.built for layer in walk(self)):
            return
        try:
            self._run_on_shapes(call)
        except Exception as error:
            parts = ", ".join(layer.who() for layer in walk(self) if not layer.built)
            reason = str(error).partition("\n")[0]
            arguments.warn_once(
                f"parts:{type(self).__qualname__}",
                f"{self.who()}: running `call` on symbolic tensors failed ({type(error).__name__}: {reason}), so these "
                f"layers inside have no weights until data come: {parts}. Give the layer a `build` that builds them.",
            )

    def _run_taped(self, call: Call) -> Tree:
        """Call the layer under an open tape, which records it as a whole."""
        if not self.built or any(not layer.built for layer in walk(self)):
            with tape.stop_recording():
                self._run_on_shapes(call)

        def run(*args: Any, **kwargs: Any) -> Tree:
            inner = Call(call.signature, args, kwargs)
            inner.told_training = call.told_training
            outputs = self._run(inner)
            return outputs, collect_masks(outputs)

        outputs, masks = tape.record(run, call.args, call.kwargs, self.trainable_variables)
        if masks is not None:
            attach_masks(outputs, masks)
        return outputs

    def _run_on_shapes(self, call: Call) -> Tree:
        """Run `call` for shape inference only, so that every part of the layer is built."""
        specs = jax.tree_util.tree_map(
            lambda v: KerasTensor(v.shape, v.dtype, sparse=is_sparse(v)) if is_tensor(v) else v,
            convert((call.args, call.kwargs), None),
            is_leaf=is_leaf,
        )
        return self._find_spec(*specs[0], **specs[1])

    def _find_spec(self, *args: Any, **kwargs: Any) -> Tree:
        """Return symbolic tensors like the outputs, found by running `call`."""
        find = infer if self._is_made_of_calls else eval_spec
        signature = signature_of(self)
        return find(lambda *a, **k: self._run(Call(signature, a, k)), *args, **kwargs)

    def _run(self, call: Call) -> Tree:
        """Run `call`: find out `training` and masks, convert, build, check, run, pass masks on."""
        outer = scope.local.call
        context = scope.local.call = scope.CallContext(outer.entry if outer is not None else self)
        if outer is None and scope.local.stateless is None:
            self._clear_losses()
        try:
            context.training = call.settle_training(None if outer is None else outer.training)
            arriving = call.fill_masks()
            dtype = self._convert(call)
            if not self._allow_non_tensor_positional_args and isinstance(call.first, (str, list, tuple, Layer)):
                call.require_tensors(self.who, symbolic=False)
            if self._build_and_check(call) and dtype != self._float_dtype():
                dtype = self._convert(call)  # the layer has its path now, by which a DTypePolicyMap chooses the policy
            is_open = self._building and scope.current_path() == self._path  # `build` calls the layer
            names = contextlib.nullcontext() if is_open else scope.name_scope(self.name)
            with names, scope.autocast_scope(dtype), jax.named_scope(self.name):
                function = self.call if self._remat is None else rematerialize.layer_call(self, self._remat)
                outputs = function(*call.args, **call.kwargs)
            if placement.current() is not None:
                outputs = placement.constrain_output(self.path, outputs)
            if scope.local.observer is not None:
                outputs = scope.local.observer.layer(self, outputs)
            if self.activity_regularizer is not None and scope.local.recording:
                for output in jax.tree_util.tree_leaves(outputs, is_leaf=is_leaf):
                    size = output.shape[0] if output.ndim else 1
                    size = max(1, size) if isinstance(size, int) else size  # a symbolic size is at least 1
                    self.add_loss(self.activity_regularizer(output) / size)
            self._hand_masks_on(call, arriving, outputs, self.compute_mask)
            return outputs
        finally:
            scope.local.call = outer

    def _float_dtype(self) -> str | None:
        """The dtype for weights and, with ``autocast``, float inputs; ``None`` leaves them unchanged."""
        dtype = self.compute_dtype
        return dtype if dtypes.is_float(dtype) else None

    def _convert(self, call: Call) -> str | None:
        dtype = self._float_dtype()
        if self._convert_input_args:
            call.convert(dtype if self.autocast else None, self._takes_sparse)
        return dtype

    def _build_and_check(self, call: Call) -> bool:
        """Check the inputs and build the layer if needed; return whether this call built it."""
        builds = not self.built
        if builds:
            # A spec known before building is checked before, so that the error for a wrong rank says so.
            if self.input_spec is not None:
                input_spec.check(self.input_spec, call.first, self.who())
            self._build_for(call.arguments())
        if self.input_spec is not None:
            input_spec.check(self.input_spec, call.first, self.who())
        return builds

    def _hand_masks_on(self, call: Call, arriving: Any, outputs: Tree, compute_mask: Callable) -> None:
        """Attach masks to the outputs, computed from the ``mask`` argument or else from the inputs' own mask."""
        given = call.get("mask")
        mask = arriving if given is None else given
        own = type(self).compute_mask is not Layer.compute_mask
        if mask is not None and not self.supports_masking and not own:
            if not call.signature.masks:
                arguments.warn_once(
                    f"mask:{type(self).__qualname__}",
                    f"{self.who()} was given an input with a mask, but does not support masking: the mask ends here.",
                )
        elif own or mask is not None:
            masks = compute_mask(call.first, mask)
            if masks is not None:
                attach_masks(outputs, masks)

    def compute_mask(self, inputs: Tree, previous_mask: Any = None) -> Tree:
        """Return the mask of the output; the default is the mask of the input."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Shapes:
        """Return the shape of the output for inputs of the given shape.

        Args:
            *args: Shapes, in the structure of the inputs of ``call``.
            **kwargs: Shapes as ``<argument>_shape``.
        """
        if type(self).call is Layer.call:
            raise NotImplementedError(
                f"{self.who()} does not have a `compute_output_shape` method implemented, nor a `call` to run for it."
            )
        signature = signature_of(self)
        spec = lambda s: None if s is None else KerasTensor(s, dtype=self.compute_dtype)  # noqa: E731
        values = {k.removesuffix("_shape"): shapes.map_shapes(spec, v) for k, v in kwargs.items()}
        if set(values) - set(signature.names):
            args, values = (*args, *kwargs.values()), {}
        positional = [shapes.map_shapes(spec, s) for s in args]
        if not self.built:
            self._build_for(Call(signature, tuple(positional), dict(values)).arguments())
        outputs = self._find_spec(*positional, **values)
        return jax.tree_util.tree_map(lambda t: t.shape, outputs, is_leaf=lambda t: isinstance(t, KerasTensor))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors like the output of a call with the given symbolic tensors."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return self._find_spec(*args, **kwargs)
        signature = signature_of(self)
        arguments = Call(signature, args, kwargs).arguments()
        given, named = shapes.arguments_of(self.compute_output_shape, signature, arguments, self.who())
        result = self.compute_output_shape(*given, **named)
        return shapes.map_shapes(lambda s: KerasTensor(s, dtype=self.compute_dtype), result)

    def _spec_runs_call(self) -> bool:
        """Whether :meth:`compute_output_spec` runs `call`, which attaches masks, instead of a rule of its own."""
        cls = type(self)
        is_own = cls.compute_output_spec is not Layer.compute_output_spec
        return not is_own and cls.compute_output_shape is Layer.compute_output_shape

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer as a pure function of its variables' values.

        Args:
            trainable_variables: Values of ``trainable_variables``, in order.
            non_trainable_variables: Values of ``non_trainable_variables``, in order.
            *args: Arguments of the call.
            return_losses: Whether the losses that layers added are returned too.
            **kwargs: More arguments of the call.

        Returns:
            ``(outputs, non_trainable_variables)`` or ``(outputs, non_trainable_variables, losses)``.

        Example:
            >>> import kernelkit as kk
            >>> layer = kk.layers.Dense(2)
            >>> layer.build((None, 3))
            >>> y, state = layer.stateless_call(layer.trainable_variables, [], kk.ops.ones((4, 3)))
            >>> y.shape
            (4, 2)
        """
        self._require_built("stateless_call()")
        own = self.trainable_variables, self.non_trainable_variables
        given = list(trainable_variables), list(non_trainable_variables)
        for variables, values, kind in zip(own, given, ("trainable", "non_trainable"), strict=True):
            if len(variables) != len(values):
                raise ValueError(
                    f"{self.who()} has {len(variables)} {kind}_variables, but stateless_call() got "
                    f"{len(values)} values."
                )
        mapping = [(v, _value(x)) for vs, xs in zip(own, given, strict=True) for v, x in zip(vs, xs, strict=True)]
        with scope.StatelessScope(mapping, collect_losses=return_losses) as lender:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else []
        updated = [lender.values[id(v)] for v in own[1]]
        return (outputs, updated, losses) if return_losses else (outputs, updated)

    # Losses -----------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add scalars to the loss that training minimizes; call it from ``call``.

        Raises:
            ValueError: If a loss is a symbolic tensor, outside of ``call``.
        """
        for one in jax.tree_util.tree_leaves(loss, is_leaf=is_leaf):
            if one is None:
                continue
            if isinstance(one, KerasTensor):
                if scope.local.recording:
                    raise ValueError(
                        f"{self.who()}: add_loss() was given the symbolic tensor {one}. It can only be called from "
                        "inside build() or call(), on a value: write a layer whose call() adds the loss and returns "
                        "its input, and call that layer on the tensor."
                    )
                continue
            if scope.local.stateless is not None:
                if scope.local.stateless.collect_losses:
                    scope.local.stateless.add_loss(self, one)
            else:
                self._own_losses.append(one)

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Raise an error: metrics of symbolic tensors are gone, in Keras 3 too."""
        raise NotImplementedError(
            f"{self.who()}: add_metric() is gone in Keras 3. Give compile(metrics=[...]) the metric, or make it in "
            "__init__() and call its update_state() in call()."
        )

    @property
    def losses(self) -> list:
        """Losses added in the last call, and the regularizers' losses of the trainable weights."""
        layers = [self, *walk(self)]
        if scope.local.stateless is not None:
            ids = {id(layer) for layer in layers}
            found = [loss for layer, loss in scope.local.stateless.losses if id(layer) in ids]
        else:
            found = [loss for layer in layers for loss in layer._own_losses]
        return found + [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _clear_losses(self) -> None:
        for layer in (self, *walk(self)):
            layer._own_losses.clear()

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """Return the layer's parts. The private name is Keras's; packages call it."""
        return [self] * include_self + (list(walk(self)) if recursive else children(self))

    # Properties -------------------------------------------------------------------------------------------------------

    @property
    def dtype_policy(self) -> Any:
        """The dtypes of the weights and of the computation. The name of a policy may be assigned."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy, current, kind = dtype_policies.get(value), self._dtype_policy, dtype_policies.DTypePolicyMap
        if not isinstance(current, kind) or isinstance(policy, kind) or self._path is None:
            self._dtype_policy = policy
        else:
            if self._path in current:
                del current[self._path]
            current[self._path] = policy
        mode = self.quantization_mode
        if mode is not None and self.built and not self._is_quantized:
            self.quantize(mode)

    @property
    def quantization_mode(self) -> str | None:
        """How the dtype policy says that weights are quantized, such as ``"int8"``; ``None`` if they are not."""
        return self.dtype_policy.at(self._path).quantization_mode

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Raise an error: only Dense, EinsumDense and embeddings can be quantized."""
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type '{type(self).__name__}') "
                "is not built yet."
            )
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize` method implemented.")

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.at(self._path).variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.at(self._path).variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self.dtype_policy.at(self._path).compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.dtype_policy.at(self._path).compute_dtype

    def supports_jit(self) -> bool:
        """Whether jax can trace the layer; always true."""
        return True

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer, as plain JSON values."""
        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        derived = serialize.derived_arguments(self, stop=Layer)
        return config | {k: serialize.serialize_value(v) for k, v in derived.items()}

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

    def _add_note(self, error: Exception, args: tuple) -> None:
        if any_symbolic(args, {}):
            explain_tracer(error, "wired")
        # Only the innermost layer adds the note; the layers around it add nothing.
        if getattr(error, "layer_path", None) is not None:
            return
        inputs = describe_tensors(args)
        error.add_note(f"In layer {self.path!r} ({type(self).__name__}), called with inputs: {inputs or 'none'}.")
        try:
            error.layer_path = self.path  # type: ignore[attr-defined]
        except AttributeError:
            return

    def __repr__(self) -> str:
        if "_own_variables" not in self.__dict__:  # super().__init__() was not called yet
            return f"<{type(self).__name__} that is not ready>"
        call = serialize.call_text(self, Layer, (f"name={self.name!r}",))
        if not self.built:
            return f"<{call}, not built>"
        shapes = ""
        if len(self._inbound_nodes) == 1:
            [node] = self._inbound_nodes
            sides = (node.input_tensors, node.output_tensors)
            shapes = " → ".join(", ".join(str(t.shape) for t in side) for side in sides if side)
        count = sum(math.prod(v.shape) for v in self.weights)
        facts = [shapes, f"{count:,} parameters" if count else "", "" if self._trainable else "frozen"]
        return f"<{': '.join([call, ', '.join(fact for fact in facts if fact)]).removesuffix(': ')}>"


def _has_nothing_to_build(cls: type[Layer]) -> bool:
    """Return whether a class is, or derives from, a kernelkit layer without weights, and defines no `build`."""
    own = [c for c in cls.__mro__ if c.__module__.startswith(f"{__package__}.") and issubclass(c, Layer)]
    return own != [Layer] and cls.build is Layer.build


def _build_once(build: Any) -> Any:
    """Wrap a class's `build`: run it in the layer's name scope, store the shapes, mark the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
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


def _value(x: Tensor) -> Tensor:
    return x.value if isinstance(x, Variable) else x
