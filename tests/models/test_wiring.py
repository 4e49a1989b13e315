"""What happens while a model is wired, and what it answers with afterwards."""

from __future__ import annotations

import enum
import sys
import types

import keras
import numpy as np
import pytest

import kernelkit as kk

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_model_of_one_output_in_a_list_answers_with_one_array(wrap, tmp_path):
    i = kk.Input((3,))
    model = kk.Model(inputs=wrap([i]), outputs=wrap([kk.layers.Dense(2)(i)]))
    model.save(tmp_path / "m.keras")
    for one in (model, kk.models.clone_model(model), kk.models.load_model(tmp_path / "m.keras")):
        assert one(X).shape == (2, 2)
        assert one.predict(X, verbose=0).shape == (2, 2)
        assert one.predict_on_batch(X).shape == (2, 2)
        assert one.output_shape == (None, 2) and one.input_shape == (None, 3)
        assert len(one.outputs) == 1
    model.compile("sgd", "mse", metrics=["mae"])
    assert sorted(model.fit(X, np.zeros((2, 2)), verbose=0).history) == ["loss", "mae"]


def test_shapes_of_nested_inputs_and_outputs_are_a_flat_list():
    i, j = kk.Input((3,)), kk.Input((4,))
    a, b = kk.layers.Dense(2)(i), kk.layers.Dense(5)(j)
    model = kk.Model({"i": i, "j": j}, {"x": a, "y": b})
    assert model.output_shape == [(None, 2), (None, 5)] and model.input_shape == [(None, 3), (None, 4)]
    assert kk.Model({"i": i}, {"x": a}).output_shape == (None, 2)
    assert isinstance(model({"i": X, "j": np.ones((2, 4))}), dict)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (kk.layers.LayerNormalization(axis=5), (4, 3)),
        (kk.layers.LayerNormalization(axis=-5), (4, 3)),
        (kk.layers.LayerNormalization(axis=[1, 2]), (4, 3)),
        (kk.layers.RMSNormalization(axis=2), (4, 3)),
        (kk.layers.BatchNormalization(axis=5), (4, 3)),
        (kk.layers.BatchNormalization(axis=-3), (4, 3)),
        (kk.layers.GroupNormalization(1, axis=5), (4, 3)),
        (kk.layers.UnitNormalization(axis=5), (4, 3)),
        (kk.layers.PReLU(shared_axes=[5]), (4, 3)),
        (kk.layers.Softmax(axis=5), (4, 3)),
    ],
)
def test_an_axis_that_inputs_do_not_have_is_an_error(layer, shape):
    with pytest.raises((ValueError, IndexError), match="axis"):
        layer(np.ones(shape, "float32"))


def test_an_axis_that_inputs_do_not_have_is_an_error_while_a_model_is_wired():
    with pytest.raises(ValueError, match=r"axis=3 does not fit inputs of the shape \(None, 3\)"):
        kk.layers.LayerNormalization(axis=3)(kk.Input((3,)))


def test_a_layer_made_trainable_inside_a_frozen_one_is_trained_with_the_model():
    # As in Keras: a variable counts if it and the object that is asked are trainable.
    inner = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2), kk.layers.Dense(2)])
    model = kk.Sequential([kk.Input((3,)), inner])
    inner.trainable = False
    inner.layers[0].trainable = True
    assert len(model.trainable_weights) == 2 and inner.trainable_weights == []
    before = [w.numpy() for w in model.weights]
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 2)), verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [True, True, False, False]


