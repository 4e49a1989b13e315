"""Operations with arguments drawn at random, of floats, whole numbers and flags, for the formats' own tables."""

from __future__ import annotations

from typing import Any

import numpy as np

import kernelkit as kk
from kernelkit import ops

ROWS, COLUMNS = 5, 7


class Drawn:
    """Tensors of ``(batch, 5, 7)``, and draws of arguments for one operation."""

    def __init__(self, rng: Any, f: Any, g: Any, n: Any, m: Any) -> None:
        self.rng, self.f, self.g, self.n, self.m = rng, f, g, n, m
        self.p = n > 1

    def axis(self) -> int:
        return int(self.rng.choice([1, 2, -1, -2]))

    def axes(self) -> Any:
        return [(1, 2), (-1,), (1,), (2, 1), -1, -2][self.rng.integers(6)]

    def pick(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))


def _slice(d: Drawn, x: Any) -> Any:
    start, step = d.integer(-4, 4), d.pick(1, 2, -1, -2)
    return ops.sum(x[:, slice(start, None, step), d.integer(-7, 7)], axis=1)[:, None, None]


KINDS: dict[str, Any] = {
    "reduce": lambda d: getattr(ops, d.pick("sum", "mean", "max", "min", "prod", "var", "std", "logsumexp"))(
        d.f * 0.3, axis=d.axes(), keepdims=True
    ),
    "reduce_ints": lambda d: getattr(ops, d.pick("sum", "max", "min", "prod"))(d.n, axis=d.axes(), keepdims=True),
    "flags": lambda d: getattr(ops, d.pick("any", "all"))(d.p, axis=d.axes(), keepdims=True),
    "count": lambda d: ops.count_nonzero(d.n, axis=d.axis())[:, None, None][..., 0],
    "arg": lambda d: getattr(ops, d.pick("argmax", "argmin"))(d.pick(d.f, d.n), axis=d.axis(), keepdims=True),
    "running": lambda d: getattr(ops, d.pick("cumsum", "cumprod"))(d.pick(d.f, d.n), axis=d.axis()),
    "roll": lambda d: ops.roll(d.pick(d.f, d.n, d.p), d.integer(-9, 9), axis=d.axis()),
    "flip": lambda d: ops.flip(d.pick(d.f, d.n, d.p), axis=d.axis()),
    "pad": lambda d: ops.pad(d.pick(d.f, d.n), [[0, 0], [2, 1], [0, 3]], mode=d.pick("constant", "reflect", "edge"))[
        :, 1:6, 2:9
    ],
    "slice": lambda d: _slice(d, d.pick(d.f, d.n)),
    "take": lambda d: ops.take(d.pick(d.f, d.n), np.array([4, 0, -1, 3, 3]), axis=d.axis())[:, :5, :5][..., :1],
    "take_along": lambda d: ops.take_along_axis(d.f, ops.mod(d.n, 5), axis=d.axis()),
    "one_hot": lambda d: ops.one_hot(ops.mod(d.n[:, :, 0], 9), COLUMNS),
    "triangle": lambda d: getattr(ops, d.pick("tril", "triu"))(d.pick(d.f, d.n), d.integer(-3, 4)),
    "sort": lambda d: ops.sort(d.pick(d.f, d.n), axis=d.axis()),
    "argsort": lambda d: ops.argsort(d.pick(d.f, d.n), axis=d.axis()),
    "top_k": lambda d: ops.top_k(d.pick(d.f, d.n), d.integer(1, 7))[d.integer(0, 2)][..., :1],
    "floor_divide": lambda d: ops.floor_divide(d.pick(d.n, d.f), d.pick(3, -3, d.m * 2 + 1)),
    "mod": lambda d: ops.mod(d.n, d.pick(3, -3, d.m * 2 + 1)),
    "mod_floats": lambda d: ops.mod(d.f, d.pick(0.7, -0.7)),
    "power": lambda d: ops.power(d.pick(d.n, d.f), d.pick(2, 3)),
    "bits": lambda d: getattr(ops, d.pick("bitwise_and", "bitwise_or", "bitwise_xor"))(d.n, d.m),
    "invert": lambda d: d.pick(ops.bitwise_invert(d.n), ops.logical_not(d.p)),
    "shift": lambda d: getattr(ops, d.pick("left_shift", "right_shift"))(d.n, ops.abs(d.m)),
    "logic": lambda d: getattr(ops, d.pick("logical_and", "logical_or", "logical_xor"))(d.p, d.m > 0),
    "compare": lambda d: getattr(ops, d.pick("equal", "not_equal", "less", "greater_equal"))(
        *d.pick((d.n, d.m), (d.f, d.g), (d.p, d.m > 0))
    ),
    "finite": lambda d: getattr(ops, d.pick("isfinite", "isnan", "isinf"))(ops.log(d.f)),
    "nan_to_num": lambda d: ops.nan_to_num(ops.log(d.f) * 0.1, nan=0.5, posinf=2.0, neginf=-3.0),
    "round": lambda d: getattr(ops, d.pick("round", "trunc", "floor", "ceil", "sign"))(d.f * 2.5),
    "round_decimals": lambda d: ops.round(d.f, 1),
    "sign_ints": lambda d: d.pick(ops.sign, ops.abs, ops.negative, ops.square)(d.n),
    "clip": lambda d: d.pick(ops.clip(d.n, -1, 2), ops.clip(d.f, -0.2, 0.4)),
    "cast": lambda d: ops.cast(d.f * 3, d.pick("int32", "int8", "int16", "int64", "bool", "float16")),
    "cast_ints": lambda d: ops.cast(d.n, d.pick("int8", "uint8", "int16", "float16", "bool", "float32")),
    "small_ints": lambda d: ops.add(ops.cast(d.n, "int8"), ops.cast(d.m, "int8")),
    "halves": lambda d: ops.cast(d.f, "float16") * ops.cast(d.g, "float16"),
    "einsum": lambda d: ops.sum(ops.einsum(d.pick("bij,bkj->bik", "bij,bik->bjk"), d.f, d.g), axis=-1, keepdims=True)[
        :, :5
    ],
    "tensordot": lambda d: ops.tensordot(d.f, ops.ones((7, 5, 2)) * 0.1, axes=[[2, 1], [0, 1]])[:, :1, None],
    "matmul_ints": lambda d: ops.matmul(d.n, ops.transpose(d.m, (0, 2, 1)))[..., :1],
    "norm": lambda d: ops.norm(d.f, ord=d.pick(None, 1, 2, np.inf), axis=d.axis(), keepdims=True),
    "two": lambda d: getattr(ops, d.pick("arctan2", "logaddexp", "maximum", "minimum", "hypot", "subtract"))(d.f, d.g),
    "two_ints": lambda d: getattr(ops, d.pick("maximum", "minimum", "multiply", "subtract"))(d.n, d.m),
    "divide_ints": lambda d: ops.true_divide(d.n, ops.abs(d.m) + 1),
    "where": lambda d: ops.where(d.p, d.pick(d.f, d.n), d.pick(0, 1)),
    "move": lambda d: ops.moveaxis(ops.swapaxes(d.pick(d.f, d.n), 1, 2), 1, -1),
    "repeat": lambda d: ops.repeat(d.pick(d.f, d.n, d.p), 2, axis=1)[:, 1:6],
    "tile": lambda d: ops.tile(d.pick(d.f, d.n), (1, 2, 3))[:, 3:8, 4:11],
    "stack": lambda d: ops.max(ops.stack([d.f, d.g], axis=3), axis=3),
    "split": lambda d: ops.concatenate(ops.split(d.pick(d.f, d.n), [2, 3], axis=d.pick(1, -2))[::-1], axis=1),
    "diff": lambda d: ops.diff(d.pick(d.f, d.n), axis=2)[..., :1],
    "digitize": lambda d: ops.digitize(d.f, np.array([-0.5, 0.0, 0.5], "float32")),
    "scatter": lambda d: ops.transpose(
        ops.segment_sum(ops.transpose(d.f, (1, 0, 2)), np.array([0, 2, 2, 1, 0]), 5), (1, 0, 2)
    ),
    "pool": lambda d: ops.max(
        getattr(ops, d.pick("max_pool", "average_pool"))(d.f, 2, d.pick(1, 2, 3), d.pick("same", "valid")),
        axis=1,
        keepdims=True,
    ),
    "conv": lambda d: ops.sum(
        ops.conv(d.f, ops.ones((3, 7, 2)) * 0.1, 1, d.pick("same", "valid"), dilation_rate=d.pick(1, 2)),
        axis=(1, 2),
        keepdims=True,
    ),
    "fori": lambda d: ops.fori_loop(0, d.integer(1, 4), lambda i, x: x * 0.5 + ops.cast(i, "float32"), d.f),
    "while": lambda d: ops.while_loop(
        lambda i, x, y: i < 3, lambda i, x, y: (i + 1, ops.flip(x, axis=1) + y, y), (0, d.f, d.g), maximum_iterations=2
    )[1],
    "activations": lambda d: getattr(
        ops,
        d.pick(
            "celu",
            "selu",
            "elu",
            "hard_sigmoid",
            "hard_tanh",
            "log_sigmoid",
            "mish",
            "squareplus",
            "soft_shrink",
            "sparse_plus",
            "tanh_shrink",
            "softsign",
            "silu",
            "leaky_relu",
            "relu6",
            "gelu",
            "hard_shrink",
        ),
    )(d.f * 2),
    "softmax": lambda d: d.pick(ops.softmax, ops.log_softmax)(d.f, axis=d.pick(-1, 1, (1, 2))),
    "sparsemax": lambda d: ops.sparsemax(d.f),
    "inverse": lambda d: getattr(ops, d.pick("arcsin", "arccos", "arctan", "arctanh", "erfinv"))(d.f * 0.4),
    "hyperbolic": lambda d: getattr(ops, d.pick("sinh", "cosh", "arcsinh", "tan", "exp2", "expm1", "log1p"))(
        ops.abs(d.f)
    ),
    "logs": lambda d: getattr(ops, d.pick("log", "log2", "log10", "rsqrt", "reciprocal"))(ops.abs(d.f) + 0.1),
    "outer_axes": lambda d: ops.max(
        ops.expand_dims(d.pick(d.f, d.n), d.pick(1, 2, -1)), axis=d.pick(1, -1), keepdims=False
    )[..., :1, :1],
    "median": lambda d: ops.median(d.f, axis=d.axis(), keepdims=True),
    "quantile": lambda d: ops.quantile(d.f, 0.3, axis=d.axis(), keepdims=True),
    "batch": lambda d: d.f - ops.roll(d.g, 1, axis=0),
    "isclose": lambda d: ops.isclose(d.f, d.g, atol=0.3),
    "searchsorted": lambda d: ops.reshape(
        ops.searchsorted(np.array([-0.5, 0.0, 0.5], "float32"), ops.reshape(d.f, (-1,))), (-1, ROWS, COLUMNS)
    ),
}


