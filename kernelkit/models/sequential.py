"""`Sequential`: layers one after the other."""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit import changes, serialize
from kernelkit.layers.base.tensors import attach_masks
from kernelkit.layers.input_layer import Input, InputLayer, input_layer_of
from kernelkit.layers.layer import Layer
from kernelkit.layers.preprocessing.strings import is_strings, to_strings
from kernelkit.models.graph import Graph, fits, only_one
from kernelkit.models.model import Model, runs_graph
from kernelkit.models.prepared import Prepared
from kernelkit.recording import producer
from kernelkit.symbolic import KerasTensor
from kernelkit.tracebacks import shortened
from kernelkit.typing import Shapes, Tree

__all__ = ["Sequential"]


class Sequential(Model):
    """A stack of layers, each fed with the output of the one before.

    Args:
        layers: List of layers; an :func:`~kernelkit.Input` as the first one fixes the input's shape.
        trainable: Whether training changes the weights.
        name: Name.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((784,)), kk.layers.Dense(32, activation="relu")])
        >>> model.add(kk.layers.Dense(10))
        >>> model.output_shape, model.count_params()
        ((None, 10), 25450)
    """

    _untracked = Model._untracked | {"_input_layer", "_ends", "_wiring"}

    @shortened
    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._stack: list[Layer] = []
        self._input_layer: InputLayer | None = None
        self._ends: tuple[KerasTensor, Any] | None = None  # the input, and the output of the topmost layer
        self._wiring: Graph | None = None  # made from `_ends` at the first access
        for layer in [layers] if isinstance(layers, Layer) else layers or []:
            self.add(layer, rebuild=False)
        self._rebuild()

    @shortened
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack.

        Args:
            layer: A layer, or an :func:`~kernelkit.Input` at the start.
            rebuild: Whether weights are made at once if the input's shape is known.
        """
        if isinstance(layer, KerasTensor):
            node = producer(layer)
            layer = node.operation if node is not None else layer
        if not isinstance(layer, Layer):
            if not callable(layer):
                raise ValueError(
                    f"Only instances of kernelkit.layers.Layer can be added to a Sequential, got {layer!r}."
                )
            raise ValueError(
                f"Sequential.add() takes a layer, got {layer!r}. Wrap a function in kernelkit.layers.Lambda."
            )
        if any(one.name == layer.name and one is not layer for one in self._stack):
            raise ValueError(
                f"The layers of a Sequential should have unique names, but {self.name!r} has one named {layer.name!r} "
                "already. Give the new one another name=..."
            )
        if isinstance(layer, InputLayer):
            if self._stack or self._input_layer is not None:
                raise ValueError(
                    f"Sequential model {self.name!r} has already been configured: the Input must come first, once."
                )
            self._input_layer = layer
        else:
            if not self._stack and self._input_layer is None:
                self._input_layer = _input_of(layer)
            self._stack.append(layer)
            changes.structure.note()
        if not rebuild:
            self._forget_graph()
        elif self._ends is None:
            self._rebuild()
        else:
            self._extend(layer)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off and return it."""
        if not self._stack:
            raise ValueError(f"Sequential model {self.name!r} has no layer to pop.")
        layer = self._stack.pop()
        self._forget_graph()
        if rebuild:
            self._rebuild()
        return layer

    @property
    def _graph(self) -> Graph | None:
        if self._wiring is None and self._ends is not None:
            self._wiring = Graph(*self._ends)
            self._wiring.fixed_sizes = _fixed_sizes(self._wiring)
        return self._wiring

    def _forget_graph(self) -> None:
        self._ends = self._wiring = None
        self.built = False
        changes.structure.note()
        self._training.forget()

    def _extend(self, layer: Layer) -> None:
        """Connect one more layer to the top. If it doesn't fit, the model stays unchanged."""
        begin, top = self._ends  # type: ignore[misc]
        try:
            _require_one_input(layer)
            self._ends = begin, only_one(layer(top))
        except Exception:
            self._stack.pop()
            raise
        self._wiring = None
        self._training.forget()

    def _rebuild(self) -> None:
        self._forget_graph()
        if self._input_layer is not None and self._stack:
            self.build(self._input_layer.batch_shape)

    def build(self, input_shape: Shapes = None) -> None:
        """Make the weights of all layers for inputs of a given shape (with the batch axis).

        Raises:
            ValueError: If the model already has an input of another shape.
        """
        input_shape = _as_tuple(input_shape)
        if self._input_layer is not None and isinstance(input_shape, (tuple, list)):
            before = self._input_layer.batch_shape
            if not fits(before, tuple(input_shape)):
                raise ValueError(
                    f"Sequential model {self.name!r} has already been configured for inputs of shape {before}; "
                    f"build() got {tuple(input_shape)}."
                )
        self._wire(input_shape)

    def _wire(self, input_shape: Shapes = None) -> None:
        if self._input_layer is None:
            if not isinstance(input_shape, (tuple, list)) or (
                input_shape and isinstance(input_shape[0], (tuple, list))
            ):
                raise ValueError(
                    f"Sequential model {self.name!r} takes one input; build() got the shape {input_shape!r}."
                )
            self._input_layer = input_layer_of(Input(batch_shape=tuple(input_shape)))
        if not self._stack:
            raise ValueError(f"Sequential model {self.name!r} has no layers to build. Add some with .add().")
        begin = tensor = self._input_layer.output
        for layer in self._stack:
            _require_one_input(layer)
            tensor = only_one(layer(tensor))
        self._ends, self._wiring = (begin, tensor), None
        self.built = True

    def _build_for(self, arguments: dict[str, Any]) -> None:
        inputs = next(iter(arguments.values()))
        inputs = to_strings(inputs) if is_strings(inputs) else inputs
        if not hasattr(inputs, "shape"):
            self.built = True  # several inputs: no graph, the layers build themselves as they are called
            return
        by_data = self._input_layer is None
        if by_data:
            shape = tuple(inputs.shape)
            dtype = "string" if is_strings(inputs) else str(inputs.dtype)
            tensor = Input(batch_shape=(None, *shape[1:]), dtype=dtype)
            self._input_layer = input_layer_of(tensor)
        try:
            self.build(self._input_layer.batch_shape)  # type: ignore[union-attr]
            if by_data:
                self._require_graph("graph").fixed_sizes = "none"
        except NotImplementedError:  # a layer that cannot tell the shape of its output
            self.built, self._input_layer = True, None

    @runs_graph
    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        """Run the layers in order.

        Args:
            inputs: Array, or what the first layer takes.
            training: Whether layers such as Dropout behave as in training.
            mask: Mask of the input.
        """
        if mask is not None:
            attach_masks(inputs, mask)
        if isinstance(inputs, Prepared) and self._graph is not None:
            return self._graph.run(inputs, f"Model {self.name!r}")
        if self._graph is not None:
            [inputs] = self._graph.match(inputs, f"Model {self.name!r}")
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input, in a list.

        Raises:
            AttributeError: If the model was not built yet.
        """
        return self._require_graph("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output, in a list.

        Raises:
            AttributeError: If the model was not built yet.
        """
        return self._require_graph("outputs").outputs

    @property
    def input(self) -> Tree:
        """The symbolic input of the first call on a symbolic tensor, as in Keras; without a call, the model's own."""
        return super(Model, self).input if self._inbound_nodes else self.inputs[0]

    @property
    def output(self) -> Tree:
        """The symbolic output of the first call on a symbolic tensor, as in Keras; without a call, the model's own."""
        return super(Model, self).output if self._inbound_nodes else only_one(self._require_graph("output").outputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers from bottom to top, the Input left out."""
        return list(self._stack)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError("`Sequential.layers` attribute is reserved. Use `add()` and `pop()` to change the layers.")

    def get_config(self) -> dict:
        """Return the layers' configs."""
        layers = [self._input_layer] if self._input_layer is not None else []
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize.serialize_keras_object(self.dtype_policy),
            "layers": [serialize.serialize_keras_object(layer) for layer in [*layers, *self._stack]],
        }
        if self._graph is not None:
            config["build_input_shape"] = self._graph.inputs[0].shape
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """Make a model from :meth:`get_config`'s result.

        Raises:
            ValueError: If the config lacks its name or its layers.
        """
        if not isinstance(config, dict) or not {"name", "layers"} <= set(config):
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys, got "
                f"{sorted(config) if isinstance(config, dict) else type(config).__name__}."
            )
        for i, described in enumerate(config["layers"]):
            if not isinstance(described, dict) or "config" not in described:
                raise ValueError(
                    f"Layer {i} of a Sequential: Expected a dictionary containing a 'config' key, got {described!r}."
                )
        with serialize.CustomObjectScope(custom_objects):
            made: dict[Any, Layer] = {}  # names are unique: a repeated name means a layer used twice
            layers = []
            for c in config["layers"]:
                name = c["config"].get("name") if isinstance(c["config"], dict) else None
                layer = made.get(name) or serialize.deserialize_keras_object(c, namespace="layers")
                layers.append(layer)
                made |= {name: layer} if name else {}
        model = cls(layers, name=config.get("name"))
        model.trainable = config.get("trainable", True)
        shape = config.get("build_input_shape")
        if shape and not model.built and layers:
            model.build(tuple(shape))
        return model


