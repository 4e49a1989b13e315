"""The engines of an ipyparallel cluster, seen and steered from a notebook in a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(4)]

COUNT = 2
VERSION = "9.2.0"
START = f"""
import ipyparallel
import kernelkit as kk
client = ipyparallel.Cluster(n={COUNT}, engine_timeout=150).start_and_connect_sync(activate=False)
job = kk.distribution.ipyparallel(client, timeout=150)
"""
TRAIN = """
def build_and_fit(config):
    import time
    import jax
    import numpy as np
    import kernelkit as kk

    class Dawdle(kk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if jax.process_index() == config["slow"]:
                time.sleep(0.05)

    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(400, 8)), draws.integers(0, 4, 400)
    kk.utils.set_random_seed(3)
    model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.Dense(4, "softmax")], name="spread")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=16, epochs=100_000, callbacks=[Dawdle()])
    return len(history.batches["loss"]), float(model.optimizer.learning_rate)

print(job.run(build_and_fit, {"slow": 1}))
"""
END = "job.close(); client.cluster.stop_cluster_sync()"
PANEL = ".kernelkit-panel"
ROWS = """() => [...document.querySelectorAll('.jp-OutputArea-output table')].at(-1)?.innerText.trim().split('\\n')
    .map(row => row.split('\\t').map(cell => cell.trim())) ?? []"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    packages = tmp_path_factory.mktemp("packages")
    for name in (f"ipyparallel=={VERSION}", "decorator"):  # what else it needs, JupyterLab needs too
        lab.install(name, packages)
    with lab.LabServer(tmp_path_factory.mktemp("engines"), packages=packages) as running:
        yield running


def all_at_one_step(table: list[list[str]]) -> set[str]:
    steps = {row[2] for row in table[1:]}
    return steps if len(steps) == 1 else set()


def test_one_panel_shows_all_engines_and_its_buttons_act_on_all(server, chromium):
    lab.write_notebook(server.folder / "engines.ipynb", START, TRAIN, END)
    page = chromium.new_page(viewport={"width": 1150, "height": 1500})
    page.set_default_timeout(150_000)
    notebook = lab.LabPage(page, server)
    notebook.open("engines.ipynb")
    notebook.command("application:toggle-left-area")
    notebook.run_cell(0)
    notebook.wait_cell_done(0, timeout=400_000)  # longer than the engines are given themselves
    assert page.locator(".jp-OutputArea-output[data-mime-type*='error']").all_inner_texts() == []
    notebook.run_cell(1)

    page.wait_for_function(f"count => ({ROWS})().length > count && ({ROWS})().flat().includes('slowest')", arg=COUNT)
    notebook.screenshot("engines-running")

    def as_told() -> bool:
        head, *rows = page.evaluate(ROWS)
        return (
            head[:5] == ["engine", "machine", "steps", "steps/s", "waits for others"]
            and [row[0] for row in rows] == [str(i) for i in range(COUNT)]
            and all(float(row[3].replace(",", "")) > 0 for row in rows)
            and [row[0] for row in rows if "slowest" in row] == ["1"]
        )

    lab.until(page, as_told)  # the first seconds, in which programs are compiled, may say otherwise

    panel = page.locator(PANEL)
    panel.get_by_role("button", name=re.compile("^Pause")).click()
    page.locator(f"{PANEL} .kk-state", has_text="paused").wait_for()
    page.wait_for_function(f"({ROWS})().slice(1).every(row => row[3] === '0.0')")
    notebook.screenshot("engines-paused")
    assert notebook.is_running(1)
    (steps,) = lab.until(page, lambda: all_at_one_step(page.evaluate(ROWS)))
    panel.get_by_text(f"Paused after {steps} steps").wait_for()
    panel.get_by_label("Learning rate").fill("0.25")
    panel.get_by_role("button", name="Set").click()
    panel.get_by_text("Learning rate 0.25").wait_for()
    panel.get_by_role("button", name=re.compile("^Resume")).click()
    page.locator(f"{PANEL} .kk-state", has_text="running").wait_for()
    panel.get_by_role("button", name=re.compile("^Stop")).first.click()
    notebook.wait_cell_done(1)
    page.locator(f"{PANEL} .kk-state", has_text="stopped").wait_for()
    notebook.screenshot("engines-stopped")
    expect(panel).to_have_count(1)
    printed = page.locator(".jp-OutputArea-output pre").last.inner_text()
    results = re.findall(r"\((\d+), 0\.25\)", printed)  # steps, and the learning rate
    assert len(results) == COUNT and len(set(results)) == 1, printed
    notebook.run_cell(2)
    notebook.wait_cell_done(2)
    assert notebook.errors == [] and notebook.foreign_requests() == []
    notebook.shut_down_kernel()
    page.close()
