"""The connections between layer calls, read from the jaxpr of the code that calls the layers.

While jax traces the code, each tensor that enters or leaves a call gets a name in the jaxpr (an equation ``name``,
which does nothing). A walk through the equations then finds, for each value, the calls that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax.tree_util as jtu
from jax.ad_checkpoint import checkpoint_name

from kernelkit import masking, scope
from kernelkit.layers.base.call import signature_of
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.models.description.wiring import Call, Wiring
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Equation, Tree

_MARK = "kernelkit/drawn/"

# The size used for an unknown size while jax traces. It has many divisors, so that a split or a reshape may pass.
UNKNOWN = 10080


@dataclass
class Seen:
    """One call of a layer while its caller is traced."""

    layer: Any
    args: tuple
    kwargs: dict[str, Any]
    takes: list[KerasTensor] = field(default_factory=list)
    gives: list[KerasTensor] = field(default_factory=list)
    ended: bool = False


class Watcher:
    """Names the tensors that enter and leave the calls inside a layer.

    Attributes:
        calls: The calls, in the order in which they began.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.began = False
        self.calls: list[Seen] = []
        self.known: dict[int, KerasTensor] = {}  # by the id of a traced array; the arrays are kept alive
        self._kept: list[Any] = []

    def run(self, args: tuple, kwargs: dict[str, Any]) -> Tree:
        """Call the root, and watch its calls."""
        before, scope.local.watcher = scope.local.watcher, self
        try:
            return self.root(*args, **kwargs)
        finally:
            scope.local.watcher = before

    def call(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Tree:
        """Run a call of a layer, and name its tensors."""
        scope.local.watcher = None
        try:
            if layer is self.root and not self.began:
                self.began = True
                return self._call_root(layer, args, kwargs)
            seen = Seen(layer, *_as_specs((args, kwargs)))
            self.calls.append(seen)
            number = len(self.calls) - 1
            args, kwargs = self._named((args, kwargs), f"{number}/in", seen.takes)
            outputs = self._named(layer(*args, **kwargs), f"{number}/out", seen.gives)
            seen.ended = True
            return outputs
        finally:
            scope.local.watcher = self

    def _call_root(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        # The root is called like any layer. Only its `call` method is watched, not the work of `__call__` around it.
        own, given = layer.call, layer.__dict__.get("call")

        def watched(*args: Any, **kwargs: Any) -> Any:
            scope.local.watcher = self
            try:
                return own(*args, **kwargs)
            finally:
                scope.local.watcher = None

        watched.__signature__ = signature_of(layer).signature  # type: ignore[attr-defined]
        layer.__dict__["call"] = watched
        try:
            return layer(*args, **kwargs)
        finally:
            if given is None:
                layer.__dict__.pop("call", None)
            else:
                layer.__dict__["call"] = given

    def _named(self, nested: Any, place: str, specs: list[KerasTensor]) -> Any:
        def mark(value: Any) -> Any:
            if not is_tensor(value):
                return value
            spec = self.known.get(id(value))
            spec = _as_specs(value) if spec is None else spec
            specs.append(spec)
            marked = checkpoint_name(value, f"{_MARK}{place}/{len(specs) - 1}")
            self.known[id(marked)] = spec
            self._kept += [value, marked]
            mask = masking.get_mask(value)
            if mask is not None:
                masking.set_mask(marked, mask)
            return marked

        return jtu.tree_map(mark, nested, is_leaf=is_leaf)


def _as_specs(nested: Any) -> Any:
    def spec(value: Any) -> Any:
        if not is_tensor(value):
            return value
        return KerasTensor(tuple(None if d == UNKNOWN else d for d in value.shape), str(value.dtype))

    return jtu.tree_map(spec, nested, is_leaf=is_leaf)


# Reading the jaxpr ----------------------------------------------------------------------------------------------------


def connect(wiring: Wiring, jaxpr: Any, seen: list[Seen]) -> None:
    """Fill a wiring with the seen calls and with their connections in the jaxpr.

    A value that comes from several calls, such as the sum of two branches, becomes a call of its own, named after the
    primitive that joins them.
    """
    walk = _Walk(wiring, seen)
    for (key, _), variable in zip(wiring.inputs, jaxpr.invars, strict=True):
        walk.known[variable] = (key,)
    walk.run(jaxpr)
    wiring.kept = (wiring.kept, walk, seen)
    outputs = [key for v in jaxpr.outvars for key in walk.sources(v)[:1]]
    wiring.outputs = list(dict.fromkeys(outputs))


class _Walk:
    def __init__(self, wiring: Wiring, seen: list[Seen]) -> None:
        self.wiring, self.seen = wiring, seen
        self.known: dict[Any, tuple[int, ...]] = {}
        self.takes: dict[int, dict[int, tuple[int, ...]]] = {}
        self.made: list[KerasTensor] = []

    def sources(self, variable: Any) -> tuple[int, ...]:
        return () if hasattr(variable, "val") else self.known.get(variable, ())

    def run(self, jaxpr: Any) -> None:
        """Walk through the equations and the jaxprs that they call, without recursion."""
        stack: list[tuple[Iterator, Any, Any]] = [(iter(jaxpr.eqns), None, None)]
        while stack:
            equations, inner, outer = stack[-1]
            equation = next(equations, None)
            if equation is None:
                stack.pop()
                if outer is not None:
                    self._leave(inner, outer)
                continue
            below = _inner(equation)
            if below is not None:
                # The last operands are the arguments; constants come before them.
                given = equation.invars[len(equation.invars) - len(below.invars) :]
                if len(given) == len(below.invars):
                    for variable, value in zip(below.invars, given, strict=True):
                        self.known[variable] = self.sources(value)
                stack.append((iter(below.eqns), below, equation))
                continue
            self._step(equation)

    def _leave(self, inner: Any, outer: Any) -> None:
        if len(inner.outvars) == len(outer.outvars):
            for variable, value in zip(outer.outvars, inner.outvars, strict=True):
                self.known[variable] = self.sources(value)
        else:
            self._step(outer)

    def _step(self, equation: Equation) -> None:
        name = equation.params.get("name") if equation.primitive.name == "name" else None
        found = tuple(dict.fromkeys(key for v in equation.invars for key in self.sources(v)))
        if isinstance(name, str) and name.startswith(_MARK):
            number, side, position = name.removeprefix(_MARK).split("/")
            call = int(number)
            if side == "in":
                self.takes.setdefault(call, {})[int(position)] = found
            else:
                if int(position) == 0:
                    self._add(call)
                spec = self.seen[call].gives[int(position)]
                self.wiring.specs[id(spec)] = spec
                found = (id(spec),)
        elif len(found) > 1:
            found = (self._join(equation, found),)
        for variable in equation.outvars:
            self.known[variable] = found

    def _add(self, number: int) -> None:
        seen = self.seen[number]
        takes = [key for position in sorted(self.takes.get(number, {})) for key in self.takes[number][position]]
        call = Call(seen.layer, takes, [id(t) for t in seen.gives], seen.args, seen.kwargs)
        self.wiring.calls.append(call)

    def _join(self, equation: Equation, found: tuple[int, ...]) -> int:
        aval = equation.outvars[0].aval
        spec = KerasTensor(tuple(None if d == UNKNOWN else d for d in aval.shape), str(aval.dtype), name="joined")
        self.made.append(spec)
        self.wiring.specs[id(spec)] = spec
        self.wiring.calls.append(Call(equation.primitive.name, list(found), [id(spec)]))
        return id(spec)


def _inner(equation: Equation) -> Any:
    """Return the jaxpr that an equation calls, ``None`` if it calls none."""
    for value in equation.params.values():
        inner = getattr(value, "jaxpr", value)
        if hasattr(inner, "eqns") and hasattr(inner, "invars"):
            return inner
    return None