def test_names_of_attention_that_packages_use():
    layer, x = kk.layers.MultiHeadAttention(2, 3), np.random.default_rng(0).normal(size=(1, 4, 5)).astype("float32")
    expected, weights = layer(x, x, return_attention_scores=True, use_causal_mask=True)
    heads = layer._query_dense(x), layer._key_dense(x), layer._value_dense(x)
    mask = np.tril(np.ones((1, 4, 4), bool))
    found, scores = layer._compute_attention(*heads, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_allclose(layer._output_dense(found), expected, atol=1e-6)
    np.testing.assert_allclose(scores, weights, atol=1e-6)
    assert layer._compute_attention(*heads)[1] is None
    assert (layer._num_heads, layer._key_dim, layer._value_dim, layer._use_bias) == (2, 3, 3, True)


def test_packages_set_the_projections_of_attention_under_keras_s_private_names():
    class Own(kk.layers.MultiHeadAttention):
        def build(self, query_shape, value_shape, key_shape=None):
            super().build(query_shape, value_shape, key_shape)
            self._query_dense = kk.layers.EinsumDense("abc,cde->abde", (None, 2, 4), name="query")
            self._query_dense.build(query_shape)
            self._use_bias = False

    layer = Own(2, 4)
    x = np.ones((1, 3, 5), "float32")
    layer(x, x)
    assert layer.query_dense is layer._query_dense and layer.query_dense.bias is None
    assert layer.use_bias is False
    parts = ["query/kernel", "query/bias", "key/kernel", "key/bias", "value/kernel", "value/bias"]
    parts += ["attention_output/kernel", "attention_output/bias", "query/kernel"]  # Keras keeps the one before, too
    assert [v.path.partition("/")[2] for v in layer.weights] == parts


class MaskedMean(kk.layers.Layer):
    """A layer that cannot do without a mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x, mask=None):
        if mask is None:
            raise ValueError("needs a mask")
        self.seen.append((x.shape, mask.shape))
        weights = kk.ops.cast(mask, x.dtype)[..., None]
        return kk.ops.sum(x * weights, axis=1) / kk.ops.sum(weights, axis=1)


def embedding():
    layer = kk.layers.Embedding(7, 2, mask_zero=True)
    layer.build(None)
    layer.set_weights([np.arange(14.0).reshape(7, 2)])
    return layer


def test_masks_reach_call_while_a_functional_model_is_wired(tmp_path):
    mean, i = MaskedMean(), kk.Input((4,), dtype="int32")
    y = mean(embedding()(i))
    assert y.shape == (None, 2)
    assert mean.seen == [((None, 4, 2), (None, 4))]  # once, with unknown sizes as None
    model = kk.Model(i, kk.layers.Dense(3)(y))
    assert model.output_shape == (None, 3)
    assert kk.Model(i, y)(np.array([[1, 2, 0, 0]])).tolist() == [[3.0, 4.0]]
    model.save(tmp_path / "m.keras")
    loaded = kk.models.load_model(tmp_path / "m.keras", custom_objects={"MaskedMean": MaskedMean})
    np.testing.assert_array_equal(loaded(np.array([[1, 2, 0, 0]])), model(np.array([[1, 2, 0, 0]])))


def test_masks_reach_call_while_a_sequential_is_wired():
    model = kk.Sequential([kk.Input((4,), dtype="int32"), embedding(), MaskedMean(), kk.layers.Dense(3)])
    assert model.output_shape == (None, 3)
    assert kk.Sequential(model.layers[:2])(np.array([[1, 2, 0, 0]])).tolist() == [[3.0, 4.0]]
    later = kk.Sequential([embedding(), kk.layers.Dropout(0.5), MaskedMean()])
    assert later(np.array([[1, 2, 0, 0]])).tolist() == [[3.0, 4.0]]


def test_masks_go_through_layers_and_models_while_a_model_is_wired():
    i = kk.Input((None,), dtype="int32")
    x = embedding()(i)
    assert x._keras_mask.shape == (None, None) and x._keras_mask.dtype == "bool"
    assert kk.layers.Dropout(0.1)(x)._keras_mask.shape == (None, None)
    assert kk.layers.LSTM(3, return_sequences=True)(x)._keras_mask.shape == (None, None)
    assert kk.layers.LSTM(3)(x)._keras_mask is None
    inner = kk.Model(i, kk.layers.Dense(3)(x))
    j = kk.Input((5,), dtype="int32")
    assert inner(j)._keras_mask.shape == (None, 5)
    assert inner(kk.Input((None,), dtype="int32"))._keras_mask.shape == (None, None)
    outer = kk.Model(j, MaskedMean()(inner(j)))
    assert outer(np.array([[1, 2, 0, 0, 0]])).shape == (1, 3)


def test_masks_of_a_compute_mask_of_the_users():
    class Cut(kk.layers.Layer):
        def call(self, x):
            return x[:, 1:]

        def compute_mask(self, inputs, previous_mask=None):
            return previous_mask[:, 1:]

    class CutByShape(Cut):
        def compute_output_shape(self, shape):
            return (shape[0], shape[1] - 1, *shape[2:])

    for layer in (Cut(), CutByShape()):
        mean, i = MaskedMean(), kk.Input((4,), dtype="int32")
        model = kk.Model(i, mean(layer(embedding()(i))))
        assert mean.seen == [((None, 3, 2), (None, 3))]
        assert model(np.array([[1, 2, 0, 0]])).tolist() == [[4.0, 5.0]]


def test_masks_can_be_read_from_arrays():
    # What the guide on masking prints.
    assert embedding()(np.array([[1, 0]]))._keras_mask.tolist() == [[True, False]]
    masked = kk.layers.Masking()(np.array([[[1.0], [0.0]]]))
    assert masked._keras_mask.tolist() == [[True, False]]
    masked = kk.layers.Masking()(kk.Input((2, 1)))
    assert masked._keras_mask.shape == (None, 2)


def test_unknown_sizes_are_none_for_the_code_of_a_layer_a_model_and_a_lambda():
    seen = []

    class Outer(kk.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.lstm = kk.layers.Dense(3), kk.layers.LSTM(4)

        def call(self, x):
            seen.append(x.shape)
            return self.lstm(self.dense(x))

    assert Outer()(kk.Input((None, 2))).shape == (None, 4)
    kk.layers.Lambda(lambda x: seen.append(x.shape) or x * 2)(kk.Input((None, 5)))
    assert seen == [(None, None, 2), (None, None, 5)]


def test_wiring_takes_no_names_for_what_call_does_inside():
    class Two(kk.layers.Layer):
        def call(self, x):
            return kk.ops.add(x, 1) * 2

    kk.utils.clear_session()
    i = kk.Input((3,))
    y = kk.ops.add(Two()(i), 1)
    assert y._keras_history[0].name == "add"
    assert [op.name for op in kk.Model(i, y).operations] == ["input_layer", "two", "add"]


def test_code_that_needs_arrays_or_sizes_is_traced():
    import jax.numpy as jnp

    class Mask(kk.layers.Layer):
        def call(self, x):
            steps = x.shape[1]
            return jnp.einsum("ts,bsf->btf", np.tril(np.ones((steps, steps), "float32")), x)

    class Loop(kk.layers.Layer):
        def call(self, x):
            return sum(x[:, t] for t in range(x.shape[1]))

    assert Mask()(kk.Input((None, 3))).shape == (None, None, 3)
    assert Loop()(kk.Input((None, 3))).shape == (None, 3)


def test_a_window_longer_than_the_sizes_that_stand_for_unknown_ones():
    assert kk.layers.AveragePooling1D(500)(kk.Input((None, 3))).shape == (None, None, 3)
    x = kk.Input((None, None, 1))
    deep = kk.Sequential([kk.layers.MaxPooling2D(2) for _ in range(9)])
    assert deep(x).shape == (None, None, None, 1)
    assert kk.layers.Lambda(lambda v: v[:, ::512])(kk.Input((None, 3))).shape == (None, None, 3)


def test_errors_say_none_for_unknown_sizes():
    class Bad(kk.layers.Layer):
        def call(self, x):
            return x + np.ones((4, 7), "float32")

    with pytest.raises(ValueError, match=r"\(None, None, 3\), \(4, 7\)") as info:
        Bad()(kk.Input((None, 3)))
    assert "(None, None, 3) float32" in info.value.__notes__[-1]


def test_a_rule_for_shapes_of_the_users_is_asked_inside_other_models():
    class Position(kk.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(8, shape[-1]))

        def call(self, x):
            steps, features = kk.ops.shape(x)[1:]
            return x + kk.ops.slice(kk.ops.convert_to_tensor(self.w), (0, 0), (steps, features))

        def compute_output_shape(self, shape):
            return shape

    i, j = kk.Input((None, 4)), kk.Input((3, 4))
    inner = kk.Model(i, Position()(i))
    assert inner(kk.Input((None, 4))).shape == (None, None, 4)
    assert inner(j).shape == (None, 3, 4)
    assert kk.Model(j, inner(j))(np.ones((2, 3, 4))).shape == (2, 3, 4)


def test_arguments_of_a_call():
    class Plain(kk.layers.Layer):
        def call(self, x):
            return x

    assert Plain()(kk.Input((3,)), training=False).shape == (None, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'tranpose'"):
        Plain()(X, tranpose=True)
    with pytest.raises(ValueError, match="called on the layer 'first' itself"):
        kk.layers.Dense(4)(kk.layers.Dense(3, name="first"))
    with pytest.raises(ValueError, match="Only input tensors"):
        kk.layers.Dense(2)("abc")
    with pytest.raises(TypeError, match=r"Conv2D.__init__\(\) missing 1 required positional argument: 'kernel_size'"):
        kk.layers.Conv2D(3)


def test_switches_of_keras_for_the_arguments_of_a_call():
    class AsGiven(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self._convert_input_args = False
            self._allow_non_tensor_positional_args = True

        def call(self, x, y=None):
            return type(x), type(y)

    layer = AsGiven()
    assert layer(np.ones(2), 3) == (np.ndarray, int)
    assert layer([1, 2], "a") == (list, str)


def test_a_build_without_a_shape(tmp_path):
    @kk.saving.register_keras_serializable()
    class NoShape(kk.layers.Layer):
        def build(self):
            self.k = self.add_weight(shape=(3,))

        def call(self, x):
            return x * self.k

    model = kk.Sequential([kk.Input((3,)), NoShape()])
    assert NoShape()(X).shape == (2, 3) and len(model.weights) == 1
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(kk.models.load_model(tmp_path / "m.keras")(X), model(X))


def test_weights_are_read_in_the_compute_dtype_where_inputs_are_not_cast():
    class Scale(kk.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(3,))

        def call(self, x):
            return (x, kk.ops.convert_to_tensor(self.w))

    found = [v.dtype.name for v in Scale(autocast=False, dtype="mixed_float16")(X)]
    assert found == ["float32", "float16"]
    assert [v.dtype.name for v in Scale(dtype="mixed_float16")(X)] == ["float16", "float16"]


def test_a_subclass_with_a_call_of_its_own_gets_sparse_arrays():
    from jax.experimental import sparse

    class Count(kk.layers.Embedding):
        def call(self, x):
            self.kind = type(x)
            return super().call(x.todense())

    class Passes(kk.layers.Embedding):
        def call(self, x):
            return super().call(x)

    found = sparse.BCOO.fromdense(np.array([[1, 0, 2]]))
    layer, passes = Count(4, 2), Passes(4, 2, mask_zero=True)
    layer(found)
    assert layer.kind is sparse.BCOO
    assert np.array_equal(passes(found)[0], np.asarray(passes.embeddings)[[1, 0, 2]])


@pytest.mark.parametrize("make", [kk.Model, kk.Sequential])
def test_a_model_takes_its_inputs_by_name(make):
    start, dense = kk.Input((3,)), kk.layers.Dense(2)
    model = kk.Sequential([start, dense]) if make is kk.Sequential else kk.Model(start, dense(start))
    x = np.ones((4, 3), "float32")
    assert np.array_equal(model(inputs=x), model(x))
    assert np.array_equal(model(inputs=x, training=True), model(x))
    assert model(inputs=kk.Input((3,))).shape == (None, 2)
    assert model.compute_output_spec(inputs=kk.KerasTensor((5, 3))).shape == (5, 2)
    outer = kk.Input((3,))
    assert np.array_equal(kk.Model(outer, model(inputs=outer)).predict(x, verbose=0), model(x))


def test_a_model_without_inputs_is_an_error():
    start = kk.Input((3,))
    with pytest.raises(TypeError, match="was called without inputs"):
        kk.Model(start, kk.layers.Dense(2)(start))()


def test_tensorflow_rewrites_what_a_layer_of_tensorflow_passes_on(monkeypatch):
    """TensorFlow's map() switches that off; Keras's layers leave it on."""
    status = enum.Enum("Status", "ENABLED DISABLED")
    now = [status.DISABLED]

    class Control:
        def __init__(self, status):
            self.status = status

        def __enter__(self):
            now.append(self.status)

        def __exit__(self, *_):
            now.pop()

    tensorflow = types.ModuleType("tensorflow")
    tensorflow.executing_eagerly = lambda: False
    controls = types.SimpleNamespace(control_status_ctx=lambda: Control(now[-1]))
    tensorflow.__internal__ = types.SimpleNamespace(autograph=controls)
    seen = {}

    class Sees(kk.layers.Layer):
        def call(self, x):
            seen[self.name] = now[-1].name
            return x

    own, converted = Sees(name="own"), Sees(name="converted")
    own._convert_input_args = False
    for layer in (own, converted):
        layer(X)
        assert seen.pop(layer.name) == "DISABLED"
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    for layer in (own, converted):
        layer(X)
    assert seen == {"own": "ENABLED", "converted": "DISABLED"} and len(now) == 1


def test_symbolic_losses_are_refused():
    i = kk.Input((3,))
    model = kk.Model(i, kk.layers.Dense(1)(i))
    for target in (model, model.layers[1]):
        with pytest.raises(ValueError, match="add_loss.. was given the symbolic tensor"):
            target.add_loss(kk.ops.mean(model.output))

    class Penalty(kk.layers.Layer):
        def call(self, x):
            self.add_loss(kk.ops.mean(x) * 0 + 4.0)
            return x

    with_loss = kk.Model(i, Penalty()(kk.layers.Dense(1, kernel_initializer="ones")(i)))
    with_loss.compile("sgd", "mse")
    assert with_loss.evaluate(np.ones((2, 3)), np.full((2, 1), 2.0), verbose=0) == pytest.approx(5.0)


def test_a_base_called_with_training_false_stays_in_inference_after_unfreezing():
    base = kk.Sequential([kk.Input((3,)), kk.layers.BatchNormalization()])
    base.trainable = False
    i = kk.Input((3,))
    model = kk.Model(i, kk.layers.Dense(1)(base(i, training=False)))
    base.trainable = True
    before = [v.numpy() for v in base.non_trainable_variables]
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 1)), verbose=0)
    for old, new in zip(before, base.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    assert len(model.trainable_variables) == 4


def test_a_python_lambda_in_memory_can_be_cloned():
    i = kk.Input((3,))
    model = kk.Model(i, kk.layers.Lambda(lambda x: x * 2)(i))
    np.testing.assert_array_equal(kk.models.clone_model(model)(X), X * 2)


class Parts(kk.layers.Layer):
    """Two layers inside, no `build`, and a rule of its own for the shape."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm = kk.layers.Dense(3), kk.layers.LayerNormalization()

    def call(self, x):
        return self.norm(self.dense(x))

    def compute_output_shape(self, shape):
        return (*shape[:-1], 3)


class Holder(kk.layers.Layer):
    def __init__(self, builds):
        super().__init__()
        self.parts, self.builds = Parts(), builds

    def build(self, shape):
        if self.builds:
            self.parts.build(shape)
        super().build(shape)

    def call(self, x):
        return self.parts(x)


@pytest.mark.parametrize("make", [Parts, lambda: Holder(False), lambda: Holder(True)], ids=["alone", "inside", "built"])
def test_layers_inside_are_built_though_a_layer_says_its_own_shape(make, tmp_path):
    i = kk.Input((None, 3))
    layer = make()
    model = kk.Model(i, layer(i))
    assert [tuple(w.shape) for w in model.weights] == [(3, 3), (3,), (3,), (3,)]
    model.save_weights(tmp_path / "m.weights.h5")
    again = kk.Model(i, make()(i))
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(again(X[None]), model(X[None]))


def test_layers_inside_that_cannot_be_built_from_shapes_are_named():
    class Asks(Parts):
        def call(self, x):
            return super().call(np.asarray(x))

    i = kk.Input((3,))
    with pytest.warns(UserWarning, match=r"'asks' \(Asks\).*no weights until data come: .*Dense"):
        output = Asks(name="asks")(i)
    assert output.shape == (None, 3)


def test_a_layer_with_a_build_of_its_own_is_not_run_to_build_others():
    class Counts(Parts):
        calls = 0

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            self.calls += 1
            return super().call(x)

    layer = Counts()
    assert layer(kk.Input((3,))).shape == (None, 3)
    assert layer.calls == 0 and len(layer.weights) == 2


@pytest.mark.parametrize("library", [keras, kk], ids=["keras", "kernelkit"])
def test_shapes_are_given_by_name_to_a_compute_output_shape_of_several(library):
    seen = []

    class Two(library.layers.Layer):
        def call(self, first, second, third=None, count=3):
            return first

        def compute_output_shape(self, first_shape, third_shape=None, second_shape=None):
            seen.append((first_shape, second_shape, third_shape))
            return first_shape

    x, y = library.Input((2,)), library.Input((3,))
    assert Two()(second=y, first=x).shape == (None, 2)
    assert Two()(x, y, third=y).shape == (None, 2)
    assert seen == [((None, 2), (None, 3), None), ((None, 2), (None, 3), (None, 3))]

    class Other(Two):
        def compute_output_shape(self, first_shape, other):
            return first_shape

    with pytest.raises(ValueError, match=r"compute_output_shape\(\).*`other`"):
        Other()(x, y)


def test_a_model_built_from_a_shape_has_the_paths_of_one_built_by_data():
    class Inner(kk.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = kk.layers.Dense(1, name="d")

        def call(self, x):
            return self.dense(x)

    class Outer(kk.Model):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = Inner(name="inner")

        def call(self, x):
            return self.inner(x)

    by_shape, by_data = Outer(), Outer()
    by_shape.build((None, 3))
    by_data(np.ones((2, 3), "float32"))
    assert by_shape.weights[0].path == by_data.weights[0].path == "outer/inner/d/kernel"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: kk.layers.Dense(1, name="d")(), r"Layer 'd' \(Dense\): call\(\) is missing the argument 'inputs'"),
        (lambda x: kk.layers.MultiHeadAttention(2, 3)(x), r"call\(\) is missing the argument 'value'"),
        (lambda x: kk.layers.MultiHeadAttention(2, 3)(x, None), r"the value is no tensor.*layer\(x, x\)"),
        (lambda x: kk.layers.GroupQueryAttention(2, 2, 1)(x, None), r"the value is no tensor.*layer\(x, x\)"),
        (lambda x: kk.layers.Dense(1)(object()), "input 0 is <object .*, which is no tensor: give an array"),
        (lambda x: kk.layers.Dense(1)({"a": x}), r"expects one tensor, got a dict with the keys \['a'\]"),
        (lambda x: kk.layers.Dense(1)([x]), "expects one tensor, got a list of one"),
    ],
)
@pytest.mark.parametrize("symbolic", [False, True])
def test_what_a_call_lacks_is_named(call, message, symbolic):
    with pytest.raises((TypeError, ValueError), match=message):
        call(kk.Input((2, 3)) if symbolic else np.ones((1, 2, 3), "float32"))


