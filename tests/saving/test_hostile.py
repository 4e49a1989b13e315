"""Files that somebody made to do harm: each is refused with an error that says why, and nothing happens."""

import base64
import io
import json
import marshal
import os
import random
import sys
import tracemalloc
import types
import zipfile

import h5py
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.serialize import registry

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture
def model():
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, name="one"), kk.layers.Dense(2)])
    model.compile("adam", "mse")
    return model


@pytest.fixture
def good(model, tmp_path):
    path = tmp_path / "good.keras"
    model.save(path)
    return path


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def with_config(good, tmp_path, change):
    """Return a copy of a good file whose config was changed."""
    files = members(good)
    config = json.loads(files[CONFIG])
    change(config)
    return pack(tmp_path / "bad.keras", files | {CONFIG: json.dumps(config)})


def with_weights(good, tmp_path, change):
    """Return a copy of a good file whose weights were changed."""
    files = members(good)
    buffer = io.BytesIO(files[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        change(file)
    return pack(tmp_path / "bad.keras", files | {WEIGHTS: buffer.getvalue()})


def layer(config, index=1):
    return config["config"]["layers"][index]


def refuse(path, match, **options):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match):
            kk.models.load_model(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


# Configs --------------------------------------------------------------------------------------------------------------


def test_bytecode_of_a_lambda(good, tmp_path):
    """CVE-2024-3660."""
    code = (lambda x: open(tmp_path / "harm", "w")).__code__  # noqa: SIM115

    def change(config):
        function = {
            "class_name": "__lambda__",
            "config": {"code": base64.b64encode(marshal.dumps(code)).decode(), "defaults": None, "closure": None},
        }
        layer(config).update(class_name="Lambda", config={"name": "l", "function": function})

    refuse(with_config(good, tmp_path, change), "holds a Python lambda")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("key", ["kernel_initializer", "activation", "kernel_regularizer", "kernel_constraint"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("keras.models", "load_model"),
        ("keras.saving", "load_model"),
        ("keras.utils", "get_file"),
        ("kernelkit.utils", "get_file"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.src.saving.saving_lib", "load_model"),
        ("keras.losses", "deserialize"),
        ("kernelkit.serialize", "importlib"),
        ("", "load_model"),
    ],
)
def test_any_function_of_any_module(good, tmp_path, key, module, name):
    harm = str(tmp_path / "harm")

    def change(config):
        layer(config)["config"][key] = {
            "module": module,
            "class_name": "function",
            "config": name,
            "registered_name": name,
        }

    refuse(with_config(good, tmp_path, change), "is not known to kernelkit")

    def change_class(config):
        described = {"module": module, "class_name": name, "config": {"command": f"touch {harm}"}}
        layer(config)["config"][key] = described

    refuse(with_config(good, tmp_path, change_class), "is not known to kernelkit|from a config")
    assert not os.path.exists(harm)


def test_classes_of_the_packages_of_keras_are_named_by_their_module(monkeypatch):
    """As Keras reads them; only what an imported module defines itself, and only what has a config."""
    module = types.ModuleType("keras_hub.src.of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    class Encoder(kk.layers.Layer):
        pass

    class Harm:
        def __init__(self, **config):
            raise AssertionError("made from a config")

    Encoder.__module__ = Harm.__module__ = module.__name__
    module.Encoder, module.Harm, module.Lambda, module.system = Encoder, Harm, kk.layers.Lambda, os.system
    config = {"class_name": "Encoder", "module": module.__name__, "config": {"name": "e"}, "registered_name": "Encoder"}
    with pytest.raises(ValueError, match="not known to kernelkit"):
        kk.saving.deserialize_keras_object(config)
    monkeypatch.setattr(registry, "trusted_packages", {"keras_hub"})  # as `kernelkit.as_keras` does
    assert type(kk.saving.deserialize_keras_object(config)) is Encoder
    for change in ({"class_name": "Harm"}, {"class_name": "Lambda"}, {"module": "keras_hub.src.not_imported"}):
        with pytest.raises(ValueError, match="not known to kernelkit"):
            kk.saving.deserialize_keras_object(config | {"registered_name": None} | change)
    with pytest.raises(ValueError, match="not known to kernelkit"):
        kk.saving.deserialize_keras_object(config | {"class_name": "function", "config": "system"})


def test_a_module_is_never_imported(good, tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'harm')!r}, 'w')\nclass Evil: pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    def change(config):
        layer(config).update(module="evil_module", class_name="Evil", registered_name="Evil")

    refuse(with_config(good, tmp_path, change), "register_keras_serializable", safe_mode=False)
    assert not (tmp_path / "harm").exists()


def test_a_layer_that_loads_a_model(good, tmp_path):
    def change(config):
        function = {"module": "keras.saving", "class_name": "function", "config": "load_model"}
        arguments = {"safe_mode": False, "custom_objects": None}
        layer(config).update(class_name="Lambda", config={"name": "l", "function": function, "arguments": arguments})

    refuse(with_config(good, tmp_path, change), "'load_model' .* is not known")


def test_attributes_are_not_reached_through_a_config(good, tmp_path):
    def change(config):
        layer(config)["config"]["activation"] = {
            "module": "keras.layers",
            "class_name": "function",
            "config": "Dense.__init__.__globals__",
        }

    refuse(with_config(good, tmp_path, change), "is not known")


def test_safe_mode_is_known_to_constructors(good):
    seen = []

    @kk.saving.register_keras_serializable(package="hostile")
    class Reads(kk.layers.Layer):
        def __init__(self, vocabulary=None, **kwargs):
            seen.append(kk.serialize.in_safe_mode())
            super().__init__(**kwargs)
            self.vocabulary = vocabulary

        def call(self, inputs):
            return inputs

    model = kk.Sequential([kk.Input((4,)), Reads("/etc/passwd")])
    model.save(good)
    kk.models.load_model(good)
    kk.models.load_model(good, safe_mode=False)
    assert seen == [False, True, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: layer(c)["config"].update(units=10**9),
        lambda c: layer(c)["config"].update(units=10**15),
        lambda c: layer(c).update(
            class_name="Embedding", config={"name": "e", "input_dim": 10**9, "output_dim": 10**3}
        ),
        lambda c: c["compile_config"].update(
            metrics=[{"module": "keras.metrics", "class_name": "MeanIoU", "config": {"num_classes": 10**6}}]
        ),
    ],
)
def test_a_config_of_more_weights_than_the_file_has(good, tmp_path, change):
    refuse(with_config(good, tmp_path, change), "but the file that is being loaded has fewer bytes")


def test_an_array_of_a_huge_dtype(good, tmp_path):
    def change(config):
        value = {"class_name": "__numpy__", "config": {"value": ["x"], "dtype": "U1000000000"}}
        layer(config)["config"]["kernel_initializer"] = {"class_name": "Constant", "config": {"value": value}}

    refuse(with_config(good, tmp_path, change), "only numbers are supported")


def test_a_config_nested_without_end(good, tmp_path):
    files = members(good)
    deep = b'{"class_name": "Sequential", "config": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}"
    refuse(pack(tmp_path / "bad.keras", files | {CONFIG: deep}), "nested too deep")


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"class_name": "Dense"}', b"\xff\xfe", b'{"config": {}}'])
def test_a_config_of_nothing(good, tmp_path, text):
    refuse(pack(tmp_path / "bad.keras", members(good) | {CONFIG: text}), "")


