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
