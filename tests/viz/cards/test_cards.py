"""Objects as the last line of a cell."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.models.description import check, describe
from kernelkit.models.summary_tree import as_html
from kernelkit.viz.cards.bundles import MIME, card

L = kk.layers
WILD = "<img src=x onerror=a()>"


class Page(HTMLParser):
    """Which elements and attributes a page has, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.names, self.words, self.depth = set(), set(), [], 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.names |= {name for name, _ in attributes}
        self.depth += tag not in ("img",)

    def handle_endtag(self, tag):
        self.depth -= tag not in ("img",)

    def handle_data(self, data):
        self.words.append(data)


def assert_harmless(page):
    found = Page(page)
    assert found.tags <= {
        "div", "span", "b", "i", "style", "details", "summary", "table", "tr", "td", "th",
        "svg", "g", "rect", "path", "text", "defs", "marker", "img",
    }, found.tags  # fmt: skip
    assert not [name for name in found.names if name.startswith(("on", "data-", "href"))]
    assert found.depth == 0
    return " ".join(found.words)


@pytest.fixture
def model():
    model = kk.Sequential([kk.Input((4,)), L.Dense(8, activation="relu", name=WILD), L.Dense(2, name="out")], name="m")
    model.compile(kk.optimizers.Adam(0.002), "mse")
    return model


def test_a_model_shows_its_totals_and_its_picture(model):
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == "<Sequential name=m, built=True, 2 layers, 58 parameters>"
    words = assert_harmless(bundle["text/html"])
    assert "58 parameters · 232 B · 114 FLOPs a sample" in words and WILD in words
    assert check(bundle[MIME])["totals"]["params"] == 58


def test_a_model_whose_call_fails_says_where():
    class Broken(kk.Model):
        def __init__(self):
            super().__init__(name="broken")
            self.a, self.b = L.Dense(3, name="a"), L.Conv2D(4, 3, name="b")

        def call(self, x):
            return self.b(self.a(x))

    words = assert_harmless(card(describe(Broken(), (2, 5))))
    assert "Fails at 'b' in 'broken', which was given (None, 3): ValueError" in words


def test_a_model_that_is_not_built_shows_its_layers():
    bundle = kk.Sequential([L.Dense(2, name="later")])._repr_mimebundle_()
    assert "not called yet" in bundle["text/html"] and "later" in bundle["text/html"]


def test_a_large_model_stays_small_in_a_notebook():
    i = x = kk.Input((8, 8, 4))
    for k in range(71):
        x = L.Add()([x, L.Conv2D(4, 3, padding="same")(L.ReLU()(x))]) if k % 3 else L.BatchNormalization()(x)
    bundle = kk.Model(i, x)._repr_mimebundle_()
    assert len(bundle["text/html"]) < 100_000


