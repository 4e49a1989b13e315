"""Normalization, Discretization, CategoryEncoding and spectrograms against Keras."""

import json

import jax
import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, check_config, equal, rand

pytestmark = pytest.mark.one_in(5)

ROWS = np.array([[0.0, 7, 4], [2, 9, 6], [0, 7, 4], [2, 9, 6]], "float32")
CUBE = np.arange(24, dtype="float32").reshape(2, 3, 4)


def both(name, *args, **kwargs):
    return getattr(kk.layers, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)


def exchange(ours, theirs):
    """Make each layer from the other's config, through JSON."""
    theirs_again = type(theirs).from_config(json.loads(json.dumps(ours.get_config())))
    ours_again = type(ours).from_config(json.loads(json.dumps(theirs.get_config())))
    return ours_again, theirs_again


# Normalization --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (ROWS, {}),
        (ROWS, {"axis": None}),
        (ROWS, {"axis": 1, "invert": True}),
        (ROWS[:, 0], {"axis": None}),
        (ROWS[:, 0], {}),
        (CUBE, {}),
        (CUBE, {"axis": 1}),
        (CUBE, {"axis": (2, 1)}),
        (CUBE, {"axis": -2, "dtype": "mixed_bfloat16"}),
    ],
)
def test_normalization_learns_what_keras_learns(data, options):
    ours, theirs = both("Normalization", **options)
    ours.adapt(data)
    theirs.adapt(data)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        equal(mine.value, other.value)
        assert (mine.path.split("/")[-1], mine.trainable) == (other.path.split("/")[-1], other.trainable)
    equal(ours.mean, theirs.mean)
    equal(ours.variance, theirs.variance)
    equal(ours(data), theirs(data))
    check_config(ours, theirs)
    exchange(ours, theirs)


@pytest.mark.parametrize(
    ("mean", "variance", "inputs"),
    [
        (3.0, 2.0, np.array([[1.0], [3.0]], "float32")),
        (3, 2, np.array([[1], [3]])),
        ([1.0, 2.0, 3.0], np.array([2.0, 4.0, 8.0]), ROWS),
        ([[1.0], [2.0], [3.0]], [[2.0], [4.0], [8.0]], None),
    ],
)
def test_normalization_with_given_numbers(mean, variance, inputs):
    axis = -1 if inputs is not None else (1, 2)
    inputs = CUBE if inputs is None else inputs
    ours, theirs = both("Normalization", axis=axis, mean=mean, variance=variance)
    equal(ours(inputs), theirs(inputs))
    mine, other = exchange(ours, theirs)
    equal(mine(inputs), other(inputs))
    assert ours.weights == []


def sources(data):
    """The same data in each form that `adapt` takes."""

    class Sequence:
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return data[2 * i : 2 * i + 2]

    return {
        "list": data.tolist(),
        "jax": jax.numpy.asarray(data),
        "generator": (data[i : i + 3] for i in (0, 3)),
        "batches": [data[:1], data[1:]],
        "one-tuples": [(data[:2],), (data[2:],)],
        "sequence": Sequence(),
    }


@pytest.mark.parametrize("form", sources(ROWS))
def test_adapt_takes_data_in_many_forms(form):
    layer = kk.layers.Normalization()
    layer.adapt(sources(ROWS)[form])
    np.testing.assert_allclose(layer.mean, [[1, 8, 5]], rtol=1e-6)
    np.testing.assert_allclose(layer.variance, [[1, 1, 1]], rtol=1e-6)
    bins = kk.layers.Discretization(num_bins=2)
    bins.adapt(sources(ROWS)[form])
    assert len(bins.bin_boundaries) == 1


def test_adapt_takes_frames_of_pandas():
    pandas = pytest.importorskip("pandas")
    layer = kk.layers.Normalization()
    layer.adapt(pandas.DataFrame(ROWS))
    np.testing.assert_allclose(layer.mean, [[1, 8, 5]], rtol=1e-6)


def test_adapt_takes_the_inputs_of_batches_with_targets():
    layer = kk.layers.Normalization()
    layer.adapt([(ROWS[:2], np.ones(2)), (ROWS[2:], np.ones(2))])
    np.testing.assert_allclose(layer.mean, [[1, 8, 5]], rtol=1e-6)
    layer = kk.layers.StringLookup()
    layer.adapt((batch, np.ones(2)) for batch in (["a", "b"], np.array(["b", "c"])))
    assert layer.get_vocabulary() == ["[UNK]", "b", "c", "a"]


