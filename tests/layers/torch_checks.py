"""Checks with torch, run by `test_torch_module_wrapper.py` in a process of their own: torch is large.

python tests/layers/torch_checks.py
"""

import tempfile

import numpy as np

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


def modules():
    import torch

    return torch, torch.nn


def check_outputs_and_gradients_are_those_of_torch():
    import jax

    import kernelkit as kk

    torch, nn = modules()
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    layer = kk.layers.TorchModuleWrapper(module)
    inputs = torch.from_numpy(X.copy()).requires_grad_(True)
    outputs = module(inputs)
    np.testing.assert_allclose(layer(X), outputs.detach(), rtol=1e-5)

    def loss(weights, x):
        return (layer.stateless_call(weights, [v.value for v in layer.non_trainable_variables], x)[0] ** 2).sum()

    weights = [v.value for v in layer.trainable_variables]
    for_weights, for_inputs = jax.jit(jax.grad(loss, (0, 1)))(weights, X)
    (outputs**2).sum().backward()
    np.testing.assert_allclose(for_inputs, inputs.grad, rtol=1e-4, atol=1e-5)
    for mine, parameter in zip(for_weights, module.parameters(), strict=True):
        np.testing.assert_allclose(mine, parameter.grad, rtol=1e-4, atol=1e-5)


def check_it_learns_between_layers_of_kernelkit():
    import kernelkit as kk

    _, nn = modules()
    layer = kk.layers.TorchModuleWrapper(nn.Linear(5, 5))
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(5, "tanh"), layer, kk.layers.Dense(1)])
    assert layer.output.shape == (None, 5)
    model.compile(kk.optimizers.Adam(0.05), "mse")
    before = [v.numpy() for v in model.trainable_variables]
    losses = model.fit(X, Y, epochs=30, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert all(np.abs(v.numpy() - old).max() > 0 for v, old in zip(model.trainable_variables, before, strict=True))
    for parameter, variable in zip(layer.parameters(), layer.trainable_variables, strict=True):
        np.testing.assert_array_equal(parameter.detach(), variable.numpy())


def check_buffers_and_random_numbers():
    import jax

    import kernelkit as kk

    torch, nn = modules()
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5))
    layer = kk.layers.TorchModuleWrapper(module)
    first, second = np.array(layer(X, training=True)), np.array(layer(X, training=True))
    assert (first == 0).any() and not np.array_equal(first, second)
    twin = nn.BatchNorm1d(4)
    twin.train()
    twin(torch.from_numpy(X))
    twin(torch.from_numpy(X))
    mean = next(v for v in layer.non_trainable_weights if "running_mean" in v.path)
    np.testing.assert_allclose(mean.numpy(), twin.running_mean, rtol=1e-5)
    np.testing.assert_array_equal(layer(X), layer(X))
    assert not module[0].training or module.training  # the module keeps its own mode
    # The gradient is that of the very elements that were kept.
    state = [v.value for v in layer.non_trainable_variables]
    only_dropout = kk.layers.TorchModuleWrapper(nn.Dropout(0.5))
    state = [v.value for v in only_dropout.non_trainable_variables]

    def run(x):
        return only_dropout.stateless_call([], state, x, training=True)[0]

    kept = run(X)
    gradient = jax.grad(lambda x: run(x).sum())(X)
    np.testing.assert_array_equal(np.asarray(kept) != 0, np.asarray(gradient) != 0)


def check_integers_frozen_parameters_and_several_outputs():
    import jax

    import kernelkit as kk

    _, nn = modules()
    embedding = kk.layers.TorchModuleWrapper(nn.Embedding(10, 3))
    model = kk.Sequential([kk.Input((2,), dtype="int32"), embedding, kk.layers.Flatten(), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.array([[1, 2], [3, 4]]), np.ones((2, 1)), verbose=0)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.frozen, self.unused = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(1, 1)
            self.frozen.weight.requires_grad_(False)

        def forward(self, a, b):
            return self.used(a), {"other": self.frozen(b)}

    layer = kk.layers.TorchModuleWrapper(Two())
    first, second = layer(X, X)
    assert first.shape == second["other"].shape == (8, 2)
    assert len(layer.trainable_variables) == 5 and len(layer.non_trainable_weights) == 1
    state = [v.value for v in layer.non_trainable_variables]
    weights = [v.value for v in layer.trainable_variables]
    gradients = jax.grad(lambda w: layer.stateless_call(w, state, X, X)[0][0].sum())(weights)
    assert sum(float(abs(g).sum()) > 0 for g in gradients) == 2


def check_shapes_dtypes_and_files():
    import kernelkit as kk

    _, nn = modules()
    layer = kk.layers.TorchModuleWrapper(nn.Conv2d(3, 6, 3), output_shape=(None, 6, 30, 30))
    assert layer(kk.Input((3, 32, 32))).shape == (None, 6, 30, 30)
    assert kk.layers.TorchModuleWrapper(nn.Conv2d(3, 6, 3))(kk.Input((3, 32, 32))).shape == (None, 6, 30, 30)
    half = kk.layers.TorchModuleWrapper(nn.Linear(4, 2), dtype="mixed_bfloat16")
    assert half(X).dtype == "bfloat16"
    assert half.trainable_variables[0].dtype == "float32"
    model = kk.Sequential([kk.Input((4,)), kk.layers.TorchModuleWrapper(nn.Linear(4, 2))])
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/a.weights.h5")
        expected = np.array(model(X))
        model.layers[0].trainable_variables[0].assign(np.zeros((2, 4)))
        model.load_weights(f"{folder}/a.weights.h5")
        np.testing.assert_array_equal(model(X), expected)
        raises(NotImplementedError, "cannot be saved", lambda: model.save(f"{folder}/a.keras"))
    raises(ValueError, "pickled", lambda: kk.layers.TorchModuleWrapper.from_config({"module": "..."}))
    raises(ValueError, "wraps a torch.nn.Module", lambda: kk.layers.TorchModuleWrapper(abs))
    raises(ValueError, "lazy", lambda: kk.layers.TorchModuleWrapper(nn.LazyLinear(3)))


def raises(kind, text, action):
    try:
        action()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}")


def check_tensors_of_every_dtype_and_layout_are_data():
    import kernelkit as kk

    torch, nn = modules()
    x, y = torch.ones(8, 2), torch.zeros(8, 1)
    kinds = [
        x,
        x.clone().requires_grad_(True),
        nn.Parameter(x.clone()),
        x.bfloat16(),
        x.half(),
        x.double(),
        x.int(),
        x.bool(),
        x.to_sparse(),
        x.to_sparse_csr(),
        torch.quantize_per_tensor(x, 0.5, 0, torch.qint8),
        torch._neg_view(-x),
    ]
    for data in kinds:
        model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        assert model.predict(data, verbose=0).tolist() == [[2.0]] * 8, data
        assert np.asarray(model(data)).tolist() == [[2.0]] * 8, data
        assert float(kk.ops.sum(kk.ops.convert_to_tensor(data))) == 8 * 2 or data.dtype == torch.bool, data
        assert model.fit(data, y, verbose=0).history["loss"] == [4.0], data
        norm = kk.layers.Normalization()
        norm.adapt(data)
        np.testing.assert_allclose(norm.mean, np.ones((1, 2)))


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check()
            print(name)
