"""Make the pictures of README from a real JupyterLab: the live panel and the step debugger, in light and in dark.

    python tools/pictures.py            # writes docs/pictures/*.png; needs Chromium (apt-get install chromium)

The panel is taken in the middle of a training, the debugger where it has just found a NaN.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.viz import lab

PICTURES = ROOT / "docs" / "pictures"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
DATA = """\
import numpy as np
from sklearn.datasets import load_digits
import kernelkit as keras
from kernelkit import layers
keras.utils.set_random_seed(0)
digits = load_digits()
x, y = (digits.images / 16).astype("float32")[..., None], digits.target
"""
PANEL = """\
import time
class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.25 if epoch < 12 else 60)
model = keras.Sequential([layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
                          layers.Dropout(0.4), layers.Dense(10, activation="softmax")], name="digits")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
handle = model.fit(x, y, epochs=20, validation_split=0.2, callbacks=[Slow()], background=True)
"""
DEBUGGER = """\
def my_loss(y_true, y_pred):
    right = keras.ops.take_along_axis(y_pred, keras.ops.cast(y_true, "int32")[:, None], axis=-1)
    return -keras.ops.log(right)

bright = x.copy()
bright[77] *= 1e5
net = keras.Sequential([layers.Conv2D(8, 3, activation="relu", name="conv"), layers.Flatten(),
                        layers.Dense(10, activation="softmax", name="answer")], name="digits")
net.compile(keras.optimizers.Adam(0.01), my_loss)
dbg = net.debug(bright, (y + (np.arange(len(y)) == 77)) % 10, batch_size=32)
dbg.break_on("nan")
dbg.run(epochs=1)
dbg
"""


def save(page: Page, selector: str, name: str, height: int) -> None:
    """Save an element as a picture with few colors, so that it is small."""
    place = page.locator(selector).last
    place.scroll_into_view_if_needed()
    picture = Image.open(io.BytesIO(place.screenshot())).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(height, picture.height)))
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture.quantize(128, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, lab.LabServer(Path(folder)) as server, sync_playwright() as play:
        lab.write_notebook(Path(folder) / "pictures.ipynb", DATA, PANEL, "handle.stop(); handle.wait()", DEBUGGER)
        browser = play.chromium.launch(executable_path=lab.find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1150, "height": 1500}, device_scale_factor=1.5)
        page.set_default_timeout(120_000)
        notebook = lab.LabPage(page, server)
        notebook.open("pictures.ipynb")
        notebook.command("application:toggle-left-area")
        notebook.run_cell(0)
        notebook.run_cell(1)
        page.locator(".kernelkit-panel", has_text="Epoch 13").wait_for()
        page.wait_for_timeout(1500)
        for theme, name in THEMES.items():
            notebook.set_theme(name)
            page.wait_for_timeout(800)
            save(page, ".kernelkit-panel", f"panel-{theme}", 1200)
        notebook.run_cell(2)
        notebook.run_cell(3)
        notebook.wait_cell_done(3)
        page.locator(".kd-wrong").first.wait_for()
        for theme, name in THEMES.items():
            notebook.set_theme(name)
            page.wait_for_timeout(1500)
            save(page, ".kernelkit-debugger", f"debugger-{theme}", 1305)
        browser.close()
    for path in sorted(PICTURES.glob("*.png")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
