"""Steps that can be looked into: run op by op, and layer by layer in a profile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk


class Peek(kk.layers.Layer):
    """Keeps what it is given, as somebody with a print or a breakpoint would see it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, inputs):
        self.seen.append(inputs)
        return inputs


def data():
    return np.random.default_rng(0).random((20, 4), dtype="float32"), np.arange(20) % 3


def make(**options):
    kk.utils.set_random_seed(0)
    peek = Peek()
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(8, activation="relu"), peek])
    model.add(kk.layers.Dense(3, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    peek.seen.clear()
    return model, peek


@pytest.mark.parametrize("options", [{"jit_compile": False}, {"run_eagerly": True}], ids=["jit_compile", "run_eagerly"])
def test_steps_run_op_by_op(options):
    x, y = data()
    model, peek = make(**options)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    # Under `jax.grad` a layer sees a tracer that holds the numbers; three steps an epoch, each run anew.
    steps = [v for v in peek.seen if v.shape[0] in (8, 4) and not isinstance(v, jax.ShapeDtypeStruct)]
    assert len(steps) >= 6
    model.predict(x, batch_size=8)
    values = peek.seen[-1]
    assert not isinstance(values, jax.core.Tracer)
    assert np.isfinite(np.asarray(values)).all()
    assert model._training.program("train").compiles == 0


def test_it_learns_the_same_as_when_compiled():
    x, y = data()
    eager, compiled = make(jit_compile=False)[0], make()[0]
    histories = [m.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False).history for m in (eager, compiled)]
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    for a, b in zip(eager.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_error_shows_the_line_of_the_layer():
    class Wrong(kk.layers.Layer):
        def call(self, inputs):
            if not isinstance(inputs, jax.core.Tracer):
                raise ArithmeticError(f"mean {float(jnp.mean(inputs)):.0f}")
            return inputs

    model = kk.Sequential([kk.Input((2,)), Wrong(name="wrong")])
    model.compile(jit_compile=False)
    with pytest.raises(ArithmeticError, match="mean 1"):
        model.predict(np.ones((4, 2), "float32"))


def test_programs_carry_the_names_of_layers():
    x, y = data()
    inner = kk.Sequential([kk.layers.Dense(5, name="hidden")], name="inner")
    model = kk.Sequential([kk.Input((4,)), inner, kk.layers.Dense(3, activation="softmax", name="last")], name="outer")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    text = "".join(e.as_text() for e in model._training.program("train")._executables.values())
    for name in ("jvp(outer)/inner/hidden", "jvp(outer)/last"):
        assert f"/{name}/" in text, name
    assert "transpose(jvp(outer))/inner/hidden/" in text  # gradients are told from the forward pass
