"""A program of a user of KerasHub: `python -m kernelkit.as_keras tests/export/kerashub_user.py FOLDER FORMAT`.

It trains a BERT that tells three kinds of texts apart, exports it, and leaves a batch with what the model says of it.
"""

import sys

import keras
import keras_hub
import numpy as np

LENGTH = 6


def classifier():
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=11, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=LENGTH
    )
    names = ("padding_mask", "segment_ids", "token_ids")
    inputs = {name: keras.Input((LENGTH,), dtype="int32", name=name) for name in names}
    pooled = keras.layers.Dropout(0.1)(backbone(inputs)["pooled_output"])
    return keras.Model(inputs, keras.layers.Dense(3)(pooled))


def texts(rows):
    rng = np.random.default_rng(rows)
    lengths = rng.integers(1, LENGTH + 1, (rows, 1))
    return {
        "padding_mask": (np.arange(LENGTH) < lengths).astype("int32"),
        "segment_ids": rng.integers(0, 2, (rows, LENGTH)).astype("int32"),
        "token_ids": rng.integers(0, 11, (rows, LENGTH)).astype("int32"),
    }


def main(folder, format):
    keras.utils.set_random_seed(0)
    model = classifier()
    x = texts(32)
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    history = model.fit(x, x["token_ids"][:, 0] % 3, epochs=8, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    rows = 5
    options = {"litert": {"batch_size": rows}, "stablehlo": {"platforms": ["cpu"]}}.get(format, {})
    ending = {"openvino": ".xml", "litert": ".tflite", "torch": ".pt2"}.get(format, "")
    report = model.export(f"{folder}/bert{ending}", format=format, verbose=False, **options)
    assert report.error is not None and report.error < 1e-5, report
    np.savez(f"{folder}/told.npz", scores=model.predict(texts(rows), verbose=0), **texts(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
