"""What a config may name, and how much it may take: the same in each format, and in texts."""

import importlib
import inspect
import io
import json
import subprocess
import sys
import textwrap
import time
import zipfile

import h5py
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import budget, serialize
from kernelkit.distillation.losses import DistillationLoss
from kernelkit.models import calls
from kernelkit.serialize import registry, table


def graph(call, *more):
    """Return the config of a functional model whose second entry is given."""
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}}
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
    entry = {"name": "f", "inbound_nodes": [{"args": [tensor, *more], "kwargs": {}}], **call}
    layers = [first | {"name": "i", "inbound_nodes": []}, entry]
    inner = {"name": "m", "layers": layers, "input_layers": ["i", 0, 0], "output_layers": ["f", 0, 0]}
    return {"module": "keras.models", "class_name": "Functional", "config": inner, "registered_name": None}


def stack(entry, shape=(4,), dtype="float32"):
    """Return the config of a Sequential of one layer."""
    first = {"module": "keras.layers", "class_name": "InputLayer"}
    first["config"] = {"batch_shape": [None, *shape], "dtype": dtype, "name": "i"}
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": [first, entry]}}


def dense(**options):
    config = {"name": "d", "units": 3, **options}
    return {"module": "keras.layers", "class_name": "Dense", "config": config, "registered_name": None}


def as_keras(config, folder):
    path = folder / "m.keras"
    good = io.BytesIO()
    kk.Sequential([kk.Input((4,)), kk.layers.Dense(3)]).save(good)
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(path, "w") as bad:
        for name in archive.namelist():
            bad.writestr(name, json.dumps(config) if name == "config.json" else archive.read(name))
    return lambda: kk.models.load_model(path)


def as_h5(config, folder):
    path = folder / "m.h5"
    kk.Sequential([kk.Input((4,)), kk.layers.Dense(3)]).save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    return lambda: kk.models.load_model(path)


GATES = {
    ".keras": as_keras,
    ".h5": as_h5,
    "json": lambda config, folder: lambda: kk.models.model_from_json(json.dumps(config)),
    "deserialize": lambda config, folder: lambda: kk.saving.deserialize_keras_object(config),
    "layers.deserialize": lambda config, folder: lambda: kk.layers.deserialize(config),
}
through_each_gate = pytest.mark.parametrize("gate", GATES)


def refuse(load, match):
    with pytest.raises(ValueError, match=match):
        load()


# Names ----------------------------------------------------------------------------------------------------------------

REACHING = ["__setattr__", "__delattr__", "__class__", "__dict__", "__reduce_ex__", "_serialize", "get", "annotations"]
REACHING += ["deserialize", "serialize", "__builtins__", "__loader__", "__init_subclass__", "functions", "Layer"]


@through_each_gate
@pytest.mark.parametrize("name", ["__setattr__", "_serialize", "get"])
def test_a_graph_reaches_no_attribute_of_a_module(tmp_path, gate, name):
    before = dict(vars(kk.activations))
    entry = {"module": "keras.src.activations.activations", "class_name": name, "config": {"name": "f"}}
    refuse(GATES[gate](graph(entry), tmp_path), f"{name!r}.*is not known")
    assert dict(vars(kk.activations)) == before


@pytest.mark.parametrize("name", REACHING)
@pytest.mark.parametrize("module", ["keras.activations", "keras.ops", "keras", "keras.losses", "builtins", ""])
def test_a_slot_for_a_function_takes_no_attribute_of_a_module(module, name):
    function = {"class_name": "function", "module": module, "config": name, "registered_name": name}
    refuse(lambda: serialize.deserialize_keras_object(stack(dense(activation=function))), "is not known")
    refuse(lambda: serialize.deserialize_keras_object(stack(dense(activation=name))), "Unknown activation")
    lambda_ = {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "l", "function": name}}
    refuse(lambda: serialize.deserialize_keras_object(stack(lambda_)), "Unknown function")


CALLBACKS = ["CSVLogger", "BackupAndRestore", "RemoteMonitor", "TensorBoard", "LambdaCallback", "GradientTape"]


