"""The codes at the end of error messages, and the pages in docs/mistakes that they name."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import kernelkit as kk

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "mistakes"


def test_each_code_has_a_page_and_each_page_a_message_that_names_it():
    sources = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "kernelkit").rglob("*.py"))
    codes = set(re.findall(r"\[(K\d\d)\]", sources))
    assert codes == {path.stem for path in PAGES.glob("K*.md")}
    assert len(codes) == 20
    listed = (PAGES / "README.md").read_text(encoding="utf-8")
    assert codes == set(re.findall(r"\[(K\d\d)\]\(\1\.md\)", listed))


@pytest.mark.parametrize("page", sorted(PAGES.glob("K*.md")), ids=lambda path: path.stem)
def test_a_page_says_why_and_what_to_write_instead(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.stem}: \S.*\n\n> \S.*\n\n## Why\n\n\S", text)
    (cure,) = re.findall(r"^## Cure\n\n```py\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    compile(cure.replace("...", "pass", 1) if "class " in cure else cure, page.name, "exec")


def model(loss="mse"):
    made = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="softmax")])
    made.compile("sgd", loss)
    return made


x, y = np.ones((6, 4), "float32"), np.ones((6, 3), "float32")
MADE = {
    "K01": lambda: kk.Sequential([kk.layers.Dense(1)]).fit(x, y),
    "K02": lambda: kk.layers.Conv2D(1, 3)(x),
    "K03": lambda: model("sparse_categorical_crossentropy").fit(x, np.arange(6), verbose=0),
    "K04": lambda: kk.losses.categorical_crossentropy(np.ones((6, 2)), y),
    "K05": lambda: model().predict(3.0, verbose=0),
    "K07": lambda: model().fit(x, y[:5], verbose=0),
    "K13": lambda: model().fit(iter([(x, y)]), validation_split=0.2, verbose=0),
    "K15": lambda: kk.losses.get("crossentropie"),
    "K16": lambda: kk.layers.Dense(1, activations="relu"),
    "K17": lambda: kk.layers.Layer().add_weight("kernel", (2, 2)),
    "K18": lambda: kk.saving.deserialize_keras_object(
        {"class_name": "Scale", "config": {}, "registered_name": "Scale"}
    ),
    "K19": lambda: model().fit(x, np.array(["a"] * 6), verbose=0),
    "K20": lambda: kk.layers.Dense(1)(kk.layers.Dense(2)),
}


@pytest.mark.parametrize("code", sorted(MADE))
def test_the_mistake_of_a_page_names_its_code(code):
    with pytest.raises((ValueError, TypeError)) as caught:
        MADE[code]()
    assert f"[{code}]" in str(caught.value)


def test_warnings_name_their_codes_too():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model().fit(x * np.nan, y, verbose=0)
    assert any("[K06]" in str(warning.message) for warning in caught)
