"""Files that Keras wrote are read here, files written here are read by Keras: weights and optimizer bit for bit."""

import json
import zipfile

import h5py
import jax
import keras
import numpy as np
import pytest

import kernelkit as kk

pytestmark = pytest.mark.one_in(8)

PACKAGES = {"keras": keras, "kernelkit": kk}
RNG = np.random.default_rng(0)


def stack(*layers, shape, dtype=None):
    """A Sequential of the layers that a function makes."""
    return lambda p: p.Sequential([p.Input(shape, dtype=dtype), *(make(p.layers) for make in layers)])


def attention(p):
    x = p.Input((4, 6))
    y = p.layers.MultiHeadAttention(2, 3, use_gate=True, dropout=0.1)(x, x)
    y = p.layers.GroupQueryAttention(3, 2, 1, use_gate=True)(y, y)
    return p.Model(x, p.layers.AdditiveAttention()([p.layers.Attention()([y, x]), x]))


def several(p, is_shared=False):
    """Two inputs, three outputs, a shared layer, and a model in a model in a model, which may also be used alone."""
    a, b, inner_input = p.Input((3,), name="a"), p.Input((3,), name="b"), p.Input((3,))
    shared = p.layers.Dense(3, name="shared")
    inner = p.Sequential([p.Input((3,)), p.layers.Dense(3), p.layers.BatchNormalization()], name="inner")
    deepest = inner if is_shared else p.Sequential([p.Input((3,)), p.layers.Dense(3)], name="deepest")
    nested = p.Model(inner_input, [p.layers.Dense(2)(inner_input), deepest(inner_input)], name="nested")
    u, v = inner(shared(a)), inner(shared(b))
    joined = p.layers.Concatenate()([*nested(u), p.layers.Add()([u, v])])
    return p.Model(
        [a, b], [p.layers.Dense(1)(joined), p.layers.Dense(2, name="two")(joined), p.layers.subtract([u, v])]
    )


def functions(p):
    a, ops = p.Input((3,)), p.ops
    x = ops.relu(p.layers.Dense(4)(a)) * 2 + 1
    y = ops.concatenate([x, a], axis=-1)
    padded = ops.pad(y, [[0, 0], [1, 1]])
    total = ops.sum(ops.reshape(y, (-1, 7, 1)), axis=1)
    product = ops.expand_dims(ops.einsum("ab,cb->a", y, y), -1)
    return p.Model(
        a, [ops.mean(y, axis=-1, keepdims=True) - total, padded[:, 1:3] / 3, product, 1 - ops.softmax(-y, axis=-1)]
    )


def by_names(p):
    a, b = p.Input((3,), name="a"), p.Input((2,), name="b")
    return p.Model({"a": a, "b": b}, {"s": p.layers.Dense(2, name="s")(a), "t": p.layers.Dense(1, name="t")(b)})


def subclass_of(p):
    layers = p.layers

    class Net(p.Model):
        """Parts under all kinds of names, in lists and dicts, some of them twice."""

        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.blocks = [layers.Dense(units, name="q"), layers.Dense(2), layers.LayerNormalization()]
            self.heads = {"a": layers.Dense(1), "b": [layers.Dense(1)]}
            self._hidden = layers.Dense(2)
            self.zeta = self._hidden
            self.pair = (layers.Dense(2),)
            self.own = self.add_weight(shape=(2,), name="own")
            self.drop = layers.Dropout(0.5)
            self.Capital, self.a10, self.a9, self._last = (layers.Dense(2) for _ in range(4))

        @property
        def alias(self):
            return self.a9

        def call(self, x):
            x = self.a9(self.a10(self.Capital(self._hidden(self.drop(x)))))
            for block in self.blocks:
                x = block(x)
            return self.heads["a"](x) + self.heads["b"][0](x) + self._last(self.pair[0](x)) + p.ops.sum(self.own)

        def get_config(self):
            return super().get_config() | {"units": self.units}

    return Net


