"""A model as a `torch.nn.Module` that runs kernelkit's own program: arrays go both ways by DLPack, without a copy.

The parameters are PyTorch's. A forward pass is one compiled program of jax, which also keeps what the backward pass
reads; the backward pass is a second one. Both wait for their results, since PyTorch's optimizers write into the memory
that jax reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.export import signature as signatures
from kernelkit.export.needs import need
from kernelkit.export.pure import Apply, Weights, pure
from kernelkit.export.signature import Signature
from kernelkit.export.torch.module import attributes, place
from kernelkit.typing import InputSignature, Tensor, Tree

Arrays = list[jax.Array]


def to_bridge(model: Any, input_signature: InputSignature = None) -> Any:
    """Return a model as a `torch.nn.Module` around its own jitted program; see :meth:`kernelkit.Model.to_torch`.

    Raises:
        ImportError: If PyTorch is not installed.
    """
    torch = need("torch", "PyTorch modules")
    apply, weights = pure(model)
    signature = signatures.of_model(model, input_signature)
    dtypes = [jax.dtypes.canonicalize_dtype(spec.dtype) for spec in signature.inputs]
    programs = _Programs(apply, weights, signature)
    module = _module_class(torch)(programs, signature, dtypes)
    for path, value in weights.trainable.items():
        place(torch, module, attributes(path), _to_torch(torch, value), True)
    for path, value in weights.state.items():
        place(torch, module, attributes(path), _to_torch(torch, value), False)
    return module.eval()


class _Programs:
    """The compiled programs of a model. All take flat lists: trained arrays, other arrays, inputs.

    Attributes:
        dtypes: Dtypes of the model's arrays, trained and others, by path.
        run: ``(training, trained, others, inputs, key)``: outputs, and new values of the arrays that are not trained.
        differentiate: ``(training, by_inputs, trained, others, inputs, key)``: the same, and the function that pulls
            gradients of the outputs back.
        pull: Calls that function.
        tree: How the outputs are nested.
    """

    def __init__(self, apply: Apply, weights: Weights, signature: Signature) -> None:
        self.dtypes = tuple({path: v.dtype for path, v in part.items()} for part in weights)
        self.tree: Tree = None
        paths = [list(part) for part in self.dtypes]

        def run(training: bool, trained: Arrays, others: Arrays, inputs: Arrays, key: Any) -> tuple[Arrays, Arrays]:
            lent = Weights(dict(zip(paths[0], trained, strict=True)), dict(zip(paths[1], others, strict=True)))
            rng = jax.random.wrap_key_data(key) if training else None
            args, kwargs = signature.arguments(inputs)
            outputs, state = apply(lent, *args, training=training, rng=rng, mutable=True, **kwargs)
            leaves, self.tree = jax.tree.flatten(outputs)
            return leaves, [state[path] for path in paths[1]]

        def differentiate(
            training: bool, by_inputs: bool, trained: Arrays, others: Arrays, inputs: Arrays, key: Any
        ) -> tuple[Arrays, Arrays, Callable]:
            places = [i for i, x in enumerate(inputs) if by_inputs and _is_float(x)]

            def floats(trained: Arrays, chosen: Arrays) -> tuple[Arrays, tuple[Arrays, Arrays]]:
                given = list(inputs)
                for i, x in zip(places, chosen, strict=True):
                    given[i] = x
                outputs, state = run(training, trained, others, given, key)
                return [y for y in outputs if _is_float(y)], (outputs, state)

            _, pull_back, (outputs, state) = jax.vjp(floats, trained, [inputs[i] for i in places], has_aux=True)
            return outputs, state, pull_back

        self.run = jax.jit(run, static_argnums=0)
        self.differentiate = jax.jit(differentiate, static_argnums=(0, 1))
        self.pull = jax.jit(lambda pull_back, gradients: pull_back(gradients))


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


def _to_jax(tensor: Tensor, dtype: Any) -> jax.Array:
    """Return a tensor as an array of jax, in the same memory if possible."""
    own = tensor.detach().contiguous()
    if jnp.issubdtype(dtype, jnp.floating):
        return jax.dlpack.from_dlpack(own).astype(dtype)
    return jnp.asarray(own.cpu().numpy(), dtype)


def _to_torch(torch: Any, array: jax.Array) -> Any:
    """Return a copy of an array as a tensor, into which PyTorch may write."""
    if jnp.issubdtype(array.dtype, jnp.floating):
        return torch.from_dlpack(array).clone()
    return torch.from_numpy(np.array(array, "int64" if array.dtype.name.startswith("uint") else array.dtype))


def _function_class(torch: Any) -> Any:
    class Call(torch.autograd.Function):
        """A call of the programs that PyTorch differentiates: outputs, then new values of the buffers."""

        @staticmethod
        def forward(ctx: Any, programs: _Programs, training: bool, key: Any, kinds: list[Any], *tensors: Any) -> Any:
            first, second = (sum(map(len, programs.dtypes[:n])) for n in (1, 2))
            arrays = [_to_jax(t, dtype) for t, dtype in zip(tensors, kinds, strict=True)]
            by_inputs = any(ctx.needs_input_grad[4 + second :])
            parts = arrays[:first], arrays[first:second], arrays[second:]
            outputs, state, ctx.pull_back = jax.block_until_ready(
                programs.differentiate(training, by_inputs, *parts, key)
            )
            ctx.pull, ctx.first, ctx.count = programs.pull, first, len(tensors)
            ctx.places = [second + i for i, x in enumerate(parts[2]) if by_inputs and _is_float(x)]
            ctx.dtypes = [y.dtype for y in outputs]
            # PyTorch refuses a backward pass after one of these was written into.
            ctx.save_for_backward(*tensors[:first], *tensors[second:])
            made = [_to_torch(torch, y) for y in (*outputs, *state)]
            smooth = [_is_float(y) for y in outputs] + [False] * len(state)
            ctx.mark_non_differentiable(*(t for t, keeps in zip(made, smooth, strict=True) if not keeps))
            return tuple(made)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *gradients: Any) -> Any:
            _ = ctx.saved_tensors
            pairs = zip(gradients[: len(ctx.dtypes)], ctx.dtypes, strict=True)
            given = [_to_jax(g, dtype) for g, dtype in pairs if jnp.issubdtype(dtype, jnp.floating)]
            of_trained, of_inputs = jax.block_until_ready(ctx.pull(ctx.pull_back, given))
            made: list[Any] = [None] * ctx.count
            made[: ctx.first] = [_to_torch(torch, g) for g in of_trained]
            for place_of, g in zip(ctx.places, of_inputs, strict=True):
                made[place_of] = _to_torch(torch, g)
            return (None, None, None, None, *made)

    return Call


def _module_class(torch: Any) -> type:
    call = _function_class(torch)

    class KernelkitBridge(torch.nn.Module):
        """A kernelkit model that jax computes and PyTorch trains."""

        def __init__(self, programs: _Programs, signature: Signature, dtypes: list[Any]) -> None:
            super().__init__()
            self._programs, self._signature = programs, signature
            self._kinds = [dtype for part in programs.dtypes for dtype in part.values()] + dtypes

        def _tensor(self, path: str) -> Any:
            *owners, last = attributes(path)
            return getattr(self.get_submodule(".".join(owners)), last)

        @torch.compiler.disable
        def forward(self, *inputs: Any, **named: Any) -> Any:
            programs, given = self._programs, self._signature.flatten_call(inputs, named)
            trained, others = ([self._tensor(path) for path in part] for part in programs.dtypes)
            first, second = len(trained), len(trained) + len(others)
            # PyTorch's generator seeds dropout, so that torch.manual_seed has an effect.
            drawn = torch.randint(0, 2**31 - 1, (2,)).numpy() if self.training else np.zeros(2)
            key, tensors = jnp.asarray(drawn, jnp.uint32), (*trained, *others, *given)
            if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
                made = list(call.apply(programs, self.training, key, self._kinds, *tensors))
            else:
                arrays = [_to_jax(t, dtype) for t, dtype in zip(tensors, self._kinds, strict=True)]
                parts = arrays[:first], arrays[first:second], arrays[second:]
                outputs, state = jax.block_until_ready(programs.run(self.training, *parts, key))
                made = [_to_torch(torch, y) for y in (*outputs, *state)]
            outputs, new = made[: len(made) - len(others)], made[len(made) - len(others) :]
            if self.training:
                with torch.no_grad():
                    for buffer, value in zip(others, new, strict=True):
                        buffer.copy_(value)
            return jax.tree.unflatten(programs.tree, outputs)

        def extra_repr(self) -> str:
            return f"inputs={[spec.name for spec in self._signature.inputs]}, computed by jax"

    return KernelkitBridge
