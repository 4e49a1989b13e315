"""Which way XLA compiles a program: decided by the program alone, and never in the user's way."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import compiling


@pytest.fixture
def chosen(monkeypatch):
    """The options that each compilation is given, in order. They are not used: jaxlib 0.12 has no such setting."""
    given = []
    original = jax.stages.Lowered.compile

    def compile(self, compiler_options=None):
        given.append(compiler_options)
        return original(self)

    monkeypatch.setattr(compiling, "_unknown", set())

    monkeypatch.setattr(jax.stages.Lowered, "compile", compile)
    return given


def fit(*layers, rows=32):
    model = kk.Sequential(list(layers))
    model.compile("adam", "mse")
    shape = model.input_shape[1:]
    model.fit(np.ones((rows, *shape), "float32"), np.ones((rows, *model.output_shape[1:]), "float32"), verbose=0)
    return model


PLAIN = {"xla_cpu_use_fusion_emitters": False}


def test_a_small_net_is_compiled_in_the_plain_way(chosen):
    fit(kk.Input((12, 12, 1)), kk.layers.Conv2D(4, 3, activation="relu"), kk.layers.Flatten(), kk.layers.Dense(2))
    assert chosen == [PLAIN]


def test_a_recurrence_is_not(chosen):
    fit(kk.Input((5, 3)), kk.layers.LSTM(4))
    assert chosen == [None]


def test_nor_are_many_equal_blocks(chosen):
    fit(kk.Input((8,)), *[kk.layers.Dense(8, activation="relu") for _ in range(30)])
    assert chosen == [None]


def is_plain(function, *arrays):
    """Return the choice for a loop that carries the first array."""

    def loop(count, weights, *rest):
        return jax.lax.fori_loop(0, count, lambda i, w: function(w, *rest), weights)

    return compiling.is_plain(jax.make_jaxpr(loop)(9, *arrays))


def test_functions_of_weights_cost_more_than_functions_between_layers():
    rows = np.ones((600, 100), "float32")

    def step(weights, x):  # 60,000 times exp, and a product that takes as long in both cases
        return weights + jax.numpy.exp(-(x @ jax.numpy.ones((100, 100))))[:, :1]

    assert is_plain(step, np.ones((600, 1), "float32"), rows)
    assert not is_plain(step, rows, rows)


def test_nor_is_a_function_of_many_elements_beside_little_else(chosen):
    fit(kk.Input((4096,)), kk.layers.Activation("gelu"), kk.layers.Dense(1))
    assert chosen == [None]
    chosen.clear()
    fit(kk.Input((4096,)), kk.layers.Activation("relu"), kk.layers.Dense(1))
    assert chosen == [PLAIN]


def test_a_choice_of_the_users_comes_first(chosen, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=true")
    fit(kk.Input((3,)), kk.layers.Dense(2))
    assert chosen == [None]


@pytest.mark.parametrize("setting", [compiling._SETTING, "xla_cpu_no_such_setting"])
def test_a_setting_that_xla_does_not_know_is_left_out(monkeypatch, setting):
    asked = []
    original = jax.stages.Lowered.compile

    def compile(self, compiler_options=None):
        asked.append(compiler_options)
        return original(self, compiler_options)

    monkeypatch.setattr(jax.stages.Lowered, "compile", compile)
    monkeypatch.setattr(compiling, "_SETTING", setting)
    monkeypatch.setattr(compiling, "_unknown", set())
    fit(kk.Input((3,)), kk.layers.Dense(2))
    fit(kk.Input((4,)), kk.layers.Dense(2))
    if setting == "xla_cpu_no_such_setting":
        assert compiling._unknown
    assert asked == ([{setting: False}, None, None] if compiling._unknown else [{setting: False}] * 2)


def test_other_errors_of_the_compiler_are_raised(monkeypatch):
    def compile(self, *more, **options):
        raise jax.errors.JaxRuntimeError("out of memory")

    monkeypatch.setattr(jax.stages.Lowered, "compile", compile)
    with pytest.raises(jax.errors.JaxRuntimeError, match="out of memory"):
        fit(kk.Input((3,)), kk.layers.Dense(2))


@pytest.mark.parametrize("width", [4, 300])
def test_the_way_does_not_depend_on_how_a_batch_is_found(chosen, width):
    """`fit` takes rows out of an array, `train_on_batch` is given the batch: the bits are the same."""
    model = fit(kk.Input((width,)), kk.layers.Dense(width, activation="tanh"), kk.layers.Dense(1))
    model.train_on_batch(np.ones((32, width)), np.ones((32, 1)))
    model.fit(np.ones((640, width)), np.ones((640, 1)), verbose=0)
    assert len(chosen) == 2 and len({str(options) for options in chosen}) == 1
