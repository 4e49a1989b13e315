"""Constructors, learning rates of every kind, `get`, and what is said of wrong settings."""

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import optimizers


def step(optimizer, weight=None):
    weight = kk.Variable([1.0]) if weight is None else weight
    optimizer.apply([np.ones(1)], [weight])
    return float(weight.numpy()[0])


def test_a_fixed_rate_can_be_set():
    optimizer, weight = optimizers.SGD(0.5), kk.Variable([1.0])
    assert step(optimizer, weight) == 0.5
    compiled = optimizer._compiled_step
    optimizer.learning_rate = 0.25
    assert step(optimizer, weight) == 0.25
    optimizer.learning_rate.assign(0.125)
    assert step(optimizer, weight) == 0.125
    assert optimizer._compiled_step is compiled
    assert compiled._cache_size() == 1


def test_a_rate_can_follow_a_function():
    rates = iter([0.5, 0.25])
    optimizer, weight = optimizers.SGD(lambda: next(rates)), kk.Variable([1.0])
    assert step(optimizer, weight) == 0.5
    assert step(optimizer, weight) == 0.25
    assert [v.name for v in optimizer.variables] == ["iteration"]
    assert optimizers.SGD(lambda: 0.5).learning_rate == 0.5


def test_a_rate_can_follow_a_function_of_the_step():
    optimizer, weight = optimizers.SGD(lambda count: 0.5 / (count + 1)), kk.Variable([1.0])
    assert step(optimizer, weight) == 0.5
    assert step(optimizer, weight) == 0.25
    assert float(optimizer.learning_rate) == pytest.approx(0.5 / 3)


def test_a_function_inside_of_a_wrapper_is_asked_each_step():
    rates = iter([0.5, 0.25, 0.125, 0.0625])
    inner = optimizers.SGD(lambda: next(rates))
    weight = kk.Variable([1.0])
    for optimizer in (
        optimizers.MultiOptimizer(optimizers.OptimizerMap(inner)),
        optimizers.LossScaleOptimizer(optimizers.SGD(lambda: next(rates)), initial_scale=1.0),
    ):
        step(optimizer, weight)
        step(optimizer, weight)
    assert float(weight.numpy()[0]) == 0.0625


def test_a_schedule_takes_the_place_of_a_fixed_rate():
    optimizer = optimizers.SGD(0.5)
    step(optimizer)
    optimizer.learning_rate = optimizers.schedules.PiecewiseConstantDecay([10], [0.25, 0.1])
    assert float(optimizer.learning_rate) == 0.25
    assert [v.name for v in optimizer.variables] == ["iteration"]
    weight = optimizer._trainable_variables[0]
    optimizer.apply([np.ones(1)])
    assert float(weight.numpy()[0]) == 0.25
    with pytest.raises(TypeError, match="cannot be set to a number"):
        optimizer.learning_rate = 0.1


def test_the_rate_of_a_wrapper_is_the_inner_one():
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.5))
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25
    multi = optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.5)))
    with pytest.raises(AttributeError, match="has no learning rate of its own"):
        multi.learning_rate
    with pytest.raises(AttributeError, match="has no learning rate of its own"):
        multi.learning_rate = 0.1
    assert not hasattr(multi, "learning_rate")


def test_iterations_count_updates():
    optimizer, weight = optimizers.SGD(0.5, gradient_accumulation_steps=2), kk.Variable([1.0])
    for _ in range(5):
        step(optimizer, weight)
    assert int(optimizer.iterations) == 2


def test_old_spellings():
    with pytest.warns(UserWarning, match=r"Adam\(lr=...\) is an old spelling: write learning_rate"):
        assert float(optimizers.Adam(lr=0.5).learning_rate) == 0.5
    with pytest.warns(UserWarning, match=r"SGD\(decay=...\) is ignored"):
        optimizers.SGD(decay=0.1)


