"""What the teaching pictures show, drawn by both libraries."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit import viz
from kernelkit.viz.teaching import scores
from kernelkit.viz.teaching.activations import layer_output
from kernelkit.viz.teaching.boundary import class_map
from kernelkit.viz.teaching.confusion import confusion_counts
from kernelkit.viz.teaching.embedding import project
from kernelkit.viz.teaching.filters import filter_tiles
from kernelkit.viz.teaching.top_losses import sample_losses

EVIL = "<img src=x onerror=alert(1)> $x$"
BACKENDS = ["matplotlib", "plotly"]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.random((12, 8, 8, 1), dtype=np.float32), np.arange(12) % 3


@pytest.fixture(scope="module")
def model():
    return kk.Sequential(
        [
            kk.Input((8, 8, 1)),
            kk.layers.Conv2D(4, 3, activation="relu", name="edges"),
            kk.layers.Conv2D(5, 3, name="parts"),
            kk.layers.Flatten(name="flat"),
            kk.layers.Dense(3, activation="softmax", name="classes"),
        ],
        name="small",
    )


@pytest.fixture(scope="module")
def plane():
    return kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)], name="plane")


def draw(name: str, model, plane, images, backend: str):
    x, y = images
    points = np.random.default_rng(1).normal(size=(12, 2))
    calls = {
        "confusion_matrix": lambda: viz.confusion_matrix(model, x, y, [EVIL, "b", "c"], backend=backend),
        "predictions": lambda: viz.predictions(model, x, y, [EVIL, "b", "c"], count=5, columns=3, backend=backend),
        "top_losses": lambda: viz.top_losses(model, x, y, [EVIL, "b", "c"], count=5, columns=3, backend=backend),
        "weights": lambda: viz.weights(model, backend=backend),
        "filters": lambda: viz.filters(model, backend=backend),
        "activations": lambda: viz.activations(model, x[0], "edges", backend=backend),
        "activations of a vector": lambda: viz.activations(model, x[:1], -1, backend=backend),
        "embedding": lambda: viz.embedding(points, y, [EVIL, "b", "c"], backend=backend),
        "decision_boundary": lambda: viz.decision_boundary(plane, points, y, [EVIL, "b", "c"], 20, backend=backend),
    }
    return calls[name]()


NAMES = [
    "confusion_matrix",
    "predictions",
    "top_losses",
    "weights",
    "filters",
    "activations",
    "activations of a vector",
    "embedding",
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*NAMES, "decision_boundary"])
def test_each_picture_is_drawn_and_names_stay_text(name, backend, model, plane, images):
    figure = draw(name, model, plane, images, backend)
    if backend == "matplotlib":
        assert figure._repr_png_().startswith(b"\x89PNG")
    else:
        assert "<img" not in figure.to_json().replace("\\u003c", "<")


@pytest.mark.parametrize("backend", ["ggplot", None])
def test_an_unknown_backend_is_refused_before_anything_is_computed(backend):
    with pytest.raises(ValueError, match="Use 'matplotlib' or 'plotly'"):
        viz.confusion_matrix(None, backend=backend)


def test_classes_may_be_given_by_their_names():
    labels, truth, predicted = ["cat", "dog", "cow"], ["dog", "cat", "dog", "cow"], ["dog", "dog", "dog", "cow"]
    numbers = [labels.index(name) for name in truth], [labels.index(name) for name in predicted]
    by_number = viz.confusion_matrix(numbers[1], y=numbers[0], labels=labels)
    for y in (truth, np.array(truth), np.array(truth, object), np.array(truth, "S")):
        by_name = viz.confusion_matrix(predicted, y=y, labels=labels)
        shown = [[text.get_text() for text in figure.axes[0].texts] for figure in (by_name, by_number)]
        assert shown[0] == shown[1] and "2" in shown[0]
    with pytest.raises(ValueError, match="y holds 'cats', which is not one of the labels"):
        viz.confusion_matrix([0], y=["cats"], labels=labels)
    with pytest.raises(ValueError, match=r"Give the names of all classes, .* as labels="):
        viz.confusion_matrix([0], y=["cat"])


def test_confusion_counts_are_pairs_counted_one_by_one(model, images):
    x, y = images
    chosen = model.predict(x, verbose=0).argmax(1)
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (y, chosen), 1)
    assert (confusion_counts(y, chosen, 3) == expected).all()


@pytest.mark.parametrize(
    ("given", "chosen", "sure"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], [0, 1], [0.9, 0.8]),
        ([[2.0, 0.0]], [0], [1 / (1 + np.exp(-2))]),  # logits
        ([[0.7], [0.2]], [1, 0], [0.7, 0.8]),
        ([3.0, -3.0], [1, 0], [1 / (1 + np.exp(-3))] * 2),
        ([2, 0], [2, 0], [np.nan, np.nan]),
    ],
)
def test_scores_of_every_form_become_classes(given, chosen, sure):
    got = scores.decide(np.array(given), "test")
    assert got[0].tolist() == chosen
    np.testing.assert_allclose(got[1], sure, rtol=1e-6)


@pytest.mark.parametrize("y", [[0, 1, 2], [[0], [1], [2]], np.eye(3), [0.0, 1.0, 2.0]])
def test_targets_of_every_form_become_classes(y):
    assert scores.targets_of(y, 3, "test").tolist() == [0, 1, 2]


@pytest.mark.parametrize("y", [None, [0, 1], [0.5, 1, 2], [-1, 0, 1], ["a", "b", "c"], np.zeros((3, 2, 2))])
def test_targets_that_are_no_classes_are_refused(y):
    with pytest.raises(ValueError, match="test: expected"):
        scores.targets_of(y, 3, "test")


def test_the_surest_mistakes_come_first(images):
    x, _ = images
    said = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    figure = viz.predictions(said, x[:4], [1, 0, 0, 1])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["✗ 0, 90 %\nis 1", "✗ 1, 70 %\nis 0", "✓ 0, 60 %\n", "✓ 1, 80 %\n"]


def test_the_output_of_an_inner_layer_is_what_a_model_up_to_it_gives(model, images):
    layer = model.get_layer("parts")
    up_to = kk.Model(model.inputs, layer.output)
    given = layer_output(model, images[0], layer)
    np.testing.assert_allclose(given, up_to.predict(images[0], verbose=0), atol=1e-6)
    assert "call" not in vars(layer)


def test_layers_inside_models_of_one_s_own_are_found(images):
    class Own(kk.Model):
        def __init__(self):
            super().__init__()
            self.inner = kk.Sequential([kk.layers.Flatten(), kk.layers.Dense(4, name="deep")])

        def call(self, x):
            return self.inner(x)

    own = Own()
    own(images[0])
    figure = viz.activations(own, images[0][0], "deep")
    assert figure.get_suptitle() == "deep: 4"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: viz.activations(m, np.zeros((2, 8, 8, 1)), "edges"), "a batch of 2. Pass x\\[0\\]"),
        (lambda m: viz.activations(m, np.zeros((8, 8, 1)), "egdes"), "edges"),
        (lambda m: viz.predictions(m, np.zeros((3, 4))), "expected images"),
        (lambda m: viz.confusion_matrix([0, 1], y=[0, 1, 1]), "for 2 samples"),
        (lambda m: viz.confusion_matrix(m, np.zeros((2, 8, 8, 1)), [0, 1], labels=["a"]), "a label for each"),
        (lambda m: viz.weights(kk.layers.Dense(2)), "not|yet"),
        (lambda m: viz.filters(m.get_layer("classes"), shape=(3, 3)), "9 pixels"),
        (lambda m: viz.embedding(np.zeros(4)), "expected vectors"),
        (lambda m: viz.embedding(np.full((3, 2), np.nan)), "diverged"),
        (lambda m: viz.embedding(np.zeros((3, 2)), method="mds"), "unknown method"),
        (lambda m: viz.decision_boundary(m, np.zeros((3, 4)), [0, 1, 1]), "\\(n, 2\\)"),
    ],
)
def test_mistakes_are_told_in_words(call, message, model):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_principal_components_keep_distances_of_points_in_a_plane():
    points = np.random.default_rng(0).normal(size=(30, 2))
    turned = points @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    flat, names = project(turned)
    apart = [np.linalg.norm(p[:, None] - p, axis=-1) for p in (points, flat)]
    np.testing.assert_allclose(*apart, atol=1e-9)
    assert names[0].startswith("component 1 (")


def test_neighbours_stay_neighbours_by_t_sne():
    pytest.importorskip("sklearn")
    vectors = np.random.default_rng(0).normal(size=(40, 6)) + 20 * (np.arange(40) % 2)[:, None]
    figure = viz.embedding(vectors, np.arange(40) % 2, method="tsne")
    a, b = (np.asarray(c.get_offsets()) for c in figure.axes[0].collections)
    assert np.linalg.norm(a.mean(0) - b.mean(0)) > a.std() + b.std()


def test_filters_are_cut_as_the_kernel_lies():
    kernel = np.arange(2 * 3 * 3 * 4, dtype=float).reshape(2, 3, 3, 4)
    tiles, _, _ = filter_tiles(kernel)
    assert tiles.shape == (4, 2, 3, 3) and tiles.min() == 0 and tiles.max() == 1
    tiles, names, columns = filter_tiles(np.zeros((3, 3, 16, 4)))
    assert tiles.shape == (32, 3, 3) and columns == 8 and names[9] == "1:1"
    templates, _, _ = filter_tiles(np.arange(40.0).reshape(4, 10), shape=(2, 2))
    assert templates[3].tolist() == [[3, 13], [23, 33]]


def test_a_boundary_lies_where_two_classes_are_even():
    class Half:
        def predict(self, x, **_):
            return 1 / (1 + np.exp(-10 * x[:, :1]))

    x = np.array([[-1.0, -1.0], [1.0, 1.0]])
    (across, _), shares = class_map(Half(), x.astype("float32"), 50)
    assert (shares.argmax(-1) == (across > 0)).all()


def test_top_losses_begin_with_the_largest_and_color_the_pixels_that_count():
    x = np.random.default_rng(0).random((6, 4, 4, 1), dtype="float32")
    reads = kk.layers.Dense(2, use_bias=False, name="reads")
    model = kk.Sequential([kk.Input((4, 4, 1)), kk.layers.Flatten(), reads])
    kernel = np.zeros((16, 2), "float32")
    kernel[5] = [-4.0, 4.0]  # the loss hangs on the pixel in row 1, column 1 alone
    reads.kernel.assign(kernel)
    y = np.array([0, 1, 0, 1, 0, 1])
    losses = sample_losses(model.predict(x, verbose=0), y)
    expected = kk.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    axes = viz.top_losses(model, x, y, count=4).axes
    told = [float(one.get_title().split("loss ")[1]) for one in axes]
    assert told == [pytest.approx(v, rel=1e-2) for v in np.sort(losses)[::-1][:4]]
    for one in axes:
        pixels = one.images[0].get_array()
        assert np.unravel_index((pixels[..., 0] - pixels[..., 2]).argmax(), (4, 4)) == (1, 1)
    gray = viz.top_losses(model, x, y, count=1, maps=False).axes[0].images[0].get_array()
    assert gray.ndim == 2
    with pytest.raises(ValueError, match="y holds class 2"):
        viz.top_losses(model, x, y + 1)
