"""`Model`: a layer that can be trained, saved and inspected."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax.tree_util as jtu

from kernelkit import scope, serialize
from kernelkit.feeds.make import is_stream
from kernelkit.layers.base.call import Call, signature_of
from kernelkit.layers.base.parts import children, not_in_files
from kernelkit.layers.base.shapes import shapes_of
from kernelkit.layers.base.tensors import attach_masks
from kernelkit.layers.graph_tensors import call_in_graph, holds_graph_tensors
from kernelkit.layers.layer import Layer
from kernelkit.layers.preprocessing.strings import holds_strings, string_arrays
from kernelkit.models import calls
from kernelkit.models.exports import Exports
from kernelkit.models.graph import Graph, is_leaf, only_one
from kernelkit.models.host_stage import HostStage
from kernelkit.models.inspection import Inspection
from kernelkit.models.prepared import Prepared
from kernelkit.models.quantize import quantize_model
from kernelkit.serialize import suggest
from kernelkit.signatures import plain_methods
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.training.trainer import Trainer
from kernelkit.typing import Shapes, Tree

__all__ = ["Functional", "Model"]

F = TypeVar("F", bound=Callable[..., Any])


def runs_graph(call: F) -> F:
    """Mark a model's ``call`` as one that runs the graph, so that shapes can be read from the graph."""
    call.runs_graph = True  # type: ignore[attr-defined]
    return call


def inputs_first(args: tuple, kwargs: dict[str, Any], who: Callable[[], str]) -> tuple[tuple, dict[str, Any]]:
    """Return the arguments of a call with the inputs in the first place, where they may be named ``inputs``.

    Raises:
        TypeError: If there are no inputs.

    Example:
        >>> inputs_first((), {"inputs": 3, "training": True}, lambda: "Model 'm'")
        ((3,), {'training': True})
    """
    if args:
        return args, kwargs
    if "inputs" not in kwargs:
        raise TypeError(f"{who()} was called without inputs: give them as the first argument, model(inputs).")
    return (kwargs["inputs"],), {name: value for name, value in kwargs.items() if name != "inputs"}


