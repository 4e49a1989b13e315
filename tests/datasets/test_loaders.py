"""The loaders, on small files of the same layout from a server of this test, compared with Keras's loaders."""

import functools
import gzip
import hashlib
import http.server
import importlib
import io
import json
import pickle
import tarfile
import threading
import zipfile

import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.datasets import files, npz, pickles

RNG = np.random.default_rng(0)


def objects(rows):
    array = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        array[i] = row
    return array


def texts(count):
    return objects([RNG.integers(1, 50, RNG.integers(2, 12)).tolist() for _ in range(count)])


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


def tar_of(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def cifar_batch(count, **labels):
    data = RNG.integers(0, 256, (count, 3072)).astype("uint8")
    return pickle.dumps({b"data": data} | {k.encode(): v for k, v in labels.items()}, protocol=3)


def make_files(folder):
    images = RNG.integers(0, 256, (6, 28, 28)).astype("uint8")
    digits = RNG.integers(0, 10, 6).astype("uint8")
    np.savez_compressed(
        folder / "mnist.npz", x_train=images[:4], y_train=digits[:4], x_test=images[4:], y_test=digits[4:]
    )
    for name, count in (("train", 4), ("t10k", 2)):
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(idx(images[:count]))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(idx(digits[:count]))
    ten = {f"data_batch_{i}": cifar_batch(10_000 if i < 0 else 2, labels=[i, 9]) for i in range(1, 6)}
    ten["test_batch"] = cifar_batch(3, labels=[1, 2, 3])
    (folder / "cifar-10-python.tar.gz").write_bytes(tar_of({f"cifar-10-batches-py/{k}": v for k, v in ten.items()}))
    hundred = {k: cifar_batch(2, fine_labels=[99, 1], coarse_labels=[19, 0]) for k in ("train", "test")}
    (folder / "cifar-100-python.tar.gz").write_bytes(tar_of({f"cifar-100-python/{k}": v for k, v in hundred.items()}))
    labels = RNG.integers(0, 2, 20)
    np.savez(folder / "imdb.npz", x_train=texts(20), y_train=labels, x_test=texts(20), y_test=labels[::-1])
    np.savez(folder / "reuters.npz", x=texts(30), y=RNG.integers(0, 46, 30))
    for name in ("imdb", "reuters"):
        (folder / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "of": 2}))
    np.savez(folder / "boston_housing.npz", x=RNG.normal(size=(50, 13)), y=RNG.normal(size=50))
    x = RNG.normal(size=(700, 8)).astype("float32")
    np.savez(folder / "california_housing.npz", x=x, y=x[:, 0])


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    make_files(folder)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def local(source, tmp_path, monkeypatch):
    """Both packages load from the folder of this test; checksums are those of the small files."""
    folder, url = source
    monkeypatch.setenv("KERNELKIT_DATASETS_URL", url)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    small = {
        key: file._replace(checksum=hashlib.sha256((folder / file.name).read_bytes()).hexdigest())
        for key, file in files.FILES.items()
    }
    monkeypatch.setattr(files, "FILES", small)

    def get_file(fname=None, origin=None, cache_subdir="datasets", extract=False, **_):
        name = origin.rsplit("/", 1)[1]
        if not extract:
            return str(folder / name)
        target = tmp_path / "keras" / fname
        with tarfile.open(folder / name) as archive:
            archive.extractall(target, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return str(target)

    for name in (
        "mnist",
        "fashion_mnist",
        "cifar10",
        "cifar100",
        "imdb",
        "reuters",
        "boston_housing",
        "california_housing",
    ):
        monkeypatch.setattr(importlib.import_module(f"keras.src.datasets.{name}"), "get_file", get_file)
    return folder


def same(own, theirs):
    assert type(own) is type(theirs)
    if isinstance(own, tuple):
        assert len(own) == len(theirs)
        for a, b in zip(own, theirs):
            same(a, b)
    else:
        assert (own.shape, own.dtype) == (theirs.shape, theirs.dtype)
        if own.dtype == object:
            assert own.tolist() == theirs.tolist()
        else:
            np.testing.assert_array_equal(own, theirs)


CASES = [
    ("mnist", {}),
    ("fashion_mnist", {}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
    ("imdb", {}),
    (
        "imdb",
        {"num_words": 20, "skip_top": 3, "maxlen": 9, "seed": 5, "start_char": None, "oov_char": 7, "index_from": 0},
    ),
    ("imdb", {"num_words": 20, "oov_char": None}),
    ("reuters", {}),
    ("reuters", {"num_words": 30, "skip_top": 2, "maxlen": 8, "test_split": 0.5, "seed": 1}),
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.3, "seed": 2}),
    ("california_housing", {}),
    ("california_housing", {"version": "small"}),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: str(v))
def test_as_keras_loads_it(local, name, options):
    same(getattr(kk.datasets, name).load_data(**options), getattr(keras.datasets, name).load_data(**options))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_cifar10(local, layout):
    kk.config.set_image_data_format(layout)
    try:
        (x_train, y_train), (x_test, _) = kk.datasets.cifar10.load_data()
    finally:
        kk.config.set_image_data_format("channels_last")
    assert (x_train.shape[0], x_train.dtype, y_train.tolist()) == (
        10,
        np.uint8,
        [[i] for n in range(1, 6) for i in (n, 9)],
    )
    assert x_test.shape == ((3, 32, 32, 3) if layout == "channels_last" else (3, 3, 32, 32))
    with tarfile.open(local / "cifar-10-python.tar.gz") as archive:
        raw = pickle.load(archive.extractfile("cifar-10-batches-py/test_batch"), encoding="bytes")
    planes = raw[b"data"].reshape(3, 3, 32, 32)
    np.testing.assert_array_equal(x_test, planes.transpose(0, 2, 3, 1) if layout == "channels_last" else planes)


