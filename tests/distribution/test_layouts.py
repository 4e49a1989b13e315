"""Meshes, layouts and rules, which need no devices."""

from __future__ import annotations

import copy
import pickle
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import distribution as dist

NAMES = [f"gpu:{i}" for i in range(8)]


@pytest.fixture
def mesh() -> dist.DeviceMesh:
    return dist.DeviceMesh((2, 4), ["batch", "model"], NAMES)


def variable(*shape: int, path: str = "v") -> kk.Variable:
    return kk.Variable(np.zeros(shape, "float32"), name=path)


def test_a_mesh_of_devices_that_are_not_here(mesh):
    assert mesh.devices.shape == (2, 4)
    with pytest.raises(ValueError, match="There is no device 'gpu:0'"):
        assert mesh.backend_mesh


def test_mesh_and_layouts_survive_a_pickle(mesh):
    layout = pickle.loads(pickle.dumps(dist.TensorLayout((None, "model"), mesh)))
    assert layout.axes == (None, "model")
    assert layout.device_mesh.devices.tolist() == mesh.devices.tolist()


def test_an_axis_may_be_split_over_two_axes_of_the_mesh(mesh):
    layout = dist.TensorLayout((("batch", "model"), None), mesh)
    assert layout.split() == {0: 8}
    with pytest.raises(ValueError, match="12 is no multiple of 8"):
        layout.check_shape((12, 3), "The array")


def test_a_key_must_be_a_regular_expression(mesh):
    with pytest.raises(ValueError, match="is not a regular expression"):
        dist.LayoutMap(mesh)["*kernel"] = (None, "model")


def test_two_keys_that_match_are_an_error(mesh):
    layouts = dist.LayoutMap(mesh)
    layouts[".*kernel"] = layouts["dense.*"] = (None, "model")
    with pytest.raises(ValueError, match="matches multiple layout specification keys"):
        layouts["dense/kernel"]
    layouts["dense/kernel"] = ("model", None)
    assert layouts["dense/kernel"].axes == ("model", None), "a key equal to the path goes first"


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((64, 32), ("model", None)),
        ((32, 64), (None, "model")),
        ((64, 64), (None, "model")),
        ((63, 64, 7), (None, "model", None)),
        ((63, 65), (None, None)),
        ((4, 4), (None, None)),
        ((), ()),
    ],
)
def test_variables_are_split_along_their_largest_axis_that_divides(mesh, shape, axes):
    assert dist.AutoParallel(mesh, smallest=64).rule_for(variable(*shape))[0].axes == axes


def test_a_plan_is_described_without_its_devices():
    model = kk.Sequential([kk.Input((64,)), kk.layers.Dense(128, name="hidden"), kk.layers.Dense(3)], name="net")
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    mesh = dist.DeviceMesh((256,), ["batch"], [f"tpu:{i}" for i in range(256)])
    whole = dist.describe(model)
    tried = dist.describe(model, dist.AutoParallel(dist.DeviceMesh((4,), ["batch"], NAMES[:4]), smallest=64))
    assert whole.nbytes_per_device == whole.nbytes == tried.nbytes
    kernel = 64 * 128 * 4
    assert whole.nbytes - tried.nbytes_per_device == 3 * 3 / 4 * (kernel + 128 * 4 + 128 * 3 * 4)
    rules = {v.path: v.rule for v in tried.variables}
    assert rules[f"{model.optimizer.name}/net_hidden_kernel_velocity"] == "as its weight"
    assert "axis 1 is the largest that divides by 4" in str(tried)
    assert dist.describe(model, dist.DataParallel(mesh)).devices == 256
    assert model.layers[0].kernel.layout is None, "nothing is moved"


def test_a_picture_shows_the_part_of_each_array_on_a_device(mesh):
    model = kk.Sequential([kk.Input((64,)), kk.layers.Dense(128, name="hidden"), kk.layers.Dense(3)], name="net")
    layouts = dist.LayoutMap(mesh)
    layouts["net/hidden/kernel"] = ("batch", "model")
    picture = kk.viz.sharding(model, dist.ModelParallel(layout_map=layouts))
    assert picture.svg.count("<rect") == 2 * len(model.weights), "a box for each array, and the first device's part"
    assert 'width="24.00" height="13.00"' in picture.svg, "a quarter of the width and half of the height"
    assert "64 × 128 · 1/8 on each of 8, 4.0 KiB · net/hidden/kernel" in picture.svg
    assert "128 · whole on each of 8, 512 B · no key: replicated" in picture.svg
    assert repr(picture) == str(picture.description)
    with pytest.raises(ValueError, match="unknown kinds"):
        kk.viz.sharding(model, kinds=("wieght",))