# Archives -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../harm", "assets/../../harm", "/tmp/harm", "assets\\..\\..\\harm", "C:/harm"])
def test_a_path_out_of_the_archive(good, tmp_path, name):
    refuse(pack(tmp_path / "bad.keras", members(good) | {name: b"x"}), "points outside of the archive")


def test_a_bomb_in_the_archive(good, tmp_path):
    files = members(good) | {"assets/zeros": bytes(64 << 20)}
    refuse(pack(tmp_path / "bad.keras", files, zipfile.ZIP_DEFLATED), "unpack to .* decompression bomb")


def test_a_member_longer_than_declared(good, tmp_path):
    path = pack(tmp_path / "bad.keras", members(good) | {CONFIG: b" " * 10_000_000}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace((10_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(data)
    refuse(path, "damaged|declared|Bad CRC")


def test_two_members_of_one_name(good, tmp_path):
    path = pack(tmp_path / "bad.keras", members(good))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CONFIG, b"{}")
    refuse(path, "two members have the same name")


def test_unusual_compression(good, tmp_path):
    refuse(pack(tmp_path / "bad.keras", members(good), zipfile.ZIP_LZMA), "compressed in an unusual way")


# HDF5 -----------------------------------------------------------------------------------------------------------------

KERNEL = "layers/dense/vars/0"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["0"] = np.full((4, 3), 42.0, "float32")
    (tmp_path / "secret.bin").write_bytes(np.full((4, 3), 42.0, "float32").tobytes())
    return path


def replaced(make):
    def change(file):
        del file[KERNEL]
        make(file)

    return change


def test_a_link_to_another_file(good, tmp_path, secret):
    def make(file):
        file[KERNEL] = h5py.ExternalLink(str(secret), "/0")

    refuse(with_weights(good, tmp_path, replaced(make)), "link to another file")


def test_a_soft_link(good, tmp_path):
    def make(file):
        file[KERNEL] = h5py.SoftLink("/layers/dense_1/vars/0")

    refuse(with_weights(good, tmp_path, replaced(make)), "soft link")


def test_a_folder_that_is_a_link(good, tmp_path, secret):
    def change(file):
        del file["layers/dense"]
        file["layers/dense"] = h5py.ExternalLink(str(secret), "/")

    refuse(with_weights(good, tmp_path, change), "link to another file")


def test_a_virtual_dataset(good, tmp_path, secret):
    def make(file):
        layout = h5py.VirtualLayout((4, 3), "float32")
        layout[:] = h5py.VirtualSource(str(secret), "0", (4, 3))
        file.create_virtual_dataset(KERNEL, layout)

    refuse(with_weights(good, tmp_path, replaced(make)), "other files")


def test_external_storage(good, tmp_path, secret):
    def make(file):
        external = [(str(tmp_path / "secret.bin"), 0, 48)]
        file.create_dataset(KERNEL, (4, 3), "float32", external=external)

    refuse(with_weights(good, tmp_path, replaced(make)), "other files")


@pytest.mark.parametrize("settings", [{}, {"chunks": (1, 1000)}, {"chunks": (1000, 1000), "compression": "gzip"}])
def test_a_shape_larger_than_the_file(good, tmp_path, settings):
    def make(file):
        file.create_dataset(KERNEL, (10**6, 10**6), "float32", **settings)

    refuse(with_weights(good, tmp_path, replaced(make)), "declares")


def test_compressed_zeros(good, tmp_path):
    def make(file):
        file.create_dataset(KERNEL, data=np.zeros((4096, 4096), "float32"), compression="gzip")

    refuse(with_weights(good, tmp_path, replaced(make)), "declares")


@pytest.mark.parametrize("dtype", [h5py.string_dtype(), "S10", [("a", "f4")], h5py.ref_dtype])
def test_things_that_are_no_numbers(good, tmp_path, dtype):
    def make(file):
        file.create_dataset(KERNEL, (4, 3), dtype)

    refuse(with_weights(good, tmp_path, replaced(make)), "does not hold numbers")


def test_a_shape_other_than_the_variables(good, tmp_path):
    def make(file):
        file[KERNEL] = np.zeros((4, 5), "float32")

    refuse(
        with_weights(good, tmp_path, replaced(make)), r"layer 'one' \(Dense.*\(4, 3\), \(3,\), the file has \(4, 5\)"
    )


def test_a_legacy_file_is_no_way_around(model, tmp_path):
    path = tmp_path / "bad.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        function = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
        config["config"]["layers"][1] = {"class_name": "Lambda", "config": {"name": "l", "function": function}}
        file.attrs["model_config"] = json.dumps(config)
    refuse(path, "holds a Python lambda")


def test_a_legacy_weight_by_link(model, tmp_path, secret):
    path = tmp_path / "bad.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        name = file["model_weights/one"].attrs["weight_names"][0]
        del file[f"model_weights/one/{name}"]
        file[f"model_weights/one/{name}"] = h5py.ExternalLink(str(secret), "/0")
    refuse(path, "link to another file")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (16, bytes(16), "is not in its heap"),  # an entry without number and size, at which the library stays for ever
        (24, (2**40).to_bytes(8, "little"), "longer than the heap"),
        (0, b"XCOL", "there is no heap"),
    ],
)
def test_texts_of_wrong_length(model, tmp_path, place, value, message):
    path = tmp_path / "bad.h5"
    model.save(path)
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + place : heap + place + len(value)] = value
    path.write_bytes(data)
    refuse(path, message)


