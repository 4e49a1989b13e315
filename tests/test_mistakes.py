"""The codes at the end of error messages, and the pages in docs/mistakes that they name."""

from __future__ import annotations

import re
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "mistakes"


def test_each_code_has_a_page_and_each_page_a_message_that_names_it():
    sources = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "kernelkit").rglob("*.py"))
    codes = set(re.findall(r"\[(K\d\d)\]", sources))
    assert codes == {path.stem for path in PAGES.glob("K*.md")}
    assert len(codes) == 20
    listed = (PAGES / "README.md").read_text(encoding="utf-8")
    assert codes == set(re.findall(r"\[(K\d\d)\]\(\1\.md\)", listed))


@pytest.mark.parametrize("page", sorted(PAGES.glob("K*.md")), ids=lambda path: path.stem)
def test_a_page_says_why_and_what_to_write_instead(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.stem}: \S.*\n\n> \S.*\n\n## Why\n\n\S", text)
    (cure,) = re.findall(r"^## Cure\n\n```py\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    compile(cure.replace("...", "pass", 1) if "class " in cure else cure, page.name, "exec")


def model(loss="mse", **options):
    made = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="softmax")])
    made.compile("sgd", loss, **options)
    return made


def built():
    layer = kk.layers.Dense(3)
    layer.build((None, 64))
    return layer


def fit(made, *data, **arguments):
    return made.fit(*data, verbose=0, **arguments)


x, y = np.ones((6, 4), "float32"), np.ones((6, 3), "float32")
classes = np.array([0, 1, 2, 0, 1, 2])


class Old(kk.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (4, 2))


class New(kk.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(4, 2), name="kernel")

    def call(self, x):
        return x @ self.kernel


class Scale(kk.layers.Layer):
    pass


def by_if(y_true, y_pred):
    distance = kk.ops.mean(y_pred - y_true)
    return distance if distance > 0 else -distance


def by_where(y_true, y_pred):
    distance = kk.ops.mean(y_pred - y_true)
    return kk.ops.where(distance > 0, distance, -distance)


def by_numpy(y_true, y_pred):
    return np.mean(np.square(y_true - y_pred))


def by_ops(y_true, y_pred):
    return kk.ops.mean(kk.ops.square(y_true - y_pred))


def thawed(again):
    made = kk.Sequential([kk.Input((4,)), kk.layers.Dense(4), kk.layers.Dense(3)])
    made.layers[0].trainable = False
    made.compile("sgd", "mse")
    fit(made, x, y)
    made.layers[0].trainable = True
    if again:
        made.compile("sgd", "mse")
    fit(made, x, y)


def rounded(loss):
    return fit(model(lambda y_true, y_pred: loss(y_true, y_pred)), x, y)


def file_with_a_class(**arguments):
    config = {"class_name": "Scale", "config": {}, "registered_name": "Scale"}
    return kk.saving.deserialize_keras_object(config, **arguments)


def pieces(forever):
    while True:
        yield x, y
        if not forever:
            return


def on_a_layer(right):
    h = kk.layers.Dense(2)(kk.Input((4,))) if right else kk.layers.Dense(2)
    return kk.layers.Dense(1)(h)


