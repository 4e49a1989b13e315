"""`TorchModuleWrapper`: a torch module as a trainable layer."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.layer import Layer
from kernelkit.random import SeedGenerator
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Array, Seed, Shapes, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["TorchModuleWrapper"]


class TorchModuleWrapper(Layer):
    """Wrap a ``torch.nn.Module`` as a layer.

    Torch computes the module and its gradients on the CPU; jax calls it from inside its compiled steps. The module's
    parameters are weights of the layer, trained by the model's optimizer. Its buffers (such as the statistics of a
    batch normalization) are non-trainable weights. Each call copies arrays from jax to torch and back, so the layer is
    for experiments and for migrating models, not for speed.

    Args:
        module: The module. A lazy module must have been called once.
        name: Name.
        output_shape: Shape of the output with the batch axis; by default torch infers it.
        **kwargs: ``dtype``, ``trainable``.

    Raises:
        ValueError: If a lazy module has parameters without shapes.

    Example:
        >>> import torch
        >>> import kernelkit as kk
        >>> layer = kk.layers.TorchModuleWrapper(torch.nn.Linear(4, 3))
        >>> model = kk.Sequential([kk.Input((4,)), layer, kk.layers.Dense(1)])
        >>> [tuple(weight.shape) for weight in model.trainable_weights]
        [(3, 4), (3,), (3, 1), (1,)]
    """

    def __init__(self, module: Any, name: str | None = None, output_shape: Shapes = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        import torch

        if not isinstance(module, torch.nn.Module):
            raise ValueError(f"{self.who()} wraps a torch.nn.Module, got {module!r}.")
        if any(torch.nn.parameter.is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers())):
            raise ValueError(
                f"{self.who()}: the module is lazy: call it once on data, so that its parameters have shapes."
            )
        self.module = module
        self.output_shape = output_shape
        self._weights = {n: self._variable(n, p, p.requires_grad) for n, p in module.named_parameters()}
        self._buffers = {n: self._variable(n, b, False) for n, b in module.named_buffers()}
        self._torch_seed = SeedGenerator()
        self.built = True

    def _variable(self, name: str, tensor: Tensor, trainable: bool) -> Variable:
        value = tensor.detach().cpu().numpy()
        return self.add_weight(
            value.shape,
            lambda shape, dtype: jnp.asarray(value, dtype),
            dtype=dtypes.canonical(value.dtype.name).name,
            trainable=trainable,
            autocast=False,
            name=name.replace(".", "_"),
        )

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """Copy the layer's weights into torch's parameters, and return these.

        Args:
            recurse: Whether to include the parameters of inner modules.
        """
        import torch

        with torch.no_grad():
            for named, variables in (
                (dict(self.module.named_parameters()), self._weights),
                (dict(self.module.named_buffers()), self._buffers),
            ):
                for name, tensor in named.items():
                    tensor.copy_(torch.from_numpy(variables[name].numpy()))
        return self.module.parameters(recurse)

    def call(self, *args: Any, training: bool = False) -> Tree:
        weights = {name: variable.value for name, variable in self._weights.items()}
        buffers = {name: variable.value for name, variable in self._buffers.items()}
        inputs = tuple(_widened(jnp.asarray(value)) for value in args)
        outputs, buffers = _run(_Module(self.module, bool(training)), weights, buffers, inputs, self._torch_seed.next())
        outputs = jax.tree.map(self._narrowed, outputs)
        if training:
            for name, variable in self._buffers.items():
                variable.assign(jax.lax.stop_gradient(buffers[name]))
        return outputs

    def _narrowed(self, value: jax.Array) -> jax.Array:
        wanted = jnp.issubdtype(value.dtype, jnp.floating) and dtypes.is_float(self.compute_dtype)
        return value.astype(self.compute_dtype) if wanted else value

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors like the output."""
        if self.output_shape is not None:
            return KerasTensor(tuple(self.output_shape), dtype=self.compute_dtype)
        return super().compute_output_spec(*args, **kwargs)

    def get_config(self) -> dict:
        """Raise an error: a torch module can only be saved as code, and kernelkit never runs code from a file.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"{self.who()} cannot be saved with its model: torch's modules have no configs, and a pickle would run "
            "code when it is read. Save the weights: model.save_weights(...). Or subclass TorchModuleWrapper with a "
            "constructor that makes the module from plain arguments, and a get_config() that returns these arguments."
        )

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a layer from the config of a subclass; a config with a pickled module, as Keras writes, is an error."""
        if cls is TorchModuleWrapper:
            raise ValueError(
                "TorchModuleWrapper: the file holds a pickled module of torch. Reading it would run code, so kernelkit "
                "never does. Build the model in code and call load_weights()."
            )
        return cls(**config)