SUBCLASSES = {name: subclass_of(p) for name, p in PACKAGES.items()}


def subclassed(p):
    model = SUBCLASSES[p.__name__](units=2)
    model(np.ones((1, 3), "float32"))
    return model


CASES = {
    "dense": stack(
        lambda x: x.Dense(3, activation="relu", kernel_regularizer="l2", name="zeta"),
        lambda x: x.Dropout(0.3),
        lambda x: x.Dense(2, kernel_constraint="max_norm", name="alpha"),
        shape=(4,),
    ),
    "norms": stack(
        lambda x: x.BatchNormalization(),
        lambda x: x.LayerNormalization(),
        lambda x: x.GroupNormalization(2),
        lambda x: x.RMSNormalization(),
        lambda x: x.SpectralNormalization(x.Dense(3)),
        lambda x: x.TimeDistributed(x.BatchNormalization()),
        shape=(4, 4),
    ),
    "convs": stack(
        lambda x: x.Conv2D(3, 2),
        lambda x: x.DepthwiseConv2D(2),
        lambda x: x.SeparableConv2D(2, 2, activation="gelu"),
        lambda x: x.Conv2DTranspose(2, 2),
        lambda x: x.MaxPooling2D(2),
        lambda x: x.Reshape((2, -1)),
        lambda x: x.PReLU(),
        shape=(8, 8, 2),
    ),
    "recurrent": stack(
        lambda x: x.Bidirectional(x.LSTM(3, return_sequences=True)),
        lambda x: x.RNN([x.LSTMCell(2), x.GRUCell(3)], return_sequences=True),
        lambda x: x.SimpleRNN(3, return_sequences=True),
        lambda x: x.GRU(2),
        shape=(3, 2),
    ),
    "words": stack(lambda x: x.Embedding(10, 3), lambda x: x.GlobalAveragePooling1D(), shape=(5,), dtype="int32"),
    "attention": attention,
    "several": several,
    "functions": functions,
    "by_names": by_names,
    "subclassed": subclassed,
}


def inputs_of(name):
    shapes = {"dense": (4,), "norms": (4, 4), "convs": (8, 8, 2), "recurrent": (3, 2), "attention": (4, 6)}
    draw = lambda *shape: RNG.normal(size=(2, *shape)).astype("float32")  # noqa: E731
    if name == "words":
        return np.arange(10).reshape(2, 5)
    if name == "several":
        return [draw(3), draw(3)]
    if name == "by_names":
        return {"a": draw(3), "b": draw(2)}
    return draw(*shapes.get(name, (3,)))


def trained(model, p, optimizer="adam"):
    """Give a model and its optimizer a state that no initializer would give."""
    model.compile(p.optimizers.get(optimizer), "mean_squared_error")
    model.optimizer.build(model.trainable_variables)
    for variable in [*model.weights, *model.optimizer.variables]:
        value = RNG.uniform(0.1, 1, variable.shape)
        variable.assign((value * 100 if "int" in str(variable.dtype) else value).astype(str(variable.dtype)))
    return model


def values(variables):
    return [np.asarray(jax.numpy.asarray(v.value)) for v in variables]


def same_bits(ours, theirs):
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(ours, theirs))