names, numbers = np.unique(["a", "b", "c"] * 2, return_inverse=True)
# Of each page: what goes wrong, and the cure.
BOTH_WAYS = {
    "K01": (lambda: fit(kk.Sequential([kk.layers.Dense(3)]), x, y), lambda: fit(model(), x, y)),
    "K02": (lambda: built()(np.ones((5, 8, 8))), lambda: built()(np.ones((5, 8, 8)).reshape(5, -1))),
    "K03": (
        lambda: fit(model("sparse_categorical_crossentropy"), x, classes + 1),
        lambda: fit(model("sparse_categorical_crossentropy"), x, classes),
    ),
    "K04": (
        lambda: fit(model("categorical_crossentropy"), x, classes),
        lambda: fit(model("categorical_crossentropy"), x, kk.utils.to_categorical(classes, 3)),
    ),
    "K05": (lambda: model().predict(3.0, verbose=0), lambda: model().predict(np.full((1, 4), 3.0), verbose=0)),
    "K06": (lambda: fit(model(), x * np.nan, y), lambda: fit(model(), np.nan_to_num(x * np.nan), y)),
    "K07": (lambda: fit(model(), x, y[:5]), lambda: fit(model(), x[:5], y[:5])),
    "K08": (lambda: thawed(again=False), lambda: thawed(again=True)),
    "K09": (lambda: fit(model(by_if), x, y), lambda: fit(model(by_where), x, y)),
    "K10": (lambda: fit(model(by_numpy), x, y), lambda: fit(model(by_ops), x, y)),
    "K11": (lambda: fit(model(None), x, y), lambda: fit(model("mse"), x, y)),
    "K12": (
        lambda: rounded(lambda y_true, y_pred: kk.ops.mean(kk.ops.round(y_pred))),
        lambda: rounded(lambda y_true, y_pred: kk.ops.mean(y_pred**2)),
    ),
    "K13": (
        lambda: fit(model(), iter([(x, y)]), validation_split=0.2),
        lambda: fit(model(), iter([(x, y)]), validation_data=(x, y)),
    ),
    "K14": (
        lambda: fit(model(), pieces(forever=False), steps_per_epoch=2, epochs=2),
        lambda: fit(model(), pieces(forever=True), steps_per_epoch=2, epochs=2),
    ),
    "K15": (lambda: fit(model("crossentropie"), x, y), lambda: fit(model("categorical_crossentropy"), x, y)),
    "K16": (lambda: kk.layers.Dense(1, activations="relu"), lambda: kk.layers.Dense(1, activation="relu")),
    "K17": (lambda: Old()(x), lambda: New()(x)),
    "K18": (file_with_a_class, lambda: file_with_a_class(custom_objects={"Scale": Scale})),
    "K19": (
        lambda: fit(model("sparse_categorical_crossentropy"), x, names[numbers]),
        lambda: fit(model("sparse_categorical_crossentropy"), x, numbers),
    ),
    "K20": (lambda: on_a_layer(right=False), lambda: on_a_layer(right=True)),
}
ONLY_WARNED = {"K06", "K12", "K14"}
# Other ways to make the same mistake.
ALSO = [
    ("K02", lambda: kk.layers.Conv2D(1, 3)(np.ones((5, 8, 8)))),
    ("K02", lambda: model().predict(np.ones((5, 2, 2)), verbose=0)),
    ("K02", lambda: fit(model(), x[:, :3], y)),
    ("K04", lambda: kk.losses.categorical_crossentropy(np.ones((6, 2)), y)),
    ("K09", lambda: kk.Sequential([kk.Input((4,)), kk.layers.Lambda(lambda x: x if x[0, 0] > 0 else -x)])),
    ("K15", lambda: kk.losses.get("crossentropie")),
]


def told(function):
    """What an error or the warnings of a function say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function()
        except (ValueError, TypeError, RuntimeError) as error:
            return True, "\n".join(traceback.format_exception_only(error))
    return False, "\n".join(str(warning.message) for warning in caught)


def test_every_page_is_tried():
    assert sorted(BOTH_WAYS) == [f"K{n:02}" for n in range(1, 21)]


@pytest.mark.parametrize("code", sorted(BOTH_WAYS))
def test_the_mistake_of_a_page_says_what_the_page_quotes_and_names_its_code(code):
    raised, words = told(BOTH_WAYS[code][0])
    assert raised == (code not in ONLY_WARNED)
    assert f"[{code}]" in words
    (quote,) = re.findall(r"^> (.+)$", (PAGES / f"{code}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = re.findall(
        rf"^\| \[{code}\].*\| (.+) \|$", (PAGES / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert listed == [quote]
    # Numbers and names are those of another model; three dots stand for the rest.
    shape = re.sub(r"\\'[^']*\\'|'[^']*'", "'[^']*'", re.escape(quote.removesuffix(" ...")))
    shape = re.sub(r"\\\((?:\d+|\\ |,)+\\\)", r"\\([\\d, ]+\\)", shape)
    assert re.search(re.sub(r"(?<!K)\d+", r"\\d+", shape), words), (quote, words)


@pytest.mark.parametrize(("code", "mistake"), ALSO)
def test_other_ways_to_make_a_mistake_name_its_code_too(code, mistake):
    raised, words = told(mistake)
    assert raised and f"[{code}]" in words


@pytest.mark.parametrize("code", sorted(BOTH_WAYS))
def test_with_the_cure_of_a_page_nothing_is_said(code):
    assert told(BOTH_WAYS[code][1]) == (False, "")
