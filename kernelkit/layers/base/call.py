"""`Call`: one call of a layer, its arguments bound once to the parameter names of the layer's ``call``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kernelkit.layers.base.parts import HasParts
from kernelkit.layers.base.tensors import collect_masks, convert, to_array
from kernelkit.serialize import suggest
from kernelkit.typing import Tree

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """The parameters of a class's ``call``.

    Args:
        call: The bound function.
    """

    def __init__(self, call: Callable) -> None:
        self.signature = inspect.signature(call)
        parameters = self.signature.parameters
        kinds = {n: p.kind for n, p in parameters.items()}
        self.takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
        self.names = list(parameters)
        self.positional = [n for n, kind in kinds.items() if kind in _POSITIONAL]
        self.place = {n: i for i, n in enumerate(self.positional)}
        self.known = {n for n, kind in kinds.items() if kind not in (inspect.Parameter.VAR_POSITIONAL,)}
        first = [n for n, kind in kinds.items() if kind in (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL)]
        self.first = first[0] if first else ""
        self.needed = [n for n in self.positional if parameters[n].default is inspect.Parameter.empty]
        self.masks = [n for n in parameters if n == "mask" or n.endswith("_mask")]
        self.named_training = "training" in parameters
        self.has_training = self.named_training or self.takes_any
        default = parameters["training"].default if self.named_training else None
        self.training_default = None if default is inspect.Parameter.empty else default


def signature_of(layer: Any) -> Signature:
    """Return the parameters of a layer's ``call``, cached by class."""
    call = layer.call
    function = getattr(call, "__func__", None)
    return Signature(call) if function is None else _bound_signature(function)


@functools.lru_cache(maxsize=4096)
def _bound_signature(function: Any) -> Signature:
    return Signature(functools.partial(function, None))


class Call:
    """The arguments of one call, as given, accessible by name.

    Args:
        signature: The parameters of the layer's ``call``.
        args: Positional arguments.
        kwargs: Named arguments. The dict now belongs to the call, which may change it.
        who: How errors name the layer.

    Raises:
        TypeError: If ``call`` has no parameter of a given name, or needs one that was not given. A ``training`` that
            ``call`` doesn't take holds for the layers inside.
    """

    __slots__ = ("args", "kwargs", "signature", "told_training")

    def __init__(self, signature: Signature, args: tuple, kwargs: dict[str, Any], who: Callable[[], str] = str) -> None:
        self.signature, self.args, self.kwargs = signature, args, kwargs
        self.told_training: bool | None = None
        if len(args) < len(signature.needed):
            for name in signature.needed[len(args) :]:
                if name not in kwargs and name not in signature.masks:  # a mask may come with its tensor
                    raise TypeError(f"{who()}: call() is missing the argument {name!r}.")
        if kwargs and not signature.takes_any:
            if not signature.named_training:
                self.told_training = kwargs.pop("training", None)
            for name in kwargs:
                if name not in signature.known:
                    raise TypeError(
                        f"{who()}: call() got an unexpected keyword argument {name!r}.{suggest(name, signature.known)}"
                    )

    def get(self, name: str) -> Any:
        """Return an argument by name; ``None`` if it was not given."""
        if name in self.kwargs:
            return self.kwargs[name]
        place = self.signature.place.get(name)
        return self.args[place] if place is not None and place < len(self.args) else None

    def put(self, name: str, value: Any) -> None:
        """Replace or add an argument by name."""
        place = self.signature.place.get(name)
        if place is None or place >= len(self.args):
            self.kwargs[name] = value
        else:
            self.args = (*self.args[:place], value, *self.args[place + 1 :])

    @property
    def first(self) -> Tree:
        """The first argument: the inputs."""
        return self.args[0] if self.args else self.kwargs.get(self.signature.first)

    def arguments(self) -> dict[str, Any]:
        """Return the given arguments by name, in the order of ``call``, without ``*args`` and ``**kwargs``."""
        given = dict(zip(self.signature.positional, self.args, strict=False)) | self.kwargs
        return {n: given[n] for n in self.signature.names if n in given}

    def settle_training(self, around: bool | None) -> bool | None:
        """Return whether this is training: the argument, else the value of the outer call, else ``call``'s default."""
        training = self.told_training if self.told_training is not None else self.get("training")
        if training is None:
            training = self.signature.training_default if around is None else around
        if self.signature.named_training and self.get("training") is not training:
            self.put("training", training)
        return training

    def fill_masks(self) -> Tree:
        """Fill the mask arguments with the tensors' own masks; return the mask of the first argument."""
        arriving = collect_masks(self.first)
        for name in self.signature.masks:
            if self.get(name) is None:
                masks = arriving if name == "mask" else collect_masks(self.get(name.removesuffix("_mask")))
                if masks is not None:
                    self.put(name, masks)
        return arriving

    def convert(self, float_dtype: str | None, takes_sparse: bool = True) -> None:
        """Convert array-likes to jax arrays, and floats to a dtype."""
        if len(self.args) == 1:
            self.args = (convert(self.args[0], float_dtype, takes_sparse),)
        else:
            self.args = convert(self.args, float_dtype, takes_sparse)
        for name, value in self.kwargs.items():
            if value is not None and not isinstance(value, (bool, int, str)):
                self.kwargs[name] = (
                    convert(value, float_dtype, takes_sparse)
                    if isinstance(value, (list, tuple, dict))
                    else to_array(value, float_dtype, takes_sparse)
                )

    def require_tensors(self, who: Callable[[], str], symbolic: bool) -> None:
        """Raise ``ValueError`` if a positional argument is a layer, a string or, with symbolic tensors, a number."""
        wrong = (HasParts, str, bool, int, float) if symbolic else (HasParts, str)
        for i, value in enumerate(self.args):
            for one in value if type(value) in (list, tuple) else (value,):
                if isinstance(one, HasParts):
                    raise ValueError(
                        f"{who()}: Only input tensors may be passed as positional arguments, but it was called on the "
                        f"layer {getattr(one, 'name', '?')!r} itself. Call that layer on an Input or on data first. "
                        "[K20]"
                    )
            if isinstance(value, wrong):
                names = self.signature.positional
                name = names[i] if i < len(names) else f"argument {i}"
                raise ValueError(
                    f"{who()}: Only input tensors may be passed as positional arguments. Give {value!r} by name: "
                    f"layer(..., {name}={value!r})."
                )
