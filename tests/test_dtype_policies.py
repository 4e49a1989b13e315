"""Dtype policies: what stands for one, what they say of what doesn't, and policies by path."""

import pytest

import kernelkit as kk
from kernelkit import config, dtype_policies
from kernelkit.dtype_policies import DTypePolicy, DTypePolicyMap


@pytest.fixture(autouse=True)
def keep_global_policy():
    before = config.dtype_policy()
    yield
    config.set_dtype_policy(before)


@pytest.mark.parametrize("name", ["float32", "bfloat16", "mixed_float16"])
def test_a_policy_without_a_name_is_the_global_one(name):
    config.set_dtype_policy(name)
    assert DTypePolicy() == DTypePolicy(None) == dtype_policies.get(None) == DTypePolicy(name)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [("mixed_float15", "Cannot convert 'mixed_float15'"), (123, "Cannot interpret `dtype` argument 123")],
)
def test_what_is_no_policy_is_told(wrong, text):
    with pytest.raises(ValueError, match=text):
        dtype_policies.get(wrong)
    with pytest.raises((TypeError, ValueError), match="'name' must be a string|Cannot convert"):
        DTypePolicy(wrong)


@pytest.mark.parametrize("wrong", [None, 12])
def test_the_global_policy_must_be_one(wrong):
    with pytest.raises(ValueError, match="Invalid `policy` argument"):
        config.set_dtype_policy(wrong)
    assert config.dtype_policy() == DTypePolicy("float32")


def test_map_by_path():
    policies = DTypePolicyMap("float32", {"encoder/.*": "bfloat16"})
    policies["encoder/query"] = "float16"
    assert [policies[p].name for p in ("encoder/query", "encoder/key", "decoder/key")] == [
        "float16",
        "bfloat16",
        "float32",
    ]
    assert "mapping=[('encoder/.*', 'bfloat16'), ('encoder/query', 'float16')]" in repr(policies)
    policies["encoder/k.*"] = "float16"
    with pytest.raises(ValueError, match="Path 'encoder/key' matches multiple dtype policy keys"):
        policies["encoder/key"]
    with pytest.raises(ValueError, match="already exists"):
        policies["encoder/query"] = "float32"
    again = dtype_policies.deserialize(dtype_policies.serialize(policies))
    assert again == policies


def test_policy_of_a_layer_in_a_map_is_kept_by_path():
    layer = kk.layers.Dense(2, name="query", dtype=DTypePolicyMap("float32", {"query": "bfloat16"}))
    assert layer(kk.ops.ones((1, 3))).dtype == "bfloat16"
    assert layer.kernel.dtype == "bfloat16"