@pytest.mark.parametrize("writer", PACKAGES)
@pytest.mark.parametrize("case", CASES)
def test_keras_file(tmp_path, case, writer):
    other = "kernelkit" if writer == "keras" else "keras"
    write, read = PACKAGES[writer], PACKAGES[other]
    model = trained(CASES[case](write), write)
    model.save(tmp_path / "m.keras")
    again = read.models.load_model(tmp_path / "m.keras", custom_objects={"Net": SUBCLASSES[other]})
    assert type(again).__name__ == type(model).__name__
    same_bits(values(again.weights), values(model.weights))
    same_bits(values(again.optimizer.variables), values(model.optimizer.variables))
    x = inputs_of(case)
    for a, b in zip(jax.tree.leaves(again(x)), jax.tree.leaves(model(x)), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("writer", PACKAGES)
def test_a_model_used_alone_and_inside_another_stays_one(tmp_path, writer):
    model = trained(several(PACKAGES[writer], is_shared=True), PACKAGES[writer])
    model.save(tmp_path / "m.keras")
    again = kk.models.load_model(tmp_path / "m.keras")  # Keras cannot read such a file, not even its own
    assert again.get_layer("nested").get_layer("inner") is again.get_layer("inner")
    same_bits(values(again.weights), values(model.weights))


@pytest.mark.parametrize("writer", PACKAGES)
@pytest.mark.parametrize("case", ["dense", "attention", "recurrent", "subclassed"])
def test_weights_file(tmp_path, case, writer):
    write, read = PACKAGES[writer], PACKAGES["kernelkit" if writer == "keras" else "keras"]
    model, again = trained(CASES[case](write), write), trained(CASES[case](read), read)
    model.save_weights(tmp_path / "m.weights.h5")
    again.load_weights(tmp_path / "m.weights.h5")
    same_bits(values(again.weights), values(model.weights))
    same_bits(values(again.optimizer.variables), values(model.optimizer.variables))


@pytest.mark.parametrize("writer", PACKAGES)
def test_sharded_weights(tmp_path, writer):
    write, read = PACKAGES[writer], PACKAGES["kernelkit" if writer == "keras" else "keras"]
    model, again = CASES["convs"](write), trained(CASES["convs"](read), read)
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=2e-7)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 1
    again.load_weights(path)
    same_bits(values(again.weights), values(model.weights))


@pytest.mark.parametrize("writer", PACKAGES)
@pytest.mark.parametrize("case", ["dense", "norms", "convs", "recurrent", "words", "functions", "by_names"])
def test_legacy_file(tmp_path, case, writer):
    other = "kernelkit" if writer == "keras" else "keras"
    model = trained(CASES[case](PACKAGES[writer]), PACKAGES[writer])
    model.save(tmp_path / "m.h5")
    again = PACKAGES[other].models.load_model(tmp_path / "m.h5")
    same_bits(values(again.weights), values(model.weights))
    if other == "kernelkit":  # Keras 3 reads no optimizer's state from such files, not even from its own
        same_bits(values(again.optimizer.variables), values(model.optimizer.variables))


@pytest.mark.parametrize("name", ["SGD", "Nadam", "Lion", "Lamb", "Muon", "LossScaleOptimizer"])
def test_optimizers(tmp_path, name):
    def optimizer(p):
        family = p.optimizers
        return (
            family.LossScaleOptimizer(family.SGD(0.1, momentum=0.9)) if "Scale" in name else getattr(family, name)(0.1)
        )

    for writer, reader in ((keras, kk), (kk, keras)):
        model = trained(CASES["dense"](writer), writer, optimizer(writer))
        model.save(tmp_path / "m.keras")
        again = reader.models.load_model(tmp_path / "m.keras")
        same_bits(values(again.optimizer.variables), values(model.optimizer.variables))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16"])
def test_dtypes(tmp_path, dtype):
    for writer, reader in ((keras, kk), (kk, keras)):
        model = writer.Sequential([writer.Input((4,)), writer.layers.Dense(3, dtype=dtype)])
        model.save(tmp_path / "m.keras")
        again = reader.models.load_model(tmp_path / "m.keras")
        same_bits(values(again.weights), values(model.weights))
        assert again.layers[0].compute_dtype == model.layers[0].compute_dtype


