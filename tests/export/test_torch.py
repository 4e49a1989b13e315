"""Models as modules of PyTorch, where PyTorch is installed."""

import os

import jax
import numpy as np
import pytest

import kernelkit as kk
from tests.export import zoo

if os.environ.get("KERNELKIT_TEST_TORCH"):
    import torch
else:
    torch = pytest.importorskip("torch")

from kernelkit.export.torch import to_torch
from tests.export.in_torch import close, close_gradients, tensors


@pytest.mark.parametrize("name", [*zoo.ZOO, *zoo.MORE])
def test_outputs_and_gradients_of_a_module_are_the_models(name):
    model = zoo.build(name)
    module = to_torch(model)
    for batch in (1, 5):
        x = zoo.draw(model, batch)
        close(module(tensors(x)), zoo.outputs(model, x), atol=zoo.atol(name))
    apply, weights = model.pure()

    def loss(trainable):
        return sum((y**2).sum() for y in jax.tree.leaves(apply(weights._replace(trainable=trainable), x)))

    want = jax.jit(jax.grad(loss))(weights.trainable)
    outputs = module(tensors(x))
    sum((y**2).sum() for y in (outputs.values() if isinstance(outputs, dict) else [outputs])).backward()
    close_gradients(module, want, name, 1e-5)


def test_a_training_loop_of_pytorch_trains_it():
    kk.utils.set_random_seed(0)
    torch.manual_seed(0)
    model = kk.Sequential(
        [kk.Input((2,)), kk.layers.Dense(16, activation="tanh"), kk.layers.BatchNormalization(), kk.layers.Dense(1)]
    )
    module = model.to_torch().train()
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


def test_batch_statistics_move_in_training_as_the_models_do():
    model = zoo.build("mlp")
    module = model.to_torch().train()
    apply, weights = model.pure()
    x = zoo.draw(model, 8)
    module(tensors(x))
    _, state = apply(weights, x, training=True, rng=jax.random.key(0), mutable=True)
    buffers = {name.replace(".", "/"): b for name, b in module.named_buffers() if "constants" not in name}
    assert set(buffers) == set(state)
    for path, value in state.items():
        np.testing.assert_allclose(buffers[path].numpy(), value, atol=1e-5)


def test_dropout_draws_in_training_and_rests_in_evaluation():
    model = kk.Sequential([kk.Input((1000,)), kk.layers.Dropout(0.25)])
    module = model.to_torch()
    x = torch.ones(4, 1000)
    assert torch.equal(module(x), x)
    module.train()
    kept = (module(x) != 0).float()
    assert abs(float(kept.mean()) - 0.75) < 0.05
    np.testing.assert_allclose(np.unique(module(x).numpy()), [0, 4 / 3], rtol=1e-6)
    assert not torch.equal(module(x), module(x))


def test_its_state_goes_both_ways():
    first, second = zoo.build("cnn"), zoo.ZOO["cnn"]()
    module = to_torch(second)
    other = to_torch(first)
    assert [k.rpartition(".")[2] for k in module.state_dict()] == ["kernel", "bias"] * 3
    module.load_state_dict(dict(zip(module.state_dict(), other.state_dict().values(), strict=True)))
    x = zoo.draw(first, 2)
    close(module(tensors(x)), first(x))
    kk.export.assign_torch(second, module)
    np.testing.assert_allclose(second(x), first(x), atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "transformer"])
def test_a_file_of_torch_export_takes_any_batch(name, tmp_path):
    model = zoo.build(name)
    done = model.export(tmp_path / "model.pt2", format="torch", verbose=False)
    assert done.checked_by == "torch" and done.error is not None and done.error < 1e-5
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for batch in (2, 7):
        x = zoo.draw(model, batch)
        close(loaded(tensors(x)), zoo.outputs(model, x))


def test_the_code_can_be_read():
    code = zoo.build("mlp").to_torch().code
    assert "def _evaluate(self, x0):" in code and "self.classes.kernel" in code
    assert "torch.randint" in code.split("def _train")[1]