def test_adapt_refuses_what_is_no_data():
    with pytest.raises(ValueError, match="incompatible shape"):
        kk.layers.Normalization().adapt([ROWS, ROWS[:, :2]])
    with pytest.raises(ValueError, match="takes one input"):
        kk.layers.Normalization().adapt(iter([{"a": ROWS}]))
    with pytest.raises(ValueError, match="no data"):
        kk.layers.Normalization().adapt(iter([]))
    with pytest.raises(ValueError, match="iterable of batches"):
        kk.layers.Normalization().adapt(object())


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: kk.layers.Normalization(mean=1.0), "both mean and variance"),
        (lambda: kk.layers.Normalization(mean=1.0, variance=1.0).adapt(ROWS), "cannot adapt"),
        (lambda: kk.layers.Normalization(axis=5).build((None, 3)), "doesn't fit"),
        (lambda: kk.layers.Normalization().build((2, None)), "must be known"),
        (lambda: kk.layers.Normalization(mean=[1.0, 2.0], variance=1.0).build((None, 3)), "broadcast"),
        (lambda: kk.layers.Discretization(), "give either bin_boundaries"),
        (lambda: kk.layers.Discretization([1.0], num_bins=3), "give either bin_boundaries"),
        (lambda: kk.layers.Discretization(num_bins=-1), "must not be negative"),
        (lambda: kk.layers.Discretization([1.0]).adapt(ROWS), "cannot adapt"),
        (lambda: kk.layers.Discretization(num_bins=3)(ROWS), "no bins yet"),
        (lambda: kk.layers.Discretization([1.0], output_mode="tf_idf"), "output_mode"),
        (lambda: kk.layers.CategoryEncoding(), "num_tokens is missing"),
        (lambda: kk.layers.CategoryEncoding(4, output_mode="int"), "output_mode"),
        (lambda: kk.layers.CategoryEncoding(0), "must be positive"),
        (lambda: kk.layers.CategoryEncoding(4)(ROWS, count_weights=ROWS), "count_weights"),
        (lambda: kk.layers.MelSpectrogram(fft_length=8, sequence_length=9), "must not be greater"),
        (lambda: kk.layers.STFTSpectrogram(mode="x"), "mode must be one of"),
        (lambda: kk.layers.STFTSpectrogram(scaling="x"), "scaling must be one of"),
        (lambda: kk.layers.STFTSpectrogram(padding="x"), "padding must be one of"),
        (lambda: kk.layers.STFTSpectrogram(window="x"), "window"),
        (lambda: kk.layers.STFTSpectrogram(window=[1.0, 2.0]), "window must have the shape"),
        (lambda: kk.layers.STFTSpectrogram(frame_length=0), "frame_length"),
        (lambda: kk.layers.STFTSpectrogram(frame_step=300), "frame_step"),
        (lambda: kk.layers.STFTSpectrogram(fft_length=8), "fft_length"),
    ],
)
def test_what_is_wrong_is_told(make, match):
    with pytest.raises(ValueError, match=match):
        make()


# Discretization -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization_equals_keras(mode):
    ours, theirs = both("Discretization", [0.0, 1.0, 2.0], output_mode=mode)
    for inputs in (rand(4, 5), rand(4, 1), rand(3), np.array([[0, 1, 2, 3]])):
        equal(ours(inputs), theirs(inputs))
        assert ours(kk.Input(inputs.shape[1:])).dtype == ours(inputs).dtype.name
    check_config(ours, theirs)
    mine, other = exchange(ours, theirs)
    equal(mine(rand(2, 3) * 0), other(rand(2, 3) * 0))


def test_discretization_of_what_is_no_number():
    ours, theirs = both("Discretization", [0.0, 1.0, 2.0])
    equal(ours(np.array([np.nan, np.inf, -np.inf])), theirs(np.array([np.nan, np.inf, -np.inf])))


@pytest.mark.parametrize("cuts", [[1000], [300, 350, 350], [10] * 100, [1, 2, 3, 4]])
@pytest.mark.parametrize(("bins", "epsilon"), [(4, 0.01), (7, 0.1), (3, 0.4)])
def test_discretization_learns_what_keras_learns(cuts, bins, epsilon):
    data = np.random.default_rng(1).normal(size=sum(cuts)).astype("float32")
    ours, theirs = both("Discretization", num_bins=bins, epsilon=epsilon)
    for batch in np.split(data, np.cumsum(cuts)[:-1]):
        ours.update_state(batch)
        theirs.update_state(batch)
    ours.finalize_state()
    theirs.finalize_state()
    np.testing.assert_allclose(ours.bin_boundaries, np.array(theirs.bin_boundaries, "float32"), rtol=1e-3, atol=1e-4)
    mine, other = exchange(ours, theirs)
    equal(mine(data), type(theirs).from_config(theirs.get_config())(data))
    equal(ours(data), other(data))


# CategoryEncoding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_category_encoding_equals_keras(mode):
    ours, theirs = both("CategoryEncoding", 4, output_mode=mode)
    for inputs in (3, [3], [1, 3], [[1], [3]], [[1, 2], [3, 3]], [[-1, 2], [3, 7]], [[[1]], [[3]]], [[1.0, 2.0]]):
        equal(ours(np.array(inputs)), theirs(np.array(inputs)))
        equal(ours(inputs), theirs(inputs))
        assert ours.compute_output_shape(np.shape(inputs)) == theirs(np.array(inputs)).shape
    check_config(ours, theirs)
    exchange(ours, theirs)


