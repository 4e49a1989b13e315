"""The debugger's widget in a real JupyterLab, seen through Chromium. Pictures are left under build/screenshots."""

from __future__ import annotations

import re

import pytest

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
    assert ink(notebook) > 100

    over = page.locator(".kd-plot .u-over").bounding_box()
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
    assert plot.get_attribute("aria-valuenow") == "19" and "step 19, loss" in plot.get_attribute("aria-valuetext")
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
    assert page.locator(".kd-histograms figure").count() == 8
    curves = page.locator(".kd-curves svg[role=img]")  # the weights' own history
    assert [label.split(" over the steps")[0] for label in (c.get_attribute("aria-label") for c in curves.all())] == [
        "std of the outputs",
        "|grad| of the weights",
        "|update| / |weight|",
        "|weight|",
    ]
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
    path = server.folder / notebook.name
    for _ in range(60):  # the picture is made anew when nothing has happened for a while
        page.wait_for_timeout(500)
        notebook.save()
        (output, _) = lab.read_outputs(path)
        if "step 30" in "".join(output["data"]["text/html"]):
            break
    assert output["data"].keys() == {"text/plain", "text/html", "image/png"}
    assert page.locator(ROOT).count() == 1 and page.locator(".kd-comparison").is_visible()

    page.reload()
    notebook.wait_idle()
    wait_at(notebook, 29)
    page.wait_for_selector(".kd-maps canvas >> nth=7")
    page.locator(".kd-back").click()
    wait_at(notebook, 28)
    notebook.screenshot("debugger-reloaded")

    notebook.shut_down_kernel()
    page.reload()
    page.wait_for_selector(".kernelkit-still svg")
    page.wait_for_timeout(500)
    assert page.locator(ROOT).count() == 0 and page.locator(".kernelkit-still svg").is_visible()
    assert page.locator(".kernelkit-still", has_text="learning rate 0.5").count() == 1
    assert page.locator(".kernelkit-sample").count() == 8
    notebook.screenshot("debugger-reopened-without-kernel")


def test_views_stay_in_step_with_each_other_and_with_cells(open_notebook):
    notebook = open_notebook("dbg", "dbg", "dbg.step(4)")
    page = notebook.page
    assert page.locator(ROOT).count() == 2
    wait_at(notebook, 3)
    page.locator(".kd-step").nth(1).click()
    wait_at(notebook, 4)
    page.locator(".kd-step").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    wait_at(notebook, 14)
    page.wait_for_timeout(3000)  # the pictures below are made anew, and the views move over to them
    assert page.evaluate("document.activeElement.className") == "kd-step"
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
    assert page.locator(".kd-reason").inner_text().endswith("in step 7.")
    assert "row 100" in page.locator(".kd-sample").first.get_attribute("aria-label")
    assert EVIL in page.locator(".kd-tiles").inner_text()
    assert page.locator(".kd-tiles .kd-bad").count() >= 1
    notebook.screenshot("debugger-broken")
    page.locator(".kd-step").click()
    wait_at(notebook, 7)
    assert page.locator("tr[data-level=severe]").count() == 4
    assert page.locator(".kd-trouble").first.inner_text() == "✕ NaN"
    assert "NaN in x" in page.locator(".kd-sample").first.inner_text()
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
    assert page.locator(".kd-step").is_enabled()


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
    assert root.bounding_box()["width"] <= 400
    assert root.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert root.get_attribute("data-theme") == theme.split()[1].lower()
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
    assert "step 5" in page.locator(".kd-place").inner_text()
    assert not page.locator(".kd-run").is_visible() and not page.locator(".kd-fork").is_visible()
    notebook.screenshot("debugger-recording")
    page.locator(".kd-step").click()
    page.locator(".kd-blind", has_text="Step 6 was not looked into").wait_for()
    page.locator(".kd-back").click()
    page.locator(".kd-layer", has_text="conv").click()
    page.wait_for_selector(".kd-maps canvas")
