"""Pipeline: layers one after the other."""

from __future__ import annotations

from typing import Any

from kernelkit import serialize
from kernelkit.layers.base.call import signature_of
from kernelkit.layers.graph_tensors import call_in_graph, holds_graph_tensors
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor, Tree


class Pipeline(Layer):
    """Apply layers one after the other, to prepare data for a model. A pipeline is a layer, not a model.

    Args:
        layers: The layers.
        name: Name of the pipeline.

    Call arguments: the input of the first layer; ``training`` and ``mask``, which are passed to the layers that take
    them.

    Example:
        >>> import kernelkit as kk
        >>> pipeline = kk.layers.Pipeline([kk.layers.RandomFlip(seed=0), kk.layers.Rescaling(1 / 255)])
        >>> pipeline(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(self, layers: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list:
        """The layers, in order."""
        return list(self._pipeline_layers)

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        if holds_graph_tensors((args, kwargs)):
            return call_in_graph(self, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Tree, training: bool | None = True, mask: Tensor = None) -> Tree:
        for layer in self._pipeline_layers:
            signature = signature_of(layer)
            kwargs = {"training": training} if signature.named_training else {}
            if mask is not None and "mask" in signature.masks:
                kwargs["mask"] = mask
            inputs = layer(inputs, **kwargs)
        return inputs

    @classmethod
    def from_config(cls, config: dict) -> Pipeline:
        """Make a pipeline from :meth:`get_config`'s result.

        Raises:
            ValueError: If the config has no list of layers.
        """
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ValueError(f"The config of a Pipeline needs a list under 'layers', got {config.get('layers')!r}.")
        return super().from_config(config)

    def get_config(self) -> dict:
        """Return the arguments that make an equal pipeline."""
        return {"name": self.name, "layers": [serialize.serialize_keras_object(v) for v in self._pipeline_layers]}
