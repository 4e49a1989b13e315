"""What the page shows of endings, earlier runs and learning rates, to the pixel. One browser session."""

from __future__ import annotations

import re
import warnings

import pytest

import kernelkit as kk
from kernelkit.viz.curves import earlier
from kernelkit.viz.curves.panel import LivePanel
from tests.viz import lab
from tests.viz.fake import FakeOutput
from tests.viz.host import Host
from tests.viz.test_truth import X, line

pytestmark = pytest.mark.browser


def messages(model, y=2 * X, epochs=8, **options):
    output = FakeOutput()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, batch_size=8, epochs=epochs, verbose=LivePanel(output, ticks=False), **options)
    return output.messages[-1:]


def show(host, sent):
    page = host.open(width=900)
    host.show(page)
    host.deliver(page, *sent)
    host.settle()
    return host.page.locator(".kernelkit-panel").last


def test_a_point_that_is_alone_is_drawn(chromium):
    earlier.forget()
    host = Host(chromium, viewport={"width": 900, "height": 700}, color_scheme="light")
    output, model = FakeOutput(), line(metrics=["mae"])
    model.fit(X[:8], 2 * X[:8], batch_size=8, epochs=1, verbose=LivePanel(output, ticks=False))
    panel = show(host, output.messages[-1:])
    ink = """canvas => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let n = 0;
        for (let i = 0; i < data.length; i += 4)  // the blue of the lines: #0072B2
            n += data[i] < 20 && Math.abs(data[i + 1] - 114) < 20 && Math.abs(data[i + 2] - 178) < 20;
        return n }"""
    assert panel.locator("canvas").count() == 2
    for canvas in panel.locator("canvas").all():
        assert 8 <= canvas.evaluate(ink) <= 200  # a dot, not a line
    panel.screenshot(path=str(lab.screen("lone-point")))
    assert host.errors == []
    host.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_endings_have_their_color_and_earlier_runs_do_not_flatten_the_curve(chromium, scheme):
    earlier.forget()
    host = Host(chromium, viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    broken = show(host, messages(line(kk.optimizers.SGD(1e30), metrics=["mae"])))
    assert broken.locator(".kk-state").inner_text() == "NaN"
    assert "model.debug(x, y)" in broken.locator(".kk-error").inner_text()
    bad, bar = (
        broken.locator(place).evaluate(f"node => getComputedStyle(node).{what}")
        for place, what in ((".kk-error", "color"), (".kk-bar > div", "backgroundColor"))
    )
    assert bad == bar and broken.locator(".kk-best").first.inner_text() == ""
    broken.screenshot(path=str(lab.screen(f"ending-nan-{scheme}")))

    stopping = kk.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
    early = show(host, messages(line(), callbacks=[stopping]))
    assert early.locator(".kk-state").inner_text() == "stopped early"
    assert early.locator(".kk-error").inner_text().startswith("Stopped early after epoch 2 of 8: loss did not improve")
    assert early.locator(".kk-bar").get_attribute("aria-valuenow") == "25"
    assert early.locator(".kk-error").evaluate("node => getComputedStyle(node).color") != bad

    earlier.forget()
    messages(line(name="raw"), y=3000 * X, epochs=60)
    lower = kk.callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 3 else 0.02)
    second = show(host, messages(line(name="scaled"), epochs=6, callbacks=[lower], validation_data=(X, 2 * X)))
    legend = second.locator(".kk-chart").first.locator(".kk-legend").inner_text()
    assert re.search(r"raw \(run \d+\)", legend)
    second.screenshot(path=str(lab.screen(f"rates-{scheme}")))
    third = show(host, messages(line(name="scaled again"), epochs=4, validation_data=(X, 2 * X)))
    legend = third.locator(".kk-chart").first.locator(".kk-legend").inner_text()
    assert re.search(r"scaled \(run \d+, val\)", legend) and "raw" in legend
    assert third.get_by_label("Earlier runs").is_checked()
    third.screenshot(path=str(lab.screen(f"earlier-{scheme}")))
    other = kk.Sequential([kk.Input((1,)), kk.layers.Dense(2), kk.layers.Dense(1)])
    other.compile("sgd", "mse")
    fourth = show(host, messages(other, epochs=4))
    assert not fourth.get_by_label("Earlier runs").is_checked() and "(run " not in fourth.inner_text()
    fourth.get_by_label("Earlier runs").check()
    fourth.get_by_text(re.compile(r"scaled \(run \d+")).first.wait_for()
    assert host.errors == []
    host.page.close()
    earlier.forget()
