"""What the base class does for layers of one's own, and what it says of mistakes in them."""

import math

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.dtype_policies import DTypePolicyMap

ONES = np.ones((2, 3), "float32")


def test_weights_by_position_and_by_name():
    layer = kk.layers.Layer()
    assert layer.add_weight((3, 4), "zeros", "float16", name="w").dtype == "float16"
    with pytest.raises(ValueError, match="name as a keyword argument: .*name='w'"):
        layer.add_weight("w", shape=(3, 4))
    with pytest.raises(ValueError, match="`shape` was passed both"):
        layer.add_weight((3,), shape=(3,))
    with pytest.raises(TypeError, match="at most 3 positional"):
        layer.add_weight((3,), "zeros", "float32", True)


def test_a_weight_made_in_call_is_an_error():
    class Grows(kk.layers.Layer):
        def call(self, x):
            self.w = self.add_weight((), "ones", name="w")
            return x * self.w

    for x in (ONES, kk.Input((3,))):
        with pytest.raises(ValueError, match="cannot add new elements of state .* 'w'"):
            Grows()(x)


def test_a_layer_made_in_build_has_weights_from_its_init():
    class Inner(kk.layers.ReLU):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.slope = self.add_weight((), "ones", name="slope")

    class Outer(kk.layers.Layer):
        def build(self, input_shape):
            self.inner = Inner()

        def call(self, x):
            return self.inner(x) * self.inner.slope

    layer = Outer()
    assert layer(ONES).shape == (2, 3)
    assert len(layer.weights) == 1


@pytest.mark.parametrize("wrong", ["yes", 1, None])
def test_trainable_must_be_a_boolean(wrong):
    with pytest.raises(ValueError, match="`trainable` to be a boolean"):
        kk.layers.Dense(2, trainable=wrong)


def test_flags_are_given_by_name_while_a_model_is_wired():
    class Doubles(kk.layers.Layer):
        def call(self, x, twice):
            return x * 2 if twice else x

    assert Doubles()(kk.Input((3,)), twice=True).shape == (None, 3)
    with pytest.raises(ValueError, match=r"Only input tensors may be passed .* layer\(\.\.\., twice=True\)"):
        Doubles()(kk.Input((3,)), True)


def test_build_is_given_the_shapes_of_the_arguments_it_names():
    class Two(kk.layers.Layer):
        def build(self, b_shape, a_shape, a_mask_shape=None):
            self.shapes = a_shape, b_shape, a_mask_shape

        def call(self, a, b, a_mask=None):
            return a

    layer = Two()
    layer(ONES, np.ones((2, 5)), a_mask=np.ones((2, 1), bool))
    assert layer.shapes == ((2, 3), (2, 5), (2, 1))

    class NoSuffix(kk.layers.Layer):
        def build(self, a_shape, b):
            pass

        call = Two.call

    class NoSuchArgument(kk.layers.Layer):
        def build(self, a_shape, c_shape):
            pass

        call = Two.call

    with pytest.raises(ValueError, match="`b`, which does not end in `_shape`"):
        NoSuffix()(ONES, ONES)
    with pytest.raises(ValueError, match="`c_shape`, but .* does not have argument `c`"):
        NoSuchArgument()(ONES, ONES)


def test_without_a_call_there_is_no_output_shape():
    with pytest.raises(NotImplementedError, match="`compute_output_shape` method"):
        kk.layers.Layer().compute_output_shape((2, 3))
    with pytest.raises(NotImplementedError, match="`call` method"):
        kk.layers.Layer()(ONES)


def test_optional_inputs_have_no_shape():
    layer = kk.layers.MultiHeadAttention(2, 3)
    assert layer.compute_output_shape((5, 4, 6), (5, 3, 6), None) == (5, 4, 6)


def test_a_map_of_policies_is_set_at_the_layer_s_path():
    policies = DTypePolicyMap("float32", {"query": "bfloat16"})
    layer = kk.layers.Dense(2, name="query", dtype=policies)
    layer.build((None, 3))
    layer.dtype_policy = "mixed_bfloat16"
    assert layer.dtype_policy is policies
    assert policies["query"].name == "mixed_bfloat16"


def test_config_keeps_tuples():
    assert kk.layers.Conv2D(4, 3).get_config()["kernel_size"] == (3, 3)
    assert kk.layers.AdaptiveMaxPooling1D(4).get_config()["output_size"] == (4,)


def test_training_reaches_the_layers_inside_of_a_call_that_does_not_take_it():
    seen = []

    class Inner(kk.layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    for value in (True, False, None):
        outer(np.ones((1, 2)), training=value)
    assert seen == [True, False, None]


def test_a_layer_wires_models_of_its_own_when_it_is_built_by_a_symbolic_call():
    class Block(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.stack = kk.Sequential([kk.layers.Dense(8), kk.layers.Dense(4)])

        def build(self, shape):
            inputs = kk.Input(shape[1:])
            self.wired = kk.Model(inputs, kk.layers.Dense(3)(inputs))

        def call(self, x):
            return self.wired(self.stack(x))

    inputs = kk.Input((5, 4))
    model = kk.Model(inputs, Block()(inputs))
    assert model.output_shape == (None, 5, 3)
    assert len(model.weights) == 6


def test_a_layer_may_ask_for_its_output_shape_while_it_is_built():
    class Counted(kk.layers.Conv2D):
        def build(self, input_shape):
            super().build(input_shape)
            self.count = math.prod(self.compute_output_shape(input_shape)[1:-1])
            self.scale = self.add_weight((), name="scale")

        def call(self, inputs):
            return super().call(inputs) * self.scale / self.count

    class Doubled(kk.layers.Layer):
        def build(self, input_shape):
            self.dense = kk.layers.Dense(2 * input_shape[-1], name="dense")
            self.dense.build(input_shape)
            self.shape_in_build = self.compute_output_shape(input_shape)

        def call(self, inputs):
            return self.dense(inputs)

    convolution = Counted(4, 3)
    assert convolution(kk.Input((8, 6, 1))).shape == (None, 6, 4, 4)
    assert convolution.count == 24
    doubled = Doubled(name="doubled")
    assert doubled(kk.Input((3,))).shape == (None, 6)
    assert doubled.shape_in_build == (None, 6)
    assert [w.path for w in doubled.weights] == ["doubled/dense/kernel", "doubled/dense/bias"]
