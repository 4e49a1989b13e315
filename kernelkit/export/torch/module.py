"""From a traced model to a `torch.nn.Module`."""

from __future__ import annotations

import keyword
from typing import Any

import numpy as np

from kernelkit.export import program as programs
from kernelkit.export.needs import need
from kernelkit.export.program import Program
from kernelkit.export.pure import named_variables
from kernelkit.export.torch.source import Source, Value
from kernelkit.export.walk import walk
from kernelkit.typing import InputSignature, Tensor

HELPERS = "def floordiv(a, b):\n    return a // b\n\n\ndef mod(a, b):\n    return a % b\n"


def to_torch(model: Any, input_signature: InputSignature = None) -> Any:
    """Return a model as a `torch.nn.Module` of pure PyTorch.

    Its ``forward`` is code that is written from the model's jaxpr; ``module.code`` shows it. Parameters carry the paths
    of the model's variables. ``module.train()`` and ``module.eval()`` switch dropout and batch statistics as in any
    module. Autograd, `torch.compile` and `torch.export` work; jax is not needed to run it.

    Args:
        model: A model that is built.
        input_signature: See :meth:`kernelkit.Model.export`.

    Raises:
        ImportError: If PyTorch is not installed.
        NotImplementedError: If the model uses an operation that is not written for PyTorch.
    """
    torch = need("torch", "PyTorch modules")
    evaluated = programs.trace(model, input_signature)
    trained = programs.trace_training(model, input_signature)
    split = trained.trainable
    sources = {"_evaluate": _written(evaluated, "_evaluate"), "_train": _written(trained.program, "_train", split)}
    code = HELPERS + "".join(f"\n\n{text}" for text, _ in sources.values())
    namespace: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    exec(compile(code, f"<{model.name} in PyTorch>", "exec"), namespace)
    kind = _module_class(torch)
    module = kind(evaluated, code, namespace)
    trainable = set(list(evaluated.weights)[:split])
    for path, value in evaluated.weights.items():
        tensor = _tensor(torch, value, value.dtype)
        place(torch, module, attributes(path), tensor, path in trainable)
    for prefix, (_, constants) in sources.items():
        for number, array in enumerate(constants):
            owner = "constants" if prefix == "_evaluate" else "train_constants"
            tensor = _tensor(torch, array, _readable(array.dtype))
            module.register_buffer(f"{owner}_{number}", tensor, persistent=False)
    return module.eval()