def test_an_index_that_names_a_file_elsewhere(model, tmp_path):
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=1e-7)
    text = path.read_text()
    for name in ("../secret.weights.h5", "/etc/secret.weights.h5", "secret.h5"):
        path.write_text(text.replace("m_00000.weights.h5", name))
        with pytest.raises(ValueError, match="beside it"):
            model.load_weights(path)


# Anything -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_mutated_files_give_clear_errors(model, tmp_path, ending):
    path = tmp_path / f"m{ending}"
    model.save_weights(path) if "weights" in ending else model.save(path)
    data = path.read_bytes()
    before = set(os.listdir(tmp_path))
    draw = random.Random(0)
    refused = 0
    for _ in range(120):
        mutated = bytearray(data)
        for _ in range(draw.choice([1, 1, 3, 30])):
            place = draw.randrange(len(mutated))
            mutated[place] = draw.choice([0, 255, draw.randrange(256), mutated[place] ^ (1 << draw.randrange(8))])
        if draw.random() < 0.1:
            del mutated[draw.randrange(len(mutated)) :]
        path.write_bytes(mutated)
        try:
            model.load_weights(path) if "weights" in ending else kk.models.load_model(path)
        except (ValueError, NotImplementedError) as error:
            refused += 1
            assert len(str(error)) > 20
    assert refused > 20
    assert set(os.listdir(tmp_path)) == before


