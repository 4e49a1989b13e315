"""One schema of messages for Python and TypeScript: what Python sends has the form that the pages' types declare.

The interfaces of the TypeScript sources are read, and real messages are held against them: a field that is missing,
unknown or of another type fails. What pages send is held against the requests that Python takes.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.models.description import describe, schema
from kernelkit.viz.cards.colors import MEASURES, Colors
from kernelkit.viz.curves.saved import MIME as HISTORY
from kernelkit.viz.debugger.panel import DebuggerPanel
from kernelkit.viz.debugger.requests import checked
from tests.viz.fake import FakeOutput, StillPanel, train
from tests.viz.lab import ROOT

SOURCES = ROOT / "kernelkit" / "viz" / "frontend" / "src"
FILES = {
    "debugger": ("debugger/types.ts", "shared/types.ts"),
    "curves": ("curves/types.ts", "curves/saved.ts", "shared/types.ts"),
    "graph": ("graph/schema.ts", "graph/colors.ts", "shared/types.ts"),
}


def types_of(*files: str) -> dict[str, str]:
    """The interfaces and type aliases of TypeScript files, as text by name."""
    found = {}
    for file in files:
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", (SOURCES / file).read_text(encoding="utf-8"), flags=re.DOTALL)
        for name, body in re.findall(
            r"^(?:export )?interface (\w+) \{(.*?)\}[ \t]*$", text, flags=re.MULTILINE | re.DOTALL
        ):
            found[name] = "{" + body + "}"
        for name, body in re.findall(
            r"^(?:export )?type (\w+)(?:<\w+>)? =\s*(.*?);[ \t]*$", text, flags=re.MULTILINE | re.DOTALL
        ):
            found[name] = body
    return found


def split(text: str, mark: str) -> list[str]:
    """The parts of a type between marks that stand in no bracket or quote."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == '"'
        depth += (letter in "{[(<") - (letter in "}])>") if not quoted else 0
        if letter == mark and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def problem(value: object, wanted: str, types: dict[str, str], where: str) -> str | None:
    """What about a JSON value does not fit a TypeScript type; None if all fits."""
    wanted = wanted.strip()
    options = split(wanted, "|")
    if len(options) > 1:
        found = [problem(value, option, types, where) for option in options]
        return None if None in found else min((f for f in found if f), key=len)
    if wanted.startswith("(") and wanted.endswith(")"):
        return problem(value, wanted[1:-1], types, where)
    if wanted.endswith("[]"):
        if not isinstance(value, list):
            return f"{where} is {value!r:.60}, not {wanted}"
        return next((p for i, v in enumerate(value) if (p := problem(v, wanted[:-2], types, f"{where}[{i}]"))), None)
    if wanted.startswith("["):
        inner = [re.sub(r"^\w+\??:\s", "", part) for part in split(wanted[1:-1], ",")]
        if not isinstance(value, list) or len(value) != len(inner):
            return f"{where} is {value!r:.60}, not {wanted}"
        return next(
            (p for i, (v, t) in enumerate(zip(value, inner)) if (p := problem(v, t, types, f"{where}[{i}]"))), None
        )
    if wanted.startswith("Record<"):
        if not isinstance(value, dict):
            return f"{where} is {value!r:.60}, not {wanted}"
        inner = split(wanted[len("Record<") : -1], ",")[1]
        return next((p for k, v in value.items() if (p := problem(v, inner, types, f"{where}.{k}"))), None)
    if wanted.startswith("{"):
        return fields(value, wanted[1:-1], types, where)
    if wanted.startswith('"'):
        return None if value == wanted.strip('"') else f"{where} is {value!r:.60}, not {wanted}"
    simple = {"string": str, "boolean": bool, "number": (int, float), "null": type(None)}
    if wanted in simple:
        fits = isinstance(value, simple[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        return None if fits else f"{where} is {value!r:.60}, not {wanted}"
    assert wanted in types, f"The type {wanted} of {where} is not known."
    return problem(value, types[wanted], types, where)


BINARY = {"Float32Array", "Uint8Array"}  # these come beside the message


def fields(value: object, body: str, types: dict[str, str], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {value!r:.60}, not an object"
    declared = {}
    for line in (part for whole in split(body, "\n") for part in split(whole, ";")):
        name, optional, wanted = re.match(r"(?:readonly )?(\w+)(\??):\s*(.*)$", line, flags=re.DOTALL).groups()
        declared[name] = wanted
        if wanted in BINARY:
            continue
        if name not in value:
            if not optional:
                return f"{where}.{name} is missing"
        elif found := problem(value[name], wanted, types, f"{where}.{name}"):
            return found
    unknown = [key for key in value if key not in declared]
    return f"{where} has the undeclared fields {unknown}" if unknown else None


def assert_fits(value: object, name: str, types: dict[str, str]) -> None:
    value = json.loads(json.dumps(value, allow_nan=False))
    assert problem(value, name, types, name) is None


def test_the_reader_of_types_finds_what_does_not_fit():
    types = {
        "A": '{ a: number; b?: B | null; c: ("x" | "y")[]; }',
        "B": "{ d: [number, string]; e: Record<string, number> }",
    }
    good = {"a": 1, "b": {"d": [1, "x"], "e": {"f": 2}}, "c": ["x"]}
    assert problem(good, "A", types, "A") is None
    for bad, said in [
        ({"a": 1}, "A.c is missing"),
        (good | {"a": True}, "A.a is True, not number"),
        (good | {"c": ["z"]}, "A.c[0] is 'z'"),
        (good | {"d": 5}, "undeclared fields ['d']"),
        (good | {"b": {"d": [1], "e": {}}}, "A.b"),
        (good | {"b": {"d": [1, "x"], "e": {"f": "g"}}}, "A.b"),
    ]:
        assert said in problem(bad, "A", types, "A")


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    x, y = rng.random((32, 6, 6, 1), dtype="float32"), np.arange(32) % 2
    layers = [kk.Input((6, 6, 1)), kk.layers.Conv2D(2, 3, activation="relu", name="conv"), kk.layers.Flatten()]
    model = kk.Sequential([*layers, kk.layers.Dense(2, name="out")], name="net")
    loss = kk.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model, x, y


def test_the_debugger_sends_what_its_page_declares(model):
    net, x, y = model
    types = types_of(*FILES["debugger"])
    dbg = net.debug(x, y, batch_size=8)
    sent, jobs = {}, []
    panel = DebuggerPanel(
        dbg, lambda content, buffer: sent.update({content["kind"]: content}), lambda s, f: jobs.append(f)
    )

    def ask(**request):
        panel.receive(request | {"page": "p", "id": 1})
        while jobs:
            jobs.pop(0)()

    ask(kind="ready")
    ask(kind="break", on="loss spike")
    ask(kind="step", count=3)
    ask(kind="layer", layer="conv")
    ask(kind="fork", learning_rate=0.5)
    ask(kind="step")
    ask(kind="compare", name="main")
    ask(kind="explain")
    ask(kind="graph")
    names = {"state": "State", "table": "Table", "batch": "Batch", "layer": "Detail", "comparison": "Comparison"}
    names["explanation"] = "Explanation"
    shared = {"branch", "position"}
    for kind, name in names.items():
        content = dict(sent[kind])
        for key in {"sequence", *shared} - set(re.findall(r"(\w+)\??:", types[name])):
            content.pop(key, None)  # what every message has, and the session reads
        assert_fits(content, name, types)
    assert set(sent) == set(names)


def test_pages_send_what_the_debugger_takes():
    values = {
        "count": 2,
        "position": 3,
        "what": "loss below",
        "value": 0.5,
        "epochs": 2,
        "on": "nan",
        "above": 2.0,
        "number": 1,
    }
    values |= {"name": "main", "layer": "conv", "sample": 1, "learning_rate": 0.1}
    asked = {}
    for path in sorted((SOURCES / "debugger").glob("*.ts")):
        for kind, rest in re.findall(r'\bask\("([\w ]+)"(?:, \{([^}]*)\})?', path.read_text(encoding="utf-8")):
            asked.setdefault(kind, set()).update(
                re.findall(r"(\w+)(?=\s*(?:[:,}]|$))", re.sub(r":[^,]*", ":", rest or ""))
            )
    assert {"ready", "step", "back", "goto", "fork", "layer", "graph"} <= set(asked)
    for kind, given in asked.items():
        request = {name: True if (kind, name) == ("enable", "on") else values[name] for name in given}
        assert set(checked({"kind": kind} | request)) == {"kind"} | set(given), kind


def test_curves_send_what_their_page_declares(model):
    net, x, y = model
    types = types_of(*FILES["curves"])
    history = net.fit(x, y, epochs=2, verbose=0, validation_split=0.25)
    bundle = kk.viz.history_bundle(history)[HISTORY]
    assert_fits(bundle, "Saved", types)
    for run in bundle["runs"]:
        for curve in run["curves"]:
            assert_fits(curve, "Entry", types)


def test_a_live_panel_sends_what_its_page_declares():
    types = types_of(*FILES["curves"])
    output = FakeOutput()
    train(StillPanel(output), epochs=2, steps=20)
    assert len(output.messages) >= 2
    for content in (*(content for content, _ in output.messages), output.last[0]):
        assert_fits(content, "Update", types)


def test_a_graph_is_what_its_page_declares(model):
    types = types_of(*FILES["graph"])
    description = describe(model[0])
    assert_fits(description, "Description", types)
    colors = Colors([1])
    colors.add(0, {"grad": [float("nan")], "dead": [None], "update_ratio": [0.5]})
    colors.set_time([1.5])
    assert_fits(colors.as_json(), "ColorColumns", types)


def test_the_names_and_codes_of_a_graph_are_the_same_in_both_languages():
    text = (SOURCES / "graph" / "schema.ts").read_text(encoding="utf-8")

    def constant(name: str) -> str:
        return re.search(rf"const {name}\b[^=]*= (.*?);", text, flags=re.DOTALL)[1]

    def quoted(name: str) -> list[str]:
        return re.findall(r'"(\w+)"', constant(name))

    assert [int(n) for n in re.findall(r": (\d)", constant("KINDS"))] == list(range(len(schema.KINDS)))
    assert re.findall(r"(\w+):", constant("KINDS")) == list(schema.KINDS)
    assert len(re.findall(r": \d", constant("STATES"))) == len(schema.STATES)
    assert quoted("TEXTS") == list(schema.TEXTS) and quoted("COUNTS") == list(schema.COUNTS)
    assert quoted("EDGES") == list(schema.EDGES)
    assert {k: int(n) for k, n in re.findall(r"(\w+): (\d+)", constant("CODES"))} == schema.CODES
    limits = {k: int(n.replace("_", "")) for k, n in re.findall(r"(\w+): ([\d_]+)", constant("LIMITS"))}
    assert (
        limits["text"] == schema.LONGEST_TEXT
        and limits["depth"] == schema.DEEPEST
        and limits["dims"] == schema.MOST_DIMS
    )
    colors = (SOURCES / "graph" / "colors.ts").read_text(encoding="utf-8")
    assert re.findall(r'"(\w+)"', re.search(r"MEASURES = \[(.*?)\]", colors)[1]) == list(MEASURES)
