"""Preprocessing layers with sparse=True give the vectors that they give without it, sparse."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.sparse import is_sparse, to_dense

INTEGERS = np.array([[1, 2, 2], [0, 9, -1]])
STRINGS = np.array([["a", "b", "b"], ["c", "?", "a"]])
LAYERS = {
    "category": (lambda **k: kk.layers.CategoryEncoding(4, **k), INTEGERS),
    "category_on_device": (lambda **k: kk.layers.CategoryEncoding(4, **k), jnp.asarray(INTEGERS)),
    "discretization": (lambda **k: kk.layers.Discretization([0.5, 1.5], **k), INTEGERS.astype("float32")),
    "hashing": (lambda **k: kk.layers.Hashing(5, **k), STRINGS),
    "integers": (lambda **k: kk.layers.IntegerLookup(vocabulary=[1, 2], **k), INTEGERS),
    "strings": (lambda **k: kk.layers.StringLookup(vocabulary=["a", "b"], **k), STRINGS),
}


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("name", LAYERS)
def test_sparse_vectors_are_the_dense_ones(name, mode):
    make, data = LAYERS[name]
    dense, layer = make(output_mode=mode), make(output_mode=mode, sparse=True)
    result = layer(data)
    assert is_sparse(result) and result.dtype == dense(data).dtype
    np.testing.assert_array_equal(to_dense(result), dense(data))
    kind = "string" if np.asarray(data).dtype.kind == "U" else str(np.asarray(data).dtype).replace("64", "32")
    symbolic = layer(kk.Input((3,), dtype=kind))
    assert symbolic.sparse and symbolic.shape == (None, *result.shape[1:])


def test_weighted_counts():
    weights = np.array([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]], "float32")
    dense, layer = (kk.layers.CategoryEncoding(4, "count", sparse=sparse) for sparse in (False, True))
    expected = dense(INTEGERS, count_weights=weights)
    np.testing.assert_array_equal(to_dense(layer(INTEGERS, count_weights=weights)), expected)


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_texts(mode):
    more = {"idf_weights": [0.5, 1.5]} if mode == "tf_idf" else {}
    dense, layer = (
        kk.layers.TextVectorization(vocabulary=["a", "b"], output_mode=mode, sparse=sparse, **more)
        for sparse in (False, True)
    )
    result = layer(["a b b", "c a", ""])
    assert layer.sparse and is_sparse(result)
    np.testing.assert_allclose(to_dense(result), dense(["a b b", "c a", ""]))
    assert type(layer).from_config(layer.get_config()).sparse


def test_crossed_hashes():
    columns = (np.array(["a", "b"]), np.array([1, 2]))
    dense, layer = (kk.layers.HashedCrossing(5, output_mode="one_hot", sparse=sparse) for sparse in (False, True))
    result = layer(columns)
    assert is_sparse(result)
    np.testing.assert_array_equal(to_dense(result), dense(columns))


@pytest.mark.parametrize(
    "make",
    [
        lambda: kk.layers.Hashing(3, sparse=True),
        lambda: kk.layers.StringLookup(sparse=True),
        lambda: kk.layers.HashedCrossing(3, sparse=True),
        lambda: kk.layers.Discretization([1.0], sparse=True),
    ],
)
def test_indices_are_not_sparse(make):
    with pytest.raises(ValueError, match="`sparse` may only be true if `output_mode` is"):
        make()
