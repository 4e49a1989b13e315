"""Modules of PyTorch that run the model's own program, where PyTorch is installed."""

import os

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from tests.export import zoo

if os.environ.get("KERNELKIT_TEST_TORCH"):
    import torch
else:
    torch = pytest.importorskip("torch")

from tests.export.in_torch import close, close_gradients, tensors


@pytest.mark.parametrize("name", [*zoo.ZOO, *zoo.MORE])
def test_outputs_and_gradients_are_the_models(name):
    model = zoo.build(name)
    module = model.to_torch(bridge=True)
    x = zoo.draw(model, 3)
    apply, weights = model.pure()

    def loss(trainable):
        return sum((y**2).sum() for y in jax.tree.leaves(apply(weights._replace(trainable=trainable), x)))

    outputs, atol = module(tensors(x)), zoo.atol(name) / 10
    wanted = zoo.outputs(model, x)
    close(outputs, wanted, atol=atol)
    sum((y**2).sum() for y in jax.tree.leaves(outputs)).backward()
    want = jax.jit(jax.grad(loss))(weights.trainable)  # the bridge's programs are compiled
    close_gradients(module, want, name, 10 * atol)
    with torch.no_grad():
        close(module(tensors(x)), wanted, atol=atol)


def test_a_training_loop_of_pytorch_trains_it_and_the_model_takes_the_weights_back():
    kk.utils.set_random_seed(0)
    torch.manual_seed(0)
    model = kk.Sequential([kk.Input((2,)), L.Dense(16, activation="tanh"), L.BatchNormalization(), L.Dense(1)])
    module = model.to_torch(bridge=True).train()
    x = torch.randn(256, 2)
    y = (x[:, :1] * x[:, 1:]).sign()
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = ((module(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.35 * losses[0]
    assert module._programs.differentiate._cache_size() == 1  # compiled once
    kk.export.assign_torch(model, module.eval())
    close(module(x), model(x.numpy()), atol=1e-6)


def test_three_steps_equal_those_of_the_written_module():
    model = zoo.build("resnet")
    x = tensors(zoo.draw(model, 4))
    states = []
    for bridge in (False, True):
        module = model.to_torch(bridge=bridge).train()
        optimizer = torch.optim.SGD(module.parameters(), 0.01)
        for _ in range(3):
            optimizer.zero_grad()
            (module(x) ** 2).mean().backward()
            optimizer.step()
        states.append(module.state_dict())
    for name, tensor in states[0].items():
        np.testing.assert_allclose(states[1][name].numpy(), tensor.numpy(), rtol=1e-3, atol=1e-4)


def test_dropout_follows_pytorchs_seed():
    module = kk.Sequential([kk.Input((1000,)), L.Dropout(0.25)]).to_torch(bridge=True)
    x = torch.ones(4, 1000)
    assert torch.equal(module(x), x)
    module.train()
    torch.manual_seed(1)
    first, second = module(x), module(x)
    torch.manual_seed(1)
    assert torch.equal(module(x), first) and not torch.equal(first, second)
    assert abs(float((first != 0).float().mean()) - 0.75) < 0.05


def test_an_input_has_a_gradient_and_the_module_is_a_part_of_another():
    model = zoo.build("cnn")
    body = model.to_torch(bridge=True)
    x = tensors(zoo.draw(model, 2)).requires_grad_()
    head = torch.nn.Linear(4, 1)
    torch.nn.Sequential(body, torch.nn.ReLU(inplace=True), head)(x).sum().backward()
    assert x.grad.shape == x.shape and float(x.grad.abs().sum()) > 0
    assert all(p.grad is not None for p in (*body.parameters(), *head.parameters()))


def test_weights_that_changed_before_the_backward_pass_are_an_error():
    model = zoo.build("mlp")
    module = model.to_torch(bridge=True)
    loss = module(tensors(zoo.draw(model, 2))).sum()
    with torch.no_grad():
        next(module.parameters()).add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_output_that_pytorch_writes_into_does_not_change_the_next():
    model = zoo.build("mlp")
    module = model.to_torch(bridge=True)
    x = tensors(zoo.draw(model, 2))
    with torch.no_grad():
        first = module(x)
        kept = first.clone()
        first.zero_()
        assert torch.equal(module(x), kept)


def test_its_state_is_the_models_by_name():
    model = zoo.build("mlp")
    written, bridge = model.to_torch(), model.to_torch(bridge=True)
    assert set(written.state_dict()) == set(bridge.state_dict())
    bridge.load_state_dict(written.state_dict())


def test_whole_numbers_may_be_an_output():
    i = kk.Input((4,))
    h = L.Dense(3)(i)
    model = kk.Model(i, [h, kk.ops.argmax(h, axis=-1)])
    module = model.to_torch(bridge=True)
    logits, kinds = module(torch.randn(5, 4))
    logits.sum().backward()
    assert kinds.dtype == torch.int32 and not kinds.requires_grad
    assert torch.equal(kinds, logits.argmax(-1).int())
