"""Rules of elementwise primitives and of those that move numbers, as PyTorch code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.torch.source import Source, Value
from kernelkit.typing import Equation


def form(text: str) -> Callable:
    """A primitive as an expression, in which ``{0}``, ``{1}`` stand for its operands; numbers stay numbers."""

    def rule(s: Source, equation: Equation, *operands: Value) -> Value:
        names = [s.number(x) for x in operands]
        if len(operands) == 1 or all(x.const is not None for x in operands):
            names[0] = s.text(operands[0])  # at least one is a tensor
        return s.put(text.format(*names), equation.outvars[0].aval)

    return rule


def function(name: str) -> Callable:
    """A primitive as a function of tensors."""

    def rule(s: Source, equation: Equation, *operands: Value) -> Value:
        return s.put(f"{name}({', '.join(map(s.text, operands))})", equation.outvars[0].aval)

    return rule


def same(s: Source, equation: Equation, *operands: Value) -> list[Value]:
    """Primitives that return their operand unchanged."""
    return list(operands)


def maximum(s: Source, equation: Equation, a: Value, b: Value) -> Value:
    """`max`: with zero it is ReLU, whose slope at 0 is 0, as in jax.nn."""
    for x, other in ((a, b), (b, a)):
        if x.const is not None and np.issubdtype(x.dtype, np.floating) and not np.any(x.const):
            return s.put(f"torch.relu({s.text(other)})", equation.outvars[0].aval)
    return function("torch.maximum")(s, equation, a, b)


def divide(s: Source, equation: Equation, a: Value, b: Value) -> Value:
    """`div`: of integers toward zero."""
    if np.issubdtype(a.dtype, np.integer):
        return s.put(f"torch.div({s.text(a)}, {s.text(b)}, rounding_mode='trunc')", equation.outvars[0].aval)
    return form("{0} / {1}")(s, equation, a, b)


def select(s: Source, equation: Equation, which: Value, *cases: Value) -> Value:
    """`select_n`."""
    aval = equation.outvars[0].aval
    if which.dtype == np.bool_:
        return s.put(f"torch.where({s.text(which)}, {s.text(cases[1])}, {s.text(cases[0])})", aval)
    out = cases[0]
    for number, case in enumerate(cases[1:], 1):
        out = s.put(f"torch.where({s.text(which)} == {number}, {s.text(case)}, {s.text(out)})", aval)
    return out


def convert(s: Source, equation: Equation, x: Value) -> Value:
    """`convert_element_type`."""
    aval = equation.outvars[0].aval
    if x.dtype == aval.dtype:
        return x
    return s.put(f"{s.text(x)}.to({s.type(aval.dtype)})", aval)


def round_(s: Source, equation: Equation, x: Value) -> Value:
    """`round`: to the nearest even number, or away from zero."""
    if int(equation.params["rounding_method"]) == 1:
        return function("torch.round")(s, equation, x)
    name = s.text(x)
    return s.put(f"torch.sign({name}) * torch.floor(torch.abs({name}) + 0.5)", equation.outvars[0].aval)


def broadcast(s: Source, equation: Equation, x: Value, *_: Value) -> Value:
    """`broadcast_in_dim`: a view."""
    aval = equation.outvars[0].aval
    places = equation.params["broadcast_dimensions"]
    kept: list[Any] = [1] * len(aval.shape)
    for place, size in zip(places, x.shape, strict=True):
        kept[place] = size
    return s.put(f"{s.text(x)}.reshape({s.shape(kept)}).expand({s.shape(aval.shape)})", aval)


def reshape(s: Source, equation: Equation, x: Value, *_: Value) -> Value:
    """`reshape`, `squeeze`, `expand_dims`."""
    aval = equation.outvars[0].aval
    return s.put(f"{s.text(x)}.reshape({s.shape(aval.shape)})", aval)


def transpose(s: Source, equation: Equation, x: Value) -> Value:
    """`transpose`."""
    order = ", ".join(str(int(axis)) for axis in equation.params["permutation"])
    return s.put(f"{s.text(x)}.permute({order})", equation.outvars[0].aval)


def concatenate(s: Source, equation: Equation, *operands: Value) -> Value:
    """`concatenate`."""
    parts = ", ".join(map(s.text, operands))
    return s.put(f"torch.cat([{parts}], {int(equation.params['dimension'])})", equation.outvars[0].aval)


def stack(s: Source, equation: Equation, *operands: Value) -> Value:
    """`stack`: arrays side by side along a new axis."""
    parts = ", ".join(map(s.text, operands))
    return s.put(f"torch.stack([{parts}], {int(equation.params['axis'])})", equation.outvars[0].aval)


def shift(operator: str) -> Callable:
    """`shift_left` and `shift_right_logical` of unsigned integers, as int64 if they have fewer than 64 bits."""

    def rule(s: Source, equation: Equation, x: Value, count: Value) -> Value:
        aval, text, by = equation.outvars[0].aval, s.text(x), s.text(count)
        bits = 8 * np.dtype(aval.dtype).itemsize
        if bits < 64 and (operator == ">>" or np.dtype(aval.dtype).kind == "u"):
            mask = 2**bits - 1
            made = f"((({text}.to(torch.int64) & {mask}) {operator} {by}) & {mask}).to({s.type(aval.dtype)})"
            return s.put(made, aval)
        return s.put(f"{text} {operator} {by}", aval)

    return rule


def pad(s: Source, equation: Equation, x: Value, value: Value) -> Value:
    """`pad`: borders, negative ones (which crop), and gaps."""
    name, config, aval = s.text(x), equation.params["padding_config"], equation.outvars[0].aval
    if any(gap for _, _, gap in config):
        sizes = [size + (size - 1) * gap if gap else size for size, (_, _, gap) in zip(x.shape, config, strict=True)]
        steps = ", ".join(f"::{gap + 1}" for _, _, gap in config)
        wide = s.put(f"torch.full({s.shape(sizes)}, {s.number(value)}, dtype={s.type(x.dtype)}, device=device)", aval)
        place = s.fresh()
        s.line(f"{place} = {wide.text}.clone()")
        s.line(f"{place}[{steps}] = {name}")
        name = place
    borders = ", ".join(f"{low}, {high}" for low, high, _ in reversed(config))
    number = s.number(value) if value.const is not None else f"{s.text(value)}.item()"
    if not np.isfinite(float(value.const)) if value.const is not None else False:
        number = f"float('{float(value.const)}')"  # type: ignore[arg-type]
    return s.put(f"F.pad({name}, ({borders}), value={number})", aval)


def slice_(s: Source, equation: Equation, x: Value) -> Value:
    """`slice`."""
    p = equation.params
    steps = p["strides"] or [1] * len(x.shape)
    parts = [
        f"{s.size(start)}:{s.size(end)}" + (f":{step}" if step != 1 else "")
        for start, end, step in zip(p["start_indices"], p["limit_indices"], steps, strict=True)
    ]
    return s.put(f"{s.text(x)}[{', '.join(parts)}]", equation.outvars[0].aval)


def split(s: Source, equation: Equation, x: Value) -> list[Value]:
    """`split`."""
    axis, at, out = int(equation.params["axis"]), 0, []
    for variable, size in zip(equation.outvars, equation.params["sizes"], strict=True):
        out.append(s.put(f"{s.text(x)}.narrow({axis}, {s.size(at)}, {s.size(size)})", variable.aval))
        at = at + size
    return out


def rev(s: Source, equation: Equation, x: Value) -> Value:
    """`rev`."""
    axes = [int(axis) for axis in equation.params["dimensions"]]
    return s.put(f"torch.flip({s.text(x)}, {axes})", equation.outvars[0].aval)


def iota(s: Source, equation: Equation, *_: Value) -> Value:
    """`iota`."""
    aval = equation.outvars[0].aval
    axis = equation.params["dimension"]
    kept = [size if i == axis else 1 for i, size in enumerate(aval.shape)]
    made = f"torch.arange({s.size(aval.shape[axis])}, dtype={s.type(aval.dtype)}, device=device)"
    return s.put(f"{made}.reshape({s.shape(kept)}).expand({s.shape(aval.shape)})", aval)


def dim_as_value(s: Source, equation: Equation, *_: Value) -> Value:
    """`dim_as_value`."""
    aval = equation.outvars[0].aval
    size = s.size(equation.params["dim"])
    return s.put(f"torch.full((), {size}, dtype={s.type(aval.dtype)}, device=device)", aval)


def integer_pow(s: Source, equation: Equation, x: Value) -> Value:
    """`integer_pow`."""
    return s.put(f"{s.text(x)} ** {int(equation.params['y'])}", equation.outvars[0].aval)


RULES: dict[str, Callable] = {
    **{name: form(f"{{0}} {op} {{1}}") for name, op in {
        "add": "+", "sub": "-", "mul": "*", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
        "add_any": "+", "lt_to": "<", "le_to": "<=", "eq_to": "==", "and": "&", "or": "|", "xor": "^",
        "shift_right_arithmetic": ">>",
    }.items()},
    **{name: function(f"torch.{op}") for name, op in {
        "neg": "neg", "abs": "abs", "exp": "exp", "log": "log", "tanh": "tanh", "logistic": "sigmoid", "sqrt": "sqrt",
        "rsqrt": "rsqrt", "sign": "sign", "floor": "floor", "ceil": "ceil", "sin": "sin", "cos": "cos", "tan": "tan",
        "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "asinh": "asinh",
        "acosh": "acosh", "atanh": "atanh", "erf": "erf", "erfc": "erfc", "erf_inv": "erfinv", "log1p": "log1p",
        "expm1": "expm1", "exp2": "exp2", "atan2": "atan2", "min": "minimum", "is_finite": "isfinite", "pow": "pow",
        "square": "square", "rem": "fmod", "lgamma": "lgamma", "digamma": "digamma",
    }.items()},
    **dict.fromkeys(
        "copy copy_p stop_gradient reduce_precision optimization_barrier sharding_constraint name pvary".split(), same
    ),
    "shift_left": shift("<<"),
    "shift_right_logical": shift(">>"),
    "call of signbit": function("torch.signbit"),
    "not": form("~{0}"),
    "one_minus_square": form("1 - {0} * {0}"),
    "cbrt": form(f"torch.sign({{0}}) * torch.abs({{0}}) ** {1 / 3!r}"),
    "max": maximum,
    "div": divide,
    "select_n": select,
    "clamp": lambda s, equation, low, x, high: s.put(
        f"torch.minimum(torch.maximum({s.text(x)}, {s.text(low)}), {s.text(high)})", equation.outvars[0].aval
    ),
    "convert_element_type": convert,
    "round": round_,
    "integer_pow": integer_pow,
    "broadcast_in_dim": broadcast,
    "reshape": reshape,
    "squeeze": reshape,
    "expand_dims": reshape,
    "transpose": transpose,
    "concatenate": concatenate,
    "stack": stack,
    "tile": lambda s, equation, x: s.put(
        f"torch.tile({s.text(x)}, {s.shape(equation.params['reps'])})", equation.outvars[0].aval
    ),
    "pad": pad,
    "slice": slice_,
    "split": split,
    "rev": rev,
    "iota": iota,
    "dim_as_value": dim_as_value,
}  # fmt: skip
