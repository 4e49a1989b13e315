"""Sequential, functional and subclassed models: wiring, order of layers and weights, configs."""

import json

import keras
import numpy as np
import pytest

import kernelkit as kk

RNG = np.random.default_rng(0)


def branching(k):
    """A model with branches, a shared layer and a model used as a layer, in either package."""
    a, b = k.Input((8,), name="a"), k.Input((8,), name="b")
    shared = k.layers.Dense(6, activation="relu", name="shared")
    inner_in = k.Input((6,), name="inner_in")
    inner = k.Model(inner_in, k.layers.Dense(5, name="inner_dense")(inner_in), name="inner")
    left, right = shared(a), shared(b)
    merged = k.layers.Concatenate(name="merged")([inner(left), inner(right)])
    side = k.layers.Dense(3, name="side")(right)
    deep = k.layers.Dense(4, name="deep")(merged)
    return k.Model([a, b], [k.layers.Dense(2, name="out")(deep), side])


def test_layers_and_weights_come_in_keras_order():
    ours, theirs = branching(kk), branching(keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = [RNG.random((7, 8), dtype="float32") for _ in range(2)]
    for mine, other in zip(ours.predict(x), theirs.predict(x, verbose=0), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_functional_config_makes_an_equal_model():
    model = branching(kk)
    config = json.loads(json.dumps(model.get_config()))
    twin = kk.Model.from_config(config)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    twin.set_weights(model.get_weights())
    x = [RNG.random((3, 8), dtype="float32") for _ in range(2)]
    for a, b in zip(model.predict(x), twin.predict(x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ops_in_a_functional_model_survive_its_config():
    x = kk.Input((4,))
    model = kk.Model(x, kk.ops.concatenate([x * 2.0, kk.ops.relu(-x)], axis=-1))
    twin = kk.Model.from_config(json.loads(json.dumps(model.get_config())))
    data = RNG.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(model.predict(data), twin.predict(data))
    np.testing.assert_allclose(model.predict(data)[:, :4], data * 2)


def test_json_and_clone():
    model = kk.Sequential(
        [kk.Input((4,)), kk.layers.Dense(3, activation="relu", kernel_initializer="he_normal"), kk.layers.Dropout(0.5)]
    )
    twin = kk.models.model_from_json(model.to_json())
    assert twin.layers[0].get_config() == model.layers[0].get_config()
    clone = kk.models.clone_model(model)
    assert clone.count_params() == model.count_params()
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])


def test_sequential_grows_and_shrinks():
    model = kk.Sequential()
    model.add(kk.Input((4,)))
    model.add(kk.layers.Dense(3))
    assert model.output_shape == (None, 3)
    model.add(kk.layers.Dense(2))
    assert model.output_shape == (None, 2) and len(model.weights) == 4
    kept = model.layers[0].get_weights()[0]
    model.pop()
    assert model.output_shape == (None, 3) and len(model.weights) == 2
    np.testing.assert_array_equal(kept, model.layers[0].get_weights()[0])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    model.add(kk.layers.Dense(1))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 1)), verbose=0)


def test_sequential_without_an_input_is_built_by_data():
    model = kk.Sequential([kk.layers.Dense(3), kk.layers.Dense(2)])
    assert not model.built
    assert not hasattr(model, "inputs")
    lines = []
    model.summary(print_fn=lines.append)
    assert "not built yet" in lines[0] and "unbuilt" in lines[0]
    assert model(np.ones((2, 5), "float32")).shape == (2, 2)
    assert model.built and model.input_shape == (None, 5)
    other = kk.Sequential([kk.layers.Dense(3)])
    other.build((None, 7))
    assert other.weights[0].shape == (7, 3)


def test_a_model_cut_out_of_another():
    base = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, name="hidden"), kk.layers.Dense(1)])
    features = kk.Model(base.inputs, base.get_layer("hidden").output)
    x = RNG.random((2, 4), dtype="float32")
    np.testing.assert_allclose(features.predict(x), np.asarray(base.layers[0](x)), rtol=1e-6)


