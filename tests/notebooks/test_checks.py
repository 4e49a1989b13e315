"""The checks of the lessons' exercises say right of right answers and wrong of wrong ones, in both languages.

No lesson is run: what a check looks at, such as a model that the lesson has trained, is a stand-in here. That the
solutions are judged right at the end of a real run is looked at by `tools/lessons.py run`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import kernelkit as keras
from kernelkit import layers
from tools import lessons


def checks(stem: str, language: str, **names: Any) -> dict[str, Any]:
    """The names that the cells with checks of a lesson make, in a namespace with stand-ins for the rest of it."""
    (path,) = (p for p in lessons.sources() if p.stem.startswith(stem))
    space = {"np": np, "keras": keras, "layers": layers, "ops": keras.ops, **names}
    for cell in lessons.read(path):
        if cell.kind == "check":
            exec(compile(lessons.say(cell.text, language), path.name, "exec"), space)
    return space


def scored(accuracy: float, loss: float = 0.3, parameters: int = 9_000, **more: Any) -> Any:
    """A stand-in for a trained model."""
    return SimpleNamespace(evaluate=lambda *args, **kwargs: (loss, accuracy), count_params=lambda: parameters, **more)


class Linear:
    """A stand-in for a model whose outputs are a matrix times its inputs."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def predict(self, x: Any, verbose: int = 0) -> np.ndarray:
        return np.asarray(x) @ self.matrix


def part_frozen(accuracy: float, trainable: tuple[bool, ...]) -> Any:
    convolutions = [layers.Conv2D(1, 3, trainable=free) for free in trainable]
    return scored(accuracy, layers=[SimpleNamespace(layers=convolutions)])


def slide(picture: Any, window: Any) -> np.ndarray:
    views = np.lib.stride_tricks.sliding_window_view(np.asarray(picture, "float32"), (3, 3))
    return (views * np.asarray(window)).sum((2, 3))


def network() -> Any:
    return keras.Sequential([layers.Input((64,)), layers.Dense(32, name="first"), layers.Dense(10)])


def dream(window: np.ndarray, count: int, keep_all: bool = False) -> np.ndarray:
    moments = []
    for _ in range(count):
        moments.append((window[None] @ GRU.matrix)[0, 0])
        window = window if keep_all else np.append(window[1:], moments[-1])
    return np.array(moments)


def between(one: np.ndarray, other: np.ndarray, count: int, pixels: bool = False) -> np.ndarray:
    t = np.linspace(0, 1, count)[:, None]
    ends = np.tanh(PLACES @ DECODER) if pixels else PLACES
    mixed = (1 - t) * ends[0] + t * ends[1]
    return mixed if pixels else np.tanh(mixed @ DECODER)


def make(hp: Any, ask: str = "batch_norm", obey: bool = True) -> Any:
    model = keras.Sequential([layers.Input((64,)), layers.Dense(2)])
    if hp.Boolean(ask) or not obey:
        model.add(layers.BatchNormalization())
    return model


rng = np.random.default_rng(0)
GRU = Linear(rng.normal(size=(24, 32)) / 8)
DECODER, PLACES = rng.normal(size=(2, 64)), np.array([[0.0, 1.0], [2.0, -1.0]])
ATTENTION = rng.random((6, 2, 13, 13))  # sequences, heads, rows, columns
ASKED = np.array([0, 1, 2, 3, 4, 5])
BEST_SHARE = ATTENTION[np.arange(6), :, -2, 2 * ASKED + 1].mean(axis=0).max()
VALIDATION = [1.0] * 40 + [0.2] + [0.9] * 59
ASK = {(c, i): 40 + i / 1000 for c in ("Africa",) for i in (500, 2_000, 8_000)}
LETTERS = 4 * (8 * (24 + 8) + 8)