@through_each_gate
@pytest.mark.parametrize("name", [*CALLBACKS, "Variable", "StatelessScope"])
def test_what_is_no_part_of_a_model_is_not_made(tmp_path, gate, name):
    written = tmp_path / "written"
    for module in ("keras.callbacks", "keras", "keras.layers"):
        config = {"filename": str(written), "backup_dir": str(written), "log_dir": str(written), "initializer": [1.0]}
        thing = {"module": module, "class_name": name, "config": config, "registered_name": None}
        refuse(GATES[gate](stack(thing), tmp_path), "is not known|cannot be loaded")
        function = {"module": module, "class_name": "function", "config": name, "registered_name": None}
        refuse(GATES[gate](stack(dense(activation=function)), tmp_path), "is not known")
    assert not written.exists()


def members():
    for namespace in registry.namespaces:
        for name, thing in table(namespace).items():
            yield namespace, name, thing


def test_the_tables_hold_nothing_but_public_functions_and_classes_of_their_kind():
    from kernelkit.layers.layer import Layer

    kinds = (Layer, kk.Loss, kk.Metric, kk.Optimizer, kk.Initializer, kk.Regularizer, kk.DTypePolicy)
    kinds += (
        kk.optimizers.OptimizerMap,
        kk.constraints.Constraint,
        kk.random.SeedGenerator,
        kk.optimizers.schedules.LearningRateSchedule,
        DistillationLoss,
        kk.quantizers.Quantizer,
        kk.quantizers.QuantizationConfig,
        kk.utils.FeatureSpace.cross(["a", "b"], 3).__class__,
        kk.utils.FeatureSpace.float().__class__,
    )
    found = list(members())
    assert len(found) > 700
    for namespace, name, thing in found:
        assert not name.startswith("_")
        assert name not in ("get", "serialize", "deserialize", "load_model", "save_model", "Any", "op")
        if isinstance(thing, type):
            assert issubclass(thing, kinds), (namespace, name)
        else:
            assert namespace in ("ops", "activations", "losses", "metrics"), (namespace, name)
            assert thing.__module__.startswith("kernelkit.")


@pytest.mark.one_in(4)
def test_no_name_of_any_module_gives_what_is_not_in_a_table():
    """Names of every module of kernelkit and of Python's most dangerous ones, as function, class and typespec."""
    import builtins
    import os as dangerous

    allowed = {name for _, name, _ in members()} | set(registry.OTHER_NAMES)
    for module in ("applications", "distillation", "wrappers", "backend", "mixed_precision"):
        importlib.import_module(f"kernelkit.{module}")
    names = {name for module in list(sys.modules.values()) if getattr(module, "__name__", "").startswith("kernelkit")
             for name in vars(module)}  # fmt: skip
    names |= {*dir(builtins), *dir(dangerous), *dir(object), "Dense.__init__", "nn.relu", "relu.__globals__"}
    names -= allowed
    assert len(names) > 1000
    for name in sorted(names):
        for kind in ("function", "__typespec__", name):
            for module in ("keras", "kernelkit.layers", None):
                described = {"class_name": kind, "config": name if kind != name else {}, "module": module}
                if kind == name and name.startswith("__") and name.strip("_") in ("tuple", "slice", "bytes"):
                    continue
                with pytest.raises((ValueError, TypeError)):
                    serialize.deserialize_keras_object(described)


# Files ----------------------------------------------------------------------------------------------------------------


@through_each_gate
@pytest.mark.parametrize("name", ["StringLookup", "TextVectorization", "IntegerLookup"])
def test_a_path_in_a_config_is_not_read(tmp_path, gate, name):
    secret = tmp_path / "secret.txt"
    secret.write_text("7\n8")
    layer = {"module": "keras.layers", "class_name": name, "config": {"name": "w", "vocabulary": str(secret)}}
    refuse(GATES[gate](stack(layer, (1,), "string"), tmp_path), "In safe mode no file")