def test_the_summary_is_a_tree_that_folds(model):
    inner = kk.Sequential([kk.Input((4,)), L.Dense(4, name="deep")], name="inner")
    i = kk.Input((4,), name="begin")
    outer = kk.Model(i, L.Dense(1, name="end")(inner(i)))
    page = as_html(describe(outer))
    words = assert_harmless(page)
    assert page.count("<details>") == 1 and "deep" in words
    assert as_html(describe(outer), expand_nested=True).count("<details open>") == 1
    rows = [re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", r)).strip() for r in page.split('<div class="r')[1:]]
    assert any("end Dense" in row and "(None, 1)" in row and row.split("inner")[0] != row for row in rows)


def test_the_text_summary_has_the_shapes_of_a_subclassed_model():
    class Net(kk.Model):
        def __init__(self):
            super().__init__(name="net")
            self.a, self.b = L.Dense(3, name="a"), L.Dense(2, name="b")

        def call(self, x):
            return self.b(kk.ops.relu(self.a(x)))

    net = Net()
    net(np.ones((2, 5), "float32"))
    lines = []
    net.summary(print_fn=lines.append)
    assert "(None, 3)" in lines[0] and "relu (Relu)" in lines[0] and "?" not in lines[0]


def test_nested_rows_stand_below_their_model():
    inner = kk.Sequential([kk.Input((4,)), L.Dense(4, name="deep")], name="inner")
    outer = kk.Sequential([kk.Input((4,)), inner, L.Dense(1, name="end")])
    lines = []
    outer.summary(print_fn=lines.append, expand_nested=True)
    assert re.search(r"inner.*deep.*end", lines[0], re.DOTALL)
    with pytest.raises(ValueError, match="no layer 'ende'"):
        outer.summary(layer_range=["inner", "ende"])
    outer.summary(print_fn=lines.append, layer_range=["end", "end"])
    assert "inner" not in lines[1].split("Total")[0].split("Model")[1]


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (lambda: kk.optimizers.Adam(0.002), "Adam(learning_rate=0.002, step 0)"),
        (
            lambda: kk.optimizers.SGD(kk.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9), momentum=0.9),
            "SGD(learning_rate=ExponentialDecay(0.1, 100, decay_rate=0.9), momentum=0.9, step 0)",
        ),
        (lambda: kk.initializers.HeNormal(), "HeNormal()"),
        (lambda: kk.initializers.Constant(3), "Constant(value=3)"),
        (lambda: kk.regularizers.L1L2(l2=0.5), "L1L2(l2=0.5)"),
        (lambda: kk.constraints.MaxNorm(3), "MaxNorm(max_value=3)"),
        (lambda: L.Dropout(0.5, name="d"), "<Dropout(0.5, name='d')>"),
        (
            lambda: L.Dense(3, kernel_initializer="zeros", name="d"),
            "<Dense(3, kernel_initializer=Zeros(), name='d'), not built>",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "made",
)  # fmt: skip
def test_objects_show_the_arguments_that_made_them(thing, text):
    assert repr(thing()) == text


def test_layers_show_shapes_and_parameters(model):
    assert repr(model.layers[1]) == "<Dense(2, name='out'): (None, 8) → (None, 2), 18 parameters>"
    model.layers[1].trainable = False
    assert repr(model.layers[1]).endswith("18 parameters, frozen>")


def test_a_layer_that_is_half_made_has_a_text():
    class Own(kk.layers.Layer):
        def __init__(self, size):
            self.text = repr(self)
            super().__init__()

    assert Own(3).text == "<Own that is not ready>"


def test_arguments_that_cannot_be_found_leave_a_text():
    class Own(kk.layers.Layer):
        def __init__(self, *sizes):
            super().__init__(name="own")

    assert repr(Own(1, 2)).startswith("<Own(name='own')")


def test_the_optimizer_counts_its_steps(model):
    model.fit(np.ones((8, 4), "float32"), np.ones((8, 2), "float32"), batch_size=4, epochs=2, verbose=0)
    assert repr(model.optimizer) == "Adam(learning_rate=0.002, step 4)"
    assert "variables" in assert_harmless(model.optimizer._repr_html_())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.arange(6.0).reshape(2, 3), ("mean 2.5", "min 0", "max 5", "zeros 16.7%")),
        (np.array([1.0, np.nan, np.inf]), ("2 not finite",)),
        (np.zeros((0, 3)), ("0 B",)),
        (np.array(3.0), ("mean 3",)),
        (np.ones((700, 300, 2)), ("mean 1", "1.6 MB")),
        (np.array([True, False]), ("mean 0.5",)),
        (np.array([7, 9], "int32"), ("mean 8",)),
    ],
    ids=lambda v: str(getattr(v, "shape", "")),
)
def test_a_variable_shows_statistics_and_a_picture(value, expected):
    variable = kk.Variable(value, name="v")
    page = variable._repr_html_()
    words = assert_harmless(page)
    assert all(text in words for text in expected) and len(page) < 120_000
    assert ("<svg" in page) == (np.isfinite(value).sum() > 1)


def test_the_other_things_are_harmless_too(model):
    for thing in (model.layers[0], model.inputs[0], model.outputs[0], model.layers[0].kernel):
        assert WILD not in thing._repr_html_()
        assert_harmless(thing._repr_html_())
    assert html.escape(WILD) in model.layers[0]._repr_html_()


def test_a_traced_variable_has_no_picture():
    import jax

    variable = kk.Variable(1.0)
    seen = []

    def f(x):
        with kk.StatelessScope([(variable, x)]):
            seen.append(variable._repr_html_())
        return x

    jax.jit(f)(1.0)
    assert seen == [None]
