"""`model_to_dot` of the architectures: the same nodes, edges, labels and shapes as in Keras's graphs."""

import os

import keras
import pytest

import kernelkit as kk
from tests.applications.twins import ALL, ONE_EACH, build, no_draws  # noqa: F401
from tests.dots import EVERYTHING, read

pytest.importorskip("pydot")

NAMES = ALL if os.environ.get("KERNELKIT_TEST_ALL_APPLICATIONS") == "1" else list(ONE_EACH)


@pytest.mark.one_in(14)
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_draws")
def test_nodes_edges_labels_and_shapes_are_those_of_keras(name):
    expected = read(keras.utils.model_to_dot(build(keras, name), **EVERYTHING))
    texts, edges, frames = read(kk.utils.model_to_dot(build(kk, name), **EVERYTHING))
    assert len(texts) > 20 and len(edges) >= len(texts) - 2
    assert (texts, edges, frames) == expected


@pytest.mark.usefixtures("no_draws")
def test_the_smaller_images_of_a_network_are_in_its_picture():
    options = {"input_shape": (64, 64, 3), "include_top": False, "alpha": 0.25}
    own, theirs = (p.utils.model_to_dot(build(p, "MobileNet", **options), **EVERYTHING) for p in (kk, keras))
    assert read(own) == read(theirs) and "Input shape: (None, 64, 64, 3)" in " ".join(read(own)[0])