class _Module:
    """A module in training or evaluation mode."""

    _lock = threading.Lock()  # the module's mode and torch's random generator are shared by all threads

    def __init__(self, module: Any, training: bool) -> None:
        self.module, self.training = module, training

    def run(self, weights: dict, buffers: dict, inputs: tuple, seed: Array | None = None) -> tuple[Any, dict]:
        """Run the module on tensors; return its outputs and the updated buffers."""
        import torch

        buffers = {name: tensor.clone() for name, tensor in buffers.items()}
        with self._lock, torch.random.fork_rng(devices=[]):
            was_training = self.module.training
            self.module.train(self.training)
            try:
                if seed is not None:
                    torch.manual_seed(int(seed[0]) << 32 | int(seed[1]))
                return torch.func.functional_call(self.module, (weights, buffers), inputs), buffers
            finally:
                self.module.train(was_training)

    def shapes(self, weights: dict, buffers: dict, inputs: tuple) -> Any:
        """Return the outputs' shapes and dtypes, inferred on torch's "meta" device without computing."""
        twin = _Module(copy.deepcopy(self.module).to("meta"), self.training)
        outputs, _ = twin.run(*jax.tree.map(_meta, (weights, buffers, inputs)))
        return jax.tree.map(lambda t: jax.ShapeDtypeStruct(tuple(t.shape), dtypes.canonical(t.dtype)), outputs)

    def forward(self, weights: dict, buffers: dict, inputs: tuple, seed: Seed) -> Tree:
        """Return the outputs and the updated buffers, as NumPy arrays."""
        import torch

        with torch.no_grad():
            outputs, buffers = self.run(_to_torch(weights), _to_torch(buffers), _to_torch(inputs), np.asarray(seed))
        return _to_numpy((outputs, buffers))

    def backward(self, weights: dict, buffers: dict, inputs: tuple, seed: Seed, gradients: Tensor) -> Tree:
        """Return the gradients of the weights and of the float inputs, as NumPy arrays."""
        import torch

        weights, buffers, inputs, gradients = _to_torch((weights, buffers, inputs, gradients))
        wanted = [*weights.values(), *(v for v in inputs if v.is_floating_point())]
        for tensor in wanted:
            tensor.requires_grad_(True)
        outputs, _ = self.run(weights, buffers, inputs, np.asarray(seed))
        pairs = zip(jax.tree.leaves(outputs), jax.tree.leaves(gradients), strict=True)
        reached = [(output, gradient) for output, gradient in pairs if output.requires_grad]
        found: Any = [None] * len(wanted)
        if reached:
            made, given = zip(*reached, strict=True)
            found = torch.autograd.grad(made, wanted, given, allow_unused=True)
        found = [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]
        return _to_numpy((dict(zip(weights, found, strict=False)), found[len(weights) :]))


def _widened(value: jax.Array) -> jax.Array:
    """Return 16-bit floats as 32-bit floats, the dtype of the module's parameters."""
    return value.astype("float32") if value.dtype in (jnp.bfloat16, jnp.float16) else value


def _run(module: _Module, weights: dict, buffers: dict, inputs: tuple, seed: jax.Array) -> tuple[Any, dict]:
    """Return a module's outputs and the updated buffers; jax can differentiate this function."""
    outputs = module.shapes(weights, buffers, inputs)
    like = lambda tree: jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), tree)  # noqa: E731
    is_float = [jnp.issubdtype(v.dtype, jnp.floating) for v in inputs]

    @jax.custom_vjp
    def call(weights: dict, buffers: dict, inputs: tuple, seed: jax.Array) -> tuple[Any, dict]:
        result = outputs, like(buffers)
        return jax.pure_callback(module.forward, result, weights, buffers, inputs, seed, vmap_method="sequential")

    def forward(*args: Any) -> tuple[Tree, Tree]:
        return call(*args), args

    def backward(args: tuple, gradients: tuple) -> tuple:
        weights, _, inputs, _ = args
        result = like((weights, [v for v, wanted in zip(inputs, is_float, strict=True) if wanted]))
        for_weights, found = jax.pure_callback(module.backward, result, *args, gradients[0], vmap_method="sequential")
        rest = iter(found)
        return for_weights, None, tuple(next(rest) if wanted else None for wanted in is_float), None

    call.defvjp(forward, backward)
    return call(weights, buffers, inputs, seed)


def _meta(array: Tensor) -> Any:
    import torch

    return torch.empty(array.shape, dtype=getattr(torch, jnp.dtype(array.dtype).name), device="meta")


def _to_torch(tree: Tree) -> Any:
    import torch

    return jax.tree.map(lambda v: torch.from_numpy(np.array(v)), tree)


def _to_numpy(tree: Tree) -> Any:
    return jax.tree.map(lambda v: np.asarray(v.detach(), dtypes.canonical(v.dtype)), tree)
