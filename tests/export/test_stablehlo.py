"""StableHLO files."""

import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import devices
from kernelkit.export import program, stablehlo
from tests.export import zoo

pytest.importorskip("flatbuffers")


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_model_of_the_zoo_is_written_and_read(name, tmp_path):
    model = zoo.build(name)
    path = tmp_path / "model.shlo"
    done = model.export(path, format="stablehlo", verbose=False)
    assert done.error is not None and done.error < 1e-5
    loaded = kk.export.load(path)
    assert loaded.platforms == ("cpu", "cuda", "tpu")
    for batch in (1, 5):
        x = zoo.draw(model, batch)
        got, want = loaded(x), zoo.outputs(model, x)
        assert jax.tree.structure(got) == jax.tree.structure(want)
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_program_with_gradients_can_be_trained_further(tmp_path):
    model = zoo.build("lstm")
    model.export(tmp_path / "m", format="stablehlo", gradients=True, verbose=False)
    loaded = kk.export.load(tmp_path / "m")
    x = zoo.draw(model, 4)
    got = jax.jit(jax.grad(lambda w: (loaded.apply(w, x) ** 2).sum()))(loaded.weights)
    apply, weights = model.pure()
    want = jax.jit(jax.grad(lambda t: (apply(weights._replace(trainable=t), x) ** 2).sum()))(weights.trainable)
    for path, value in want.items():
        np.testing.assert_allclose(got[path], value, atol=1e-5)


def test_convolutions_of_the_cpu_are_not_baked_into_the_program(tmp_path):
    text = str(stablehlo.save(program.trace(zoo.build("cnn")), tmp_path / "m", ["cpu"]).mlir_module())
    assert text.count("= stablehlo.convolution") == 2 and "reduce_window" in text


def test_convolutions_of_large_batches_keep_the_batch_open():
    model = kk.Sequential([kk.Input((28, 28, 32)), kk.layers.Conv2D(8, 3)])
    traced = program.trace(model)
    assert traced.outputs[0].shape == (None, 26, 26, 8)
    assert " pad[" not in str(traced.body.jaxpr)


def test_it_says_until_when_it_can_be_read(tmp_path):
    zoo.build("mlp").export(tmp_path / "m", format="stablehlo", verbose=False)
    loaded = kk.export.load(tmp_path / "m")
    assert (loaded.expires - loaded.written).days == 180
    assert str(loaded.expires) in repr(loaded)


def test_an_input_of_another_shape_is_refused_by_name(tmp_path):
    zoo.build("mlp").export(tmp_path / "m", format="stablehlo", verbose=False)
    with pytest.raises(ValueError, match=r"Input 'features' of .* has shape \(None, 10\), got \(2, 9\)"):
        kk.export.load(tmp_path / "m")(np.ones((2, 9), "float32"))


def change(path, **fields):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"]) | fields
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "other"},
        {"version": 99},
        {"weights": 5},
        {"weights": [{"name": "w", "shape": [10**12], "dtype": "float32"}]},
        {"weights": [{"name": "w", "shape": [-1], "dtype": "float32"}]},
        {"weights": [{"name": "w", "shape": [1], "dtype": "nonsense"}]},
        {"written": "yesterday"},
        {"inputs": [None]},
    ],
    ids=str,
)
def test_a_manifest_with_nonsense_is_refused(tmp_path, fields):
    path = tmp_path / "m"
    zoo.build("mlp").export(path, format="stablehlo", verbose=False)
    change(path, **fields)
    with pytest.raises(ValueError, match="is not a program that kernelkit exported"):
        kk.export.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "m").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="is not a program that kernelkit exported"):
        kk.export.load(tmp_path / "m")


def test_a_program_of_garbage_is_refused(tmp_path):
    path = tmp_path / "m"
    zoo.build("mlp").export(path, format="stablehlo", verbose=False)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["program.bin"] = b"\x00" * 64
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="cannot read the program"):
        kk.export.load(path)


def test_places_on_devices_stay_out_of_a_file():
    """A program that was traced for the devices of a training would run on as many devices only."""
    x = jnp.ones((2, 8, 8, 3))
    kernel = jnp.ones((3, 3, 3, 4))

    def windows(x):
        return kk.ops.max_pool(kk.ops.conv(x, kernel), 2)

    with kk.distribution.DataParallel(devices=kk.distribution.list_devices()[:1]).scope():
        assert "sharding_constraint" in str(jax.make_jaxpr(windows)(x))
        with devices.portable():
            assert "sharding_constraint" not in str(jax.make_jaxpr(lambda x: windows(x))(x))
