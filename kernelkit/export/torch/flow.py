"""Rules of gathers, slices at computed positions, loops and branches, as PyTorch code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernelkit import jaxprs
from kernelkit.export.torch.source import Source, Value
from kernelkit.export.walk import walk
from kernelkit.typing import Equation


def gather(s: Source, equation: Equation, x: Value, indices: Value) -> Value:
    """`gather`: advanced indexing with one index array an axis."""
    p, aval = equation.params, equation.outvars[0].aval
    d = p["dimension_numbers"]
    places, valid = _places(
        s, x, indices, d.start_index_map, d.offset_dims, d.collapsed_slice_dims, d.operand_batching_dims,
        d.start_indices_batching_dims, p["slice_sizes"], aval.shape, _mode(p["mode"]),
    )  # fmt: skip
    out = s.put(f"{s.text(x)}[{', '.join(places)}].expand({s.shape(aval.shape)})", aval)
    if valid is None:
        return out
    fill = p["fill_value"]
    if fill is None:
        fill = np.nan if np.issubdtype(x.dtype, np.floating) else np.iinfo(x.dtype).min
    fill = "float('nan')" if isinstance(fill, float) and np.isnan(fill) else repr(fill)
    return s.put(f"torch.where({valid}, {out.text}, {fill})", aval)


def scatter(reduction: str = "") -> Callable:
    """`scatter`, `scatter-add`: index_put; the others: scatter_reduce on flat places."""

    def rule(s: Source, equation: Equation, x: Value, indices: Value, updates: Value) -> Value:
        p, aval = equation.params, equation.outvars[0].aval
        d = p["dimension_numbers"]
        own = [a for a in range(len(x.shape)) if a not in (*d.inserted_window_dims, *d.operand_batching_dims)]
        sizes: list[Any] = [1] * len(x.shape)
        for axis, place in zip(own, d.update_window_dims, strict=True):
            sizes[axis] = updates.shape[place]
        places, valid = _places(
            s, x, indices, d.scatter_dims_to_operand_dims, d.update_window_dims, d.inserted_window_dims,
            d.operand_batching_dims, d.scatter_indices_batching_dims, sizes, updates.shape, _mode(p["mode"]),
        )  # fmt: skip
        shape = s.shape(updates.shape)
        data, new = s.text(x), s.text(updates)
        axis, rest = d.scatter_dims_to_operand_dims[0], ""
        if valid is not None:  # what lies outside goes into one more slice of an axis, which is cut off again
            more = s.shape([1 if a == axis else n for a, n in enumerate(x.shape)])
            places[axis] = f"torch.where({valid}, {places[axis]}, {data}.shape[{axis}])"
            data, rest = (
                f"torch.cat(({data}, {data}.new_zeros({more})), {axis})",
                f".narrow({axis}, 0, {data}.shape[{axis}])",
            )
        wide = ", ".join(f"({place}).expand({shape})" for place in places)
        if reduction in ("", "add"):
            return s.put(f"torch.index_put({data}, ({wide},), {new}, accumulate={bool(reduction)}){rest}", aval)
        whole = s.put(data, aval).text
        flat = f"({places[0]}).expand({shape})"
        for a, place in enumerate(places[1:], 1):
            flat = f"({flat} * {whole}.shape[{a}] + {place})"
        made = f"{whole}.reshape(-1).scatter_reduce(0, {flat}.reshape(-1), {new}.reshape(-1), '{reduction}')"
        return s.put(f"{made}.reshape({whole}.shape){rest}", aval)

    return rule


def _places(
    s: Source, x: Value, indices: Value, starts: Sequence, offsets: Sequence, collapsed: Sequence, batching: Sequence,
    index_batching: Sequence, sizes: Sequence, shape: Sequence, mode: str,
) -> tuple[list[str], str | None]:  # fmt: skip
    """Return an index array for each axis of x, broadcastable to the result, and a mask of the indices inside of x."""
    n = len(shape)
    batch_places = [axis for axis in range(n) if axis not in offsets]
    own = [axis for axis in range(len(x.shape)) if axis not in (*collapsed, *batching)]
    places, valid = [], None
    for axis in range(len(x.shape)):
        text = ""
        if axis in starts:
            start = s.fresh()
            s.line(f"{start} = {s.text(indices)}[..., {list(starts).index(axis)}].to(torch.int64)")
            last = f"({s.size(x.shape[axis])} - {s.size(sizes[axis])})"
            view = s.shape([shape[axis] if axis in batch_places else 1 for axis in range(n)])
            if mode == "fill":
                inside = f"(({start} >= 0) & ({start} <= {last})).reshape({view})"
                valid = inside if valid is None else f"({valid} & {inside})"
            if mode != "promise":
                s.line(f"{start} = {start}.clamp(0, {last})")
            text = f"{start}.reshape({view})"
        if axis in batching:
            place = batch_places[list(index_batching)[list(batching).index(axis)]]
            text = _range(s, shape[place], place, n)
        elif axis in own and str(sizes[axis]) != "1":
            span = _range(s, sizes[axis], list(offsets)[own.index(axis)], n)
            text = f"{text} + {span}" if text else span
        places.append(text or f"torch.zeros({s.shape([1] * n)}, dtype=torch.int64, device=device)")
    return places, valid


def _range(s: Source, size: Any, place: int, rank: int) -> str:
    view = s.shape([size if axis == place else 1 for axis in range(rank)])
    return f"torch.arange({s.size(size)}, device=device).reshape({view})"


def _mode(mode: Any) -> str:
    text = str(mode).lower()
    return "promise" if "promise" in text else "fill" if "fill" in text else "clip"


def dynamic_slice(s: Source, equation: Equation, x: Value, *starts: Value) -> Value:
    """`dynamic_slice`: index_select, whose start may be computed at run time."""
    aval, text = equation.outvars[0].aval, s.text(x)
    for axis, (start, size) in enumerate(zip(starts, equation.params["slice_sizes"], strict=True)):
        if str(size) != str(x.shape[axis]):
            text = f"torch.index_select({text}, {axis}, {_rows(s, start, size, x.shape[axis])})"
    return s.put(text, aval)


def dynamic_update_slice(s: Source, equation: Equation, x: Value, update: Value, *starts: Value) -> Value:
    """`dynamic_update_slice`: index_put of the rows of each axis."""
    rank, places = len(x.shape), []
    for axis, start in enumerate(starts):
        view = s.shape([update.shape[axis] if a == axis else 1 for a in range(rank)])
        places.append(f"{_rows(s, start, update.shape[axis], x.shape[axis])}.reshape({view})")
    shape = s.shape(update.shape)
    wide = ", ".join(f"{place}.expand({shape})" for place in places)
    return s.put(f"torch.index_put({s.text(x)}, ({wide},), {s.text(update)})", equation.outvars[0].aval)


def _rows(s: Source, start: Value, size: Any, whole: Any) -> str:
    last = f"({s.size(whole)} - {s.size(size)})"
    begin = f"{s.text(start)}.to(torch.int64).clamp(0, {last})"
    return f"({begin} + torch.arange({s.size(size)}, device=device))"


def scan(s: Source, equation: Equation, *operands: Value) -> list[Value]:
    """`scan`: a for loop."""
    loop = jaxprs.scan_of(equation)
    assert loop is not None
    first, second = loop.constants, loop.constants + loop.carried
    consts, carry, sequences = operands[:first], operands[first:second], operands[second:]
    state = [s.put(s.text(x), Like(x)) for x in carry]
    sources = [x if x.const is None else s.put(s.text(x), Like(x)) for x in sequences]
    stacked = equation.outvars[loop.carried :]
    lists = [s.fresh("rows") for _ in stacked]
    for name in lists:
        s.line(f"{name} = []")
    t, length = s.fresh("t"), s.size(loop.length)
    steps = f"range({length} - 1, -1, -1)" if loop.reverse else f"range({length})"
    with s.block(f"for {t} in {steps}:"):
        rows = [s.put(f"{x.text}[{t}]", _Row(x)) for x in sources]
        made = walk(s, loop.opened, [*consts, *state, *rows], s.rules)
        for name, y in zip(lists, made[loop.carried :], strict=True):
            s.line(f"{name}.append({s.text(y)})")
        if state:
            new = ", ".join(s.text(y) for y in made[: loop.carried])
            s.line(f"{', '.join(x.text for x in state)} = {new}")
    out = list(state)
    for name, variable in zip(lists, stacked, strict=True):
        out.append(s.put(f"torch.stack({name}{'[::-1]' if loop.reverse else ''})", variable.aval))
    return out


def while_loop(s: Source, equation: Equation, *operands: Value) -> list[Value]:
    """`while`."""
    w = jaxprs.while_of(equation)
    test, own = w.condition_constants, w.condition_constants + w.body_constants
    state = [s.put(s.text(x), Like(x)) for x in operands[own:]]
    with s.block("while True:"):
        goes_on = walk(s, w.condition, [*operands[:test], *state], s.rules)[0]
        with s.block(f"if not bool({s.text(goes_on)}):"):
            s.line("break")
        made = walk(s, w.body, [*operands[test:own], *state], s.rules)
        s.line(f"{', '.join(x.text for x in state)} = {', '.join(map(s.text, made))}")
    return state


def cond(s: Source, equation: Equation, which: Value, *operands: Value) -> list[Value]:
    """`cond`: if and else."""
    names = [s.fresh() for _ in equation.outvars]
    bodies = jaxprs.branches_of(equation)
    index = s.fresh("branch")
    s.line(f"{index} = int({s.text(which)})")
    for number, body in enumerate(bodies):
        head = "else:" if number == len(bodies) - 1 and number else f"{'el' if number else ''}if {index} <= {number}:"
        with s.block(head):
            made = walk(s, body, operands, s.rules)
            s.line(f"{', '.join(names)} = {', '.join(map(s.text, made))}" if names else "pass")
    return [Value(n, tuple(v.aval.shape), v.aval.dtype) for n, v in zip(names, equation.outvars, strict=True)]


class Like:
    """The shape and dtype of a value, as `Source.put` reads them."""

    def __init__(self, x: Value) -> None:
        self.shape, self.dtype = x.shape, x.dtype


class _Row(Like):
    def __init__(self, x: Value) -> None:
        super().__init__(x)
        self.shape = x.shape[1:]


RULES: dict[str, Callable] = {
    "gather": gather,
    "scatter": scatter(),
    "scatter-add": scatter("add"),
    "scatter_add": scatter("add"),
    "scatter-mul": scatter("prod"),
    "scatter_mul": scatter("prod"),
    "scatter-min": scatter("amin"),
    "scatter_min": scatter("amin"),
    "scatter-max": scatter("amax"),
    "scatter_max": scatter("amax"),
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "scan": scan,
    "while": while_loop,
    "cond": cond,
}