def test_dict_inputs_and_outputs():
    inputs = {"u": kk.Input((2,), name="u"), "v": kk.Input((3,), name="v")}
    joined = kk.layers.concatenate([inputs["u"], inputs["v"]])
    model = kk.Model(inputs, {"sum": kk.ops.sum(joined, axis=-1), "same": joined})
    data = {"u": np.ones((4, 2), "float32"), "v": np.full((4, 3), 2.0, "float32")}
    out = model.predict(data)
    np.testing.assert_allclose(out["sum"], 8.0)
    assert out["same"].shape == (4, 5)
    listed = kk.Model([inputs["u"], inputs["v"]], joined)
    np.testing.assert_array_equal(listed.predict(data), out["same"])


def test_subclassed_models_nest_and_track_lists_and_dicts():
    class Block(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = {"a": kk.layers.Dense(4), "b": [kk.layers.Dense(4), kk.layers.Dense(2)]}

        def call(self, x):
            return self.parts["b"][1](self.parts["b"][0](x) + self.parts["a"](x))

    class Net(kk.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(), Block()]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    net = Net()
    assert net(np.ones((3, 5), "float32")).shape == (3, 2)
    assert len(net.weights) == 12
    net.trainable = False
    assert not net.trainable_weights and len(net.non_trainable_weights) == 12
    net.blocks[1].trainable = True
    assert not net.trainable_weights  # a frozen model freezes its parts
    net.trainable = True
    net.blocks[0].trainable = False
    assert len(net.trainable_weights) == 6


def test_unused_and_missing_inputs():
    a, b = kk.Input((2,)), kk.Input((2,), name="forgotten")
    with pytest.raises(ValueError, match="forgotten"):
        kk.Model(a, kk.layers.add([a, b]))
    model = kk.Model([a, b], kk.layers.Dense(1)(a))
    assert model.predict([np.ones((2, 2)), np.ones((2, 2))]).shape == (2, 1)
    dense = kk.layers.Dense(2, name="dense")
    model = kk.Model([b, a], dense(a))  # an unused input has the depth of an output and stands before it, as in Keras
    assert [layer.name for layer in model.layers] == [model.inputs[1].name, "forgotten", "dense"]
    assert [layer.name for layer in kk.Model([a, b], b).layers][1] == "forgotten"


def test_a_symbolic_tensor_says_why_it_has_no_value():
    x = kk.Input((3,))
    with pytest.raises(TypeError, match="kernelkit.ops"):
        np.asarray(x)
    with pytest.raises(TypeError, match="no value"):
        if x[0]:
            pass


def test_stateless_call_is_pure():
    model = kk.Sequential([kk.Input((3,)), kk.layers.BatchNormalization(), kk.layers.Dense(2)])
    before = model.get_weights()
    x = RNG.random((8, 3), dtype="float32")
    outputs, updated = model.stateless_call(model.trainable_variables, model.non_trainable_variables, x, training=True)
    assert outputs.shape == (8, 2) and not np.allclose(updated[0], before[2])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_summary_counts_and_escapes(capsys):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, name="<img src=x onerror=alert(1)>")], name="net")
    model.summary()
    text = capsys.readouterr().out
    assert "Total parameters: 15" in text and "(None, 3)" in text
    from kernelkit.models.description import describe
    from kernelkit.models.summary_tree import as_html

    page = as_html(describe(model))
    assert "<img" not in page and "&lt;img" in page and "15" in page


def test_clone_model_with_functions_and_tensors():
    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return kk.layers.Dropout(0.5)(outputs) if isinstance(layer, kk.layers.Dense) else outputs

    model = branching(kk)
    clone = kk.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    assert len(clone.layers) > len(model.layers)
    assert clone.get_layer("deep") is model.get_layer("deep")
    tensors = [kk.Input((8,), name="x"), kk.Input((8,), name="y")]
    assert kk.models.clone_model(model, input_tensors=tensors).inputs[0] is tensors[0]
    with pytest.raises(ValueError, match="must have the same structure"):
        kk.models.clone_model(model, input_tensors=tensors[0])


