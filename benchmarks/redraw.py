"""How long the panel takes to redraw in Chromium, for trainings of a thousand to a million steps.

    python -m benchmarks.redraw

The bar: 16 ms for four charts of a million steps, from the message to the drawn picture. Exits with 1 if it is missed.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
from playwright.sync_api import sync_playwright

from kernelkit.viz.curves.batches import BatchValues
from kernelkit.viz.curves.panel import LivePanel
from tests.viz import lab
from tests.viz.fake import FakeOutput, Run
from tests.viz.host import Host

BAR = 16.0
METRICS = 4
REDRAWS = 40


def main() -> int:
    """Measure, and print."""
    path = lab.find_chromium()
    if path is None:
        sys.exit("no Chromium found: install Debian's chromium, or run 'playwright install chromium'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        rows = [(steps, redraws(browser, steps)) for steps in (1_000, 10_000, 100_000, 1_000_000)]
        browser.close()
    for steps, (median, slowest) in rows:
        sys.stdout.write(
            f"{steps:>9,} steps, {METRICS} charts  median {median:6.2f} ms  slowest tenth {slowest:6.2f} ms\n"
        )
    missed = rows[-1][1][0] > BAR
    sys.stdout.write(f"bar <= {BAR:g} ms: {'MISSED' if missed else 'ok'}; measured {time.strftime('%Y-%m-%d')}\n")
    return missed


def redraws(browser, steps: int) -> tuple[float, float]:
    """Milliseconds of a redraw after each of some new steps: the median, and what the slowest tenth begins with."""
    rng = np.random.default_rng(0)
    output = FakeOutput()
    panel = LivePanel(output, output.clock, ticks=False)
    panel.begin(Run(epochs=1, steps=steps + REDRAWS))
    names = [f"metric_{i}" for i in range(METRICS)]
    panel._batches = BatchValues(set(names))  # with a smoothed line each
    panel.store.add_steps(0, {name: rng.random(steps, dtype=np.float32) for name in names})
    panel._show()
    host = Host(browser, viewport={"width": 1300, "height": 1000})
    page = host.open(width=1200)
    host.show(page)
    host.deliver(page, *output.messages)
    host.page.locator("canvas").nth(METRICS - 1).wait_for()
    times = []
    for i in range(REDRAWS):
        panel.store.add_steps(steps + i, {name: rng.random(1, dtype=np.float32) for name in names})
        output.messages.clear()
        output.clock.now += 0.125
        panel._show()
        host.deliver(page, *output.messages)
        host.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        times.append(float(host.page.locator(".kernelkit-panel").get_attribute("data-draw")))
    host.page.close()
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.9)]


if __name__ == "__main__":
    sys.exit(main())
