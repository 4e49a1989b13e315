"""Optimizers that users write: in Keras's way with variables, and as a pure rule."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import optimizers


def in_the_way_of_keras(family):
    """The same class on top of either package."""

    class Heavy(family.Optimizer):
        def __init__(self, learning_rate=0.1, momentum=0.9, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.momentum = momentum

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.momentums, self.squares = self.add_optimizer_variables(variables, ["momentum", "square"])
            self.calls = self.add_variable((), dtype="float32", name="calls")
            self.ones = [self.add_variable_from_reference(v, "one", initializer="ones") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            momentum, square, one = self.momentums[index], self.squares[index], self.ones[index]
            self.assign(momentum, momentum.value * self.momentum - gradient * learning_rate)
            self.assign_add(square, gradient * gradient * one.value)
            self.assign_sub(variable, square.value * 0.01)
            self.assign_add(variable, momentum.value)
            self.assign_add(self.calls, 1.0)

        def get_config(self):
            config = super().get_config()
            config.update({"momentum": self.momentum})
            return config

    return Heavy


def test_update_step_equals_keras(assert_as_keras):
    settings = {
        "weight_decay": 0.1,
        "clipnorm": 1.0,
        "gradient_accumulation_steps": 2,
        "use_ema": True,
        "name": "heavy",
    }
    assert_as_keras(lambda family: in_the_way_of_keras(family)(**settings))


def test_update_step_has_the_variables_of_keras_and_a_config(make_variables):
    made = []
    for package, family in ((kk, optimizers), (keras, keras.optimizers)):
        optimizer = in_the_way_of_keras(family)(momentum=0.5, name="heavy")
        optimizer.build(make_variables(package))
        made.append(optimizer)
    own, theirs = made
    assert [(v.path, v.shape) for v in own.variables] == [(v.path, tuple(v.shape)) for v in theirs.variables]
    assert own.get_config() == theirs.get_config()
    assert type(own).from_config(own.get_config()).momentum == 0.5


def test_update_step_may_call_the_rule_it_extends(make_variables, make_gradients):
    class Halved(optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * 0.5, variable, learning_rate)

    gradients = make_gradients(3)
    own, expected = make_variables(kk), make_variables(kk)
    halved, adam = Halved(0.1), optimizers.Adam(0.1)
    for gradient in gradients:
        halved.apply(gradient, own)
        adam.apply([0.5 * g for g in gradient], expected)
    for a, b in zip([*own, *halved.variables], [*expected, *adam.variables], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_apply_may_be_extended(make_variables, make_gradients, run_stateless):
    class Centered(optimizers.SGD):
        def apply(self, grads, trainable_variables=None):
            super().apply([g - jnp.mean(g) for g in grads], trainable_variables)

    gradients = make_gradients(3)
    centered = [[g - g.mean() for g in gradient] for gradient in gradients]
    expected = run_stateless(optimizers.SGD(0.1), make_variables(kk), centered)[-1]
    own = run_stateless(Centered(0.1), make_variables(kk), gradients)[-1]
    for a, b in zip(own, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_variables_kept_as_attributes_belong_to_the_optimizer():
    class Counting(optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.count = kk.Variable(0.0, name="count")
            self.more = {"a": [kk.Variable(1.0, name="a")]}
            self.weights = variables

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)
            self.count.assign_add(1.0)

    weights = [kk.Variable([1.0]), kk.Variable([2.0])]
    optimizer = Counting(0.1)
    optimizer.apply([np.ones(1), np.ones(1)], weights)
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate", "count", "a"]
    assert float(optimizer.count) == 2.0


def test_rule_with_shared_and_chosen_slots():
    class Odd(optimizers.Optimizer):
        slots = ("total",)
        shared_slots = ("power",)

        def has_slot(self, name, variable):
            return variable.ndim == 1

        def initial_slot(self, name, variable):
            return np.float32(1.0) if variable is None else np.full(variable.shape, 3.0, "float32")

        def advance(self, shared, step):
            return {"power": shared["power"] * 2}

        def rule(self, gradient, value, slots, step, learning_rate):
            if "total" not in slots:
                return value - slots["power"] * step, {}
            return value - learning_rate * slots["total"], {"total": slots["total"] + gradient}

    vector, scalar = kk.Variable([1.0], name="vector"), kk.Variable(1.0, name="scalar")
    optimizer = Odd(0.5)
    for _ in range(2):
        optimizer.apply([np.ones(1), np.ones(())], [vector, scalar])
    assert vector.numpy()[0] == 1.0 - 0.5 * 3 - 0.5 * 4
    assert float(scalar) == 1.0 - 2 * 1 - 4 * 2
    assert [v.name for v in optimizer.variables][2:] == ["vector_total", "power"]


def test_a_class_without_a_rule_says_what_is_missing():
    with pytest.raises(NotImplementedError, match=r"must define rule\(gradient, value, slots, step, learning_rate\)"):
        optimizers.Optimizer(0.1).apply([np.ones(1)], [kk.Variable([1.0])])


def test_own_schedule(make_variables):
    class Halving(optimizers.schedules.LearningRateSchedule):
        def __init__(self, start):
            self.start = start

        def __call__(self, step):
            return self.start / (step + 1)

    optimizer = optimizers.SGD(Halving(0.5))
    weight = kk.Variable([1.0])
    for _ in range(2):
        optimizer.apply([np.ones(1)], [weight])
    np.testing.assert_allclose(weight.numpy(), [1 - 0.5 - 0.25], rtol=1e-6)
    assert optimizer.get_config()["learning_rate"]["config"] == {"start": 0.5}
    with pytest.raises(NotImplementedError, match="must define __call__"):
        optimizers.schedules.LearningRateSchedule()(0)


@pytest.mark.parametrize("name", ["assign", "assign_sub", "assign_add"])
@pytest.mark.parametrize("base", ["SGD", "Adam"])
def test_a_ready_optimizer_assigns_by_the_methods_that_a_subclass_overrides(base, name):
    class Marked(getattr(optimizers, base)):
        def assign(self, variable, value):
            super().assign(variable, value if name != "assign" else jnp.minimum(value, 0.25))

        if name != "assign":
            locals()[name] = lambda self, variable, value: variable.assign(variable.value + SIGNS[name] * value / 2)

    def stepped(kind, steps=1):
        weight = kk.Variable(np.ones(2, "float32"))
        optimizer = kind(0.5)
        for _ in range(steps):
            optimizer.apply([jnp.ones(2)], [weight])
        return weight.numpy()

    plain, marked = stepped(getattr(optimizers, base)), stepped(Marked)
    assert plain == pytest.approx(np.full(2, 0.5), rel=1e-5)
    assert marked == pytest.approx(np.full(2, 0.25 if name == "assign" else 0.75), rel=1e-5)


SIGNS = {"assign_sub": -1, "assign_add": 1}
