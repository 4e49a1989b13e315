"""Shapes that layers know by a rule are those that a trace of `call` finds."""

from __future__ import annotations

import itertools

import pytest

import kernelkit as kk
from kernelkit import layers as kl

IMAGE, STEPS, ROW = (None, 13, 11, 4), (None, 9, 4), (None, 4)
UNKNOWN = (None, None, None, 4)

LAYERS = {
    "dense": (lambda: kl.Dense(5, "relu"), [ROW, STEPS, IMAGE, (3, 4)]),
    "dense, no activation": (lambda: kl.Dense(5), [ROW, (None, None, 4)]),
    "activation": (lambda: kl.Activation("gelu"), [ROW, IMAGE]),
    "softmax": (lambda: kl.Activation("softmax"), [ROW]),
    "relu": (kl.ReLU, [ROW, UNKNOWN]),
    "leaky": (kl.LeakyReLU, [ROW]),
    "prelu": (kl.PReLU, [ROW, STEPS]),
    "elu": (kl.ELU, [ROW]),
    "dropout": (lambda: kl.Dropout(0.5), [ROW, IMAGE]),
    "spatial dropout": (lambda: kl.SpatialDropout2D(0.5), [IMAGE]),
    "gaussian noise": (lambda: kl.GaussianNoise(0.5), [ROW]),
    "gaussian dropout": (lambda: kl.GaussianDropout(0.5), [ROW]),
    "alpha dropout": (lambda: kl.AlphaDropout(0.5), [ROW]),
    "batch normalization": (kl.BatchNormalization, [ROW, IMAGE, UNKNOWN]),
    "flatten": (kl.Flatten, [ROW, IMAGE, UNKNOWN, (5, 2, 3)]),
    "flatten, channels first": (lambda: kl.Flatten("channels_first"), [IMAGE]),
    "global average": (kl.GlobalAveragePooling2D, [IMAGE, UNKNOWN]),
    "global maximum": (lambda: kl.GlobalMaxPooling1D(keepdims=True), [STEPS]),
    "global average, first": (lambda: kl.GlobalAveragePooling2D("channels_first"), [IMAGE]),
    "separable": (lambda: kl.SeparableConv2D(6, 3, padding="same", activation="relu"), [IMAGE, UNKNOWN]),
    "depthwise": (lambda: kl.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"), [IMAGE, UNKNOWN]),
    "causal": (lambda: kl.Conv1D(6, 3, strides=2, padding="causal"), [STEPS]),
    "volume": (lambda: kl.Conv3D(6, 2), [(None, 5, 4, 3, 2)]),
    "channels first": (lambda: kl.Conv2D(6, 3, data_format="channels_first", padding="same"), [(None, 4, 9, 8)]),
    "pooling, first": (lambda: kl.MaxPooling2D(2, data_format="channels_first"), [(None, 4, 9, 8)]),
}
CASES = [(name, shape) for name, (_, shapes) in LAYERS.items() for shape in shapes]


def both(make, shape, dtype, monkeypatch):
    """Return the symbolic output by the rule and by a trace; fail if there is no rule."""
    inputs = kk.Input(batch_shape=shape, dtype=dtype)
    layer = make()
    known = layer(inputs)
    assert layer._known_spec((inputs,), {}) is not None
    monkeypatch.setattr(kl.Layer, "_known_spec", lambda *_: None)
    return known, make()(inputs)


@pytest.mark.parametrize(("name", "shape"), CASES)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "bfloat16"])
def test_a_rule_says_what_a_trace_finds(name, shape, policy, monkeypatch):
    make = LAYERS[name][0]

    def made():
        layer = make()
        return type(layer).from_config(layer.get_config() | {"dtype": policy})

    for dtype in ("float32", "float16"):
        with monkeypatch.context() as patch:
            known, traced = both(made, shape, dtype, patch)
        assert (known.shape, known.dtype) == (traced.shape, traced.dtype)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolutions_and_poolings_of_many_geometries(padding, monkeypatch):
    for width, stride, dilation in itertools.product((1, 2, 3, 5), (1, 2, 3), (1, 2)):
        if stride > 1 < dilation:
            continue
        for shape in (IMAGE, (2, 9, 10, 4), UNKNOWN):

            def conv(width=width, stride=stride, dilation=dilation):
                return kl.Conv2D(6, width, strides=stride, dilation_rate=dilation, padding=padding)

            def pool(width=width, stride=stride):
                return kl.AveragePooling2D(width, strides=stride, padding=padding)

            for make in (conv, pool):
                with monkeypatch.context() as patch:
                    known, traced = both(make, shape, "float32", patch)
                assert known.shape == traced.shape


