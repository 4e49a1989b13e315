"""The batch pane: it shows what was given, whatever kind of model it is."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.viz.debugger.detail import layer_message, maps_of
from kernelkit.viz.debugger.filters import filters_of
from kernelkit.viz.debugger.picture import Shot, bundle
from kernelkit.viz.debugger.said import joined, said
from kernelkit.viz.debugger.samples import batch_message

RNG = np.random.default_rng(0)
PICTURES = RNG.random((12, 8, 8, 1)).astype("float32")
CLASSES = RNG.integers(0, 3, 12)


def shown(model, x, y, **options):
    dbg = model.debug(x, y, batch_size=6, shuffle=False, **options)
    dbg.step()
    content, pixels = batch_message(dbg)
    sizes = [len(content["samples"]) * np.prod(shape) for _, shape in content.get("pictures", [])]
    assert len(pixels) == sum(sizes)
    return dbg, content, pixels


def compiled(model, loss="sparse_categorical_crossentropy"):
    model.compile("sgd", loss)
    return model


def test_an_autoencoder_shows_input_reconstruction_and_difference():
    model = compiled(kk.Sequential([kk.Input((8, 8, 1)), kk.layers.Conv2D(1, 3, padding="same")]), "mse")
    dbg, content, _ = shown(model, PICTURES, PICTURES)
    assert [what for what, _ in content["pictures"]] == ["input", "reconstruction", "difference"]
    assert {s["prediction"] for s in content["samples"]} == {None} == {s["wrong"] for s in content["samples"]}
    assert "<svg" in bundle(Shot.of(dbg))["text/html"]


def test_segmentation_shows_maps_of_classes():
    maps = (PICTURES[..., 0] > 0.5).astype("int32")
    layers = [kk.Input((8, 8, 1)), kk.layers.Conv2D(2, 3, padding="same", activation="softmax")]
    _, content, pixels = shown(compiled(kk.Sequential(layers)), PICTURES, maps)
    assert [what for what, _ in content["pictures"]] == ["input", "target", "output", "wrong pixels"]
    size = 6 * 64
    target = np.frombuffer(pixels, "uint8")[size : 2 * size].reshape(6, 8, 8)
    places = [sample["place"] for sample in content["samples"]]
    np.testing.assert_array_equal(target, maps[places] * 255)


def test_strings_are_shown_as_they_were_given():
    texts = np.array(["a good film", "what a bore", "good fun", "no, a bad film"] * 3)
    vectorize = kk.layers.TextVectorization(output_sequence_length=5)
    vectorize.adapt(texts)
    layers = [kk.Input((), dtype="string"), vectorize, kk.layers.Embedding(20, 2), kk.layers.GlobalAveragePooling1D()]
    _, content, _ = shown(compiled(kk.Sequential([*layers, kk.layers.Dense(3, "softmax")])), texts, CLASSES)
    rows = [sample["row"] for sample in content["samples"]]
    assert content["columns"] == ["x"] and [row[0] for row in content["values"]] == texts[rows].tolist()


def test_several_inputs_and_outputs_go_by_their_names():
    picture, facts = kk.Input((8, 8, 1), name="picture"), kk.Input((3,), name="facts")
    joint = kk.layers.concatenate([kk.layers.Flatten()(picture), facts])
    outputs = {
        "kind": kk.layers.Dense(3, "softmax", name="kind")(joint),
        "price": kk.layers.Dense(1, name="price")(joint),
    }
    model = kk.Model({"picture": picture, "facts": facts}, outputs)
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "price": "mse"})
    x = {"picture": PICTURES, "facts": RNG.random((12, 3)).astype("float32")}
    _, content, _ = shown(model, x, {"kind": CLASSES, "price": RNG.random((12, 1)).astype("float32")})
    assert content["image"] == [8, 8, 1] and content["columns"] == ["facts[0]", "facts[1]", "facts[2]"]
    first = content["samples"][0]
    assert first["label"].startswith("kind ") and " · price 0." in first["label"] and "%" in first["prediction"]
    assert first["wrong"] in (True, False)


def test_columns_of_a_table_keep_their_names():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"age": RNG.random(12), "bmi": RNG.random(12)})
    model = compiled(kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)]), "mse")
    dbg, content, _ = shown(model, table, RNG.random(12))
    assert content["columns"] == ["age", "bmi"]
    assert batch_message(dbg.fork(learning_rate=0.1))[0]["columns"] == ["age", "bmi"]


def test_a_logit_is_shown_as_a_chance_and_judged():
    x = RNG.random((12, 4)).astype("float32")
    model = compiled(
        kk.Sequential([kk.Input((4,)), kk.layers.Dense(1)]), kk.losses.BinaryCrossentropy(from_logits=True)
    )
    _, content, _ = shown(model, x, CLASSES > 0)
    assert all(s["wrong"] in (True, False) and s["prediction"].endswith("%)") for s in content["samples"])


@pytest.mark.parametrize("p", [np.full((3, 4), np.nan), np.full((3, 1), np.nan)], ids=["classes", "one"])
def test_nan_is_never_right(p):
    told = said(np.array([0, 1, 0]), p.astype("float32"), 3)
    assert told.predictions == ["NaN"] * 3
    assert told.wrong in ([True] * 3, [None] * 3) and (p.shape[1] == 1 or told.wrong == [True] * 3)


def test_numbers_of_a_regression_are_told_together():
    told = said(np.array([[0.5, 1.5], [2.5, 3.5]]), np.array([[0.25, 1.0], [2.0, 3.0]]), 2)
    assert told.labels == ["0.5, 1.5", "2.5, 3.5"] and told.predictions == ["0.25, 1", "2, 3"]
    both = joined(
        {
            "a": said(np.array([0]), np.array([[0.1, 0.9]]), 1),
            "b": told._replace(wrong=[None], labels=["1"], predictions=["2"]),
        }
    )
    assert both.labels == ["a 0 · b 1"] and both.wrong == [True]


def test_uniform_attention_looks_uniform():
    scores = np.full((1, 2, 4, 4), 0.25, "float32") + np.linspace(0, 1e-4, 4, dtype="float32")
    what, pixels, count, low, _ = maps_of([np.zeros((1, 4, 3), "float32"), scores], 0)
    assert (what, count, low) == ("attention", 2, 0.0) and pixels.min() >= 254


def test_attention_of_an_unchanged_model_is_seen_with_its_words():
    words = kk.layers.TextVectorization(output_sequence_length=4, vocabulary=["cat", "dog", "sat", "the"])
    tokens = kk.Input((), dtype="string")
    embedded = kk.layers.Embedding(6, 8)(words(tokens))
    attended = kk.layers.MultiHeadAttention(2, 4, name="mha")(embedded, embedded, use_causal_mask=True)
    answer = kk.layers.Dense(1)(kk.layers.GlobalAveragePooling1D()(attended))
    model = kk.Model(tokens, answer)
    model.compile("sgd", "mse")
    dbg = model.debug(np.array(["the cat sat", "the dog"]), np.ones((2, 1)), batch_size=2, shuffle=False)
    scores = dbg.attention("mha")  # before the first step: the step to come
    x = model.layers[2](np.array([[5, 2, 4, 0], [5, 3, 0, 0]]))
    _, expected = model.get_layer("mha")(x, x, use_causal_mask=True, return_attention_scores=True)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    content, buffer = layer_message(dbg, "mha", 1)
    assert content["maps"]["what"] == "attention" and content["maps"]["image"] == [2, 4, 4]
    assert content["maps"]["tokens"] == ["the", "dog", "·", "·"]
    pixels = np.frombuffer(buffer, "uint8")[:32].reshape(2, 4, 4)
    assert not pixels[:, 0, 1:].any() and (pixels[:, 0, 0] == 255).all()  # the first word sees only itself
    assert "query/kernel" in [h["what"] for h in content["histograms"]]
    with pytest.raises(ValueError, match="shows no attention"):
        dbg.attention("attention_output")


@pytest.mark.parametrize(
    ("path", "shape", "image", "said"),
    [
        ("dense/kernel", (3, 5), [1, 3, 5], ("kernel", "inputs down, units across", 1, False)),
        ("dense/kernel", (300, 5), [1, 5, 128], ("kernel", "units down, inputs across", 1, True)),
        ("words/embeddings", (9, 4), [1, 4, 9], ("embeddings", "features down, tokens across", 1, False)),
        ("conv/kernel", (3, 3, 1, 40), [32, 3, 3], ("filters of kernel", "", 40, False)),
        ("conv/kernel", (3, 3, 3, 4), [12, 3, 3], ("filters of kernel", "", 12, False)),
        ("mha/query/kernel", (6, 2, 4), [2, 6, 4], ("query/kernel by head", "inputs down, features across", 2, False)),
    ],
    ids=["dense", "large", "embedding", "convolution", "colors", "attention"],
)
def test_a_kernel_is_drawn_and_what_is_left_out_is_said(path, shape, image, said):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    kernel.flat[0] = np.nan
    told, pictures = filters_of({"m/bias": np.zeros(3), f"m/{path}": kernel})
    assert told["image"] == image and len(told["names"]) == image[0] and pictures.shape == (*image, 3)
    assert (told["what"], told["axes"], told["total"], told["cut"]) == said
    assert not pictures[0, 0, 0].any() and pictures.any(-1).sum() == np.prod(image) - 1  # NaN alone is black


def test_a_short_last_batch_keeps_the_maps_of_a_sample():
    layers = [kk.Input((8, 8, 1)), kk.layers.Conv2D(2, 3, name="conv"), kk.layers.Flatten()]
    model = compiled(kk.Sequential(layers), "mse")
    dbg = model.debug(PICTURES[:8], np.zeros((8, 72)), batch_size=5, shuffle=False)
    dbg.step(2)
    content, _ = layer_message(dbg, "conv", 4)
    assert content["sample"] == 2 and content["maps"]["image"][0] == 2 and content["missing"] == ""


def test_long_texts_keep_the_tokens_of_the_rows_that_are_drawn():
    ids = kk.Input((150,), dtype="int32")
    embedded = kk.layers.Embedding(200, 4)(ids)
    attended = kk.layers.MultiHeadAttention(2, 2, name="mha")(embedded, embedded)
    model = compiled(kk.Model(ids, kk.layers.Dense(1)(kk.layers.GlobalAveragePooling1D()(attended))), "mse")
    dbg = model.debug(np.arange(150)[None].repeat(2, 0), np.ones((2, 1)), batch_size=2)
    maps = layer_message(dbg, "mha", 0)[0]["maps"]
    assert (maps["image"], maps["every"], maps["length"]) == ([2, 50, 50], 3, 150)
    assert maps["tokens"] == [str(i) for i in range(0, 150, 3)]