JUMPS = set(
    "arg argsort top_k round round_decimals compare cast isclose digitize searchsorted floor_divide mod_floats one_hot "
    "finite activations where count flags median quantile sort take_along halves".split()
)
"""Kinds whose result jumps where an argument moves a little: chains of operations leave them out."""


def model_of(kinds: list[str], seed: int) -> kk.Model:
    """Return a model of these operations, one after another."""
    rng = np.random.default_rng(seed)
    f, g = kk.Input((ROWS, COLUMNS), name="f"), kk.Input((ROWS, COLUMNS), name="g")
    n, m = kk.Input((ROWS, COLUMNS), dtype="int32", name="n"), kk.Input((ROWS, COLUMNS), dtype="int32", name="m")
    h = f
    for kind in kinds:
        made = ops.cast(KINDS[kind](Drawn(rng, h, g, n, m)), "float32")
        h = ops.tanh(made * 0.3) + g * 0.1 if len(kinds) > 1 else ops.where(ops.equal(f, f), made, made)
    return kk.Model([f, g, n, m], h)


def inputs_of(batch: int, seed: int) -> list[np.ndarray]:
    """Return inputs: floats with zeros and equal ones, whole numbers on both sides of zero."""
    rng = np.random.default_rng(seed)
    floats = [rng.normal(size=(batch, ROWS, COLUMNS)).round(1).astype("float32") for _ in range(2)]
    return [*floats, *(rng.integers(-4, 5, (batch, ROWS, COLUMNS)).astype("int32") for _ in range(2))]