class Halved(kl.Dense):
    """A layer of a user: its `call` returns another shape."""

    def call(self, inputs):
        return super().call(inputs)[:, ::2]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Halved(8), (None, 4)),
        (lambda: kl.Dense(8, activation=lambda x: x[:, :3]), (None, 3)),
        (lambda: kl.Dense(8, activation="glu"), (None, 4)),
        (lambda: kl.Activation(lambda x: x[:, :3]), (None, 3)),
    ],
)
def test_no_rule_where_code_of_a_user_decides(make, expected):
    assert make()(kk.Input((4,))).shape == expected


def test_a_patched_class_is_traced(monkeypatch):
    own = kl.Dense.call
    monkeypatch.setattr(kl.Dense, "call", lambda self, x: own(self, x)[:, :1])
    assert kl.Dense(8)(kk.Input((4,))).shape == (None, 1)


@pytest.mark.parametrize("make", [kl.LayerNormalization, kl.RMSNormalization])
def test_a_layer_built_for_another_width_is_an_error(make):
    layer = make()
    layer.build((None, 4))
    with pytest.raises((TypeError, ValueError)):
        layer(kk.Input((5,)))
    with pytest.raises(TypeError, match="threshold"):
        kl.Activation("threshold")(kk.Input((4,)))


def test_a_layer_of_a_user_may_take_a_list_or_a_dict_of_one():
    class First(kl.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = kl.InputSpec(ndim=2)

        def call(self, inputs):
            return inputs["a"] if isinstance(inputs, dict) else inputs[0]

    x = kk.ops.ones((2, 3))
    assert First()([x]).shape == First()({"a": x}).shape == (2, 3)


def test_a_mask_that_call_requires_may_come_with_its_tensor():
    class Masked(kl.Layer):
        supports_masking = True

        def call(self, x, mask):
            return x * kk.ops.expand_dims(kk.ops.cast(mask, x.dtype), -1)

    words = kl.Embedding(5, 2, mask_zero=True)(kk.ops.array([[1, 0]]))
    assert Masked()(words)[0, 1].tolist() == [0.0, 0.0]


def test_a_replaced_call_is_traced():
    layer = kl.Dense(8)
    layer.build((None, 4))
    layer.call = lambda inputs: inputs[:, :2]
    assert layer(kk.Input((4,))).shape == (None, 2)


def test_inputs_of_other_kinds_are_traced():
    assert kl.Dense(8)(kk.Input((4,), dtype="int32")).dtype == "float32"
    masked = kl.Embedding(10, 4, mask_zero=True)(kk.Input((6,), dtype="int32"))
    assert kl.Dense(8)(masked)._keras_mask is not None
    assert kl.Dropout(0.5)(kk.Input((4,), dtype="int32")).dtype == "int32"


def test_a_window_that_does_not_fit_is_still_an_error():
    with pytest.raises(ValueError, match="smaller than the window"):
        kl.Conv2D(4, 5)(kk.Input((3, 3, 1)))
    with pytest.raises(ValueError, match="smaller than the window"):
        kl.MaxPooling2D(5)(kk.Input((3, 3, 1)))


def test_a_deep_model_is_built_without_a_trace(monkeypatch):
    traces = []
    monkeypatch.setattr("kernelkit.layers.base.run.eval_spec", lambda *a, **k: traces.append(1))
    x = kk.Input((8, 8, 3))
    y = kl.MaxPooling2D()(kl.BatchNormalization()(kl.Conv2D(4, 3, activation="relu")(x)))
    kk.Model(x, kl.Dense(2, activation="softmax")(kl.Dropout(0.5)(kl.Flatten()(y))))
    assert traces == []


# Several inputs -------------------------------------------------------------------------------------------------------

MERGES = {
    "add": kl.Add,
    "subtract": kl.Subtract,
    "multiply": kl.Multiply,
    "average": kl.Average,
    "maximum": kl.Maximum,
    "minimum": kl.Minimum,
    "concatenate": kl.Concatenate,
    "concatenate, first": lambda: kl.Concatenate(1),
    "concatenate, from the end": lambda: kl.Concatenate(-2),
}
PAIRS = [(ROW, ROW), (STEPS, STEPS), (IMAGE, IMAGE), (UNKNOWN, UNKNOWN), (STEPS, (None, 9, 1)), ((3, 4, 2), (3, 1, 2))]
PAIRS += [((None, None, 4), (None, 1, 4)), ((None, 5, 4), (None, 7, 4)), ((None, None, 4), (None, 7, 4)), (ROW, STEPS)]
PAIRS += [((2, 4, 1), (None, 4, 1)), ((None, 4, None), (None, 4, 3)), ((1, 4, 4), (1, 4, 4)), ((0, 4, 2), (0, 4, 2))]


def outcome(make, shapes, dtypes):
    """Return the shape and dtype of a layer's output, or its error, and whether a rule told the shape."""
    inputs = [kk.Input(batch_shape=shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    layer = make()
    try:
        made = layer(inputs)
    except Exception as error:
        return (type(error), str(error).split(")", 1)[-1]), False
    return (made.shape, made.dtype), layer._known_spec((inputs,), {}) is not None


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_rule_of_several_inputs_says_what_a_trace_finds(name, policy, monkeypatch):
    def make():
        layer = MERGES[name]()
        return type(layer).from_config(layer.get_config() | {"dtype": policy})

    told = 0
    for pair in PAIRS:
        for shapes in (pair, pair[::-1], pair[:1], (*pair, pair[0])):
            dtypes = ["float32", "float16", "bfloat16"][: len(shapes)]
            found, known = outcome(make, shapes, dtypes)
            with monkeypatch.context() as patch:
                patch.setattr(kl.Layer, "_known_spec", lambda *_: None)
                assert found == outcome(make, shapes, dtypes)[0], shapes
            told += known
    assert told >= 4 * (4 if name != "subtract" else 2)


def test_residual_and_dense_blocks_are_wired_without_a_trace(monkeypatch):
    traces = []
    monkeypatch.setattr("kernelkit.layers.base.run.eval_spec", lambda *a, **k: traces.append(1))
    x = kk.Input((8, 8, 3))
    y = kl.Conv2D(3, 3, padding="same")(x)
    assert kl.Concatenate()([kl.Add()([x, y]), kl.Multiply()([x, y]), x]).shape == (None, 8, 8, 9)
    assert traces == []


def test_no_rule_for_several_inputs_where_code_of_a_user_decides():
    class Halves(kl.Add):
        def _merge_function(self, inputs):
            return super()._merge_function(inputs)[:, ::2]

    class Ends(kl.Concatenate):
        def _merge_function(self, inputs):
            return super()._merge_function(inputs)[:, :1]

    pair = [kk.Input((4,)), kk.Input((4,))]
    assert Halves()(pair).shape == (None, 2) and Ends()(pair).shape == (None, 1)


def test_merges_of_masked_or_whole_numbers_are_traced():
    words = kl.Embedding(10, 4, mask_zero=True)(kk.Input((6,), dtype="int32"))
    assert kl.Add()([words, words])._keras_mask is not None
    assert kl.Add()([kk.Input((3,), dtype="int32"), kk.Input((3,), dtype="int32")]).dtype == "int32"


def test_a_patched_merge_is_traced(monkeypatch):
    own = kl.Add._merge_function
    monkeypatch.setattr(kl.Add, "_merge_function", lambda self, inputs: own(self, inputs)[:, :1])
    assert kl.Add()([kk.Input((4,)), kk.Input((4,))]).shape == (None, 1)
    added = kl.Add()
    added._merge_function = lambda inputs: own(added, inputs)[:, :1]
    monkeypatch.undo()
    assert added([kk.Input((4,)), kk.Input((4,))]).shape == (None, 1)
    joined = kl.Concatenate()
    joined._merge_function = lambda inputs: inputs[0]
    assert joined([kk.Input((4,)), kk.Input((4,))]).shape == (None, 4)