# Preprocessing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["path", "https://example.invalid/words.txt", "/dev/zero", "/proc/self/environ"])
@pytest.mark.parametrize("name", ["StringLookup", "TextVectorization", "IntegerLookup"])
def test_a_vocabulary_is_not_read_because_a_config_says_so(tmp_path, name, place):
    """CVE-2025-12058."""
    secret = tmp_path / "secret.txt"
    secret.write_text("7\n8")
    place = str(secret) if place == "path" else place
    layer_of = getattr(kk.layers, name)
    model = kk.Sequential([kk.Input((1,), dtype="int64" if name == "IntegerLookup" else "string"), layer_of()])
    model.layers[0].set_vocabulary([1, 2] if name == "IntegerLookup" else ["a", "b"])
    good = tmp_path / "good.keras"
    model.save(good)

    def change(config):
        layer(config)["config"]["vocabulary"] = place

    bad = with_config(good, tmp_path, change)
    refuse(bad, "In safe mode no file or address is read")
    if place == str(secret):
        kk.models.load_model(bad, safe_mode=False)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("StringLookup", {"num_oov_indices": 10**11}),
        ("MelSpectrogram", {"fft_length": 2**40}),
        ("MelSpectrogram", {"num_mel_bins": 10**11}),
        ("STFTSpectrogram", {"frame_length": 2**40}),
    ],
)
def test_tables_that_would_fill_the_memory(tmp_path, name, options):
    sound = name.endswith("Spectrogram")
    inputs = kk.Input((None, 1) if name[0] == "S" else (400,)) if sound else kk.Input((1,), dtype="string")
    small = {"MelSpectrogram": {"fft_length": 64}, "STFTSpectrogram": {"frame_length": 8}}
    model = kk.Sequential([inputs, getattr(kk.layers, name)(**small.get(name, {"vocabulary": ["a"]}))])
    good = tmp_path / "good.keras"
    model.save(good)
    refuse(with_config(good, tmp_path, lambda config: layer(config)["config"].update(options)), "would take")