def assign_torch(model: Any, module: Any) -> None:
    """Put the weights of a module that :func:`to_torch` made into the model, by path.

    Args:
        model: The model.
        module: Its module, trained since then.

    Raises:
        ValueError: If the module lacks one of the model's variables.

    Example:
        >>> import torch
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> module = model.to_torch()
        >>> with torch.no_grad():
        ...     for parameter in module.parameters():
        ...         _ = parameter.fill_(0.5)
        >>> kk.export.assign_torch(model, module)
        >>> model.layers[0].bias.numpy().tolist()
        [0.5, 0.5]
    """
    _, trainable, state = named_variables(model)
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for path, variable in {**trainable, **state}.items():
        name = ".".join(attributes(path))
        if name not in tensors:
            raise ValueError(f"The module has no {name!r}: it was made from another model than {model.name!r}.")
        tensor = tensors[name].detach().cpu()
        variable.assign((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())


def _written(program: Program, name: str, trainable: int | None = None) -> tuple[str, list[np.ndarray]]:
    """Return a function of PyTorch code, and the arrays that it names."""
    from kernelkit.export.torch.rules import RULES

    s = Source(RULES)
    names = [f"x{i}" for i in range(len(program.signature.inputs))]
    head = f"def {name}(self, {', '.join(names)}):"
    s.line(f"device = {names[0]}.device")
    seen = set()
    for text, aval in zip(names, program.arguments, strict=True):
        for axis, size in enumerate(aval.shape):
            if not isinstance(size, int) and str(size).isidentifier() and str(size) not in seen:
                seen.add(str(size))
                s.line(f"{size} = {text}.shape[{axis}]")
    for text, spec, aval in zip(names, program.signature.inputs, program.arguments, strict=True):
        if spec.dtype != aval.dtype.name:  # jax computes 64-bit inputs in 32 bits
            s.line(f"{text} = {text}.to({s.type(aval.dtype)})")
    weights = [
        Value(f"self.{'.'.join(attributes(path))}", tuple(v.shape), v.dtype) for path, v in program.weights.items()
    ]
    inputs = [Value(text, tuple(a.shape), a.dtype) for text, a in zip(names, program.arguments, strict=True)]
    results = walk(s, program.body, [*weights, *inputs], s.rules)
    count = len(program.outputs)
    if trainable is not None:
        state = list(program.weights)[trainable:]
        for path, value in zip(state, results[count:], strict=True):
            own = f"self.{'.'.join(attributes(path))}"
            if s.text(value) != own:
                s.line(f"{own}.copy_({s.text(value)}.detach())")
    s.line(f"return ({''.join(f'{s.text(y)}, ' for y in results[:count])})")
    text = "\n".join([head, *s.lines]) + "\n"
    if trainable is not None:
        text = text.replace("self.constants_", "self.train_constants_")
    return text, s.constants


def attributes(path: str) -> list[str]:
    """Return the names of the attributes for a variable: the parts of its path, as valid Python names."""
    out = []
    for part in path.split("/"):
        name = "".join(c if c.isalnum() or c == "_" else "_" for c in part) or "_"
        name = f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        out.append(f"{name}_" if name in _TAKEN else name)
    return out


_TAKEN = set(
    "forward train training eval code parameters buffers modules children state_dict float double half to cpu cuda "
    "type apply call_super_init dump_patches zero_grad requires_grad_ compile share_memory T_destination".split()
)


def place(torch: Any, module: Any, names: list[str], tensor: Tensor, trainable: bool) -> None:
    """Register a tensor under a dotted name: as a parameter if it is trained, else as a buffer."""
    for name in names[:-1]:
        if not hasattr(module, name):
            module.add_module(name, torch.nn.Module())
        module = getattr(module, name)
    if trainable:
        module.register_parameter(names[-1], torch.nn.Parameter(tensor))
    else:
        module.register_buffer(names[-1], tensor)


def _tensor(torch: Any, array: Any, dtype: Any) -> Any:
    """Return an array as a tensor. NumPy has no bfloat16 that PyTorch reads."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(np.array(array, "float32")).to(torch.bfloat16)
    return torch.from_numpy(np.array(array, dtype))


def _readable(dtype: Any) -> Any:
    return "int64" if dtype.name in ("uint16", "uint32", "uint64") else dtype


def _module_class(torch: Any) -> type:
    class KernelkitModule(torch.nn.Module):
        """A kernelkit model as PyTorch code: see ``code``."""

        def __init__(self, program: Program, code: str, namespace: dict[str, Any]) -> None:
            super().__init__()
            self.code = code
            self._signature = program.signature
            self._outputs = program.struct
            self._run, self._run_train = namespace["_evaluate"], namespace["_train"]

        def forward(self, *inputs: Any, **named: Any) -> Any:
            flat = self._signature.flatten_call(inputs, named)
            outputs = self._run_train(self, *flat) if self.training else self._run(self, *flat)
            return _nest(self._outputs, outputs)

        def extra_repr(self) -> str:
            return f"inputs={[spec.name for spec in self._signature.inputs]}"

    return KernelkitModule


def _nest(struct: Any, values: tuple) -> Any:
    if isinstance(struct, dict):
        return {key: _nest(inner, values) for key, inner in struct.items()}
    if isinstance(struct, (list, tuple)):
        return type(struct)(_nest(inner, values) for inner in struct)
    return values[struct]
