"""Private names of Keras's layers and models that packages for Keras read: the same things as in Keras."""

from __future__ import annotations

import keras
import pytest

import kernelkit as kk

LIBRARIES = pytest.mark.parametrize("library", [keras, kk], ids=["keras", "kernelkit"])


def with_state(library):
    class WithState(library.layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(shape=(), trainable=False, name="count")
            self.kernel = self.add_weight(shape=(input_shape[-1],), name="kernel")
            self.inner = library.layers.Dense(2)
            self.inner.build(input_shape)

        def call(self, inputs, training=None, mask=None):
            return self.inner(inputs * self.kernel)

    return WithState()


@LIBRARIES
def test_a_layers_own_variables_and_the_arguments_of_call(library):
    layer = with_state(library)
    layer.build((None, 3))
    assert [v.name for v in layer._trainable_variables] == ["kernel"]
    assert [v.name for v in layer._non_trainable_variables] == ["count"]
    layer.trainable = False
    assert [v.name for v in layer._trainable_variables] == ["kernel"]
    assert layer._call_has_training_arg and layer._call_has_mask_arg
    assert layer._build_shapes_dict == {"input_shape": (None, 3)}
    dense = library.layers.Dense(2)
    assert not dense._call_has_mask_arg and dense._build_shapes_dict is None


def test_a_subclass_may_give_such_a_name_another_meaning():
    class Own(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self._call_has_mask_arg = "mine"

    assert Own()._call_has_mask_arg == "mine"

    class Tracked(kk.Model):
        def __init__(self):
            super().__init__()
            self._loss_tracker = kk.metrics.Mean(name="mine")

    model = Tracked()
    assert model._loss_tracker.name == "mine" and model._loss_tracker in model.metrics


@LIBRARIES
def test_attention_and_the_loss_tracker(library):
    attention = library.layers.MultiHeadAttention(2, 3, activity_regularizer="l2")
    assert type(attention._activity_regularizer).__name__ == "L2"
    model = library.Sequential([library.Input((2,)), library.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model._loss_tracker is model.metrics[0]


@LIBRARIES
def test_a_layer_of_ones_own_without_build_is_built_by_its_first_call(library):
    class Outer(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = library.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    layer = Outer()
    assert not layer.built
    with pytest.raises(ValueError, match="build"):
        layer.count_params()
    layer(library.ops.ones((1, 3)))
    assert layer.built and layer.count_params() == 8