def test_get():
    assert optimizers.get(None) is None
    adam = optimizers.Adam()
    assert optimizers.get(adam) is adam
    assert isinstance(optimizers.get(optimizers.SGD), optimizers.SGD)
    for name, cls in (
        ("adam", optimizers.Adam),
        ("RMSprop", optimizers.RMSprop),
        ("rmsprop", optimizers.RMSprop),
        ("adamw", optimizers.AdamW),
        ("adam_w", optimizers.AdamW),
    ):
        assert type(optimizers.get(name)) is cls
    assert float(optimizers.get({"class_name": "adam", "config": {"learning_rate": 0.5}}).learning_rate) == 0.5
    rate = optimizers.schedules.CosineDecay(0.5, 10)
    again = optimizers.get(optimizers.serialize(optimizers.Lion(rate, beta_1=0.5, weight_decay=0.1)))
    assert (again.beta_1, again.weight_decay, again.get_config()["learning_rate"]["class_name"]) == (
        0.5,
        0.1,
        "CosineDecay",
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: optimizers.get("adm"), r"Unknown optimizer 'adm'. Did you mean 'Adam'"),
        (lambda: optimizers.get(5), "Could not interpret 5"),
        (lambda: optimizers.get("serialize"), "Unknown optimizer 'serialize'"),
        (
            lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0),
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm`",
        ),
        (lambda: optimizers.SGD(clipnorm=-1.0), "SGD: clipnorm must be positive, got -1.0"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), "ema_momentum must lie between 0 and 1"),
        (
            lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0),
            "ema_overwrite_frequency must be an int >= 1",
        ),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), "gradient_accumulation_steps must be an int >= 2"),
        (lambda: optimizers.SGD("fast"), "learning_rate must be a float, a LearningRateSchedule or a function"),
        (lambda: optimizers.SGD(momentum=2.0), "`momentum` must be a float between"),
        (lambda: optimizers.AdamW(weight_decay=None), "`weight_decay` must be a float"),
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1 must be above 0 and at most 1, got 0.0"),
        (lambda: optimizers.Ftrl(learning_rate_power=1.0), "`learning_rate_power` needs to be negative or zero"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-1.0), "l1_regularization_strength. needs to be positive"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0), "set it on the `inner_optimizer`"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False), "always adapts its scale"),
        (lambda: optimizers.LossScaleOptimizer("sgd"), "needs an Optimizer to wrap"),
        (lambda: optimizers.MultiOptimizer(5), "needs an OptimizerMap or a function"),
        (lambda: optimizers.OptimizerMap(optimizers.SGD(), {"a": 5}), "holds optimizers, got 5"),
        (lambda: optimizers.schedules.CosineDecay(0.1, 0), "decay_steps must be positive"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay([1], [0.1]), "one value more than boundaries"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(TypeError, match=r"Adam\(\) got an unknown argument 'beta1'. Did you mean 'beta_1'"):
        optimizers.Adam(beta1=0.9)


def test_optimizer_map():
    sgd, adam = optimizers.SGD(), optimizers.Adam()
    of = optimizers.OptimizerMap(sgd)
    of["encoder/.*"] = adam
    assert (of["encoder/kernel"], of["decoder/kernel"], list(of), len(of)) == (adam, sgd, ["encoder/.*"], 1)
    with pytest.raises(ValueError, match="is in the OptimizerMap already"):
        of["encoder/.*"] = sgd
    of[".*kernel"] = sgd
    with pytest.raises(ValueError, match="'encoder/kernel' fits more than one expression"):
        of["encoder/kernel"]
    del of[".*kernel"]
    assert of["encoder/kernel"] is adam


def test_multi_optimizer_by_a_function(make_variables):
    adam, sgd = optimizers.Adam(), optimizers.SGD()
    multi = optimizers.MultiOptimizer(lambda variable: adam if "kernel" in variable.path else sgd)
    multi.exclude_from_weight_decay(var_names=["kernel"])
    variables = make_variables(kk)
    multi.build(variables)
    assert multi.optimizers == [adam, sgd]
    assert [v.path for v in adam._trainable_variables] == ["dense/kernel", "conv/kernel"]
    assert adam.weight_decay_of(variables[0]) is None
    with pytest.warns(UserWarning, match="stay unchanged"):
        multi.apply([None, np.ones(3), None], variables)
    assert (int(adam.iterations), int(sgd.iterations), int(multi.iterations)) == (0, 1, 1)


def test_multi_optimizer_has_one_loss_scale(make_variables):
    inner = optimizers.SGD(loss_scale_factor=2.0)
    multi = optimizers.MultiOptimizer(optimizers.OptimizerMap(inner), loss_scale_factor=3.0)
    multi.build(make_variables(kk))
    assert (inner.loss_scale_factor, float(multi.scale_loss(2.0))) == (None, 6.0)


def test_multi_optimizer_holds_no_wrappers():
    of = optimizers.OptimizerMap(optimizers.SGD())
    with pytest.raises(ValueError, match="cannot hold a LossScaleOptimizer"):
        of["a"] = optimizers.LossScaleOptimizer(optimizers.SGD())
