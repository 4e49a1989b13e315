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
        integer = "int32" if isinstance(layer, kk.layers.Discretization) else "int64"
        expected = np.asarray(layer(data)).dtype.name.replace("int32", integer)
        assert mapped.element_spec.dtype.name == expected, layer.name
        found = np.concatenate(batches(mapped))
        np.testing.assert_allclose(found, layer(data), err_msg=layer.name)
    crossed = dataset(words, np.array([1, 2, 3])).map(lambda a, b: kk.layers.HashedCrossing(9)((a, b)))
    assert (
        np.concatenate(batches(crossed)).tolist() == kk.layers.HashedCrossing(9)((words, np.array([1, 2, 3]))).tolist()
    )


def check_images_are_prepared_in_data_sets():
    import tensorflow as tf

    import kernelkit as kk

    x = np.random.default_rng(0).random((6, 12, 10, 3)).astype("float32") * 255
    images = tf.data.Dataset.from_tensor_slices((x, np.arange(6)))
    for layer, shape in (
        (kk.layers.Resizing(4, 5), (4, 5, 3)),
        (kk.layers.Rescaling(1 / 255), (12, 10, 3)),
        (kk.layers.CenterCrop(4, 4), (4, 4, 3)),
    ):
        mapped = images.batch(2).map(lambda a, b, layer=layer: (layer(a), b), num_parallel_calls=2)
        assert tuple(mapped.element_spec[0].shape) == (None, *shape)
        found = np.concatenate([a for a, _ in mapped.as_numpy_iterator()])
        np.testing.assert_allclose(found, layer(x), rtol=1e-5, atol=1e-4, err_msg=layer.name)
        single = images.map(lambda a, b, layer=layer: (layer(a), b)).batch(3)
        assert tuple(single.element_spec[0].shape) == (None, *shape)
    for augment in (
        kk.layers.RandomFlip(),
        kk.Sequential([kk.layers.RandomFlip(), kk.layers.RandomRotation(0.1)]),
        kk.layers.Pipeline([kk.layers.RandomZoom(0.1), kk.layers.RandomContrast(0.1)]),
    ):
        mapped = images.batch(2).map(lambda a, b, augment=augment: (augment(a, training=True), b))
        assert tuple(mapped.element_spec[0].shape) == (None, 12, 10, 3)
        found = np.concatenate([a for a, _ in mapped.as_numpy_iterator()])
        assert found.shape == x.shape and not np.array_equal(found, x)
    mix = kk.layers.MixUp()
    mapped = images.batch(2).map(lambda a, b: mix({"images": a, "labels": tf.one_hot(b, 6)}))
    assert tuple(mapped.element_spec["labels"].shape) == (None, 6)
    assert next(iter(mapped))["labels"].shape == (2, 6)
    unknown = images.map(lambda a, b: tf.numpy_function(lambda v: v, [a], tf.float32))
    try:
        unknown.map(kk.layers.Resizing(4, 4))
    except ValueError as error:
        assert "unknown rank" in str(error) and "set_shape" in str(error)
    else:
        raise AssertionError("an image of unknown rank was taken")
    model = kk.Sequential([kk.Input((4, 4, 3)), kk.layers.Flatten(), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(images.batch(2).map(lambda a, b: (kk.layers.Resizing(4, 4)(a / 255), b)), epochs=2, verbose=0)


def check_a_data_set_with_steps_trains_for_all_epochs():
    import kernelkit as kk

    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    pairs = dataset(np.ones((20, 2), "float32"), np.ones(20, "float32"))
    for steps, data in ((5, pairs), (10, pairs), (7, pairs.filter(lambda a, b: True)), (10, pairs.repeat())):
        assert model.fit(data, steps_per_epoch=steps, epochs=4, verbose=0).epoch == [0, 1, 2, 3]


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


def check_a_feature_space_adapts_to_data_sets_and_is_mapped():
    import tensorflow as tf

    from kernelkit.utils import FeatureSpace

    table = {"n": [1.0, 2.0, 3.0, 4.0], "s": ["zero", "one", "two", "two"], "i": [0, 1, 2, 2]}
    rows = tf.data.Dataset.from_tensor_slices(table)
    for mode in ("concat", "dict"):
        space = FeatureSpace(
            {"n": "float_normalized", "s": "string_categorical", "i": "integer_hashed"},
            crosses=[("s", "i")],
            output_mode=mode,
        )
        for data in (rows, rows.batch(3)):
            space.adapt(data)
            expected = space(table)
            for encoded in (rows.map(space).batch(4), rows.batch(4).map(space)):
                found = next(iter(encoded))
                tf.nest.map_structure(
                    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
                    found,
                    dict(expected) if mode == "dict" else expected,
                )


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check()
            print(name)
