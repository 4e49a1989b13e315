"""Sparse data train, evaluate and predict as the same data dense do, and are never dense as a whole."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO, BCSR

import kernelkit as kk
from kernelkit.feeds import sparse_rows
from kernelkit.feeds.arrays import CHUNK_BYTES
from kernelkit.feeds.make import make_feed

pytestmark = pytest.mark.one_in(3)

RNG = np.random.default_rng(0)
X = (RNG.random((50, 12)) * (RNG.random((50, 12)) < 0.2)).astype("float32")
Y = RNG.integers(0, 3, 50)


def halves(x):
    """Each value twice, as two halves, in no order."""
    coo = scipy.sparse.coo_matrix(x)
    order = RNG.permutation(2 * coo.nnz)
    parts = (np.tile(v, 2)[order] for v in (coo.data / 2, coo.row, coo.col))
    data, row, column = parts
    return scipy.sparse.coo_matrix((data, (row, column)), shape=x.shape)


KINDS = {
    "csr": scipy.sparse.csr_matrix,
    "csc_array": scipy.sparse.csc_array,
    "halves": halves,
    "bcoo": lambda x: BCOO.fromdense(jnp.asarray(x)),
    "padded": lambda x: BCOO.fromdense(jnp.asarray(x), nse=200),
    "batched": lambda x: BCOO.fromdense(jnp.asarray(x), n_batch=1),
    "bcsr": lambda x: BCSR.fromdense(jnp.asarray(x)),
}


def make_model(**kwargs):
    kk.utils.set_random_seed(1)
    model = kk.Sequential([kk.Input((12,), **kwargs), kk.layers.Dense(4, activation="relu"), kk.layers.Dense(3)])
    model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def results(x, **kwargs):
    model = make_model(**kwargs)
    history = model.fit(x, Y, epochs=2, batch_size=8, validation_split=0.2, class_weight={0: 2.0}, verbose=0).history
    return history, model.get_weights(), model.evaluate(x, Y, verbose=0), model.predict(x, batch_size=16, verbose=0)


@pytest.fixture(scope="module")
def dense_results():
    return results(X)


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_of_dense_data(kind, dense_results):
    found = results(KINDS[kind](X), sparse=kind == "bcoo")
    assert jax.tree.structure(found) == jax.tree.structure(dense_results)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(dense_results), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_the_rows_at_hand_are_made_dense(monkeypatch):
    features, samples = 100_000, 400
    x = scipy.sparse.random(samples, features, density=1e-4, format="csr", dtype="float32", random_state=0)
    written = []
    write = sparse_rows.SparseRows.write
    monkeypatch.setattr(
        sparse_rows.SparseRows, "write", lambda self, rows, out: (written.append(out.nbytes), write(self, rows, out))
    )
    model = kk.Sequential([kk.Input((features,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, np.ones(samples), batch_size=4, epochs=1, validation_split=0.5, verbose=0)
    model.predict(x, batch_size=4, verbose=0)
    assert max(written) <= CHUNK_BYTES < x.shape[0] * features * 4 / 10


def test_batches_of_generators_datasets_and_methods_of_one_batch():
    kinds = (KINDS["csr"], KINDS["bcoo"])

    class Batches(kk.utils.PyDataset):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind

        def __len__(self):
            return 5

        def __getitem__(self, i):
            return self.kind(X[10 * i : 10 * i + 10]), Y[10 * i : 10 * i + 10]

    def trained(feed):
        model = make_model()
        model.fit(feed, shuffle=False, verbose=0)
        return model.get_weights()

    expected = trained(Batches(np.asarray))
    for kind in kinds:
        for feed in (Batches(kind), (Batches(kind)[i] for i in range(5))):
            for one, other in zip(trained(feed), expected, strict=True):
                np.testing.assert_array_equal(one, other)
        model, twin = make_model(), make_model()
        assert model.train_on_batch(kind(X), Y) == twin.train_on_batch(X, Y)
        assert model.test_on_batch(kind(X), Y) == twin.test_on_batch(X, Y)
        np.testing.assert_array_equal(model.predict_on_batch(kind(X)), twin.predict_on_batch(X))


def test_several_inputs_and_arrays_of_more_axes():
    images = (RNG.random((50, 3, 4)) * (RNG.random((50, 3, 4)) < 0.3)).astype("float32")

    def predicted(a, b):
        kk.utils.set_random_seed(0)
        inputs = {"a": kk.Input((12,), name="a"), "b": kk.Input((3, 4), name="b")}
        outputs = kk.layers.Dense(2)(kk.layers.Concatenate()([inputs["a"], kk.layers.Flatten()(inputs["b"])]))
        return kk.Model(inputs, outputs).predict({"a": a, "b": b}, verbose=0)

    found = predicted(KINDS["csr"](X), BCOO.fromdense(jnp.asarray(images)))
    np.testing.assert_array_equal(found, predicted(X, images))


def test_a_step_of_ones_own_takes_sparse_batches():
    model = make_model()
    values = [v.value for v in model.trainable_variables]

    @jax.jit
    def gradients(values, x):
        def loss(values):
            outputs, _ = model.stateless_call(values, [], x)
            return jnp.mean(outputs**2)

        return jax.grad(loss)(values)

    for found, expected in zip(gradients(values, KINDS["bcoo"](X)), gradients(values, X), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_texts_become_sparse_vectors_in_front_of_the_step():
    texts = np.array(["a b", "c a a", "d", "b b c"] * 4)
    targets = np.arange(16, dtype="float32")

    def trained(sparse):
        kk.utils.set_random_seed(0)
        vectors = kk.layers.TextVectorization(output_mode="count", vocabulary=["a", "b", "c"], sparse=sparse)
        model = kk.Sequential([vectors, kk.layers.Dense(1)])
        model.compile("sgd", "mse")
        losses = model.fit(texts, targets, epochs=2, verbose=0).history["loss"]
        return losses, model.predict(texts, verbose=0), np.asarray(model(texts))

    for found, expected in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="x has 50, y has 49"):
        make_feed(KINDS["csr"](X), Y[:-1])
    with pytest.raises(ValueError, match="leading axis"):
        make_feed(BCOO.fromdense(jnp.float32(3.0)))


def test_rows_of_an_empty_and_a_partly_empty_array():
    for x in (np.zeros((4, 3), "float32"), np.eye(4, 3, k=-2, dtype="float32")):
        rows = sparse_rows.sparse_rows(scipy.sparse.csr_matrix(x))
        np.testing.assert_array_equal(np.asarray(rows), x)
        np.testing.assert_array_equal(np.asarray(rows[1:]), x[1:])
        np.testing.assert_array_equal(np.asarray(rows[np.array([3, 0, 3])]), x[[3, 0, 3]])
        assert len(rows[3:2]) == 0
