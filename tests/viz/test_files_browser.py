"""Files of models in a real JupyterLab: opened by byte ranges, with no kernel, whatever is in them."""

from __future__ import annotations

import json
import re
import shutil
import struct
import urllib.request
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(2)]

FILES = lab.ROOT / "labextension" / "test" / "files"
VIEW = ".kernelkit-file"
GB = 2**30


def config_of(units: int, layers: int = 3) -> bytes:
    one = {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_shape": [None, units]}}
    dense = [
        {"class_name": "Dense", "name": f"dense_{i}", "config": {"name": f"dense_{i}", "units": units}}
        for i in range(layers)
    ]
    return json.dumps({"class_name": "Sequential", "config": {"name": "large", "layers": [one, *dense]}}).encode()


def write_large(path: Path) -> None:
    """A .keras file of more than 1 GB, with holes: the space in front of its HDF5 file takes the member's header."""
    units = 8192  # 256 MB for each of five kernels
    with h5py.File(path, "w", userblock_size=512) as file:
        for i in range(5):
            name = f"layers/dense{f'_{i}' if i else ''}/vars"
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple((units, units))
            kernel = h5py.h5d.create(file.create_group(name).id, b"0", h5py.h5t.IEEE_F32LE, space, dcpl=plist)
            h5py.Dataset(kernel)[:4] = np.linspace(-1, 1, 4 * units, dtype="float32").reshape(4, units)
            file[f"{name}/1"] = np.full(units, i, "float32")
    size = path.stat().st_size - 512
    config = config_of(units, 5)
    with path.open("r+b") as file:
        name = b"model.weights.h5"
        header = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, size, size, len(name), 512 - 30 - len(name))
        file.write(header + name)
        file.seek(512 + 24)
        file.write(b"\0" * 8)  # the HDF5 file begins at its own first byte
        file.seek(0, 2)
        at = file.tell()
        second = struct.pack(
            "<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(config), len(config), len(config), 11, 0
        )
        file.write(second + b"config.json" + config)
        begin = file.tell()
        for offset, length, crc, label in ((0, size, 0, name), (at, len(config), zlib.crc32(config), b"config.json")):
            entry = struct.pack(
                "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, crc, length, length, len(label), 0, 0, 0, 0, 0, offset
            )
            file.write(entry + label)
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, file.tell() - begin, begin, 0))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for path in FILES.iterdir():
        shutil.copy(path, folder)
    write_large(folder / "large.keras")
    with zipfile.ZipFile(folder / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (30 << 20))
    with zipfile.ZipFile(folder / "many.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config_of(2, 100_000))
    (folder / "cut.keras").write_bytes((FILES / "net.keras").read_bytes()[:20_000])
    with lab.LabServer(folder, extension=True) as running:
        yield running


@pytest.fixture(scope="module")
def page(server, chromium):
    page = chromium.new_page(viewport={"width": 1300, "height": 860})
    page.set_default_timeout(120_000)
    seen = lab.LabPage(page, server)
    page.goto(f"{server.url}/lab?token={server.token}")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.commands.hasCommand('docmanager:open')")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    yield seen
    assert page.evaluate("window.hack") is None
    assert seen.errors == [] and seen.foreign_requests() == []
    with urllib.request.urlopen(f"{server.url}/api/kernels?token={server.token}") as answer:
        assert json.load(answer) == []
    page.close()


def opened(seen: lab.LabPage, name: str, factory: str = ""):
    """Open a file as a double-click does, or with a factory; return its view, and the answers that came for it."""
    answers = []
    seen.page.on("response", lambda r: answers.append(r) if f"/files/{name}" in r.url else None)
    seen.page.evaluate(
        """([path, factory]) => {
            window.jupyterapp.commands.execute('docmanager:open', factory ? {path, factory} : {path}) }""",
        [name, factory],
    )
    named = f'.kf-name:text-is("{name}"), .kf-bad strong:text-is("{name}")'
    view = seen.page.locator(VIEW, has=seen.page.locator(named))
    view.wait_for()
    return view, answers


def test_a_double_click_on_a_keras_file_shows_all_of_it(page):
    view, answers = opened(page, "net.keras")
    view.locator(".kernelkit-graph [role=treeitem]").first.wait_for()
    for text in ("net.keras", "Keras 3"):
        expect(view.locator(".kf-head")).to_contain_text(text)
    for label in ("block × 3", "<img src=x onerror=hack=1>"):
        expect(view.locator(f'[role=treeitem][aria-label^="{label},"]')).to_have_count(1)
    assert {a.status for a in answers} == {206} and len(answers) <= 3
    search = view.locator(".kg-tools input")
    search.fill("dense_1")
    view.locator(".kg-found").click()
    figures = view.locator(".kg-side figure")
    figures.nth(1).locator("svg").wait_for()
    for text in ("kernel (8, 8) float32", "bias (8,) float32", "mean"):
        expect(view.locator(".kg-side")).to_contain_text(text)
    page.screenshot("file-graph")
    view.get_by_role("tab", name="Layers").click()
    rows = view.locator("tbody tr")
    cells = rows.filter(has_text="memory").locator("th, td")
    lab.until(page.page, lambda: cells.all_inner_texts()[:4] == ["memory", "LSTM", "(None, 3)", "96"])
    page.screenshot("file-layers")
    page.set_theme("JupyterLab Dark")
    page.screenshot("file-layers-dark")
    rows.filter(has_text="memory").get_by_role("button").click()
    view.locator(".kg-side figure svg").nth(2).wait_for()
    page.screenshot("file-graph-dark")
    page.set_theme("JupyterLab Light")
    view.get_by_role("tab", name="Training").click()
    for text in ("Adam", "0.001"):
        expect(view).to_contain_text(text, use_inner_text=True)
    page.screenshot("file-training")
    view.get_by_role("tab", name="Weights").click()
    view.locator("summary", has_text="lstm").click()
    view.locator("summary", has_text="cell").click()
    cell = view.locator("details", has=view.page.locator(":scope > summary", has_text="cell"))
    cell.locator("summary", has_text="vars").click()  # not those of the layer around it, which has none of its own
    view.get_by_role("button", name="Statistics").first.click()
    view.locator(".kf-tree svg").first.wait_for()
    page.screenshot("file-weights")
    assert page.page.evaluate("document.querySelectorAll('[data-commandlinker-command]').length") == 0


def test_a_file_of_more_than_a_gigabyte_opens_with_few_requests(page, server):
    assert (server.folder / "large.keras").stat().st_size > GB
    view, answers = opened(page, "large.keras")
    view.locator("[role=treeitem]").first.wait_for()
    assert len(answers) <= 3 and {a.status for a in answers} == {206}
    view.get_by_role("button", name="Open all groups").click()
    view.locator("[role=treeitem]", has_text="dense_3").click()
    view.locator(".kg-side figure svg").nth(1).wait_for()
    for text in (
        "kernel (8192, 8192) float32 · 256 MB",
        "From 1,048,576 of 67,108,864 numbers",
        "mean 3 · std 0",
    ):
        expect(view.locator(".kg-side")).to_contain_text(text)
    expect(view.locator(".kf-foot")).to_have_text(re.compile(r"^Read 4\..* of 1\.25 GB"))
    page.screenshot("file-large")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bomb.keras", "as a decompression bomb does"),
        ("cut.keras", "copied completely"),
        ("many.keras", "more than 20,000 layers"),
    ],
)
def test_hostile_and_broken_files_say_so(page, name, said):
    view, _ = opened(page, name)
    view.get_by_text(said).wait_for()
    page.screenshot(f"file-{name}")