def test_registered_classes_and_functions(tmp_path):
    for writer, reader in ((keras, kk), (kk, keras)):
        for p in (writer, reader):

            @p.saving.register_keras_serializable(package="files")
            class Scale(p.layers.Layer):
                def __init__(self, factor, **kwargs):
                    super().__init__(**kwargs)
                    self.factor = factor

                def call(self, x):
                    return x * self.factor

                def get_config(self):
                    return super().get_config() | {"factor": self.factor}

            @p.saving.register_keras_serializable(package="files")
            def shifted(x):
                return x + 1

        scale = writer.saving.get_registered_object("files>Scale")
        shift = writer.saving.get_registered_object("files>shifted")
        model = writer.Sequential([writer.Input((2,)), scale(3.0), writer.layers.Lambda(shift)])
        model.save(tmp_path / "m.keras")
        again = reader.models.load_model(tmp_path / "m.keras")
        np.testing.assert_array_equal(np.asarray(again(np.ones((1, 2)))), [[4.0, 4.0]])


def test_files_have_the_same_members_and_folders(tmp_path):
    shown = []
    for p in PACKAGES.values():
        trained(several(p), p).save(tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as archive, archive.open("model.weights.h5") as file:
            hdf5, names = h5py.File(file), []
            hdf5.visit(names.append)
            folders = {name: getattr(hdf5[name], "shape", None) for name in names}
            config = json.loads(archive.read("config.json"))
            kinds = sorted((e["module"], e["class_name"]) for e in config["config"]["layers"])
            shown.append((sorted(archive.namelist()), folders, kinds))
    assert shown[0][0] == shown[1][0]
    assert shown[0][1] == shown[1][1]
    assert shown[0][2] == shown[1][2]


def test_a_file_of_keras_2(tmp_path):
    """Written by hand: no modules, calls as lists, weights named ``dense/kernel:0``."""
    kernel, bias = RNG.normal(size=(3, 2)).astype("float32"), np.ones(2, "float32")
    layers = [
        {
            "class_name": "InputLayer",
            "name": "a",
            "config": {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "name": "a"},
            "inbound_nodes": [],
        },
        {
            "class_name": "Dense",
            "name": "d",
            "config": {
                "name": "d",
                "trainable": True,
                "dtype": "float32",
                "units": 2,
                "activation": "relu",
                "use_bias": True,
                "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
                "bias_initializer": {"class_name": "Zeros", "config": {}},
            },
            "inbound_nodes": [[["a", 0, 0, {}]]],
        },
        {
            "class_name": "BatchNormalization",
            "name": "bn",
            "config": {"name": "bn", "axis": [1], "momentum": 0.9, "epsilon": 0.001},
            "inbound_nodes": [[["d", 0, 0, {}]]],
        },
        {
            "class_name": "Add",
            "name": "add",
            "config": {"name": "add", "trainable": True, "dtype": "float32"},
            "inbound_nodes": [[["bn", 0, 0, {}], ["d", 0, 0, {}]]],
        },
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["a", 0, 0]], "output_layers": [["add", 0, 0]]}
    compiled = {
        "loss": "mse",
        "metrics": [["accuracy"]],
        "loss_weights": None,
        "optimizer_config": {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.01, "decay": 0.0}},
    }
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config}).encode()
        file.attrs["training_config"] = json.dumps(compiled).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"a", b"d", b"bn", b"add"])
        arrays = {
            "d": {"d/kernel:0": kernel, "d/bias:0": bias},
            "bn": {f"bn/{n}:0": np.ones(2, "float32") for n in ("gamma", "beta", "moving_mean", "moving_variance")},
        }
        for name in ("a", "d", "bn", "add"):
            group = weights.create_group(name)
            group.attrs["weight_names"] = np.array([n.encode() for n in arrays.get(name, {})], "S30")
            for path, value in arrays.get(name, {}).items():
                group[path] = value
    model = kk.models.load_model(tmp_path / "m.h5")
    x = np.ones((1, 3), "float32")
    hidden = np.maximum(x @ kernel + bias, 0)
    np.testing.assert_allclose(np.asarray(model(x)), hidden + (hidden - 1) / np.sqrt(1.001) + 1, rtol=1e-5, atol=1e-6)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.01)