@plain_methods
class Model(Inspection, Exports, Trainer, Layer):
    """A layer with ``compile``, ``fit``, ``evaluate``, ``predict`` and ``summary``.

    There are three ways to make one: wire symbolic tensors and call ``Model(inputs, outputs)``; subclass it and write
    ``call``; or stack layers with :class:`~kernelkit.Sequential`.

    Args:
        inputs: Symbolic tensors made by :func:`~kernelkit.Input`, nested in lists or dicts (functional models only).
        outputs: Symbolic tensors that depend on them (functional models only).
        name: Name.

    Raises:
        ValueError: If outputs depend on an input that is not given.

    Example:
        >>> import kernelkit as kk
        >>> a, b = kk.Input((3,)), kk.Input((3,))
        >>> model = kk.Model([a, b], kk.layers.Dense(1)(kk.layers.add([a, b])))
        >>> model.output_shape
        (None, 1)
    """

    _graph: Graph | None = None
    called_with: tuple[tuple, dict] | None = None
    """Symbolic tensors like the arguments of the first call, of a model without a graph: ``(args, kwargs)``."""
    _is_made_of_calls = True
    _is_wired = False  # whether the graph came with the constructor
    _untracked = Layer._untracked | {"_graph", "_training", "optimizer", "loss", "history", "_display_run"}
    _books = frozenset({"_graph_layers", "_stack", "_input_layer", "optimizer"})

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_functional(args, kwargs):
            return super().__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        functional = _is_functional(args, kwargs)
        values = dict(zip(("inputs", "outputs", "name"), args, strict=False)) | kwargs
        inputs, outputs = (values.pop("inputs", None), values.pop("outputs", None)) if functional else (None, None)
        if args and not functional:
            raise TypeError(
                f"{type(self).__name__}() takes symbolic tensors, Model(inputs, outputs), or keyword "
                f"arguments, got {args!r}."
            )
        Trainer.__init__(self)
        Layer.__init__(self, **values)
        if functional:
            self._is_wired = True
            self._set_graph(Graph(inputs, outputs))
            if not self.trainable:
                self.trainable = False  # sets its layers too

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self._graph_layers = graph.layers
        self.built = True

    def _may_gain_parts(self) -> bool:
        return self._is_wired or super()._may_gain_parts()

    @runs_graph
    def call(self, *args: Any, **kwargs: Any) -> Tree:
        """Compute the outputs. A functional model runs its graph; a subclass writes its own."""
        if self._graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define call(self, inputs), or pass inputs and outputs to "
                "super().__init__()."
            )
        args, _ = inputs_first(args, kwargs, self.who)
        return only_one(self._graph.run(args[0], f"Model {self.name!r}"))

    @property
    def can_be_called(self) -> bool:
        """Whether the model has a graph or a ``call`` of its own."""
        return self._graph is not None or type(self).call is not Model.call

    def compute_mask(self, inputs: Tree, previous_mask: Any = None) -> Tree:
        """Return ``None``: masks pass through a model together with its tensors."""
        return None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if holds_graph_tensors((args, kwargs)):
            return call_in_graph(self, args, kwargs)
        graph = self._graph
        if graph is not None and not args and self._runs_graph():
            args, kwargs = inputs_first(args, kwargs, self.who)
        if graph is not None and args and graph.may_need_host and not any_symbolic(args, kwargs):
            stage = HostStage(graph)
            if not stage.is_empty and stage.obstacle() is None and not isinstance(args[0], Prepared):
                args = (stage.prepare(args[0], f"Model {self.name!r}"), *args[1:])
        outputs = super().__call__(*args, **kwargs)
        if self.called_with is None and self._graph is None:
            self.called_with = calls.specs_of(args, kwargs)
        return outputs

    def _on_host(self, x: Tree) -> Tree:
        """Return the inputs after the model's host stage, which turns strings into numbers."""
        strings = holds_strings(x)
        if strings and not self.built:
            self(jtu.tree_map(lambda v: v[:1], string_arrays(x)))
        if self._graph is not None and self._graph.may_need_host:
            stage = HostStage(self._graph)
            if not stage.is_empty:
                return stage.prepare(x, f"Model {self.name!r}")
        if strings:
            raise TypeError(
                f"Model {self.name!r} was given strings, but is not a Sequential or functional model that begins with "
                "a layer for them. Call StringLookup or TextVectorization on the data before they come to the model."
            )
        return x

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors of the outputs' shapes and dtypes, nested as in the constructor."""
        graph = self._graph
        if graph is None or not self._runs_graph():
            return super().compute_output_spec(*args, **kwargs)
        args, kwargs = inputs_first(args, kwargs, self.who)
        if graph.may_need_host or (args and graph.was_wired_for(args[0])):
            return jtu.tree_map(lambda t: t.like(), graph.outputs_struct, is_leaf=is_leaf)
        found = self._find_spec(*args, **kwargs)
        return found if graph.answer_struct is graph.outputs_struct else type(graph.outputs_struct)([found])

    def _runs_graph(self) -> bool:
        return getattr(type(self).call, "runs_graph", False)

    def _host_work(self, x: Tree) -> Any:
        may_need_host = self._graph is not None and self._graph.may_need_host
        return self._on_host if may_need_host or is_stream(x) or holds_strings(x) else None

    # Parts ------------------------------------------------------------------------------------------------------------

    def saved_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the parts with weights in files: first the layers of the graph, then attributes with the optimizer."""
        wired = self._graph is not None
        if wired:
            yield "layers", self.layers
        found = dict(serialize.saved_attributes(self, not_in_files(self) | self._books, self._saved_as))
        found |= {"optimizer": getattr(self, "optimizer", None)} | ({} if wired else {"layers": self.layers})
        yield from sorted(found.items(), key=lambda item: (item[0].startswith("_"), item[0]))

    @property
    def layers(self) -> list[Layer]:
        """The layers that are direct parts, in the order in which they run or were set."""
        return list(self._graph_layers) if self._graph is not None else children(self)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError("`Model.layers` attribute is reserved: it lists the parts. Use another name.")

    @property
    def operations(self) -> list:
        """The layers and the functions of a functional model's graph, from the inputs to the outputs."""
        return list(self._require_graph("operations").operations)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or position.

        Raises:
            ValueError: If there is no such layer; the message gives the nearest name.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer() takes a name or an index.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"Model {self.name!r} has {len(layers)} layers, there is no layer at index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(f"Model {self.name!r} has no layer {name!r}; it has {names}.{suggest(str(name), names)}")

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The symbolic inputs, flat; ``None`` for a subclassed model."""
        return self._graph.inputs if self._graph is not None else None

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The symbolic outputs, flat; ``None`` for a subclassed model."""
        return self._graph.outputs if self._graph is not None else None

    @property
    def input(self) -> Tree:
        """The symbolic inputs as they were given."""
        return self._require_graph("input").inputs_struct

    @property
    def output(self) -> Tree:
        """The symbolic outputs as they were given."""
        return self._require_graph("output").outputs_struct

    @property
    def input_shape(self) -> Shapes:
        """The shape of the input; for several inputs a flat list of shapes, however the inputs are nested."""
        return only_one([t.shape for t in self._require_graph("input_shape").inputs])

    @property
    def output_shape(self) -> Shapes:
        """The shape of the output; for several outputs a flat list of shapes, however the outputs are nested."""
        return only_one([t.shape for t in self._require_graph("output_shape").outputs])

    @property
    def _inputs_struct(self) -> Tree:
        """Keras's private name for :attr:`input`, which packages use."""
        return self.input

    @property
    def _outputs_struct(self) -> Tree:
        """Keras's private name for :attr:`output`, which packages use."""
        return self.output

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return self._require_graph("input_names").input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, which are the names of the layers that make them."""
        return self._require_graph("output_names").output_names

    def _require_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"Model {self.name!r} ({type(self).__name__}) has no symbolic {what}: it is a subclassed model, "
                "or it was not built yet. Begin a Sequential with kernelkit.Input(shape), or wire a functional model."
            )
        return self._graph

    # Building ---------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shapes = None) -> None:
        """Make all weights by running ``call`` on shapes alone.

        Args:
            input_shape: Shape with the batch axis; a list or dict of shapes for several inputs.
        """
        if self._graph is not None or input_shape is None:
            return
        spec = lambda s: KerasTensor((1 if s[0] is None else s[0], *s[1:]) if s else s, self.compute_dtype)  # noqa: E731
        if isinstance(input_shape, list) and all(d is None or isinstance(d, int) for d in input_shape):
            input_shape = tuple(input_shape)
        is_shape = lambda s: isinstance(s, tuple) and all(d is None or isinstance(d, int) for d in s)  # noqa: E731
        inputs = jtu.tree_map(spec, input_shape, is_leaf=is_shape)
        self.built = True
        self._run_on_shapes(Call(signature_of(self), (inputs,), {}))

    def _build_for(self, arguments: dict[str, Any]) -> None:
        # On data, `call` itself builds the parts.
        if type(self).build is not Model.build:
            super()._build_for(arguments)
        elif self._graph is None:
            self._build_shapes = shapes_of(arguments)
        self._path = "/".join([*scope.local.names, self.name])
        self.built = True

    def get_build_config(self) -> dict | None:
        """Return the shapes that the model was built for, and the arguments of its first call, if it has no graph."""
        config = super().get_build_config()
        return config if self.called_with is None else {**(config or {}), "call": calls.described(self.called_with)}

    def build_from_config(self, config: dict) -> None:
        """Build for the shapes and arguments of :meth:`get_build_config`."""
        call = calls.read(config["call"]) if config and self._graph is None and "call" in config else None
        own = type(self).build is not Model.build
        if call is not None and not self.built and not own:
            self._build_for(Call(signature_of(self), *call).arguments())
            self._run_on_shapes(Call(signature_of(self), call[0], dict(call[1])))
        else:
            super().build_from_config(config)
        self.called_with = call

    def __repr__(self) -> str:
        name = f"{type(self).__name__} name={scope.printable(self.name)}"
        if "_own_variables" not in self.__dict__ or not self.built:
            return f"<{name}, built=False>"
        count = sum(math.prod(v.shape) for v in self.weights)
        return f"<{name}, built=True, {len(self.layers)} layers, {count:,} parameters>"

    @serialize.derives
    def quantize(self, mode: str | None = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:
        """Quantize the weights of the model's layers: keep them in 8 bits or fewer.

        Layers that cannot be quantized stay unchanged, with a warning. The optimizer of :meth:`compile` forgets its
        state of the replaced weights, and :meth:`fit` trains the remaining weights (biases, LoRA) with a new state.

        Args:
            mode: ``"int8"``, ``"int4"``, ``"float8"``, ``"gptq"`` or ``"awq"``; the config's mode by default.
            config: A :class:`~kernelkit.quantizers.QuantizationConfig`; the mode's default by default.
            filters: The layers to quantize: a regular expression, a list of them, or a function of a layer.
            **kwargs: ``type_check=False`` quantizes subclasses of Dense, EinsumDense and embeddings too.

        Raises:
            ValueError: If the model is not built, or mode, config and filters don't fit.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(4)])
            >>> model.quantize("int4", config=kk.quantizers.Int4QuantizationConfig(block_size=4))
            >>> model.layers[0].dtype_policy
            <Int4DTypePolicy "int4/4_from_float32">
        """
        quantize_model(self, mode, config, filters, **kwargs)
        optimizer = getattr(self, "optimizer", None)
        if optimizer is not None and optimizer.built and not optimizer.serves(self.trainable_variables):
            self.optimizer = type(optimizer).from_config(optimizer.get_config())
            self.optimizer.build(self.trainable_variables)

    def get_quantization_layer_structure(self, mode: str | None = None) -> dict | None:
        """Return the layers before the first block, and the blocks, for GPTQ and AWQ. Subclasses override it.

        Returns:
            ``{"pre_block_layers": [...], "sequential_blocks": [...]}``, or ``None``.
        """
        return None

    def get_config(self) -> dict:
        """Return the config for :meth:`from_config`: the wiring of a functional model, the arguments of a subclass."""
        if self._graph is not None and type(self).__init__ in (Model.__init__, Functional.__init__):
            from kernelkit.models.graph_config import graph_config

            return graph_config(self)
        return super().get_config()

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """Make a model from :meth:`get_config`'s result."""
        from kernelkit.models.graph_config import graph_from_config

        with serialize.CustomObjectScope(custom_objects):
            if "input_layers" in config:
                return graph_from_config(cls, config)
            return super().from_config(config)

    def program_inputs(self) -> tuple[list[KerasTensor], Any, list[str]] | None:
        """Return the start of the compiled part of a model with strings, ``None`` if no layer runs in Python.

        Returns:
            The tensors that the compiled part takes, a function that turns a list of arrays into the model's inputs,
            and the names of the layers that run in Python.
        """
        stage = HostStage(self._graph) if self._graph is not None and self._graph.may_need_host else None
        if stage is None or stage.is_empty or stage.nested:
            return None
        layers = [node.operation.name for node in stage.nodes if isinstance(node.operation, Layer)]
        return stage.tensors, lambda arrays: Prepared(stage, tuple(arrays), ()), layers


