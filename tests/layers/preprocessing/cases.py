"""What the text layers are asked, in JSON values, so that Keras can be asked the same in an environment of its own.

Keras's text layers need TensorFlow, which the tests don't install. `keras_answers.py`, run where there is TensorFlow,
writes what Keras answers into `keras_answers.json`; `test_text_layers.py` compares.
"""

WORDS = ["A", "B", "", "hello", "Grüße", "日本語", "a much longer text, of more than thirty-two characters", "x" * 200]
INTS = [0, 1, -1, 9, 10, 99, 123456789, -2147483648, 2147483647, 7, -77]
ROWS = [["a", "b"], ["c", "z"], ["b", "b"]]
SHAPES = ["a", ["a"], ["a", "z"], [["a"], ["b"]], [["a", "b"], ["c", "z"]]]
TEXTS = ["A!b c-d", "Ü é\u00a0x \t y\u2003z", "don't (x)_[y]", "", "a a b", "`~^\\ \x0b q"]
ABC = ["a", "b", "c"]
IDS = [12, 36, 1138, 42]
SEEN = [[12, 1138], [42, 7], [-5, 0]]


def case(layer, calls, adapt=None, **options):
    return {"layer": layer, "options": options, "adapt": adapt, "calls": calls}


CASES = {
    "hash": case("Hashing", [WORDS, [[w] for w in WORDS], "A"], num_bins=1000),
    "hash, mask": case("Hashing", [WORDS], num_bins=3, mask_value=""),
    "hash, salt": case("Hashing", [WORDS], num_bins=1000, salt=[133, 137]),
    "hash, one salt": case("Hashing", [WORDS], num_bins=1000, salt=133),
    "hash, ints": case("Hashing", [INTS, [2**62, -(2**63), 10**15]], num_bins=1000),
    "hash, ints, salt": case("Hashing", [INTS], num_bins=1000, salt=[1, 2**62]),
    "hash, ints, mask": case("Hashing", [INTS], num_bins=5, mask_value=0),
    **{
        f"hash, {mode}": case("Hashing", [ROWS, [["a"], ["b"]], ["a", "b"]], num_bins=3, output_mode=mode)
        for mode in ("one_hot", "multi_hot", "count")
    },
    **{
        f"lookup, {mode}": case("StringLookup", SHAPES, vocabulary=ABC, output_mode=mode)
        for mode in ("int", "one_hot", "multi_hot", "count")
    },
    **{
        f"lookup, mask, {mode}": case("StringLookup", [["", "a", "z"]], vocabulary=ABC, mask_token="", output_mode=mode)
        for mode in ("int", "one_hot", "multi_hot", "count")
    },
    "lookup, unknown by hash": case("StringLookup", [WORDS], vocabulary=ABC, num_oov_indices=5, mask_token=""),
    "lookup, unknown by salt": case("StringLookup", [WORDS], vocabulary=ABC, num_oov_indices=5, salt=[3, 4]),
    "lookup, no unknown": case("StringLookup", [ABC], vocabulary=ABC, num_oov_indices=0),
    "lookup, special given": case("StringLookup", [ABC], vocabulary=["", "[UNK]", "a"], mask_token=""),
    "lookup, padded": case(
        "StringLookup", [ROWS], vocabulary=ABC, output_mode="count", max_tokens=6, pad_to_max_tokens=True
    ),
    "lookup, tf_idf": case("StringLookup", [ROWS], vocabulary=ABC, output_mode="tf_idf", idf_weights=[0.25, 0.75, 0.6]),
    "lookup, tf_idf of unknown": case(
        "StringLookup", [ROWS], vocabulary=["[UNK]", *ABC], output_mode="tf_idf", idf_weights=[0.9, 0.25, 0.75, 0.6]
    ),
    "lookup, adapt": case("StringLookup", [ROWS], [["a", "c", "d"], ["d", "z", "b"]]),
    "lookup, adapt in 1D": case("StringLookup", [ROWS], ["a", "c", "d", "d", "[UNK]"]),
    "lookup, adapt, few": case(
        "StringLookup", [ROWS], [["a", "c", "d"], ["d", "", "b"]], mask_token="", num_oov_indices=2, max_tokens=5
    ),
    "lookup, adapt, tf_idf": case(
        "StringLookup", [ROWS], [["a", "c", "d", "d"], ["d", "z", "b", "b"]], output_mode="tf_idf"
    ),
    "lookup, adapt in 1D, tf_idf": case("StringLookup", [ROWS], ["a", "c", "d", "d"], output_mode="tf_idf"),
    "lookup, adapt, tf_idf, padded": case(
        "StringLookup",
        [ROWS],
        [["a", "c", "d", "d"], ["d", "z", "", ""]],
        output_mode="tf_idf",
        mask_token="",
        max_tokens=9,
        pad_to_max_tokens=True,
    ),
    **{
        f"integers, {mode}": case("IntegerLookup", [SEEN, IDS], vocabulary=IDS, output_mode=mode)
        for mode in ("int", "one_hot", "multi_hot", "count")
    },
    "integers, remainder": case("IntegerLookup", [SEEN], vocabulary=IDS, num_oov_indices=3),
    "integers, hash": case(
        "IntegerLookup", [SEEN, INTS], vocabulary=IDS, num_oov_indices=4, mask_token=0, oov_method="farmhash"
    ),
    "integers, salt": case(
        "IntegerLookup", [SEEN, INTS], vocabulary=IDS, num_oov_indices=4, oov_method="farmhash", salt=9
    ),
    "integers, mask": case("IntegerLookup", [SEEN], vocabulary=IDS, mask_token=0, output_mode="count"),
    "integers, large": case("IntegerLookup", [[5 * 10**9, 3, 705032704]], vocabulary=[5 * 10**9, 3]),
    "integers, inverse": case("IntegerLookup", [[[1, 3, 4], [4, 0, 9]]], vocabulary=IDS, invert=True),
    "integers, inverse, mask": case(
        "IntegerLookup", [[0, 1, 2, 3, 9]], vocabulary=IDS, invert=True, mask_token=0, num_oov_indices=2
    ),
    "integers, adapt": case("IntegerLookup", [SEEN], [[12, 1138, 42], [42, -1, 36], [-7, 5, 5]], max_tokens=5),
    "integers, adapt, tf_idf": case("IntegerLookup", [SEEN], [[12, 1138, 42], [42, 12, 12]], output_mode="tf_idf"),
    **{
        f"text, {mode}": case(
            "TextVectorization", [TEXTS, [[t] for t in TEXTS], "a b"], vocabulary=ABC, output_mode=mode
        )
        for mode in ("int", "multi_hot", "count")
    },
    **{
        f"text, standardize {how}": case("TextVectorization", [TEXTS], TEXTS, standardize=how)
        for how in (None, "lower", "strip_punctuation", "lower_and_strip_punctuation")
    },
    "text, characters": case("TextVectorization", [TEXTS], TEXTS, split="character"),
    "text, no split": case("TextVectorization", [ABC, [["a"], [""]], ROWS], ROWS, split=None),
    "text, no split, runs": case("TextVectorization", [ROWS], ROWS, split=None, ngrams=2),
    "text, runs of up to 2": case("TextVectorization", [TEXTS], TEXTS, ngrams=2),
    "text, runs of 2 and 3": case("TextVectorization", [TEXTS], TEXTS, ngrams=[3, 2]),
    "text, runs of characters": case("TextVectorization", [TEXTS], TEXTS, ngrams=2, split="character"),
    "text, short": case("TextVectorization", [TEXTS], vocabulary=ABC, output_sequence_length=2),
    "text, long": case("TextVectorization", [TEXTS], vocabulary=ABC, output_sequence_length=9),
    "text, few": case("TextVectorization", [TEXTS], ["a b c d a b"], max_tokens=4),
    "text, few, count": case("TextVectorization", [TEXTS], ["a b c d a b"], max_tokens=4, output_mode="count"),
    "text, padded": case(
        "TextVectorization", [TEXTS], vocabulary=ABC, output_mode="count", max_tokens=7, pad_to_max_tokens=True
    ),
    "text, tf_idf": case(
        "TextVectorization", [TEXTS], vocabulary=ABC, output_mode="tf_idf", idf_weights=[0.1, 0.2, 0.3]
    ),
    "text, adapt, tf_idf": case("TextVectorization", [TEXTS], ["a b c", "b c", "c ü", ""], output_mode="tf_idf"),
}

CROSSINGS = {
    "strings and ints": [["A", "B", "A", "B", ""], [101, 101, -1, 102, 2**60]],
    "ints": [INTS, INTS[::-1]],
    "three": [["A", "B"], ["B", "A"], [1, 2]],
    "columns": [[["A"], ["B"]], [[1], [2]]],
    "scalars": ["A", 101],
}
