"""Checks of layers inside of `tf.data`, run by `test_tensorflow.py` in a process of their own.

python tests/layers/preprocessing/tensorflow_checks.py
"""

import numpy as np


def dataset(*arrays):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(2)


def batches(mapped):
    return [np.asarray(batch) for batch in mapped.as_numpy_iterator()]


def check_layers_are_mapped_over_data_sets():
    import kernelkit as kk

    words = np.array(["a b", "c", "b b"])
    numbers = np.array([[0.0, 7.0], [2.0, 9.0], [1.0, 3.0]], "float32")
    rows = [
        (kk.layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=2), words),
        (kk.layers.StringLookup(vocabulary=["c"], output_mode="one_hot"), words[:, None]),
        (kk.layers.Hashing(7), words),
        (kk.layers.IntegerLookup(vocabulary=[5 * 10**9, 7]), np.array([5 * 10**9, 7, 0])),
        (kk.layers.Normalization(mean=1.0, variance=4.0), numbers),
        (kk.layers.Discretization([1.0, 2.0]), numbers),
        (kk.layers.CategoryEncoding(4), np.array([[1, 2], [3, 3], [0, 0]])),
    ]
    for layer, data in rows:
        mapped = dataset(data).map(layer)
        assert mapped.element_spec.dtype.name == np.asarray(layer(data)).dtype.name
        found = np.concatenate(batches(mapped))
        np.testing.assert_allclose(found, layer(data), err_msg=layer.name)
    crossed = dataset(words, np.array([1, 2, 3])).map(lambda a, b: kk.layers.HashedCrossing(9)((a, b)))
    assert (
        np.concatenate(batches(crossed)).tolist() == kk.layers.HashedCrossing(9)((words, np.array([1, 2, 3]))).tolist()
    )


def check_layers_adapt_to_data_sets_and_models_learn_from_them():
    import tensorflow as tf

    import kernelkit as kk

    texts, labels = np.array(["a b", "c", "b b", "c c"]), np.array([1.0, 0.0, 1.0, 0.0])
    layer = kk.layers.TextVectorization(output_sequence_length=2)
    layer.adapt(dataset(texts))
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "b", "a"]
    assert layer(tf.constant(texts)).tolist() == layer(texts).tolist()
    normalization = kk.layers.Normalization(axis=None)
    normalization.adapt(dataset(labels, labels))
    assert float(normalization.mean.ravel()[0]) == 0.5
    model = kk.Sequential([kk.Input((), dtype="string"), layer, kk.layers.Embedding(5, 2), kk.layers.Flatten()])
    model.add(kk.layers.Dense(1))
    model.compile("sgd", "mse")
    model.fit(dataset(texts, labels), epochs=2, verbose=0)
    np.testing.assert_allclose(model.predict(dataset(texts)), model.predict(texts), rtol=1e-5)


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check()
            print(name)