def test_other_forms_open_with_the_viewer(page):
    view, _ = opened(page, "net.weights.h5")
    view.locator("summary", has_text="layers").wait_for()
    view, _ = opened(page, "net.h5", "Model (kernelkit)")
    view.locator("[role=treeitem]").first.wait_for()
    expect(view.locator(".kf-facts")).to_contain_text("HDF5 model")
    view, _ = opened(page, "hostile.h5", "Model (kernelkit)")
    view.get_by_text("soft link, not followed").first.wait_for()
    view.get_by_text("external link, not followed").first.wait_for(state="attached")
    page.screenshot("file-hostile")


def test_two_selected_files_are_compared(page):
    page.page.evaluate("window.jupyterapp.commands.execute('filebrowser:activate')")
    page.page.evaluate(
        "window.jupyterapp.commands.execute('filebrowser:refresh')"
    )  # rows that come later push others down
    selected = page.page.locator(".jp-DirListing-item.jp-mod-selected .jp-DirListing-itemText")
    compare = page.page.locator(".lm-Menu-item", has_text="Compare Two Selected Models")

    def offered() -> bool:  # a listing that is made anew meanwhile forgets what was selected
        page.page.locator(".jp-DirListing-item", has_text="large.keras").click()
        page.page.locator(".jp-DirListing-item", has_text="net.keras").click(modifiers=["Control"])
        try:
            expect(selected).to_have_text(["large.keras", "net.keras"], use_inner_text=True, timeout=3000)
            page.page.locator(".jp-DirListing-item", has_text="net.keras").click(button="right")
            expect(compare).to_be_visible(timeout=3000)
        except AssertionError:
            page.page.keyboard.press("Escape")  # a menu without the command
            return False
        return True

    lab.until(page.page, offered)
    compare.click()
    page.page.locator(".kf-compared tbody tr").nth(5).wait_for()
    page.page.locator(".kf-compared tr.kf-right, .kf-compared tr.kf-left").nth(5).wait_for(state="attached")
    page.screenshot("file-compared")


def test_a_server_that_ignores_ranges_sends_no_gigabyte(page):
    def whole(route):
        route.fulfill(status=200, body=bytes(17 << 20))

    page.page.route("**/files/cut.keras**", whole)
    page.page.evaluate("window.jupyterapp.shell.closeAll()")
    view, _ = opened(page, "cut.keras")
    view.get_by_text("does not send parts of a file").wait_for()
    page.screenshot("file-no-ranges")


def test_views_come_back_after_a_reload_and_axe_finds_no_barrier(page, server, axe):
    page.page.evaluate("window.jupyterapp.shell.closeAll()")
    server.wait_for_layout("default", lambda layouts: "net.keras" not in layouts)
    opened(page, "net.keras")
    server.wait_for_layout("default", lambda layouts: "net.keras" in layouts)
    page.page.reload()
    page.page.locator(f"{VIEW} [role=treeitem]").first.wait_for()
    assert axe(page.page, VIEW) == []
    page.page.get_by_role("tab", name="Layers").last.click()
    assert axe(page.page, VIEW) == []
