"""Lookups, hashes and TextVectorization: what they take, what they refuse, and what they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.layers.preprocessing.hashes import fingerprint64, siphash
from kernelkit.layers.preprocessing.strings import is_strings, to_strings

StringLookup, IntegerLookup = kk.layers.StringLookup, kk.layers.IntegerLookup
TextVectorization, Hashing, HashedCrossing = kk.layers.TextVectorization, kk.layers.Hashing, kk.layers.HashedCrossing
WORDS = ["a", "b"]


def test_fingerprints():
    assert fingerprint64(b"") == 0x9AE16A3B2F90404F
    assert fingerprint64(b"hello") == 0xB48BE5A931380CE8


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, 0x726FDB47DD0E0E31),
        (1, 0x74F839C593DC67FD),
        (7, 0xAB0200F58B01D137),
        (8, 0x93F5F5799A932462),
        (15, 0xA129CA6149BE45E5),
        (63, 0x958A324CEB064572),
    ],
)
def test_siphash_gives_the_vectors_of_its_reference_implementation(size, expected):
    assert siphash(bytes(range(size)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == expected


def test_strings_come_in_many_forms():
    pandas = pytest.importorskip("pandas")
    layer = StringLookup(vocabulary=WORDS)
    forms = [
        WORDS,
        ("a", "b"),
        [b"a", b"b"],
        np.array(WORDS),
        np.array([b"a", b"b"]),
        np.array(WORDS, dtype=object),
        np.array(WORDS, dtype=np.dtypes.StringDType()),
        pandas.Series(WORDS),
        pandas.Series(WORDS, dtype="string"),
    ]
    for form in forms:
        assert is_strings(form)
        assert layer(form).tolist() == [1, 2]
    assert layer(pandas.DataFrame({"x": WORDS})).tolist() == [[1], [2]]
    assert layer("b").tolist() == 2
    assert to_strings(np.array([["é".encode("latin1")]]), "latin1").tolist() == [["é"]]


@pytest.mark.parametrize("data", [WORDS, [WORDS], iter([WORDS, np.array(["b"])]), [np.array(WORDS), np.array(["b"])]])
def test_lookups_adapt_to_data_in_many_forms(data):
    layer = StringLookup()
    layer.adapt(data)
    assert sorted(layer.get_vocabulary(include_special_tokens=False)) == WORDS


def test_adapt_takes_so_many_batches():
    layer = IntegerLookup()
    layer.adapt((np.array([i]) for i in range(100)), steps=3)
    assert layer.get_vocabulary() == [-1, 2, 1, 0]
    layer = TextVectorization()
    layer.adapt(["a", "b", "c", "d"], batch_size=2, steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "a"]


def test_adapt_learns_anew_and_updates_add_up():
    layer = StringLookup()
    layer.adapt(["a", "b", "b"])
    layer.adapt(["c"])
    assert layer.get_vocabulary() == ["[UNK]", "c"]
    layer.update_state(["a", "b", "b"])
    layer.update_state(["c"])
    layer.finalize_state()
    assert layer.get_vocabulary() == ["[UNK]", "b", "c", "a"]
    layer.reset_state()
    assert layer.vocabulary_size() == 4


def test_set_vocabulary():
    layer = StringLookup(mask_token="", output_mode="tf_idf")
    layer.set_vocabulary(np.array(WORDS), idf_weights=[1.0, 3.0])
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    assert layer([["z", "b", "b"]]).tolist() == [[2.0, 0.0, 6.0]]
    layer.adapt(["q"])
    assert layer.get_vocabulary() == ["[UNK]", "q"]


def test_a_vocabulary_is_read_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n", encoding="utf-8")
    for given in (path, str(path)):
        layer = StringLookup(vocabulary=given)
        assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
        assert layer.get_config()["vocabulary"] is None  # it is saved as a file of the model
    text = TextVectorization(vocabulary=str(path))
    assert text(["b a"]).tolist() == [[3, 2]]
    path.write_text("4\n5")
    assert IntegerLookup(vocabulary=str(path)).get_vocabulary() == [-1, 4, 5]


def test_inverse_lookup_gives_strings():
    layer = StringLookup(vocabulary=WORDS, invert=True)
    output = layer(np.array([[1, 2], [0, 9]]))
    assert output.tolist() == [["a", "b"], ["[UNK]", "[UNK]"]]
    assert layer(jnp.array([2])).tolist() == ["b"]
    assert layer(kk.Input((2,), dtype="int32")).dtype == "string"


def test_functions_standardize_and_split():
    def shout(texts):
        assert isinstance(texts, np.ndarray) and texts.dtype.kind == "U"
        return np.char.upper(texts)

    layer = TextVectorization(standardize=shout, split=lambda texts: [text.split(",") for text in texts])
    layer.adapt(["a,b c", "b c"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B C", "A"]
    with pytest.raises(ValueError, match="keep the shape"):
        TextVectorization(vocabulary=WORDS, standardize=lambda texts: texts[:1])(["a", "b"])
    with pytest.raises(ValueError, match="a list of tokens for each of the"):
        TextVectorization(vocabulary=WORDS, split=lambda texts: texts)(["a", "b"])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: TextVectorization(ragged=True), "ragged=True is not supported"),
        (lambda: StringLookup(output_mode="x"), "output_mode"),
        (lambda: StringLookup(max_tokens=1), "max_tokens must be greater than 1"),
        (lambda: StringLookup(pad_to_max_tokens=True), "needs max_tokens"),
        (lambda: StringLookup(num_oov_indices=-1), "must not be negative"),
        (lambda: StringLookup(invert=True, output_mode="count"), "invert=True needs"),
        (lambda: StringLookup(idf_weights=[1.0]), "for output_mode='tf_idf' only"),
        (lambda: StringLookup(vocabulary=WORDS, output_mode="tf_idf"), "needs idf_weights"),
        (lambda: StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[1.0]), "one weight for each token"),
        (lambda: StringLookup(vocabulary=[]), "is empty"),
        (lambda: StringLookup(vocabulary=["a", "a"]), "more than once: \\['a'\\]"),
        (lambda: StringLookup(vocabulary=["a", ""], mask_token=""), "mask token '' stands at index 1"),
        (lambda: IntegerLookup(vocabulary=[1, -1], invert=True), "OOV token -1 stands at index 1"),
        (lambda: StringLookup(vocabulary=["a", "b"], max_tokens=2), "more than max_tokens=2"),
        (lambda: StringLookup(vocabulary="no such file"), "no vocabulary file"),
        (lambda: StringLookup(vocabulary=WORDS, num_oov_indices=0)(["c"]), "'c' is not in the vocabulary"),
        (lambda: StringLookup(vocabulary=WORDS).adapt(WORDS), "made with a vocabulary"),
        (lambda: TextVectorization(vocabulary=WORDS).adapt(WORDS), "made with a vocabulary"),
        (lambda: StringLookup(vocabulary=WORDS)([1, 2]), "Expected strings, got 1"),
        (lambda: StringLookup(vocabulary=WORDS)(np.array(["a", None])), "Replace missing values"),
        (lambda: StringLookup(vocabulary=WORDS)([["a"], ["a", "b"]]), "equal lengths"),
        (lambda: StringLookup(salt="x"), "salt must be"),
        (lambda: IntegerLookup(salt=3), "needs oov_method='farmhash'"),
        (lambda: IntegerLookup(oov_method="x"), "oov_method must be"),
        (lambda: IntegerLookup(vocabulary_dtype="int32"), "must be 'int64'"),
        (lambda: IntegerLookup(vocabulary=["a"]), "invalid literal"),
        (lambda: TextVectorization(standardize="x"), "`standardize`"),
        (lambda: TextVectorization(split="x"), "`split`"),
        (lambda: TextVectorization(ngrams="x"), "ngrams must be"),
        (lambda: TextVectorization(output_mode="count", output_sequence_length=3), "for output_mode='int' only"),
        (lambda: TextVectorization(output_sequence_length=0), "must be positive"),
        (lambda: TextVectorization(vocabulary=WORDS)([["a", "b"]]), "splits texts of shape"),
        (lambda: Hashing(0), "num_bins must be positive"),
        (lambda: Hashing(3, output_mode="tf_idf"), "output_mode"),
        (lambda: Hashing(3, dtype="float32"), "integer dtype"),
        (lambda: Hashing(3)(np.array([1.5])), "hashes strings and integers"),
        (lambda: HashedCrossing(3, output_mode="count"), "output_mode"),
        (lambda: HashedCrossing(3)((np.array(WORDS),)), "at least two inputs"),
        (lambda: HashedCrossing(3)((np.array(WORDS), np.array([1]))), "same shape"),
        (lambda: HashedCrossing(3)((np.array([WORDS]), np.array([WORDS]))), "\\(batch, 1\\)"),
        (lambda: HashedCrossing(3)((np.array(WORDS), np.array([1.0, 2.0]))), "crosses strings and integers"),
    ],
)
def test_what_is_wrong_is_told(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize("layer", [StringLookup(), IntegerLookup(), TextVectorization()])
def test_a_layer_without_a_vocabulary_says_so(layer):
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        layer([1] if isinstance(layer, IntegerLookup) else ["a"])


def test_layers_of_strings_cannot_be_compiled():
    with pytest.raises(ValueError, match="cannot be a part of a compiled function"):
        jax.jit(StringLookup(vocabulary=WORDS, invert=True))(jnp.array([1]))
    with pytest.raises(ValueError, match="cannot be a part of a compiled function"):
        jax.jit(IntegerLookup(vocabulary=[1, 2**40]))(jnp.array([1]))


def test_tokens_are_no_parts_of_a_layer():
    layer = StringLookup(vocabulary=[str(i) for i in range(1000)])
    assert layer.weights == [] and layer.variables == []
    text = TextVectorization(vocabulary=WORDS)
    assert text.weights == [] and text.count_params() == 0


def test_an_endless_number_of_runs_takes_no_time():
    layer = TextVectorization(vocabulary=WORDS, ngrams=10**12)
    assert layer(["a b"]).tolist() == [[2, 3, 1]]


def test_output_modes_by_the_names_of_keras_2():
    words, numbers = np.array(["b", "a", "b"]), np.array([1, 2])
    lookup = kk.layers.StringLookup(vocabulary=["a", "b"], output_mode="binary")
    np.testing.assert_array_equal(lookup(words), [0, 1, 1])
    assert lookup.get_config()["output_mode"] == "multi_hot"
    lookup = kk.layers.StringLookup(vocabulary=["a", "b"], idf_weights=[2.0, 3.0], output_mode="tf-idf")
    np.testing.assert_array_equal(lookup(words), [0, 2, 6])
    text = kk.layers.TextVectorization(output_mode="tf-idf", vocabulary=["a", "b"], idf_weights=[2.0, 3.0])
    np.testing.assert_array_equal(text(["b a b"]), [[0, 2, 6]])
    assert text.get_config()["output_mode"] == "tf_idf"
    np.testing.assert_array_equal(kk.layers.CategoryEncoding(3, output_mode="binary")(numbers), [0, 1, 1])
    np.testing.assert_array_equal(
        kk.layers.Discretization(bin_boundaries=[1.5], output_mode="binary")(np.array([1.0, 2.0])), [1, 1]
    )
    with pytest.raises(ValueError, match="'count'.*got 'tf_idf'"):
        kk.layers.CategoryEncoding(3, output_mode="tf-idf")
