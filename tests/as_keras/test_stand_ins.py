"""What stands under Keras's private names does what packages expect of it."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.as_keras.stand_ins.arguments import in_grain_data_pipeline
from kernelkit.as_keras.stand_ins.saving import H5IOStore


def test_functions_know_whether_grain_calls_them():
    import grain

    def asked(_):
        return in_grain_data_pipeline()

    dataset = grain.MapDataset.source([1, 2]).map(asked)
    assert not in_grain_data_pipeline() and list(dataset) == [True, True]
    assert list(dataset.to_iter_dataset()) == [True, True]


def test_a_file_of_arrays_is_read_by_keras_and_read_from_keras(tmp_path):
    from keras.src.saving.saving_lib import H5IOStore as Theirs

    half = np.asarray(kk.ops.cast(np.arange(6.0).reshape(2, 3), "bfloat16"))
    for write, read in ((H5IOStore, Theirs), (Theirs, H5IOStore), (H5IOStore, H5IOStore)):
        path = str(tmp_path / "a.lora.h5")
        store = write(path, mode="w")
        store.make("lora", {"version": 2})["rank"] = 4
        kernels = store.make("lora/3")
        kernels["a"] = np.ones((2, 3), "float32")
        kernels["b"] = half
        store.close()
        store = read(path, mode="r")
        assert int(store.get("lora")["rank"][()]) == 4 and store.has_path("lora/3") and not store.has_path("lora/4")
        assert store.h5_file["lora/vars"].attrs["version"] == 2
        assert np.array_equal(np.asarray(store.get("lora/3")["a"]), np.ones((2, 3)))
        assert np.array_equal(np.asarray(store.get("lora/3")["b"]).astype("float32"), half.astype("float32"))
        assert len(store.get("nowhere")) == 0
        store.close()


def test_a_file_is_either_read_or_written(tmp_path):
    path = str(tmp_path / "a.h5")
    store = H5IOStore(path, mode="w")
    store.make(None)["x"] = kk.Variable(3.0)
    with pytest.raises(ValueError, match="mode='r'"):
        store.get("")
    del store.make(None)["x"]
    store.close()
    store = H5IOStore(path)
    assert dict(store.get("")) == {}
    with pytest.raises(ValueError, match="mode='w'"):
        store.make("x")
    store.close()
    with pytest.raises(ValueError, match="mode='a'"):
        H5IOStore(path, mode="a")