def test_word_indices_and_labels(local):
    assert kk.datasets.imdb.get_word_index() == kk.datasets.reuters.get_word_index() == {"the": 1, "of": 2}
    assert kk.datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_the_second_time_nothing_is_downloaded(local, capsys, monkeypatch):
    kk.datasets.mnist.load_data()
    assert "Downloading" in capsys.readouterr().out
    monkeypatch.setenv("KERNELKIT_DATASETS_URL", "http://127.0.0.1:9/")
    kk.datasets.mnist.load_data()
    assert "Downloading" not in capsys.readouterr().out


def test_the_table_is_that_of_keras(monkeypatch):
    """Addresses, checksums and names in the cache."""
    seen = {}

    def get_file(fname=None, origin=None, file_hash=None, cache_subdir="datasets", extract=False, **_):
        seen[origin] = (fname or origin.rsplit("/", 1)[1], file_hash, cache_subdir, extract)
        raise RuntimeError

    monkeypatch.delenv("KERNELKIT_DATASETS_URL", raising=False)

    def calls(package, where):
        seen.clear()
        for name in kk.datasets.__all__:
            module = importlib.import_module(f"{package}.datasets.{name}")
            monkeypatch.setattr(where or module, "get_file", get_file)
            for function in ("load_data", "get_word_index"):
                if hasattr(module, function) and name != "fashion_mnist":
                    with pytest.raises(RuntimeError):
                        getattr(module, function)()
        return dict(seen)

    assert calls("kernelkit", files) == calls("keras.src", None)


def test_no_sequence_left(local):
    with pytest.raises(ValueError, match="no sequence was kept"):
        kk.datasets.imdb.load_data(maxlen=1)
    with pytest.raises(TypeError, match="Unrecognized"):
        kk.datasets.imdb.load_data(words=1)


# Hostile files --------------------------------------------------------------------------------------------------------


class Harm:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def object_npz(path, pickled, shape=(1,)):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", buffer.getvalue() + pickled)
    return path


def test_a_pickle_that_runs_code(tmp_path):
    harm = tmp_path / "harm"
    for wrapped in (Harm(harm), [[1], [Harm(harm)]], objects([[1], Harm(harm)])):
        with pytest.raises(ValueError, match="refers to .*open"):
            npz.read(object_npz(tmp_path / "x.npz", pickle.dumps(wrapped)), "x")
    assert not harm.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("builtins", "getattr"),
        ("os", "system"),
        ("numpy", "memmap"),
    ],
)
def test_other_names_in_a_pickle(tmp_path, module, name):
    with pytest.raises(ValueError, match=f"refers to {module}.{name}"):
        npz.read(object_npz(tmp_path / "x.npz", f"c{module}\n{name}\n.".encode()), "x")


def test_what_is_no_list_of_ints(tmp_path):
    for wrong in ([["a"]], [[1.5]], [1, 2], {"a": 1}, objects([[1], "x"]), objects([[True]]), np.array([1])):
        with pytest.raises(ValueError, match="hold"):
            npz.read(object_npz(tmp_path / "x.npz", pickle.dumps(wrong)), "x")


def test_one_list_many_times_over(tmp_path):
    row = list(range(10_000))
    with pytest.raises(ValueError, match="more numbers than it has bytes"):
        npz.read(object_npz(tmp_path / "x.npz", pickle.dumps([row] * 10_000)), "x")


def test_a_shape_without_numbers(tmp_path):
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue() + b"12345678")
    with pytest.raises(ValueError, match="declares the shape"):
        npz.read(tmp_path / "x.npz", "x")


def test_an_archive_that_unfolds(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(64 << 20))
    with pytest.raises(ValueError, match=r"cannot be read as an .npz file.* unpack"):
        npz.read(tmp_path / "x.npz", "x")


def test_an_array_in_a_pickle_larger_than_its_bytes():
    array = pickle.loads(pickle.dumps(np.zeros(3, "uint8"), protocol=3))
    good = pickles.loads(pickle.dumps(array, protocol=3), "x")
    np.testing.assert_array_equal(pickles.numbers(good, "x"), array)
    good.shape = (10**12,)
    with pytest.raises(ValueError, match="declares the shape"):
        pickles.numbers(good, "x")


def test_broken_files(tmp_path):
    for data in (b"", b"\x93NUMPY\x01\x00\xff\xff", b"\x93NUMPY\x09\x00"):
        with pytest.raises(ValueError, match="not an .npy array"):
            npz.parse(data, "x")
    from kernelkit.datasets.fashion_mnist import _read_idx

    bad = tmp_path / "x.gz"
    for data in (b"none", gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), gzip.compress(b"\0\0\x08\x01\0\0\0\x09ab")):
        bad.write_bytes(data)
        with pytest.raises(ValueError, match="x.gz"):
            _read_idx(str(bad))


@pytest.mark.parametrize("pickle", [b"\x80\x02]r" + (2**28).to_bytes(4, "little") + b".", b"(lp268435456\n."])
def test_a_pickle_that_remembers_under_a_huge_number_makes_no_room_for_it(pickle):
    from kernelkit.datasets import pickles

    with pytest.raises(ValueError, match="it has the memo number 268435456"):
        pickles.loads(pickle, "a file")