def test_an_initializer_may_make_the_parts_where_they_belong():
    seen = []

    def ones(shape: tuple, dtype: str, layout: dist.TensorLayout | None = None) -> jax.Array:
        seen.append(layout)
        return jnp.ones(shape, dtype, **({} if layout is None else {"out_sharding": layout.backend_layout}))

    assert kk.Variable(ones, (2, 3)).value.sum() == 6
    with dist.DataParallel().scope():
        placed = kk.Variable(ones, (2, 3))
    assert placed.value.sum() == 6
    assert seen[0] is None
    assert seen[1].axes == (None, None)
    assert placed.value.sharding.is_equivalent_to(seen[1].backend_layout, 2)


def test_a_scope_holds_for_its_thread():
    plan, other = dist.DataParallel(), dist.DataParallel()
    seen = []
    with plan.scope():
        thread = threading.Thread(target=lambda: seen.append(dist.distribution()))
        thread.start()
        thread.join()
        dist.set_distribution(other)
        assert dist.distribution() is other
    assert seen == [None]
    assert dist.distribution() is None


def test_a_copy_of_a_spread_model_trains():
    with dist.DataParallel().scope():
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    model.compile("sgd", "mse")
    for one in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), kk.models.clone_model(model)):
        one.compile("sgd", "mse")
        before = one.get_weights()
        one.fit(np.ones((5, 3)), np.ones((5, 2)), verbose=0)
        assert all(np.abs(w - b).max() > 0 for w, b in zip(one.get_weights(), before, strict=True))


def test_a_scope_and_an_argument_that_differ_are_an_error():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    model.compile("sgd", "mse")
    with dist.DataParallel().scope(), pytest.raises(ValueError, match="the current one is"):
        model.fit(np.ones((5, 3)), np.ones((5, 2)), distribution=dist.DataParallel())


def test_one_device_stays_as_it_is_for_auto():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(np.ones((5, 3)), np.ones((5, 2)), verbose=0, distribution="auto")
    assert model._training.distribution is None
    assert model.layers[0].kernel.layout is None


def test_collectives_are_read_from_hlo():
    text = """
      %all-reduce.1 = (f32[8,4]{1,0}, bf16[3]{0}) all-reduce(%a, %b), replica_groups={{0,1}}
      ROOT %gather = u8[16]{0} all-gather-start(%c), dimensions={0}
      %name.all-reduce.2 = f32[2] add(%d, %e)
    """
    assert [tuple(c) for c in dist.collectives_in(text)] == [("all-reduce", 134), ("all-gather", 16)]


def share(monkeypatch, processes: int, replicas: int, number: int, dataset) -> list:
    """Return what a process reads of a data set, as if there were several processes."""
    made = dist.ModelParallel(
        layout_map=dist.LayoutMap(dist.DeviceMesh((replicas, 8 // replicas), ["batch", "model"], NAMES)),
        batch_dim_name="batch",
    )
    monkeypatch.setattr(made, "_num_processes", processes)
    monkeypatch.setattr(made, "_is_multi_process", processes > 1)
    monkeypatch.setattr(made, "_process_id", number)
    return made.distribute_dataset(dataset)


@pytest.mark.parametrize(
    ("processes", "replicas", "expected"),
    [
        (1, 2, [[[0, 1, 2, 3], [4, 5, 6, 7]]]),
        (2, 2, [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]),
        (2, 4, [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]),  # each process has two replicas
        (4, 2, [[[0, 1], [4, 5]], [[0, 1], [4, 5]], [[2, 3], [6, 7]], [[2, 3], [6, 7]]]),  # two processes, one replica
        (2, 1, [[[0, 1, 2, 3], [4, 5, 6, 7]]] * 2),
    ],
)
def test_each_process_reads_its_part_of_a_dataset(monkeypatch, processes, replicas, expected):
    data = kk.utils.Dataset.range(8).batch(4)
    parts = [share(monkeypatch, processes, replicas, number, data) for number in range(processes)]
    assert [[np.asarray(batch).tolist() for batch in part] for part in parts] == expected


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ([1, 2, 3], "list is not supported for auto-sharding"),
        (kk.utils.Dataset.range(8), "the batch size of the data set is unknown"),
        (
            kk.utils.Dataset.range(8).batch(3),
            "must be divisible by the number of processes, got batches of 3 rows for 2",
        ),
    ],
)
def test_a_dataset_that_cannot_be_shared_out(monkeypatch, dataset, message):
    with pytest.raises(ValueError, match=message):
        share(monkeypatch, 2, 2, 0, dataset)
