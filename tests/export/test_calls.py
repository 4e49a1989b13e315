"""Subclassed models, whose inputs are those of their first call: several, by name, optional, any number."""

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L

FORMATS = {
    "stablehlo": ("flatbuffers", ""),
    "onnx": ("onnxruntime", ""),
    "openvino": ("openvino", ".xml"),
    "torch": ("torch", ".pt2"),
    "tf_saved_model": ("tensorflow", ""),
    "litert": ("ai_edge_litert", ".tflite"),
}


class Two(kk.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = L.Dense(3), L.Dense(3)

    def call(self, a, b):
        return self.first(a) + self.second(b)


class Named(Two):
    def call(self, a, *, b=None):
        return self.first(a) if b is None else self.first(a) + self.second(b)


class AnyNumber(Two):
    def call(self, *parts):
        return sum(self.first(part) for part in parts)


class Others(Two):
    def call(self, x, training=False, **others):
        return self.first(x) + self.second(others["y"])


class Words(kk.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table, self.dense = L.Embedding(11, 4), L.Dense(3)

    def call(self, words, mask=None):
        h = self.table(words)
        return self.dense(h if mask is None else h * kk.ops.cast(mask, "float32")[..., None])


class Nested(Words):
    def call(self, inputs):
        return {"sum": self.dense(inputs["x"][0]) + self.dense(self.table(inputs["words"])), "same": [inputs["x"][1]]}


def floats(*shape):
    return np.random.default_rng(0).random(shape).astype("float32")


def words(*shape):
    return np.random.default_rng(0).integers(0, 11, shape).astype("int32")


CALLS = {
    "two": (Two, (floats(4, 5), floats(4, 2)), {}, {"a": "float32", "b": "float32"}),
    "two_by_name": (Two, (), {"b": floats(4, 2), "a": floats(4, 5)}, {"a": "float32", "b": "float32"}),
    "named": (Named, (floats(4, 5),), {"b": floats(4, 2)}, {"a": "float32", "b": "float32"}),
    "left_out": (Named, (floats(4, 5),), {}, {"inputs": "float32"}),
    "any_number": (AnyNumber, (floats(4, 5),) * 3, {}, {f"parts_{i}": "float32" for i in range(3)}),
    "other_names": (Others, (floats(4, 5),), {"y": floats(4, 2)}, {"x": "float32", "y": "float32"}),
    "words": (Words, (words(4, 6),), {}, {"inputs": "int32"}),
    "with_mask": (Words, (words(4, 6), words(4, 6) > 4), {}, {"words": "int32", "mask": "bool"}),
    "nested": (
        Nested,
        ({"x": [floats(4, 4), floats(4, 1)], "words": words(4)},),
        {},
        {"words": "int32", "x_0": "float32", "x_1": "float32"},
    ),
}


@pytest.fixture(params=CALLS)
def called(request):
    kind, args, kwargs, inputs = CALLS[request.param]
    kk.utils.set_random_seed(1)
    model = kind(name=request.param)
    return model, args, kwargs, inputs, jax.tree.leaves(model(*args, **kwargs))


def close(got, want):
    for a, b in zip(jax.tree.leaves(got), want, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, atol=1e-5)


def exported(model, tmp_path, format, **options):
    runtime, ending = FORMATS[format]
    pytest.importorskip(runtime)
    done = model.export(tmp_path / f"file{ending}", format=format, verbose=False, **options)
    assert done.error is not None and done.error < 1e-5
    return done


@pytest.mark.one_in(6)
@pytest.mark.parametrize("format", [f for f in FORMATS if f != "stablehlo"])
def test_each_format_takes_the_arguments_of_the_first_call(called, tmp_path, format):
    model, _, _, inputs, _ = called
    assert {s.name: s.dtype for s in exported(model, tmp_path, format).inputs} == inputs


@pytest.mark.one_in(4)
def test_the_program_is_called_like_the_model_at_any_batch_size_also_from_a_file(called, tmp_path):
    model, args, kwargs, inputs, want = called
    model.save(tmp_path / "model.keras")
    again = kk.saving.load_model(tmp_path / "model.keras", custom_objects={type(model).__name__: type(model)})
    for one in (model, again):
        done = exported(one, tmp_path, "stablehlo", platforms=["cpu"])
        assert {s.name: s.dtype for s in done.inputs} == inputs
        assert all(s.shape[0] is None for s in done.inputs)
        program = kk.export.load(tmp_path / "file")
        close(program(*args, **kwargs), want)
        program(*jax.tree.map(lambda x: x[:1], args), **jax.tree.map(lambda x: x[:1], kwargs))


@pytest.mark.one_in(4)
def test_the_pure_function_is_called_like_the_model(called):
    model, args, kwargs, _, want = called
    apply, weights = model.pure()
    close(jax.jit(apply)(weights, *args, **kwargs), want)


@pytest.mark.parametrize("bridge", [False, True])
def test_a_module_of_pytorch_is_called_like_the_model(called, bridge):
    torch = pytest.importorskip("torch")
    model, args, kwargs, _, want = called
    args, kwargs = jax.tree.map(torch.from_numpy, (args, kwargs))
    with torch.no_grad():
        close(model.to_torch(bridge=bridge)(*args, **kwargs), want)


def test_a_savedmodel_is_called_like_the_model(called, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    model, args, kwargs, _, want = called
    exported(model, tmp_path, "tf_saved_model")
    loaded = tensorflow.saved_model.load(tmp_path / "file")
    args, kwargs = jax.tree.map(tensorflow.constant, (args, dict(sorted(kwargs.items()))))
    close(loaded.serve(*args, *kwargs.values()), want)


def test_a_server_takes_them_by_name():
    from kernelkit.serve.runner import Runner

    model = Two(name="two")
    a, b = floats(4, 5), floats(4, 2)
    want = model(a, b)
    runner = Runner(model)
    assert [s.name for s in runner.inputs] == ["a", "b"]
    close(runner([a, b]), [want])


class Doubled(Two):
    def call(self, inputs):
        return self.first(inputs)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", ["fit", "predict", "build"])
def test_what_fit_predict_or_build_have_seen_counts_as_a_call(kind, tmp_path):
    model = Doubled()
    model.compile("sgd", "mse")
    if kind == "fit":
        model.fit(floats(8, 5), floats(8, 3), batch_size=3, verbose=0)
    elif kind == "predict":
        model.predict(floats(8, 5), verbose=0)
    else:
        model.build((None, 5))
    [taken] = exported(model, tmp_path, "stablehlo", platforms=["cpu"]).inputs
    assert taken.shape == (None, 5) and taken.dtype == "float32"


def test_a_sequential_without_an_input_keeps_open_what_its_first_batch_left_open(tmp_path):
    model = kk.Sequential([L.Embedding(11, 4), L.GlobalAveragePooling1D()])
    model(words(4, 6))
    [taken] = exported(model, tmp_path, "stablehlo", platforms=["cpu"]).inputs
    assert taken.shape[0] is None and taken.dtype == "int32"


def test_a_signature_names_arguments_by_place_or_by_name(tmp_path):
    spec = kk.InputSpec
    by_place = [spec("int32", (None, 6)), spec("bool", (None, 6))]
    model = Words()
    model(words(2, 6))
    for given in (by_place, {"words": by_place[0], "mask": by_place[1]}):
        done = exported(model, tmp_path, "stablehlo", platforms=["cpu"], input_signature=given)
        assert {s.name: s.dtype for s in done.inputs} == {"words": "int32", "mask": "bool"}
        program = kk.export.load(tmp_path / "file")
        close(program(words(3, 6), mask=words(3, 6) > 4), [model(words(3, 6), words(3, 6) > 4)])


def test_arguments_that_are_no_arrays_are_an_error_that_says_so(tmp_path):
    class Switched(Two):
        def build(self, shape):
            self.first.build(shape)

        def call(self, a, b, twice):
            return self.first(a + b) * (2 if twice else 1)

    fresh = Two()
    fresh.built = True
    with pytest.raises(ValueError, match="was not called yet, or with arguments that are no arrays"):
        fresh.export(tmp_path / "file", format="stablehlo")
    model = Switched()
    model(floats(4, 5), floats(4, 5), twice=True)
    assert model.called_with is None