STAND_INS: dict[str, dict[str, Any]] = {
    "01": {"x_test": None, "y_test": None},
    "02": {"x": np.zeros((700, 64), "float32"), "network": network},
    "04": {"runs": {"big": SimpleNamespace(history={"val_loss": VALIDATION})}, "x_test": None, "y_test": None},
    "05": {"slide": slide},
    "06": {"test": {}},
    "07": {"ask": lambda continent, year, pop, gdpPercap: ASK[continent, gdpPercap]},
    "08": {"letters": "abcdefgh", "UNITS": 8},
    "09": {"maps": SimpleNamespace(predict=lambda x, verbose: ATTENTION), "x_test": ASKED, "asked": ASKED},
    "10": {
        "x_test": np.zeros((2, 64)),
        "means": PLACES,
        "vae_decoder": SimpleNamespace(predict=lambda x, verbose: np.tanh(np.asarray(x) @ DECODER)),
    },
    "13": {"PLACES": ["kitchen", "garden"]},
    "15": {"models": {"GRU": GRU}, "x_test": rng.normal(size=(2, 24))},
}
# Of each check: right answers, and wrong ones with a word of what the student is told (English).
ANSWERS: dict[str, tuple[list[Any], list[tuple[Any, str]]]] = {
    "01.1": ([(32, 10), np.array([32, 10])], [((10, 32), "how many pictures"), (32, "Two numbers")]),
    "01.2": ([scored(0.97)], [(scored(0.97, parameters=38_314), "38,314 parameters"), (scored(0.9), "90.0%")]),
    "02.1": ([612, np.int64(612)], [(611, "first NaN"), ("x", "could not use")]),
    "02.2": (["first"], [("answer", "dead units")]),
    "03.1": ([(32, 32)], [((32, 1), "flush right")]),
    "03.2": ([12.0, np.float32(12)], [(8.0, "jax.grad")]),
    "03.3": ([lambda f, w: 3.02], [(lambda f, w: 2.0, "2.000"), (lambda f: 3.0, "could not use")]),
    "04.1": ([40, np.int64(45)], [(99, "lowest")]),
    "04.2": (["test"], [("validation", "no say")]),
    "04.3": ([scored(0.9, loss=0.4)], [(scored(0.9, loss=0.6), "0.600")]),
    "05.1": ([4640], [(4608, "one bias")]),
    "05.2": ([(2, 13, 13, 8)], [((2, 14, 14, 8), "13"), ((2, 13, 13, 16), "number of filters")]),
    "05.3": (
        [[[1, 2, 1], [0, 0, 0], [-1, -2, -1]]],
        [
            ([[1, 2], [3, 4]], "(3, 3)"),
            (np.ones((3, 3)), "sum to 0"),
            ([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], "bright above"),
        ],
    ),
    "06.1": ([130], [(128, "biases")]),
    "06.2": (["head"], [("base", "knows nothing")]),
    "06.3": (
        [part_frozen(0.9, (False, False, True))],
        [(part_frozen(0.9, (True, False, True)), "frozen"), (part_frozen(0.7, (False, False, True)), "70.0%")],
    ),
    "07.1": (["training"], [("all", "knowledge about the test")]),
    "07.2": ([12], [(11, "[UNK]")]),
    "07.3": ([list(ASK.values())], [([1.0, 2.0], "Three incomes"), ([1.0, 2.0, 3.0], "only the income")]),
    "08.1": ([np.log(8)], [(8, "minus the logarithm")]),
    "08.2": ([LETTERS], [(LETTERS // 4, "Four gates")]),
    "08.3": (
        [lambda s, t: np.exp(s / t) / np.exp(s / t).sum()],
        [(lambda s, t: s, "together 1"), (lambda s, t: np.exp(s) / np.exp(s).sum(), "before the softmax")],
    ),
    "09.1": ([2.0], [(1.0, "zeros")]),
    "09.2": (
        [lambda n: np.tril(np.ones((n, n)))],
        [
            (lambda n: np.ones(n), "(4, 4)"),
            (lambda n: np.triu(np.ones((n, n))), "only the future"),
            (lambda n: np.tril(np.ones((n, n)), -1), "0 to i"),
        ],
    ),
    "09.3": ([BEST_SHARE], [(BEST_SHARE / 2, "last row but one")]),
    "10.1": ([4], [(2, "two axes")]),
    "10.2": (
        [lambda m, v: -0.5 * np.sum(1 + v - m**2 - np.exp(v))],
        [(lambda m, v: 1.0, "1.000"), (lambda m, v: -0.5 * np.mean(1 + v - m**2 - np.exp(v)), "both axes")],
    ),
    "10.3": (
        [between],
        [
            (lambda a, b, n: np.zeros((n, 2)), "(5, 2)"),
            (lambda a, b, n: between(a, b, n)[::-1], "first and the last"),
            (lambda a, b, n: between(a, b, n, pixels=True), "not in the pixels"),
        ],
    ),
    "11.1": (["generator", "Generator"], [("discriminator", "second `apply`")]),
    "11.2": ([2 * np.log(2)], [(np.log(2), "two terms")]),
    "11.3": (
        [lambda chances: len(np.unique(chances.argmax(axis=1))) / 10],
        [(lambda chances: 1.0, "0.1"), (lambda chances: 0.1, "1.0 is right")],
    ),
    "12.1": ([0.8], [(0.64, "1 - 0.36")]),
    "12.2": (
        [lambda x, noise, a: (x - np.sqrt(1 - a) * noise) / np.sqrt(a)],
        [(lambda x, noise, a: x - noise, "Solve")],
    ),
    "13.1": ([(3, 8)], [((8, 3), "one row for each hop")]),
    "13.2": (["when"], [("who", "Swap two sentences")]),
    "13.3": (
        [lambda told, question: "kitchen"],
        [(lambda told, question: 3, "return a place"), (lambda told, question: "garden", "'garden'")],
    ),
    "14.1": ([4], [(2, "one row")]),
    "14.2": (
        [lambda p, gamma: p**gamma / (p**gamma).sum()],
        [(lambda p, gamma: 1.0, "each row"), (lambda p, gamma: p**gamma, "sum to 1"), (lambda p, gamma: p, "power")],
    ),
    "14.3": ([16], [(8, "How many rows")]),
    "15.1": ([45], [(44, "100 - 24 - 32")]),
    "15.2": (["smaller"], [("larger", "random split")]),
    "15.3": (
        [dream],
        [(lambda w, n: dream(w, n)[:3], "Five moments"), (lambda w, n: dream(w, n, keep_all=True), "drop the oldest")],
    ),
    "16.1": ([17], [(16, "left over"), (18, "round up")]),
    "16.2": (["shape"], [("rate", "other numbers")]),
    "16.3": (
        [make],
        [
            (lambda hp: None, "return a model"),
            (lambda hp: make(hp, ask="norm"), "no question"),
            (lambda hp: make(hp, obey=False), "none, and one or more"),
        ],
    ),
}


def test_every_check_of_every_lesson_is_tried():
    made = {
        f"{path.stem[:2]}.{number}"
        for path in lessons.sources()
        for cell in lessons.read(path)
        if cell.kind == "check"
        for number in re.findall(r"^def check_(\d+)", cell.text, flags=re.MULTILINE)
    }
    assert made == set(ANSWERS)


@pytest.mark.parametrize("language", lessons.LANGUAGES)
@pytest.mark.parametrize("stem", [path.stem[:2] for path in lessons.sources()])
def test_right_answers_are_right_and_wrong_ones_are_told_why(stem, language):
    space = checks(stem, language, **STAND_INS.get(stem, {}))
    for name, (right, wrong) in ANSWERS.items():
        if not name.startswith(stem):
            continue
        check: Callable = space[f"check_{name[3:]}"]
        for answer in right:
            assert check(answer).right is True, (name, check(answer))
            assert check(answer).why, "a right answer is told why it is right"
        for answer, words in wrong:
            verdict = check(answer)
            assert verdict.right is False, (name, answer)
            assert words in verdict.why if language == "en" else re.search("[가-힣]", verdict.why), (name, verdict)
        assert check(...).right is None
