"""The models of :mod:`benchmarks.gpu`, written by hand: parameters as dicts, and functions to the logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

CLASSES = 10


class Keys:
    """Random keys, one after another."""

    def __init__(self, seed: int) -> None:
        self.key = jax.random.key(seed)

    def draw(self, *shape: int) -> jax.Array:
        """Return a kernel by Glorot's uniform initializer."""
        self.key, key = jax.random.split(self.key)
        return jax.nn.initializers.glorot_uniform()(key, shape)


def affine(p: dict, name: str, x: jax.Array) -> jax.Array:
    return x @ p[name].astype(x.dtype) + p[f"{name}.bias"].astype(x.dtype)


def dense(keys: Keys, name: str, inputs: int, units: int) -> dict:
    return {name: keys.draw(inputs, units), f"{name}.bias": jnp.zeros(units)}


def mlp(keys: Keys, s: Any) -> tuple[dict, Callable]:
    p = dense(keys, "a", 784, s.hidden) | dense(keys, "b", s.hidden, s.hidden) | dense(keys, "out", s.hidden, CLASSES)
    return p, lambda p, x: affine(p, "out", jax.nn.relu(affine(p, "b", jax.nn.relu(affine(p, "a", x)))))


def convolved(p: dict, name: str, x: jax.Array, stride: int = 1) -> jax.Array:
    """Return a convolution, normalized over the batch."""
    layout = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, p[name], (stride, stride), "SAME", dimension_numbers=layout)
    mean, variance = y.mean((0, 1, 2)), y.var((0, 1, 2))
    return (y - mean) * lax.rsqrt(variance + 1e-3) * p[f"{name}.scale"] + p[f"{name}.shift"]


def kernel(keys: Keys, name: str, size: int, inputs: int, outputs: int) -> dict:
    own = {f"{name}.scale": jnp.ones(outputs), f"{name}.shift": jnp.zeros(outputs)}
    return own | {name: keys.draw(size, size, inputs, outputs)}


def pooled(x: jax.Array, size: int, padding: str) -> jax.Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, 2, 2, 1), padding)


def cnn(keys: Keys, s: Any) -> tuple[dict, Callable]:
    sizes = (3, *s.filters)
    p = dense(keys, "out", sizes[-1], CLASSES)
    for i in range(len(s.filters)):
        p |= kernel(keys, f"{i}", 3, sizes[i], sizes[i + 1])

    def logits(p: dict, x: jax.Array) -> jax.Array:
        for i in range(len(s.filters)):
            x = pooled(jax.nn.relu(convolved(p, f"{i}", x)), 2, "VALID")
        return affine(p, "out", x.mean((1, 2)))

    return p, logits


def normed(p: dict, name: str, x: jax.Array) -> jax.Array:
    wide = x.astype("float32")
    mean, variance = wide.mean(-1, keepdims=True), wide.var(-1, keepdims=True)
    return ((wide - mean) * lax.rsqrt(variance + 1e-3) * p[f"{name}.scale"] + p[f"{name}.shift"]).astype(x.dtype)


def transformer(keys: Keys, s: Any, heads: int = 8) -> tuple[dict, Callable]:
    width = s.width
    p = {"table": keys.draw(8_000, width)} | dense(keys, "out", width, CLASSES)
    for name in [f"{i}norm{k}" for i in range(s.blocks) for k in "ab"] + ["norm"]:
        p |= {f"{name}.scale": jnp.ones(width), f"{name}.shift": jnp.zeros(width)}
    for i in range(s.blocks):
        for name in "qkvo":
            p |= dense(keys, f"{i}{name}", width, width)
        p |= dense(keys, f"{i}up", width, 4 * width) | dense(keys, f"{i}down", 4 * width, width)

    def attended(p: dict, i: int, x: jax.Array) -> jax.Array:
        q, k, v = (affine(p, f"{i}{name}", x).reshape(*x.shape[:2], heads, -1) for name in "qkv")
        return affine(p, f"{i}o", jax.nn.dot_product_attention(q, k, v).reshape(x.shape))

    def logits(p: dict, x: jax.Array) -> jax.Array:
        x = p["table"].astype("bfloat16")[x]
        for i in range(s.blocks):
            x = x + attended(p, i, normed(p, f"{i}norma", x))
            x = x + affine(
                p, f"{i}down", jax.nn.gelu(affine(p, f"{i}up", normed(p, f"{i}normb", x)), approximate=False)
            )
        return affine(p, "out", normed(p, "norm", x).mean(1).astype("float32"))

    return p, logits


def resnet(keys: Keys, s: Any) -> tuple[dict, Callable]:
    p = kernel(keys, "stem", 7, 3, 64)
    plan: list[tuple[str, int]] = []
    inputs = 64
    for stage, blocks in enumerate(s.stages):
        filters = 64 * 2**stage
        for block in range(blocks):
            name = f"{stage}.{block}"
            plan.append((name, 2 if stage and not block else 1))
            p |= kernel(keys, f"{name}a", 1, inputs, filters) | kernel(keys, f"{name}b", 3, filters, filters)
            p |= kernel(keys, f"{name}c", 1, filters, 4 * filters)
            if not block:
                p |= kernel(keys, f"{name}d", 1, inputs, 4 * filters)
            inputs = 4 * filters
    p |= dense(keys, "out", inputs, CLASSES)

    def logits(p: dict, x: jax.Array) -> jax.Array:
        x = pooled(jax.nn.relu(convolved(p, "stem", x, 2)), 3, "SAME")
        for name, stride in plan:
            y = jax.nn.relu(convolved(p, f"{name}a", x, stride))
            y = convolved(p, f"{name}c", jax.nn.relu(convolved(p, f"{name}b", y)))
            shortcut = convolved(p, f"{name}d", x, stride) if f"{name}d" in p else x
            x = jax.nn.relu(y + shortcut)
        return affine(p, "out", x.mean((1, 2)))

    return p, logits
