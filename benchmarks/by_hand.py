"""The same models written by hand in jax and optax: one step a dispatch, or an epoch in one `lax.scan`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from benchmarks.workloads import WORKLOADS, enough


def glorot(key: jax.Array, *shape: int) -> jax.Array:
    return jax.nn.initializers.glorot_uniform()(key, shape)


def dense(key: jax.Array, name: str, inputs: int, units: int) -> dict:
    return {f"{name}.kernel": glorot(key, inputs, units), f"{name}.bias": jnp.zeros(units)}


def apply(p: dict, name: str, x: jax.Array) -> jax.Array:
    return x @ p[f"{name}.kernel"] + p[f"{name}.bias"]


def mlp(keys: Any) -> tuple[dict, Callable]:
    p = dense(next(keys), "hidden", 784, 64) | dense(next(keys), "out", 64, 10)
    return p, lambda p, x, key: apply(p, "out", jax.nn.relu(apply(p, "hidden", x)))


def cnn(keys: Any) -> tuple[dict, Callable]:
    p = {"a": glorot(next(keys), 3, 3, 1, 32), "a.bias": jnp.zeros(32)}
    p |= {"b": glorot(next(keys), 3, 3, 32, 64), "b.bias": jnp.zeros(64)} | dense(next(keys), "out", 1600, 10)

    def block(p: dict, name: str, x: jax.Array) -> jax.Array:
        layout = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, p[name], (1, 1), "VALID", dimension_numbers=layout) + p[f"{name}.bias"]
        return lax.reduce_window(jax.nn.relu(y), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def logits(p: dict, x: jax.Array, key: jax.Array) -> jax.Array:
        h = block(p, "b", block(p, "a", x)).reshape(len(x), -1)
        return apply(p, "out", jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h / 0.5, 0))

    return p, logits


def lstm(keys: Any, units: int = 64) -> tuple[dict, Callable]:
    p = {"table": jax.random.uniform(next(keys), (20_000, 64), minval=-0.05, maxval=0.05)}
    p |= dense(next(keys), "in", 64, 4 * units) | {"state": glorot(next(keys), units, 4 * units)}
    p |= dense(next(keys), "out", units, 2)

    def logits(p: dict, x: jax.Array, key: jax.Array) -> jax.Array:
        inputs = jnp.swapaxes(apply(p, "in", p["table"][x]), 0, 1)

        def cell(carry: tuple, z: jax.Array) -> tuple:
            h, c = carry
            i, f, g, o = jnp.split(z + h @ p["state"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((len(x), units))
        return apply(p, "out", lax.scan(cell, (zeros, zeros), inputs)[0][0])

    return p, logits


def transformer(keys: Any, size: int = 128, heads: int = 4) -> tuple[dict, Callable]:
    p = {"table": jax.random.uniform(next(keys), (5_000, size), minval=-0.05, maxval=0.05)}
    for i in range(2):
        for name in "qkvo":
            p |= dense(next(keys), f"{i}{name}", size, size)
        p |= dense(next(keys), f"{i}up", size, 2 * size) | dense(next(keys), f"{i}down", 2 * size, size)
        for name in ("norm1", "norm2"):
            p |= {f"{i}{name}.scale": jnp.ones(size), f"{i}{name}.shift": jnp.zeros(size)}
    p |= dense(next(keys), "out", size, 10)

    def norm(p: dict, name: str, x: jax.Array) -> jax.Array:
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * lax.rsqrt(var + 1e-3) * p[f"{name}.scale"] + p[f"{name}.shift"]

    def logits(p: dict, x: jax.Array, key: jax.Array) -> jax.Array:
        h = p["table"][x]
        batch, length, _ = h.shape
        for i in range(2):
            q, k, v = (apply(p, f"{i}{n}", h).reshape(batch, length, heads, -1) for n in "qkv")
            weights = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q, k) / np.float32((size / heads) ** 0.5))
            mixed = jnp.einsum("bhts,bshd->bthd", weights, v).reshape(h.shape)
            h = norm(p, f"{i}norm1", h + apply(p, f"{i}o", mixed))
            h = norm(p, f"{i}norm2", h + apply(p, f"{i}down", jax.nn.relu(apply(p, f"{i}up", h))))
        return apply(p, "out", h.mean(1))

    return p, logits


MODELS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}


def epochs(workload: str, scan: bool) -> list[float]:
    """Return the seconds of each epoch, shuffling included."""
    work = WORKLOADS[workload]
    x, y = work.data()
    steps = work.samples // work.batch_size
    keys = iter(jax.random.split(jax.random.key(0), 64))
    params, logits = MODELS[workload](keys)
    optimizer = optax.adam(1e-3)

    def step(carry: tuple, batch: tuple) -> tuple:
        params, slots, key, sums = carry
        key, own = jax.random.split(key)

        def loss(params: dict) -> tuple:
            z = logits(params, batch[0], own)
            return optax.softmax_cross_entropy_with_integer_labels(z, batch[1]).mean(), (
                z.argmax(-1) == batch[1]
            ).mean()

        (value, right), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        updates, slots = optimizer.update(gradients, slots, params)
        return (optax.apply_updates(params, updates), slots, key, (sums[0] + value, sums[1] + right)), None

    def whole(carry: tuple, data: tuple, order: jax.Array) -> tuple:
        return lax.scan(lambda c, rows: step(c, (data[0][rows], data[1][rows])), carry, order)[0]

    one = jax.jit(lambda carry, batch: step(carry, batch)[0], donate_argnums=0)
    all_ = jax.jit(whole, donate_argnums=0)
    data = (jnp.asarray(x), jnp.asarray(y)) if scan else (x, y)
    rng, seconds = np.random.default_rng(0), list[float]()
    state = (params, optimizer.init(params), jax.random.key(1))
    for _ in enough(seconds):
        started = time.perf_counter()
        order = rng.permutation(work.samples)[: steps * work.batch_size].reshape(steps, -1).astype("int32")
        carry = (*state, (jnp.zeros(()), jnp.zeros(())))
        if scan:
            carry = all_(carry, data, order)
        else:
            for rows in order:
                carry = one(carry, (x[rows], y[rows]))
        float(carry[3][0])
        seconds.append(time.perf_counter() - started)
        state = carry[:3]
    return seconds