def test_category_encoding_weighs():
    ours, theirs = both("CategoryEncoding", 4, output_mode="count")
    inputs, weights = np.array([[1, 2], [3, 3]]), np.array([[0.1, 0.2], [0.3, 0.4]], "float32")
    equal(ours(inputs, count_weights=weights), theirs(inputs, count_weights=weights))
    symbolic = ours(kk.Input((2,), dtype="int32"), count_weights=kk.Input((2,)))
    assert (symbolic.shape, symbolic.dtype) == ((None, 4), "float32")


def test_category_encoding_in_a_compiled_step():
    model = kk.Sequential([kk.Input((2,), dtype="int32"), kk.layers.CategoryEncoding(4), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.array([[1, 2], [3, 3]]), np.ones((2, 1)), verbose=0)
    first, second = model.predict(np.array([[1, 2], [2, 1]]))
    assert first == second


# Spectrograms ---------------------------------------------------------------------------------------------------------

SOUND = np.random.default_rng(0).uniform(-1, 1, (2, 800)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"power_to_db": False, "mag_exp": 1.0},
        {"top_db": 20.0, "ref_power": 2.0, "min_power": 1e-3},
        {"sequence_length": 100, "window": "hamming", "max_freq": 3000.0, "sampling_rate": 8000},
        {"window": None, "min_freq": 100.0},
    ],
)
def test_mel_spectrogram_equals_keras(options):
    sizes = {"fft_length": 256, "sequence_stride": 64, "num_mel_bins": 8}
    ours, theirs = check("MelSpectrogram", SOUND, tolerance=1e-3, **sizes, **options)
    equal(ours(SOUND[0]), theirs(SOUND[0]), 1e-3)
    assert ours.compute_output_shape((None, None)) == (None, 8, None)
    mine, other = exchange(ours, theirs)
    equal(mine(SOUND), other(SOUND), 1e-3)


def test_mel_spectrogram_with_a_window_of_numbers():
    sizes = {"fft_length": 256, "sequence_stride": 64, "num_mel_bins": 8}
    window = np.hanning(256).astype("float32")
    ours, theirs = both("MelSpectrogram", window=window, **sizes)
    equal(ours(SOUND), theirs(SOUND), 1e-3)
    again = kk.layers.MelSpectrogram.from_config(json.loads(json.dumps(ours.get_config())))
    equal(again(SOUND), ours(SOUND))
    equal(ours.linear_to_mel_weight_matrix(), theirs.linear_to_mel_weight_matrix())


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"expand_dims": True, "padding": "same", "frame_step": 5},
        {"data_format": "channels_first", "scaling": "spectrum", "fft_length": 32},
        {"data_format": "channels_first", "expand_dims": True, "scaling": None, "window": None},
    ],
)
def test_stft_spectrogram_equals_keras(mode, options):
    signal = SOUND[:, :200].reshape(2, 100, 2) if "data_format" not in options else SOUND[:, :200].reshape(2, 2, 100)
    ours, theirs = both("STFTSpectrogram", mode, frame_length=16, **options)
    same(mode, ours(signal), theirs(signal))
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        equal(mine.value, other.value)
        assert mine.path.split("/")[-1] == other.path.split("/")[-1]
    assert ours.compute_output_shape(signal.shape) == ours(signal).shape
    check_config(ours, theirs)
    mine, _ = exchange(ours, theirs)
    same(mode, mine(signal), theirs(signal))


def same(mode, ours, theirs):
    if mode == "angle":  # half a turn to the left is half a turn to the right
        ours, theirs = jax.numpy.cos(ours), jax.numpy.cos(theirs)
    equal(ours, theirs, 1e-4)


def test_stft_spectrogram_learns():
    model = kk.Sequential([kk.layers.STFTSpectrogram(frame_length=16), kk.layers.Flatten(), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.build((None, 100, 1))
    before = np.array(model.layers[0].real_kernel.value)
    model.fit(SOUND[:, :100, None], np.ones((2, 1)), verbose=0)
    assert np.abs(model.layers[0].real_kernel.value - before).max() > 0
    with pytest.raises(TypeError, match="takes floats"):
        model.layers[0](np.zeros((1, 100, 1), "int32"))


@pytest.mark.parametrize("mode", ["count", "multi_hot"])
@pytest.mark.parametrize("shape", [(2, 0), (0, 3)])
def test_rows_of_no_length_are_encoded_as_zeros(mode, shape):
    result = kk.layers.CategoryEncoding(4, output_mode=mode)(np.zeros(shape, "int32"))
    np.testing.assert_array_equal(result, np.zeros((shape[0], 4), "float32"))


def test_text_of_no_words_is_encoded_as_zeros():
    layer = kk.layers.StringLookup(vocabulary=["a", "b"], output_mode="count")
    np.testing.assert_array_equal(layer(np.zeros((2, 0), str)), np.zeros((2, 3)))
