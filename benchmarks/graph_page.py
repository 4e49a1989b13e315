"""How large the graph of a model is in the page: ``python -m benchmarks.graph_page``; docs/benchmarks.md has the table.

Nodes of the document (elements, without texts) for four shapes of models, in Chromium: as the graph is first shown,
repeated blocks folded, and with all groups open. What a group holds beyond 400 layers is not drawn, and says so;
more than 20,000 layers are refused in words.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from playwright.sync_api import sync_playwright

import kernelkit as kk
from tests.viz import lab
from tests.viz.host import BUNDLES, PAGE

MOST = 60_000
"""Maximum number of elements: six for each of 6,000 boxes, two for each of 10,000 lines, and some for the frame."""
OPEN = """async ([code, json]) => {
    const description = JSON.parse(json);
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const widget = (await import(address)).default;
    const model = new Model({ description, weights: {}, outputs: {}, key: "bench" });
    const place = document.createElement("div");
    place.style.width = "1100px";
    document.querySelector("main").append(place);
    window.began = performance.now();
    widget.render({ model, el: place });
}"""
DRAWN = """() => document.body.innerText.includes("cannot be shown")
    || document.querySelector(".kg-waits")?.hidden && document.querySelector(".kg-node")"""
COUNT = """() => ({ all: document.querySelectorAll("main *").length,
    boxes: document.querySelectorAll(".kg-node").length, lines: document.querySelectorAll(".kg-lines path").length })"""


def resnet(blocks: int = 83) -> kk.Model:
    """A residual network of six layers a block."""
    start = x = kk.Input((4,))
    for _ in range(blocks):
        y = kk.layers.Dense(4)(x)
        y = kk.layers.ReLU()(kk.layers.BatchNormalization()(y))
        x = kk.layers.Add()([x, kk.layers.BatchNormalization()(kk.layers.Dense(4)(y))])
    return kk.Model(start, x)


def u_net(skips: int = 100) -> kk.Model:
    """A U-net: what each layer on the way down gives joins the layer of the same depth on the way up."""
    start = x = kk.Input((4,))
    kept = []
    for _ in range(skips):
        x = kk.layers.Dense(4)(x)
        kept.append(x)
    for skip in reversed(kept):
        x = kk.layers.Dense(4)(kk.layers.Concatenate()([x, skip]))
    return kk.Model(start, x)


def dense_net(blocks: int = 4, size: int = 24) -> kk.Model:
    """Blocks in which each layer is given what all layers before it have made."""
    start = x = kk.Input((4,))
    for _ in range(blocks):
        made = [x]
        for _ in range(size):
            joined = kk.layers.Concatenate()(made) if len(made) > 1 else x
            made.append(kk.layers.Dense(2)(joined))
        x = kk.layers.Dense(4)(kk.layers.Concatenate()(made))
    return kk.Model(start, x)


def chain(count: int = 100_000) -> dict[str, Any]:
    """The description of a chain of layers, which nobody would make: the columns of docs/graph.md."""
    nodes: dict[str, list] = {
        "name": [0] * count, "class": [1] * count, "kind": [1] * count, "parent": [-1] * count,
        "inputs": [[0]] * count, "outputs": [[0]] * count, "params": [20] * count, "trainable_params": [20] * count,
        "weight_bytes": [80] * count, "output_bytes": [16] * count, "flops": [36] * count, "trainable": [1] * count,
        "activation": [None] * count, "config": [None] * count, "calls": [1] * count, "state": [0] * count,
        "count": [None] * count,
    }  # fmt: skip
    line = count - 1
    edges = {"source": list(range(line)), "output": [0] * line, "target": list(range(1, count)), "input": [0] * line}
    edges |= {"call": [0] * line, "tensor": [0] * line}
    totals = {"params": 20 * count, "trainable_params": 20 * count, "frozen_params": 0, "optimizer_params": 0}
    return {
        "schema": "kernelkit.graph", "version": 1, "model": 2, "class": 3, "tensors": [[4, None, 4]],
        "strings": ["dense", "Dense", "chain", "Sequential", "float32"], "nodes": nodes, "edges": edges,
        "totals": totals | {"weight_bytes": 80 * count, "flops": 36 * count}, "error": None, "note": "",
    }  # fmt: skip


CASES: dict[str, Callable[[], Any]] = {
    "residual network of 500 layers": resnet,
    "U-net with 100 skips": u_net,
    "DenseNet, 4 blocks of 24": dense_net,
    "chain of 20,000": lambda: chain(20_000),
    "chain of 100,000": chain,
}


def measure(browser: Any, description: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of elements, boxes and lines of a graph in a page, and of the same with all groups open.

    Args:
        browser: A browser of Playwright.
        description: The result of `kernelkit.viz.graph`.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    page.set_content(PAGE)
    text = json.dumps(description)
    page.evaluate(OPEN, [(BUNDLES / "graph.js").read_text(encoding="utf-8"), text])
    page.wait_for_function(DRAWN)
    found = {"bytes": len(text), "ms": page.evaluate("() => performance.now() - began")}
    found["first"] = found["open"] = page.evaluate(COUNT)
    every = page.get_by_role("button", name="Open all groups")
    if every.count():
        every.click()
        page.wait_for_function("n => document.querySelectorAll('.kg-node').length > n", arg=found["first"]["boxes"])
        page.wait_for_function(DRAWN)
        found["open"] = page.evaluate(COUNT)
    page.close()
    return found


def main() -> int:
    """Print a table; return 1 if a page has more elements than `MOST`."""
    missed = 0
    print("| | description | elements, first | boxes, lines | elements, all open | boxes, lines | drawn after |")
    print("|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.find_chromium(), args=["--no-sandbox"])
        for name, make in CASES.items():
            made = make()
            found = measure(browser, made if isinstance(made, dict) else kk.viz.graph(made))
            first, opened = found["first"], found["open"]
            missed |= max(first["all"], opened["all"]) > MOST
            print(
                f"| {name} | {found['bytes'] / 1024:,.0f} KB | {first['all']:,} | {first['boxes']:,}, "
                f"{first['lines']:,} | {opened['all']:,} | {opened['boxes']:,}, {opened['lines']:,} | "
                f"{found['ms']:,.0f} ms |",
                flush=True,
            )
        browser.close()
    return missed


if __name__ == "__main__":
    sys.exit(main())