@pytest.mark.parametrize(
    ("name", "inner", "match"),
    [
        ("TorchModuleWrapper", {"module": "gASVAAAA"}, "pickled module of torch"),
        ("JaxLayer", {"call_fn": {"class_name": "function", "module": "os", "config": "system"}}, "not known"),
        ("JaxLayer", {"call_fn": {"class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}}}, "lambda"),
        ("FlaxLayer", {"module": {"class_name": "Popen", "module": "subprocess", "config": {}}}, "not known"),
    ],
)
def test_code_of_other_frameworks(good, tmp_path, name, inner, match):
    refuse(with_config(good, tmp_path, lambda config: layer(config).update(class_name=name, config=inner)), match)


# Headers --------------------------------------------------------------------------------------------------------------


def local_header(data, name):
    """Return where the header of a member begins, found by its name."""
    return data.index(name.encode()) - 30


@pytest.mark.parametrize("value", [5, 10**6, 2**32 - 16, 0])
@pytest.mark.parametrize("field", [14, 18, 22])
def test_a_header_that_disagrees_with_the_list_of_members(good, value, field):
    data = bytearray(good.read_bytes())
    place = local_header(data, CONFIG) + field  # checksum, packed size, size
    data[place : place + 4] = value.to_bytes(4, "little")
    good.write_bytes(data)
    refuse(good, "another size or checksum in its own header")


def test_a_header_of_another_name_or_method(good):
    data = bytearray(good.read_bytes())
    at = local_header(data, CONFIG)
    data[at + 30] ^= 1
    good.write_bytes(data)
    refuse(good, "another name in its own header")
    data[at + 30] ^= 1
    data[at + 8] = 8
    good.write_bytes(data)
    refuse(good, "packed in another way")


def test_names_that_no_file_system_has(good, tmp_path):
    for name in ("assets/" + "a" * 300, "assets/" + "a/" * 1500 + "b"):
        refuse(pack(tmp_path / "bad.keras", members(good) | {name: b"x"}), "is too long")


def test_an_asset_that_is_a_file_and_a_folder(good, tmp_path):
    refuse(pack(tmp_path / "bad.keras", members(good) | {"assets/a": b"x", "assets/a/b": b"y"}), "file and a folder")


def test_two_million_members(tmp_path):
    entry = b"PK\x01\x02" + bytes(24) + (1).to_bytes(2, "little") + bytes(16) + b"a"
    directory = entry * 2_000_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + len(directory).to_bytes(4, "little") + bytes(4) + bytes(2)
    path = tmp_path / "bad.keras"
    path.write_bytes(directory + end)
    refuse(path, "its list of members takes")


def test_weight_names_of_wrong_types(model, tmp_path):
    path = tmp_path / "m.h5"
    for place, name in (("model_weights", "layer_names"), ("model_weights/one", "weight_names")):
        for value in (5, 2.5, "one", np.arange(3), np.ones((2, 2))):
            model.save(path)
            with h5py.File(path, "r+") as file:
                file[place].attrs[name] = value
            refuse(path, "must be a list of names|holds the weights of|is not an array")
            with pytest.raises(ValueError, match="must be a list of names|holds the weights of|is not an array"):
                model.load_weights(path)
