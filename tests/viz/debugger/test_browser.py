"""The debugger's widget in a real JupyterLab, seen through Chromium. Pictures are left under build/screenshots."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(3)]

ROOT = ".kernelkit-debugger"
EVIL = "<img src=x onerror=window.hacked=1>"
SETUP = """
import numpy as np, kernelkit as kk
kk.utils.set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 4, 320)
x = rng.random((320, 8, 8, 1), dtype="float32") * 0.3
for i, k in enumerate(y):
    x[i, 2 * k : 2 * k + 2] += 0.6
def made(loss="sparse_categorical_crossentropy", metrics=("accuracy",)):
    layers = [kk.Input((8, 8, 1)), kk.layers.Conv2D(8, 3, activation="relu", name="conv")]
    layers += [kk.layers.Flatten(name="flat"), kk.layers.Dense(16, activation="relu", name="hidden")]
    model = kk.Sequential([*layers, kk.layers.Dense(4, activation="softmax", name="out")], name="stripes")
    model.compile(kk.optimizers.SGD(0.05), loss, metrics=list(metrics))
    return model
dbg = made().debug(x, y, batch_size=16)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def open_notebook(chromium, server, request):
    """A function that opens a notebook with some cells, runs them all, and waits until the debugger is seen."""
    pages = []

    def open_(*cells: str, width: int = 1500, height: int = 1700) -> lab.LabPage:
        name = "debugger_" + re.sub(r"\W+", "_", request.node.name) + ".ipynb"
        lab.write_notebook(server.folder / name, SETUP, *cells)
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(180_000)
        notebook = lab.LabPage(page, server)
        pages.append(notebook)
        notebook.open(name)
        notebook.command("application:toggle-left-area")
        for i in range(len(cells) + 1):
            notebook.run_cell(i)
            notebook.wait_cell_done(i)
        wait_until_seen(notebook)
        return notebook

    yield open_
    for notebook in pages:
        assert notebook.errors == []
        assert notebook.foreign_requests() == []
        assert notebook.page.evaluate("window.hacked") is None
        notebook.shut_down_kernel()
        notebook.page.close()


def wait_until_seen(notebook) -> None:
    """Wait until each view shows layers and samples of the step that it is at."""
    notebook.page.wait_for_function(
        """() => { const nodes = [...document.querySelectorAll('.kernelkit-debugger')];
        const seen = n => n.querySelector('.kd-layers tbody tr') && !n.querySelector('.kd-stale');
        return nodes.length > 0 && nodes.every(seen) }"""
    )


def wait_at(notebook, step: int, branch: str = "main") -> None:
    """Wait until all views are at a step, an index, of a branch."""
    notebook.page.wait_for_function(
        """([step, branch]) => { const nodes = [...document.querySelectorAll('.kernelkit-debugger')];
        return nodes.length && nodes.every(n =>
            new RegExp(`^step ${step + 1}( |$)`).test(n.querySelector('.kd-place').textContent) &&
            n.querySelector('.kd-branch[aria-pressed=true] span')?.textContent === branch) }""",
        arg=[step, branch],
    )
    wait_until_seen(notebook)


def wait_until_kept(notebook, text: str) -> None:
    """Wait until the notebook has pictures with a text: they are made anew when nothing has happened for a while."""
    notebook.page.wait_for_function(
        """text => { const { widgets } = window.jupyterapp.shell.currentWidget.content;
        const kept = widgets.flatMap(cell => cell.model.outputs?.toJSON() ?? [])
            .map(output => [output.data?.['text/html'] ?? []].flat().join(''))
            .filter(html => html.includes('data-kernelkit-debugger'));
        return kept.length > 0 && kept.every(html => html.includes(text)) }""",
        arg=text,
    )


def ink(notebook) -> int:
    """Pixels of the timeline that are drawn in colour."""
    return notebook.page.evaluate(
        """() => { const canvas = document.querySelector('.kernelkit-debugger canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) n += data[i + 3] > 40 && Math.abs(data[i] - data[i + 2]) > 40;
        return n; }"""
    )


