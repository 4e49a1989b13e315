"""Settings act."""

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import serialize


@pytest.fixture(autouse=True)
def settings_as_before():
    from kernelkit import config

    before = dict(config._settings)
    yield
    config._settings.update(before)


def fitted(**options):
    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=2, verbose=0, **options)
    return model, history


def test_a_cap_on_epochs():
    kk.config.set_max_epochs(max_epochs=2)
    with pytest.warns(UserWarning, match="2 epochs"):
        assert fitted(epochs=5, initial_epoch=1)[1].epoch == [1]
    assert fitted(epochs=1)[1].epoch == [0]
    kk.config.set_max_epochs(None)
    assert fitted(epochs=3)[1].epoch == [0, 1, 2]


def test_a_cap_on_steps():
    kk.config.set_max_steps_per_epoch(max_steps_per_epoch=3)
    model, _ = fitted(epochs=2)
    assert int(model.optimizer.iterations.value) == 6
    assert model.predict(np.ones((8, 2)), batch_size=2, verbose=0).shape == (6, 1)


def test_flash_attention_on_this_machine():
    x = np.random.default_rng(0).normal(size=(1, 4, 2, 8)).astype("float32")
    plain = kk.ops.dot_product_attention(x, x, x, flash_attention=False)
    assert kk.config.is_flash_attention_enabled() is None
    np.testing.assert_array_equal(kk.ops.dot_product_attention(x, x, x), plain)
    kk.config.disable_flash_attention()
    assert kk.config.is_flash_attention_enabled() is False
    np.testing.assert_array_equal(kk.ops.dot_product_attention(x, x, x), plain)
    kk.config.enable_flash_attention()
    assert kk.config.is_flash_attention_enabled() is None
    import jax

    if jax.default_backend() == "cpu":
        with pytest.raises(RuntimeError, match="cuDNN"):
            kk.ops.dot_product_attention(x, x, x, flash_attention=True)


def test_where_flash_attention_is_taken(monkeypatch):
    """The rule, on a device that is made up."""
    import types

    import jax
    import jax.numpy as jnp

    from kernelkit.ops.nn import attention

    device = types.SimpleNamespace(
        client=types.SimpleNamespace(platform_version="PJRT C API\ncuda 13000"), compute_capability="9.0"
    )
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    half, full = jnp.ones((1, 4, 2, 8), "bfloat16"), jnp.ones((1, 4, 2, 8))
    assert attention._has_flash(half, half, half, None)
    assert not attention._has_flash(full, full, full, None)
    assert not attention._has_flash(half, full, half, None)
    odd = jnp.ones((1, 3, 2, 8), "bfloat16")
    assert attention._has_flash(odd, odd, odd, None) and not attention._has_flash(odd, odd, odd, jnp.ones((1, 2, 3, 3)))
    device.compute_capability = "7.5"
    assert not attention._has_flash(half, half, half, None)


def test_unsafe_deserialization():
    with serialize.loading(safe_mode=True):
        assert serialize.in_safe_mode()
        kk.config.enable_unsafe_deserialization()
        assert not serialize.in_safe_mode()


def test_types_of_structures():
    with pytest.warns(DeprecationWarning, match="check_types"):
        kk.tree.assert_same_structure([1], [2], check_types=False)
    assert kk.tree.map_structure_up_to([0, 0], len, [[1, 2], [3]]) == [2, 1]
