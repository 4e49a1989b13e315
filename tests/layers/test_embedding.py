"""Embeddings against Keras."""

import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, equal, rand, twins

IDS = np.array([[1, 0, 2], [0, 4, 3]])


@pytest.mark.parametrize("ids", [IDS, IDS[0], IDS.astype("float32"), IDS.astype("uint8")])
def test_embedding_equals_keras(ids):
    ours, theirs = twins("Embedding", 5, 4, build=(None,))
    equal(ours(ids), theirs(ids))


def test_embedding_has_kerass_gradients_config_and_symbolic_shape():
    check("Embedding", IDS.astype("int32"), 5, 4, embeddings_regularizer="l2", embeddings_constraint="unit_norm")


def test_an_index_out_of_range_gives_nan_as_in_keras():
    ours, theirs = twins("Embedding", 5, 4, build=(None,))
    np.testing.assert_array_equal(ours(np.array([7, -1])), theirs(np.array([7, -1])))
    assert np.isnan(ours(np.array([7]))).all()


def test_weights_are_taken_as_given():
    values = rand(5, 4)
    layer = kk.layers.Embedding(5, 4, weights=[values])
    np.testing.assert_array_equal(layer(np.arange(5)), values)


def test_mask_zero_masks_index_zero():
    layer = kk.layers.Embedding(5, 4, mask_zero=True)
    np.testing.assert_array_equal(layer.compute_mask(IDS), IDS != 0)
    assert kk.layers.Embedding(5, 4).compute_mask(IDS) is None


def test_indices_are_exact_under_mixed_precision():
    layer = kk.layers.Embedding(4000, 2, dtype="mixed_bfloat16")
    layer.build()
    layer.set_weights([np.stack([np.arange(4000), np.zeros(4000)], 1)])
    y = layer(np.array([256.0, 257.0, 2049.0], "float32"))
    assert y.dtype == "bfloat16"
    np.testing.assert_array_equal(y[:, 0], np.array([256, 257, 2049]).astype(y.dtype))


@pytest.mark.parametrize(
    "options", [{}, {"tie_weights": False}, {"logit_soft_cap": 2.0}, {"reverse_dtype": "bfloat16"}]
)
def test_reversible_embedding_equals_keras(options):
    ours, theirs = twins("ReversibleEmbedding", 5, 4, build=(None, 3), **options)
    equal(ours(IDS), theirs(IDS))
    vectors = rand(2, 3, 4)
    equal(ours(vectors, reverse=True), theirs(vectors, reverse=True))
    assert set(ours.get_config()) == set(theirs.get_config())
    twin = kk.layers.ReversibleEmbedding.from_config(ours.get_config())
    assert twin.get_config() == ours.get_config()


@pytest.mark.parametrize("wrong", [0, -1, 3.5, "3", True, None])
def test_sizes_must_be_positive_integers(wrong):
    with pytest.raises(ValueError, match="`input_dim` must be a positive integer"):
        kk.layers.Embedding(wrong, 2)
    with pytest.raises(ValueError, match="`output_dim` must be a positive integer"):
        kk.layers.Embedding(2, wrong)
