"""Weights from files and from a server of this test; images prepared, classes named."""

import functools
import hashlib
import http.server
import importlib
import json
import threading

import h5py
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.applications import imagenet_utils, network
from tests.applications.twins import build, no_draws, random_weights  # noqa: F401

OPTIONS = {"alpha": 0.25, "include_top": False, "input_shape": (128, 128, 3)}


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address and the folder of a server; the cache lies beside it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "served"
    folder.mkdir()
    Handler.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def theirs(no_draws):  # noqa: F811
    model = build(keras, "MobileNet", **OPTIONS)
    model.set_weights(random_weights(model))
    return model


def same(own, theirs):
    for a, b in zip(own.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_files_are_read_both_ways(theirs, tmp_path):
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    own = build(kk, "MobileNet", **OPTIONS, weights=str(tmp_path / "theirs.weights.h5"))
    same(own, theirs)
    own.set_weights(random_weights(own, seed=1))
    own.save_weights(tmp_path / "own.weights.h5")
    theirs.load_weights(tmp_path / "own.weights.h5")
    same(own, theirs)


def test_weights_are_downloaded_once_and_checked(theirs, server):
    address, folder = server
    theirs.save_weights(folder / "w.weights.h5")
    digest = hashlib.sha256((folder / "w.weights.h5").read_bytes()).hexdigest()
    for _ in range(2):
        same(build(kk, "MobileNet", **OPTIONS, weights=f"{address}w.weights.h5#sha256={digest}"), theirs)
    assert Handler.asked == ["/w.weights.h5"]
    with pytest.raises(ValueError, match="checksum"), pytest.warns(UserWarning, match="outdated"):
        build(kk, "MobileNet", **OPTIONS, weights=f"{address}w.weights.h5#sha256={'0' * 64}")
    with pytest.raises(ValueError, match="#md5"):
        build(kk, "MobileNet", **OPTIONS, weights=f"{address}w.weights.h5#crc=1")
    with pytest.raises(OSError, match="404"):
        build(kk, "MobileNet", **OPTIONS, weights=f"{address}nothing.weights.h5")


def test_published_weights_are_found_under_their_name(theirs, server, monkeypatch):
    from keras.src.legacy.saving import legacy_h5_format

    address, folder = server
    place = folder / "tensorflow/keras-applications/mobilenet/mobilenet_2_5_128_tf_no_top.h5"
    place.parent.mkdir(parents=True)
    with h5py.File(place, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    monkeypatch.setattr(network, "BASE", address)
    same(build(kk, "MobileNet", **OPTIONS, weights="imagenet"), theirs)


def test_the_table_of_published_files_has_all_of_them():
    for name, (whole, whole_md5, bare, bare_md5) in network.FILES.items():
        assert whole.endswith(".h5") and bare.endswith(".h5") and whole != bare, name
        assert len(whole_md5) in (32, 64) and len(bare_md5) in (32, 64), name


def test_the_likeliest_classes_are_named(server, monkeypatch):
    address, folder = server
    table = {str(i): [f"n{i:08d}", f"thing_{i}"] for i in range(1000)}
    (folder / "imagenet_class_index.json").write_text(json.dumps(table))
    monkeypatch.setattr(imagenet_utils, "_classes", [])
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", address + "imagenet_class_index.json")
    digest = hashlib.md5((folder / "imagenet_class_index.json").read_bytes()).hexdigest()
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX_MD5", digest)
    preds = np.zeros((2, 1000), "float32")
    preds[0, 7], preds[0, 3], preds[1, 999] = 0.7, 0.2, 1.0
    named = kk.applications.resnet50.decode_predictions(preds, top=2)
    assert [(c, n) for c, n, _ in named[0]] == [("n00000007", "thing_7"), ("n00000003", "thing_3")]
    assert named[1][0] == ("n00000999", "thing_999", 1.0) and named[0][0][2] == np.float32(0.7)
    with pytest.raises(ValueError, match="1000"):
        kk.applications.vgg16.decode_predictions(np.zeros((2, 10)))


MODULES = """convnext densenet efficientnet efficientnet_v2 inception_resnet_v2 inception_v3 mobilenet mobilenet_v2
mobilenet_v3 nasnet resnet resnet50 resnet_v2 vgg16 vgg19 xception imagenet_utils""".split()


@pytest.mark.parametrize("module", MODULES)
def test_images_are_prepared_as_by_keras(module):
    own = importlib.import_module(f"kernelkit.applications.{module}").preprocess_input
    theirs = importlib.import_module(f"keras.applications.{module}").preprocess_input
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    kept = images.copy()
    for options in ({}, {"data_format": "channels_first"}):
        given = images if not options else images.transpose(0, 3, 1, 2)
        np.testing.assert_allclose(own(given, **options), theirs(given.copy(), **options), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(own(given[0], **options), theirs(given[0].copy(), **options), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(images, kept)
    np.testing.assert_allclose(own(kk.ops.array(images)), theirs(images.copy()), rtol=1e-5, atol=1e-5)
    whole = images.astype("uint8")
    np.testing.assert_allclose(own(whole), theirs(whole.copy()), rtol=1e-5, atol=1e-5)
    assert own(kk.Input((4, 5, 3))).shape == (None, 4, 5, 3)


def test_ways_of_preparing_are_those_of_keras():
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    for mode in ("caffe", "tf", "torch"):
        own, theirs = (p.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode) for p in (kk, keras))
        np.testing.assert_allclose(own, theirs, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="Expected mode"):
        kk.applications.imagenet_utils.preprocess_input(images, mode="other")
