"""Pages for the browser. The runtime is the npm package onnxruntime-web: `npm install onnxruntime-web@1.30.0`, and the
environment variable KERNELKIT_ONNXRUNTIME_WEB names its folder, or it lies in a `node_modules` above."""

import base64
import hashlib
import io
import os
import tarfile

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.export.web import file, runtime
from tests.export import zoo

pytest.importorskip("onnx")


@pytest.fixture
def fake(tmp_path):
    """A folder like that of the package, with other contents."""
    folder = tmp_path / "package"
    for name, text in ((runtime.CODE, "export {}"), (runtime.WASM, "wasm"), ("package.json", '{"version": "9"}')):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_folder_has_three_files_and_replaces_only_such_a_folder(tmp_path, fake):
    model = zoo.build("mlp")
    for _ in range(2):
        done = model.export(tmp_path / "out", format="web", runtime=fake, verbose=False)
    assert done.error is not None and done.error < 1e-5 and done.checked_by == "onnxruntime"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["index.html", "model.js", "runtime.js"]
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="notes.txt"):
        model.export(tmp_path / "out", format="web", runtime=fake, verbose=False)


def test_names_of_a_stranger_stay_text_in_the_page():
    text = file.page({"name": "</script><script>alert(1)</script>", "labels": ["</script>"]})
    assert text.count("<script") == 3 and "\\u003c/script>" in text and "&lt;/script&gt;" in text


def test_what_a_page_refuses(tmp_path, fake):
    model = zoo.build("mlp")
    with pytest.raises(ValueError, match="pixels must be one of"):
        model.export(tmp_path / "out", format="web", pixels="-2..2", runtime=fake)
    with pytest.raises(FileNotFoundError, match="npm install onnxruntime-web@1.30.0"):
        model.export(tmp_path / "out", format="web", runtime=tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_package_is_unpacked_only_if_its_digest_is_right(tmp_path, fake):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.add(fake, "package")
    digest = base64.b64encode(hashlib.sha512(made.getvalue()).digest()).decode()
    found = runtime.unpack(made.getvalue(), tmp_path / "cache", digest)
    assert found == runtime.Runtime("9", b"export {}", b"wasm")
    with pytest.raises(ValueError, match="SHA-512 differs"):
        runtime.unpack(made.getvalue(), tmp_path / "cache")


def test_without_the_package_and_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(runtime.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm
    with pytest.raises(ConnectionError, match="npm install onnxruntime-web@1.30.0, and pass its folder"):
        runtime.find()


def digits():
    inputs = kk.Input((28, 28, 1), name="digit")
    hidden = kk.layers.Conv2D(4, 5, strides=3, activation="relu")(inputs)
    return kk.Model(inputs, kk.layers.Dense(10, activation="softmax", name="kind")(kk.layers.Flatten()(hidden)))


def ask(page, inputs):
    """What the page computes for arrays by name."""
    given = {n: {"shape": list(x.shape), "data": x.ravel().tolist()} for n, x in inputs.items()}
    found = page.evaluate("async given => { await kernelkit.ready; return kernelkit.predict(given) }", given)
    return {n: np.array(y["data"]).reshape(y["shape"]) for n, y in found.items()}


def close(page, model, inputs, struct):
    want = model(struct)
    want = want if isinstance(want, dict) else {model.output_names[0]: want}
    for name, y in ask(page, inputs).items():
        np.testing.assert_allclose(y, want[name], atol=1e-4)


@pytest.mark.browser
def test_pages_compute_the_models_numbers_offline(tmp_path, chromium):
    if runtime.installed() is None and "CI" not in os.environ:  # CI fetches it by npm, and fails without
        pytest.skip("npm install onnxruntime-web@1.30.0, in this folder or one above")
    kk.utils.set_random_seed(2)
    cnn = digits()
    labels = [f"the {i}" for i in range(10)]
    cnn.export(tmp_path / "cnn", format="web", labels=labels, verbose=False)
    page = chromium.new_page()
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.goto((tmp_path / "cnn" / "index.html").as_uri())
    page.wait_for_function("document.body.dataset.runs >= 1", timeout=60_000)
    for batch in (1, 3):
        x = zoo.draw(cnn, batch)
        close(page, cnn, {"digit": x}, x)

    box = page.locator("canvas.draw").bounding_box()
    before = page.locator(".bar output").all_inner_texts()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 220, steps=6)
    page.mouse.up()
    page.wait_for_function("before => document.querySelector('.bar output').innerText !== before", arg=before[0])
    page.wait_for_function("!running && !wanted")
    seen = page.evaluate("async () => readers[0]()")
    pixels = np.array(seen["data"], "float32").reshape(seen["shape"])
    assert pixels.shape == (1, 28, 28, 1) and 0.9 < pixels.max() <= 1 and pixels.min() == 0
    stroke = pixels[0, :, :, 0]
    assert stroke[10:18, 9:15].max() > 0.9 and stroke[:, 20:].max() == 0
    shown = [float(text) for text in page.locator(".bar output").all_inner_texts()]
    np.testing.assert_allclose(shown, np.asarray(cnn(pixels))[0], atol=1e-3)
    assert page.locator(".bar span").all_inner_texts() == labels

    picture = np.zeros((56, 56), "uint8")
    picture[:, 28:] = 255
    from PIL import Image

    Image.fromarray(picture).save(tmp_path / "picture.png")
    page.set_input_files("input[type=file]", tmp_path / "picture.png")
    page.wait_for_function("readers[0]().data[28 * 5 + 25] > 0.9 && readers[0]().data[28 * 5 + 2] < 0.1")

    multi = zoo.build("multi_io")
    multi.export(tmp_path / "multi", format="web", verbose=False)
    page.goto((tmp_path / "multi" / "index.html").as_uri())
    page.wait_for_function("document.body.dataset.runs >= 1", timeout=60_000)
    x = zoo.draw(multi, 2)
    close(page, multi, x, x)
    fields = page.locator(".numbers input")
    assert fields.count() == 7
    for i in range(7):
        fields.nth(i).fill(str(i / 4))
    page.wait_for_function("!running && readers[1]().data[2] === 1.5")
    row = {"a": np.arange(4, dtype="float32")[None] / 4, "b": np.arange(4, 7, dtype="float32")[None] / 4}
    first = page.evaluate("kernelkit.spec.outputs[0].name")
    page.wait_for_function(
        "want => Math.abs(document.querySelector('.bar output').innerText - want) < 1e-3",
        arg=float(np.ravel(multi(row)[first])[0]),
    )

    lstm = zoo.build("lstm")
    lstm.export(tmp_path / "lstm", format="web", verbose=False)
    page.goto((tmp_path / "lstm" / "index.html").as_uri())
    page.wait_for_function("document.body.dataset.runs >= 1", timeout=60_000)
    x = zoo.draw(lstm, 2)
    close(page, lstm, {lstm.input_names[0]: x}, x)
    page.locator("textarea").fill("[[1, 2], [3]]")
    page.locator("#status.error", has_text="has shape [6, 4], got [2, 2]").wait_for()
    assert problems == []
    assert {url.split(":")[0] for url in asked} <= {"file", "blob", "data"}
    page.close()
