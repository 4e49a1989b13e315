"""Recurrent layers: outputs, states, gradients and masks equal to Keras's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import masking
from tests.layers.twins import check, check_config, equal, rand, share_weights, twins

pytestmark = pytest.mark.one_in(5)

X = rand(3, 5, 2)
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 0, 1], [1, 1, 1, 1, 1]], bool)
LAYERS = ["SimpleRNN", "GRU", "LSTM"]
STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}


def same(mine, other, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        equal(a, b, tolerance)


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_gradients_and_config_equal_keras(name):
    # Keras leaves the seed of its SimpleRNN out of the config.
    check(name, X, 4, return_sequences=True, config_differs={"seed"} if name == "SimpleRNN" else ())


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_under_a_mask_equal_keras(name):
    check(name, X, 4, call={"mask": jnp.asarray(MASK)}, bias_initializer="ones", config_differs={"seed"})


OPTIONS = [
    {"go_backwards": True, "return_sequences": True},
    {"return_state": True, "use_bias": False},
    {"unroll": True, "return_sequences": True},
    {"activation": "relu", "unroll": False},
    {"activation": "softmax", "return_sequences": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o))
@pytest.mark.parametrize("name", LAYERS)
def test_options_equal_keras(name, options):
    ours, theirs = twins(name, 4, build=X.shape, **options)
    same(ours(X), theirs(X))
    same(ours(X, mask=MASK), theirs(X, mask=jnp.asarray(MASK)))
    assert ours.cell.state_size == theirs.cell.state_size


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("GRU", {"reset_after": False}),
        ("GRU", {"recurrent_activation": "hard_sigmoid"}),
        ("LSTM", {"unit_forget_bias": False, "recurrent_activation": "relu"}),
    ],
)
def test_variants_equal_keras(name, options):
    ours, theirs = twins(name, 4, build=X.shape, **options)
    same(ours(X, mask=MASK), theirs(X, mask=jnp.asarray(MASK)))
    check_config(ours, theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_initial_state_equals_keras(name):
    state = [rand(3, 4) for _ in range(STATES[name])]
    ours, theirs = twins(name, 4, build=X.shape, return_state=True)
    same(ours(X, initial_state=state), theirs(X, initial_state=[jnp.asarray(s) for s in state]))
    outputs, *last = ours(X)
    assert [s.shape for s in last] == [(3, 4)] * STATES[name]
    same(outputs, last[0])


@pytest.mark.parametrize("name", LAYERS)
def test_a_stateful_layer_goes_on_where_it_stopped(name):
    ours, theirs = twins(name, 4, build=X.shape, stateful=True)
    for _ in range(2):
        same(ours(X), theirs(X))
    whole = getattr(kk.layers, name)(4)
    whole.build(X.shape)
    whole.set_weights(ours.get_weights())
    ours.reset_state()
    theirs.reset_state()
    ours(X[:, :2])
    same(ours(X[:, 2:]), whole(X))
    same(theirs(X), whole(X))
    assert len(ours.variables) == len(ours.weights) + STATES[name]


@pytest.mark.parametrize("name", LAYERS)
def test_one_step_of_a_cell_equals_keras(name):
    ours, theirs = twins(f"{name}Cell", 4, build=(3, 2))
    state = [rand(3, 4) for _ in range(STATES[name])]
    same(ours(X[:, 0], state), theirs(X[:, 0], [jnp.asarray(s) for s in state]))
    check_config(ours, theirs)
    same(ours.get_initial_state(3), theirs.get_initial_state(3))


def cells(m):
    return [m.layers.LSTMCell(3), m.layers.GRUCell(4), m.layers.SimpleRNNCell(2)]


@pytest.mark.parametrize("wrap", [list, lambda c: c], ids=["list", "stacked"])
def test_stacked_cells_equal_keras(wrap):
    def make(m, stack):
        return m.layers.RNN(stack, return_sequences=True, return_state=True, zero_output_for_mask=True)

    ours, theirs = (make(m, cells(m) if wrap is list else m.layers.StackedRNNCells(cells(m))) for m in (kk, keras))
    ours.build(X.shape)
    theirs.build(X.shape)
    share_weights(ours, theirs)
    same(ours(X), theirs(X))
    same(ours(X, mask=MASK), theirs(X, mask=jnp.asarray(MASK)))
    check_config(ours, theirs)


@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul", None])
def test_bidirectional_equals_keras(merge):
    ours, theirs = (
        m.layers.Bidirectional(m.layers.LSTM(4, return_sequences=True, return_state=merge == "sum"), merge_mode=merge)
        for m in (kk, keras)
    )
    ours.build(X.shape)
    theirs.build(X.shape)
    share_weights(ours, theirs)
    same(ours(X), theirs(X))
    same(ours(X, mask=MASK), theirs(X, mask=jnp.asarray(MASK)))
    check_config(ours, theirs)


def test_bidirectional_with_a_backward_layer_and_initial_states_equals_keras():
    def make(m):
        back = m.layers.GRU(3, go_backwards=True, activation="relu")
        return m.layers.Bidirectional(m.layers.GRU(4), backward_layer=back)

    ours, theirs = make(kk), make(keras)
    ours.build(X.shape)
    theirs.build(X.shape)
    share_weights(ours, theirs)
    state = [rand(3, 4), rand(3, 3)]
    same(ours(X, initial_state=state), theirs(X, initial_state=[jnp.asarray(s) for s in state]))
    check_config(ours, theirs)


def test_time_distributed_equals_keras():
    video = rand(2, 3, 6, 5, 2)
    ours, theirs = (m.layers.TimeDistributed(m.layers.Conv2D(3, 2)) for m in (kk, keras))
    ours.build(video.shape)
    theirs.build(video.shape)
    share_weights(ours, theirs)
    same(ours(video), theirs(video))
    check_config(ours, theirs)
    assert ours(kk.Input((None, 6, 5, 2))).shape == (None, None, 5, 4, 3)
    norm, other = (m.layers.TimeDistributed(m.layers.BatchNormalization()) for m in (kk, keras))
    norm.build(X.shape)
    other.build(X.shape)
    same(norm(X, training=True), other(X, training=True))
    same(norm.get_weights(), other.get_weights())


CONV_LSTM = [
    ("ConvLSTM1D", (2, 3, 6, 2), {"padding": "same", "return_sequences": True}),
    ("ConvLSTM2D", (2, 3, 5, 4, 2), {"return_state": True, "dilation_rate": 2, "kernel_size": 2}),
    ("ConvLSTM2D", (2, 3, 2, 5, 4), {"data_format": "channels_first", "padding": "same", "go_backwards": True}),
    ("ConvLSTM3D", (1, 2, 3, 4, 3, 2), {"strides": 2}),
]


@pytest.mark.parametrize(("name", "shape", "options"), CONV_LSTM)
def test_conv_lstm_equals_keras(name, shape, options):
    x = rand(*shape)
    ours, theirs = twins(name, 3, build=shape, **({"kernel_size": 2} | options))
    same(ours(x), theirs(x), 1e-4 if name == "ConvLSTM3D" else 1e-5)
    check_config(ours, theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_masks_arrive_and_leave_with_sequences(name):
    x = kk.layers.Masking()(np.where(MASK[..., None], X, 0))
    layer, theirs = twins(name, 4, build=X.shape, return_sequences=True)
    y = layer(x)
    same(y, theirs(jnp.asarray(x), mask=jnp.asarray(MASK)))
    np.testing.assert_array_equal(masking.get_mask(y), MASK)
    last = getattr(kk.layers, name)(4)(x)
    assert masking.get_mask(last) is None


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_is_the_same_in_all_steps_and_only_in_training(name):
    x = np.ones((2, 4, 50), "float32")
    layer = getattr(kk.layers, name)(3, dropout=0.5, recurrent_dropout=0.2, seed=1, return_sequences=True)
    same(layer(x), layer(x, training=False))
    assert not np.allclose(layer(x), layer(x, training=True))
    assert not np.allclose(layer(x, training=True), layer(x, training=True))
    again = type(layer).from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    fresh = type(layer).from_config(layer.get_config())
    fresh.build(x.shape)
    fresh.set_weights(layer.get_weights())
    same(again(x, training=True), fresh(x, training=True))


@pytest.mark.parametrize("name", LAYERS)
def test_symbolic_shapes(name):
    x = kk.Input((None, 2))
    outputs, *states = getattr(kk.layers, name)(4, return_sequences=True, return_state=True)(x)
    assert outputs.shape == (None, None, 4)
    assert [s.shape for s in states] == [(None, 4)] * STATES[name]
    both = kk.layers.Bidirectional(getattr(kk.layers, name)(4))(x)
    assert both.shape == (None, 8)


def test_arguments_that_change_no_result_are_taken():
    layer = kk.layers.LSTM(4, implementation=1, use_cudnn=True)
    plain = kk.layers.LSTM.from_config(layer.get_config() | {"implementation": 0})
    layer(X), plain(X)
    plain.set_weights(layer.get_weights())
    equal(layer(X), plain(X))
    assert kk.layers.Bidirectional(layer).backward_layer.use_cudnn is True


def test_states_of_stacked_cells_are_nested_as_in_keras():
    def shapes(m):
        class Sum(m.layers.Layer):
            def __init__(self, units):
                super().__init__()
                self.state_size = units

            def call(self, inputs, states):
                return states[0] + m.ops.sum(inputs), [states[0] + 1]

        cells = [m.layers.GRUCell(4), m.layers.LSTMCell(3), Sum(2)]
        return jax.tree.map(lambda y: tuple(y.shape), tuple(m.layers.RNN(cells, return_state=True)(X)))

    assert shapes(kk) == shapes(keras) == ((3, 2), [(3, 4)], [(3, 3), (3, 3)], (3, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kk.layers.LSTM(0), "argument `units`. Expected a strictly positive value. Received units=0"),
        (lambda: kk.layers.LSTM(4, name="r")(rand(3, 2)), r"Layer 'r' \(LSTM\): expected 3 dimensions"),
        (lambda: kk.layers.GRU(4)(X, initial_state=rand(3, 5)), r"shapes \[\(3, 4\)\], got \[\(3, 5\)\]"),
        (lambda: kk.layers.GRU(4, stateful=True)(kk.Input((5, 2))), "batch_shape="),
        (lambda: kk.layers.RNN(kk.layers.Dense(3)), "a cell needs a method call"),
        (lambda: kk.layers.Bidirectional(kk.layers.Dense(3)), "wraps a recurrent layer"),
        (lambda: kk.layers.Bidirectional(kk.layers.GRU(3), merge_mode="max"), "merge_mode must be one of"),
        (lambda: kk.layers.TimeDistributed(kk.layers.Dense(3))(rand(2, 3)), "at least 3 dimensions"),
        (lambda: kk.layers.TimeDistributed(kk.layers.Dense(3))(X, mask=MASK[:, :4]), r"shape \(3, 4\) that does not"),
        (lambda: kk.layers.ConvLSTM1D(1, 3, strides=2, dilation_rate=2), "not compatible with `dilation_rate > 1`"),
    ],
)
def test_errors_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()
