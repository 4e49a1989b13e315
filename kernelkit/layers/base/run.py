"""The call of a layer: one :class:`~kernelkit.layers.base.call.Call`, bound once, goes through each step in turn."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import jax

from kernelkit import dtypes, placement, scope, tape
from kernelkit.hints import explain_tracer
from kernelkit.inference import eval_spec, infer
from kernelkit.layers import input_spec, rematerialize
from kernelkit.layers.base import arguments, autograph, shapes
from kernelkit.layers.base.build import Builds
from kernelkit.layers.base.call import Call, signature_of
from kernelkit.layers.base.losses import HasLosses
from kernelkit.layers.base.parts import HasParts, walk
from kernelkit.layers.base.tensors import attach_masks, collect_masks, convert, describe_tensors, is_leaf, is_tensor
from kernelkit.recording import Operation
from kernelkit.sparse import is_sparse
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.tracebacks import shorten
from kernelkit.typing import Shape, Shapes, Tensor, Tree
from kernelkit.variable import Variable


class Runs(Builds, HasLosses, Operation):
    """The part of :class:`~kernelkit.layers.Layer` that runs ``call``: masks, dtypes, checks, shape inference."""

    # Whether call() gets sparse arrays unchanged, as ops do. Most of kernelkit's own layers get dense arrays.
    _takes_sparse = True
    # Whether call() is user code that calls layers and ops: shapes are then inferred call by call.
    _is_made_of_calls = False
    # Whether the output has the shape of the one input.
    _keeps_shape = False
    # Keras's switches: whether array-likes become jax arrays, and whether numbers may be positional arguments.
    _convert_input_args = True
    _allow_non_tensor_positional_args = False
    _remat: Any
    activity_regularizer: Any
    autocast: bool
    input_spec: Any
    supports_masking: bool

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
        """Build the inner layers by running `call` on shapes, if neither `build` nor shape inference built them."""
        if type(self).build is not Runs.build or all(layer.built for layer in walk(self)):
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
        """Return symbolic tensors like the outputs: by the class's own rule, or found by running `call`."""
        known = self._known_spec(args, kwargs)
        if known is not None:
            return known
        find = infer if self._is_made_of_calls else eval_spec
        signature = signature_of(self)
        return find(lambda *a, **k: self._run(Call(signature, a, k)), *args, **kwargs)

    def _known_shape(self, shape: Shape) -> Shape | None:
        """Return the shape of the output for the shape of one input; ``None`` if only a trace of `call` can tell.

        Rules are for kernelkit's own layers: a trace takes about a millisecond, a model of 1,000 layers two seconds.
        """
        return shape if self._keeps_shape else None

    def _known_shape_of(self, shapes: list[Shape]) -> Shape | None:
        """Return the shape of the output for the shapes of a list of inputs; ``None`` if only a trace can tell."""
        return None

    def _known_spec(self, args: tuple, kwargs: dict[str, Any]) -> KerasTensor | None:
        """Return the symbolic output of a plain call on float tensors, if a rule tells its shape."""
        dtype = self._float_dtype()
        if dtype is None or not self._is_as_shipped() or len(args) != 1:
            return None
        training = kwargs.get("training")
        if set(kwargs) - {"training"} or not (training is None or isinstance(training, bool)):
            return None
        several = isinstance(args[0], (list, tuple))
        inputs = list(args[0]) if several else [args[0]]
        if not inputs or not all(_is_plain(x) for x in inputs):
            return None
        if several:
            shape = self._known_shape_of([x.shape for x in inputs])
        else:
            if self.input_spec is not None:
                input_spec.check(self.input_spec, inputs[0], self.who())
            shape = self._known_shape(inputs[0].shape)
        if shape is None or any(size is not None and size < 1 for size in shape[1:]):
            return None  # the trace says what is wrong
        return KerasTensor(shape, dtype=dtype)

    def _is_as_shipped(self) -> bool:
        """Return whether this is a built layer of kernelkit whose `call` runs unchanged and unobserved."""
        classes = type(self).__module__, type(self).call.__module__  # a subclass, or a patched `call`, has another
        return (
            all(module.startswith("kernelkit.") for module in classes)
            and "call" not in vars(self)
            and self.built
            and self.autocast
            and self._remat is None
            and self.activity_regularizer is None
            and placement.current() is None
            and scope.local.observer is None
        )

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
            if not self._allow_non_tensor_positional_args and isinstance(call.first, (str, list, tuple, HasParts)):
                call.require_tensors(self.who, symbolic=False)
            if self._build_and_check(call) and dtype != self._float_dtype():
                dtype = self._convert(call)  # the build set the path, by which a DTypePolicyMap chooses the policy
            is_open = self._building and scope.current_path() == self._path  # `build` calls the layer
            names = contextlib.nullcontext() if is_open else scope.name_scope(self.name)
            rewritten = contextlib.nullcontext() if self._convert_input_args else autograph.allowed()
            with names, scope.autocast_scope(dtype), jax.named_scope(self.name), rewritten:
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

    def _convert(self, call: Call) -> str | None:
        dtype = self._float_dtype()
        if self._convert_input_args:
            call.convert(dtype if self.autocast else None, self._takes_sparse)
        return dtype

    def _build_and_check(self, call: Call) -> bool:
        """Check the inputs and build the layer if needed; return whether this call built it."""
        builds = not self.built
        if builds:
            # A spec that is known before the build is checked first: its error names the wrong rank.
            if self.input_spec is not None:
                input_spec.check(self.input_spec, call.first, self.who(), may_nest=self._is_made_of_calls)
            self._build_for(call.arguments())
        if self.input_spec is not None:
            input_spec.check(self.input_spec, call.first, self.who(), may_nest=self._is_made_of_calls)
        return builds

    def _hand_masks_on(self, call: Call, arriving: Any, outputs: Tree, compute_mask: Callable) -> None:
        """Attach masks to the outputs, computed from the ``mask`` argument or else from the inputs' own mask."""
        given = call.get("mask")
        mask = arriving if given is None else given
        own = type(self).compute_mask is not Runs.compute_mask
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
        if type(self).call is Runs.call:
            raise NotImplementedError(
                f"{self.who()} does not have a `compute_output_shape` method implemented, nor a `call` to run for it."
            )
        signature = signature_of(self)
        spec = lambda s: None if s is None else KerasTensor(s, dtype=self.compute_dtype)  # noqa: E731
        values = {k.removesuffix("_shape"): shapes.map_shapes(spec, v) for k, v in kwargs.items()}
        if set(values) - set(signature.names):
            args, values = (*args, *kwargs.values()), {}
        positional = [shapes.map_shapes(spec, s) for s in args]
        if self._building:  # `build` asks: the weights that are there must do
            with scope.autocast_scope(self._float_dtype()):
                outputs = eval_spec(functools.partial(shapes.rule_of(type(self)), self), *positional, **values)
        else:
            if not self.built:
                self._build_for(Call(signature, tuple(positional), dict(values)).arguments())
            outputs = self._find_spec(*positional, **values)
        return jax.tree_util.tree_map(lambda t: t.shape, outputs, is_leaf=lambda t: isinstance(t, KerasTensor))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors like the output of a call with the given symbolic tensors."""
        if type(self).compute_output_shape is Runs.compute_output_shape:
            return self._find_spec(*args, **kwargs)
        signature = signature_of(self)
        arguments = Call(signature, args, kwargs).arguments()
        given, named = shapes.arguments_of(self.compute_output_shape, signature, arguments, self.who())
        result = self.compute_output_shape(*given, **named)
        return shapes.map_shapes(lambda s: KerasTensor(s, dtype=self.compute_dtype), result)

    def _spec_runs_call(self) -> bool:
        """Whether :meth:`compute_output_spec` runs `call`, which attaches masks, instead of a rule of its own."""
        cls = type(self)
        is_own = cls.compute_output_spec is not Runs.compute_output_spec
        return not is_own and cls.compute_output_shape is Runs.compute_output_shape

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


def _is_plain(x: Any) -> bool:
    """Return whether an input is a symbolic tensor of floats, dense and without a mask."""
    return isinstance(x, KerasTensor) and not x.sparse and x._keras_mask is None and dtypes.is_float(x.dtype)


def _value(x: Tensor) -> Tensor:
    return x.value if isinstance(x, Variable) else x