def test_a_reader_who_vouches_for_a_config_has_its_path_read(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb")
    config = {"name": "w", "vocabulary": str(tmp_path / "words.txt")}
    layer = {"module": "keras.layers", "class_name": "StringLookup", "config": config}
    made = kk.saving.deserialize_keras_object(layer, safe_mode=False)
    assert made.get_vocabulary() == ["[UNK]", "a", "b"]
    assert kk.layers.StringLookup.from_config(config).get_vocabulary() == ["[UNK]", "a", "b"]


# Memory, objects, time ------------------------------------------------------------------------------------------------

OPS = "keras.src.ops.numpy"
TENSOR = {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}


def function_of(name):
    return {"class_name": "function", "module": "kernelkit.ops", "config": name, "registered_name": name}


def on_constants(name, *args, **kwargs):
    """Return a graph with a call that takes no tensor of the model."""
    config = graph({"module": "keras.layers", "class_name": "ReLU", "config": {"name": "f"}})
    inner = {"name": "g", "function": function_of(name)}
    entry = {"module": "kernelkit", "class_name": "FunctionOperation", "config": inner, "name": "g"}
    config["config"]["layers"].append(entry | {"inbound_nodes": [{"args": list(args), "kwargs": kwargs}]})
    return config


CONSTANTS = {
    "ones": on_constants("ones", [20000, 25000]),
    "tile": on_constants("tile", [1.0], 10**9),
    "repeat": on_constants("repeat", [1.0], 10**9),
    "arange": on_constants("arange", 5 * 10**8),
    "while_loop": on_constants("while_loop", function_of("ones_like"), function_of("negative"), [1.0]),
    "eye": on_constants("eye", 10**5),
}


@pytest.mark.parametrize("case", CONSTANTS)
@pytest.mark.parametrize("gate", [".keras", "json"])
def test_nothing_is_computed_while_a_graph_is_wired(tmp_path, gate, case):
    begin = time.process_time()
    refuse(GATES[gate](CONSTANTS[case], tmp_path), "calls 'g' on no tensor of the model")
    assert time.process_time() - begin < 20


@pytest.mark.parametrize(
    "compiled",
    [
        {"class_name": "AUC", "config": {"num_thresholds": 10**9}},
        {"class_name": "PrecisionAtRecall", "config": {"recall": 0.5, "num_thresholds": 10**10}},
        {"class_name": "MeanIoU", "config": {"num_classes": 30000}},
        {"class_name": "MeanIoU", "config": {"num_classes": 10**10}},
        {"class_name": "OneHotMeanIoU", "config": {"num_classes": 2**31}},
    ],
)
def test_metrics_ask_before_they_make_their_tables(tmp_path, compiled):
    config = stack(dense())
    config["compile_config"] = {"optimizer": "sgd", "loss": "mse", "metrics": [{"module": "keras.metrics", **compiled}]}
    refuse(as_keras(config, tmp_path), "has fewer bytes")


def test_a_config_of_more_objects_than_any_model_is_refused_before_one_is_made(tmp_path):
    entry = {"module": "keras.layers", "class_name": "Activation", "config": {"activation": "relu"}}
    config = stack(dense())
    config["config"]["layers"] += [entry] * 100_000
    for gate in (".keras", "json"):
        begin = time.process_time()
        refuse(GATES[gate](config, tmp_path), r"describes 10000\d layers and other objects, more than")
        assert time.process_time() - begin < 20


@pytest.mark.parametrize("text", ["[" * 2_000_000, '{"a":' * 300_000, '{"a":[[],[]],' + '"b":[[]],' * 600_000 + "}"])
def test_texts_that_would_fill_the_memory_are_not_read(tmp_path, text):
    refuse(lambda: kk.models.model_from_json(text), "too large for a model|nested too deep")
    refuse(lambda: kk.models.model_from_json("[" * 900 + "]" * 900), "nested too deep")


def test_weights_of_a_text_have_a_limit_that_trust_lifts():
    config = stack(dense(units=10**9))
    for load in (lambda: kk.models.model_from_json(json.dumps(config)), lambda: kk.layers.deserialize(config)):
        refuse(load, "but the file that is being loaded has fewer bytes. .* safe_mode=False")
    small = stack(dense(units=10))
    with serialize.loading(memory=100):
        refuse(lambda: serialize.deserialize_keras_object(small), "would take 160 bytes")
    with serialize.loading(safe_mode=False, memory=100):
        assert serialize.deserialize_keras_object(small).count_params() == 50


@pytest.mark.one_in(4)
def test_a_model_of_a_thousand_layers_is_loaded(tmp_path):
    layers = [kk.layers.Dense(2, name=f"d{i}") for i in range(250)]
    model = kk.Sequential([kk.Input((2,)), *(x for d in layers for x in (d, *(kk.layers.ReLU() for _ in range(3))))])
    model.save(tmp_path / "m.keras")
    again = kk.models.load_model(tmp_path / "m.keras")
    assert len(again.layers) == 1000
    np.testing.assert_array_equal(again.get_weights()[300], model.get_weights()[300])


SIZES = [
    ("Dense", "units"), ("Conv1D", "filters"), ("Conv1D", "kernel_size"), ("Embedding", "output_dim"),
    ("AdaptiveAveragePooling1D", "output_size"), ("AdaptiveMaxPooling1D", "output_size"), ("LSTM", "units"),
    ("MultiHeadAttention", "num_heads"), ("Hashing", "num_bins"), ("CategoryEncoding", "num_tokens"),
    ("UpSampling1D", "size"), ("ZeroPadding1D", "padding"), ("RepeatVector", "n"), ("Discretization", "num_bins"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "argument"), SIZES)
@pytest.mark.parametrize("size", [10**10, 2**31])
def test_a_layer_of_any_size_is_loaded_or_refused_in_little_time(name, argument, size):
    """A slice of a larger search: each class of each table, each argument set to huge numbers."""
    needed = {"units": 3, "filters": 2, "kernel_size": 2, "num_heads": 2, "key_dim": 2, "input_dim": 5, "output_dim": 3}
    taken = {"units", "filters", "kernel_size", "num_heads", "key_dim", "input_dim", "output_dim"}
    parameters = set(inspect.signature(getattr(kk.layers, name).__init__).parameters)
    config = {k: v for k, v in needed.items() if k in taken & parameters} | {argument: size, "name": "x"}
    layer = {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
    begin = time.process_time()
    try:
        kk.models.model_from_json(json.dumps(stack(layer, () if name == "Embedding" else (8, 4))))
    except ValueError as error:
        assert len(str(error)) > 20
    assert time.process_time() - begin < 20


# Budgets --------------------------------------------------------------------------------------------------------------


def test_a_loop_without_end_is_ended_by_the_watcher():
    begin = time.process_time()
    with pytest.raises(budget.OverBudget, match="takes more than 0.5 seconds"):  # noqa: SIM117
        with budget.limited(budget.Budget(10**9, seconds=0.5)):
            while True:
                try:
                    sum(range(1000))
                except Exception:
                    continue
    assert time.process_time() - begin < 20
    sum(range(100_000))  # nothing arrives late


def test_memory_that_nobody_claims_is_seen_by_the_watcher():
    kept = []
    with pytest.raises(budget.OverBudget, match="far more memory than the file holds"):  # noqa: SIM117
        with budget.limited(budget.Budget(1 << 20)):
            for _ in range(400):
                kept.append(np.ones(1 << 21))
                time.sleep(0.01)


def test_a_load_leaves_no_thread_behind(tmp_path):
    import threading

    before = threading.active_count()
    for _ in range(3):
        kk.models.model_from_json(json.dumps(stack(dense())))
    deadline = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_hostile_loads_stay_small_in_a_process_of_their_own(tmp_path):
    """Each within 20 seconds of computing and half a gigabyte above what the import takes."""
    unrolled = {"module": "keras.layers", "class_name": "SimpleRNN", "config": {"units": 2, "unroll": True}}
    power = {"module": "keras.layers", "class_name": "SpectralNormalization"}
    power["config"] = {"power_iterations": 10**9, "layer": dense()}
    cases = {"unrolled": stack(unrolled, (10**7, 2)), "power": stack(power)}
    script = """
        import json, resource, sys, time
        import kernelkit as kk
        from kernelkit import budget
        budget.Budget.__init__.__defaults__ = (budget.MOST_OBJECTS, 5.0, "")
        for name, config in json.loads(sys.stdin.read()).items():
            before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            try:
                kk.models.model_from_json(json.dumps(config))
                told = "loaded"
            except ValueError as error:
                told = type(error).__name__
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(json.dumps([name, told, time.process_time() - begin, grown >> 10]), flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        input=json.dumps(cases), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(cases), done.stderr[-2000:]
    for name, _, seconds, grown in rows:
        assert seconds < 25, (name, seconds)
        assert grown < 1500, (name, grown)


def test_the_arguments_of_a_first_call_count_as_objects():
    argument = {"shape": [None, 2], "dtype": "float32"}
    with budget.limited(budget.Budget(1 << 30, objects=10)):
        assert len(calls.read({"args": [argument] * 10, "kwargs": {}})[0]) == 10
    with (
        budget.limited(budget.Budget(1 << 30, objects=10)),
        pytest.raises(budget.OverBudget, match="first call"),
    ):
        calls.read({"args": [argument] * 11, "kwargs": {}})