def test_state_tree():
    x = kk.Input((2,))
    model = kk.Model(x, kk.layers.Dense(1, name="head")(x))
    model.compile("adam", "mse")
    tree = model.get_state_tree("numpy_array")
    tree["trainable_variables"]["head"]["bias"] = np.array([3.0])
    model.set_state_tree({"trainable_variables": tree["trainable_variables"], "optimizer_variables": {}})
    assert model.get_layer("head").bias.numpy() == [3.0]
    with pytest.raises(ValueError, match="has no variable 'tail'"):
        model.set_state_tree({"trainable_variables": {"tail": 1.0}})


def test_sequential_of_several_inputs_runs_without_a_graph():
    class Sum(kk.layers.Layer):
        def call(self, inputs):
            return inputs["a"] + inputs["b"]

    assert kk.Sequential([Sum()])({"a": np.ones((2, 3)), "b": np.ones((2, 3))}).shape == (2, 3)


def test_inputs_by_position_for_inputs_by_name():
    a, b = kk.Input((2,), name="b"), kk.Input((2,), name="a")
    model = kk.Model({"b": a, "a": b}, kk.layers.Subtract()([a, b]))
    with pytest.raises(ValueError, match="The structure of `inputs` doesn't match"):
        model([np.ones((1, 2)), np.ones((1, 2))])


def test_a_clone_of_classes_that_nobody_registered_is_compiled_alike():
    class Twice(kk.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    class Near(kk.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return kk.ops.full(shape, 0.1, dtype)

    class Off(kk.losses.Loss):
        def call(self, y_true, y_pred):
            return kk.ops.abs(y_true - y_pred)

    class Slow(kk.optimizers.SGD):
        pass

    inner = kk.Sequential([Twice(), kk.layers.Dense(3, kernel_initializer=Near())])
    inputs = kk.Input((4, 2))
    model = kk.Model(inputs, kk.layers.TimeDistributed(Twice())(inner(inputs)))
    model.compile(Slow(0.5), Off(), metrics=[lambda y, p: kk.ops.mean(p)])
    clone = kk.models.clone_model(model)
    x = np.ones((1, 4, 2), "float32")
    np.testing.assert_allclose(clone(x), model(x))
    assert type(clone.optimizer) is Slow and type(clone.loss) is Off and float(clone.optimizer.learning_rate) == 0.5
    assert [type(layer) for layer in clone.layers[1].layers] == [type(layer) for layer in inner.layers]
    with pytest.raises(ValueError, match="not known to kernelkit"):
        kk.Model.from_config(model.get_config())  # a config alone names its classes


def test_the_config_of_an_earlier_clone_names_no_class_of_a_later_one():
    class First(kk.layers.Layer):
        def call(self, inputs):
            return inputs

    class Second(First):
        pass

    class Keeps(kk.layers.Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.written = inner

        def get_config(self):
            written = self.written if isinstance(self.written, dict) else kk.saving.serialize_keras_object(self.written)
            return super().get_config() | {"inner": written}

        @classmethod
        def from_config(cls, config):
            return cls(**config)  # with the inner config as it is

        def call(self, inputs):
            return inputs

    model = kk.Sequential([kk.Input((1,)), Second(), Keeps(First())])
    once = kk.models.clone_model(model, clone_function=lambda layer: type(layer).from_config(layer.get_config()))
    kept = once.layers[1].written
    with pytest.raises(ValueError, match="not known to kernelkit"):
        kk.saving.deserialize_keras_object(kept)
    again = kk.models.clone_model(once)
    assert [type(layer) for layer in again.layers] == [Second, Keeps]
