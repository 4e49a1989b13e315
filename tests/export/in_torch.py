"""What tests of models in PyTorch share."""

import jax
import numpy as np
import torch


def tensors(x):
    return jax.tree.map(torch.from_numpy, x)


def close(got, want, atol=1e-5):
    got, want = jax.tree.leaves(got), jax.tree.leaves(want)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, atol=atol)


def of_path(module):
    return {name.replace(".", "/"): parameter for name, parameter in module.named_parameters()}


NEAR = {"resnet50": 2e-3, "mobilenet": 5e-2}
"""How far gradients of `applications` may be from the model's, as parts of their length. In jax, those of 32 bits are
8e-5 and 2e-2 from those of 64 bits: a ReLU6 of MobileNet that lies at its bend takes one side or the other."""


def close_gradients(module, want, name, atol):
    """Compare the gradients of a module's parameters with the model's, by path."""
    gradients = {path: parameter.grad.numpy() for path, parameter in of_path(module).items()}
    assert set(gradients) == set(want)
    for path, gradient in gradients.items():
        wanted = np.asarray(want[path])
        if name in NEAR:
            assert np.linalg.norm(gradient - wanted) <= NEAR[name] * np.linalg.norm(wanted), path
        else:
            scale = max(1.0, float(np.abs(wanted).max()))
            np.testing.assert_allclose(gradient / scale, wanted / scale, rtol=1e-4, atol=atol)