def _as_tuple(shape: Any) -> Any:
    """Return a shape of another library (`tf.TensorShape`, `torch.Size`) as a tuple, any other value unchanged."""
    if isinstance(shape, (tuple, list, dict)) or not hasattr(shape, "__iter__") or isinstance(shape, str):
        return shape
    return tuple(shape.as_list() if hasattr(shape, "as_list") else shape)


def _fixed_sizes(graph: Graph) -> str:
    """Return which size of an input must be that of the graph: the channels, as the first layer with a format has them.

    Convolutions and recurrences run on pictures and texts of other sizes too, and layers say if not.
    """
    for node in graph.nodes:
        if (data_format := getattr(node.operation, "data_format", None)) is not None:
            return "first" if data_format == "channels_first" else "last"
        if any(tensor.shape != graph.inputs[0].shape for tensor in node.output_tensors):
            break  # the axes behind this layer are not those of the input
    return "last"


def _require_one_input(layer: Layer) -> None:
    """Raise if a layer's call needs more than its input."""
    parameters = [*inspect.signature(layer.call).parameters.values()]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(needed) > 1:
        raise ValueError(
            f"The layers of a Sequential can only have a single required positional argument, the input. "
            f"{type(layer).__name__}.call() has {needed}: give {needed[1:]} defaults, or wire a functional model."
        )


def _input_of(layer: Layer) -> InputLayer | None:
    """Return the Input that the first layer defines: the input of a model, or an old argument such as input_shape."""
    if layer._input_shape_hint is not None:
        dtype = "int32" if type(layer).__name__ == "Embedding" else None
        return input_layer_of(Input(batch_shape=layer._input_shape_hint, dtype=dtype))
    graph = getattr(layer, "_graph", None)
    if graph is not None and len(graph.inputs) == 1:
        return input_layer_of(Input(batch_shape=graph.inputs[0].shape, dtype=graph.inputs[0].dtype))
    return None