def test_symbolic_tensors_are_found_in_lists():
    a, b, c = kk.Input((3,)), kk.Input((3,)), kk.Input((3,))
    tensors = [a, b]
    assert b in tensors and c not in tensors and tensors.index(b) == 1
    tensors.remove(b)
    assert len(tensors) == 1 and a != b
    same = kk.Model([a, b], a == b)([X, X[::-1]])  # elements are compared, as by other operators
    assert same.tolist() == [[x == y for x, y in zip(*rows, strict=True)] for rows in zip(X, X[::-1], strict=True)]
    with pytest.raises(TypeError, match="has no value"):
        bool(a == 3)


def test_the_error_for_a_wrong_rank_says_where_the_input_stands():
    inputs = [{"left": kk.Input((3,), name="words")}]
    model = kk.Model(inputs, kk.layers.Dense(1)(inputs[0]["left"]))
    with pytest.raises(ValueError, match=r"input with name 'words' and path '0.left': expected shape=\(None, 3\)"):
        model([{"left": np.ones((2, 4, 5))}])


def test_a_mask_can_be_the_output_of_a_model():
    from kernelkit.as_keras.stand_ins.backend import get_keras_mask

    a, b = kk.Input((4, 2)), kk.Input((4, 2))
    joined = kk.layers.Concatenate(axis=1)([kk.layers.Masking()(a), b])
    model = kk.Model([a, b], get_keras_mask(joined))
    first = np.array([[[0, 0], [1, 2], [0, 0], [3, 4]]], "float32")
    expected = [[False, True, False, True, True, True, True, True]]
    assert model([first, first]).tolist() == model.predict([first, first], verbose=0).tolist() == expected
    assert get_keras_mask(a) is None


def test_symbolic_tensors_of_any_shapes_and_dtypes_are_found_in_lists():
    a, b, text = kk.Input((3,)), kk.Input((4,)), kk.Input((1,), dtype="string")
    tensors = [b, text, a]
    assert a in tensors and text in tensors and kk.Input((3,)) not in tensors
    assert tensors.index(a) == 2 and a != b
    tensors.remove(text)
    assert len(tensors) == 2