def test_step_scrub_fork_compare_reload_and_reopen(open_notebook, server, axe):
    notebook = open_notebook("dbg", "dbg.position")
    page = notebook.page
    page.locator(".kd-step").click()
    wait_at(notebook, 0)
    page.locator(".kd-many").click()
    wait_at(notebook, 10)
    page.locator(".kd-back").click()
    wait_at(notebook, 9)
    page.locator(".kd-run").click()
    wait_at(notebook, 19)
    page.locator(".kd-reason", has_text="epochs asked for are done").wait_for()
    lab.until(page, lambda: ink(notebook) > 100)

    over = lab.settled_box(page.locator(".kd-plot .u-over"))
    page.mouse.move(over["x"] + over["width"] * 0.9, over["y"] + 50)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * 0.5, over["y"] + 60, steps=8)
    page.mouse.up()
    wait_at(notebook, 9)
    plot = page.locator(".kd-plot")
    plot.press("ArrowLeft")
    wait_at(notebook, 8)
    plot.press("Shift+ArrowRight")
    wait_at(notebook, 18)
    expect(plot).to_have_attribute("aria-valuenow", "19")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("step 19, loss"))
    plot.press("Home")
    page.locator(".kd-place", has_text="before step 1").wait_for()
    plot.press("End")
    wait_at(notebook, 19)

    page.locator(".kd-branches input").fill("0.5")
    page.locator(".kd-branches input").press("Enter")
    page.locator(".kd-branch", has_text="learning rate 0.5").wait_for()
    page.locator(".kd-many").click()
    wait_at(notebook, 29, "learning rate 0.5")
    page.locator(".kd-breakpoints select").select_option("loss spike")
    page.locator(".kd-break").click()
    page.locator(".kd-point", has_text="loss spike > 3").wait_for()
    page.locator(".kd-branch", has_text="main").click()
    page.locator(".kd-many").click()
    wait_at(notebook, 29)
    page.locator(".kd-layer", has_text="conv").click()
    page.wait_for_selector(".kd-maps canvas >> nth=7")
    expect(page.locator(".kd-histograms figure")).to_have_count(8)
    curves = page.locator(".kd-curves svg[role=img]")  # the weights' own history
    told = ["std of the outputs", "|grad| of the weights", "|update| / |weight|", "|weight|"]
    expect(curves).to_have_count(len(told))
    for curve, text in zip(curves.all(), told, strict=True):
        expect(curve).to_have_attribute("aria-label", re.compile(f"^{re.escape(text)} over the steps"))
    page.locator(".kd-sample").nth(3).click()
    page.wait_for_selector(".kd-sample:nth-child(4).kd-chosen")
    notebook.screenshot("debugger-layer")
    page.locator(".kd-compare").click()
    page.locator(".kd-comparison", has_text="The weights differ from step 21 on.").wait_for()
    notebook.screenshot("debugger-light")
    assert "\n".join(axe(page, ROOT)) == ""
    notebook.set_theme("JupyterLab Dark")
    page.wait_for_selector(f"{ROOT}[data-theme=dark]")
    page.wait_for_timeout(300)
    notebook.screenshot("debugger-dark")
    assert "\n".join(axe(page, ROOT)) == ""
    notebook.set_theme("JupyterLab Light")

    notebook.run_cell(2)
    page.locator(".jp-OutputArea-output", has_text=re.compile("^30$")).wait_for()  # it is the very dbg that was moved
    wait_until_kept(notebook, "step 30")
    notebook.save()
    (output, _) = lab.read_outputs(server.folder / notebook.name)
    assert output["data"].keys() == {"text/plain", "text/html", "image/png"}
    assert "step 30" in "".join(output["data"]["text/html"])
    expect(page.locator(ROOT)).to_have_count(1)
    expect(page.locator(".kd-comparison")).to_be_visible()

    page.reload()
    notebook.wait_idle()
    wait_at(notebook, 29)
    page.wait_for_selector(".kd-maps canvas >> nth=7")
    page.locator(".kd-back").click()
    wait_at(notebook, 28)
    notebook.screenshot("debugger-reloaded")

    notebook.shut_down_kernel()
    page.reload()
    expect(page.locator(".kernelkit-still svg")).to_be_visible()
    expect(page.locator(".kernelkit-still", has_text="learning rate 0.5")).to_have_count(1)
    expect(page.locator(".kernelkit-sample")).to_have_count(8)
    page.wait_for_timeout(500)  # nothing is to come in its place
    assert page.locator(ROOT).count() == 0 and page.locator(".kernelkit-still svg").is_visible()
    notebook.screenshot("debugger-reopened-without-kernel")


def test_views_stay_in_step_with_each_other_and_with_cells(open_notebook):
    notebook = open_notebook("dbg", "dbg", "dbg.step(4)")
    page = notebook.page
    expect(page.locator(ROOT)).to_have_count(2)
    wait_at(notebook, 3)
    page.locator(".kd-step").nth(1).click()
    wait_at(notebook, 4)
    page.locator(".kd-step").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    wait_at(notebook, 14)
    wait_until_kept(notebook, "step 15")  # the pictures below are made anew, and the views move over to them
    page.wait_for_function(f"document.activeElement === document.querySelector('{ROOT} .kd-step')")
    expect(page.locator(ROOT)).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    wait_at(notebook, 13)