class _WithGraph(type):
    """The metaclass of `Functional`: a subclass of `Model` made with inputs and outputs is functional too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return cls is Functional and isinstance(instance, Model) and instance._is_wired


class Functional(Model, metaclass=_WithGraph):
    """A model that is a graph of layers: ``Model(inputs, outputs)`` returns one.

    Args:
        inputs: Symbolic tensors, nested in lists or dicts.
        outputs: Symbolic tensors that depend on the inputs.
        name: Name.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.Input((4,))
        >>> model = kk.Model(x, kk.layers.Dense(2)(x))
        >>> isinstance(model, kk.models.Functional), model.output_shape
        (True, (None, 2))
    """

    def __init__(self, inputs: Tree, outputs: Tree, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)

    @runs_graph
    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        """Run the graph.

        Args:
            inputs: Arrays nested as the model's inputs, or a dict by input name.
            training: Whether layers such as Dropout behave as in training.
            mask: Masks of the inputs, nested alike.
        """
        if mask is not None:
            attach_masks(inputs, mask)
        return only_one(self._graph.run(inputs, f"Model {self.name!r}"))  # type: ignore[union-attr]


def _is_functional(args: tuple, kwargs: dict) -> bool:
    return ("inputs" in kwargs or len(args) >= 1) and ("outputs" in kwargs or len(args) >= 2)