def test_what_broke_is_explained_and_names_stay_text(open_notebook, axe):
    notebook = open_notebook(
        "def bad(y, p):\n"
        "    y = kk.ops.cast(y, 'int32').reshape((-1, 1))\n"
        "    right = kk.ops.take_along_axis(p, y % 4, axis=1)\n"
        "    return -kk.ops.log((right * kk.ops.cast(y < 4, p.dtype))[:, 0])\n"
        "wrong = y.copy()\n"
        "wrong[100] = 7\n"
        f"model = made(loss=bad, metrics=[kk.metrics.SparseCategoricalAccuracy(name={EVIL!r})])\n"
        "x[115] = np.nan\n"
        "broken = model.debug(x, wrong, batch_size=16, shuffle=False)\n"
        "broken.break_on('nan')\n"
        "broken",
    )
    page = notebook.page
    page.locator(".kd-run").click()
    page.locator(".kd-wrong", has_text="log in loss").wait_for()
    wait_at(notebook, 6)
    expect(page.locator(".kd-reason")).to_have_text(re.compile("in step 7\\.$"))
    expect(page.locator(".kd-sample").first).to_have_attribute("aria-label", re.compile("row 100"))
    expect(page.locator(".kd-tiles")).to_contain_text(EVIL)
    expect(page.locator(".kd-tiles .kd-bad").first).to_be_visible()
    notebook.screenshot("debugger-broken")
    page.locator(".kd-step").click()
    wait_at(notebook, 7)
    expect(page.locator("tr[data-level=severe]")).to_have_count(4)
    expect(page.locator(".kd-trouble").first).to_have_text("✕ NaN")
    expect(page.locator(".kd-sample").first).to_contain_text("NaN in x")
    assert "\n".join(axe(page, ROOT)) == ""
    notebook.screenshot("debugger-nan")


def test_a_run_is_stopped_from_the_page(open_notebook):
    long = "dbg = made().debug(np.tile(x, (2000, 1, 1, 1)), np.tile(y, 2000), batch_size=16)"  # 40,000 steps
    notebook = open_notebook(f"{long}\ndbg")
    page = notebook.page
    page.locator(".kd-until select").select_option("loss below")
    page.locator(".kd-until input").fill("-1")
    page.locator(".kd-until input").press("Enter")
    page.locator(".kd-chip", has_text="running").wait_for()
    page.locator(".kd-stop").click()
    page.locator(".kd-reason", has_text="Stopped.").wait_for()
    expect(page.locator(".kd-step")).to_be_enabled()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_phones_width_is_enough_in_both_themes(open_notebook, theme):
    notebook = open_notebook("dbg", width=470, height=1500)
    notebook.set_theme(theme)
    page = notebook.page
    page.locator(".kd-many").click()
    wait_at(notebook, 9)
    page.locator(".kd-layer", has_text="conv").click()
    page.wait_for_selector(".kd-maps canvas")
    root = page.locator(ROOT)
    assert lab.settled_box(root)["width"] <= 400
    lab.until(page, lambda: root.evaluate("node => node.scrollWidth <= node.clientWidth + 1"))
    expect(root).to_have_attribute("data-theme", theme.split()[1].lower())
    page.evaluate("document.querySelector('.kernelkit-debugger').scrollIntoView()")
    notebook.screenshot(f"debugger-phone-{theme.split()[1].lower()}")
    notebook.set_theme("JupyterLab Light")  # the server remembers it


def test_a_recording_is_walked_through(open_notebook):
    notebook = open_notebook(
        "import tempfile\n"
        "dbg.step(12)\n"
        "path = tempfile.mkdtemp() + '/lesson.kkrec'\n"
        "dbg.record(path, layers=['conv', 'out'], every=4, batches=True)\n"
        "lesson = kk.viz.replay(path)\n"
        "lesson.goto(5)\n"
        "lesson",
    )
    page = notebook.page
    expect(page.locator(".kd-place")).to_have_text(re.compile("^step 5\\b"))
    for place in (".kd-run", ".kd-fork"):
        expect(page.locator(place)).to_be_hidden()
    notebook.screenshot("debugger-recording")
    page.locator(".kd-step").click()
    page.locator(".kd-blind", has_text="Step 6 was not looked into").wait_for()
    page.locator(".kd-back").click()
    page.locator(".kd-layer", has_text="conv").click()
    page.wait_for_selector(".kd-maps canvas")
