"""The widget's messages through real kernels: under each ipykernel no click is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.notebook, pytest.mark.slow, pytest.mark.one_in(2)]

ROOT = Path(__file__).absolute().parents[3]
SETUP = """
import time, numpy as np, kernelkit as kk
model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="relu", name="hidden"), kk.layers.Dense(1)])
model.compile("sgd", "mse")
rng = np.random.default_rng(0)
x = rng.random((4096, 4), dtype="float32")
dbg = model.debug(x, x[:, :1], batch_size=8)
dbg
"""


@pytest.fixture(scope="module", params=["installed", "6.31.0", "7.3.0"])
def kernel(request, tmp_path_factory):
    """A kernel of an ipykernel, with a debugger shown in it."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    if request.param != "installed":
        folder = tmp_path_factory.mktemp(f"ipykernel-{request.param}")
        command = ["pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(folder)]
        subprocess.run([sys.executable, "-m", "uv", *command, f"ipykernel=={request.param}"], check=True)
        paths.insert(0, str(folder))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "JAX_PLATFORMS": "cpu"}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, startup_timeout=180)
    try:
        yield Page(client, request.param)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class Page:
    """What a browser's page is to the kernel: it runs cells, clicks, and hears what comes."""

    def __init__(self, client, version):
        self.client, self.id, self.states, self.heard = client, 0, [], []
        self.client.execute("import ipykernel; print(ipykernel.__version__)")
        self.version = self.until_idle("stream")["content"]["text"].strip()
        assert version in ("installed", self.version)
        self.client.execute(SETUP)
        self.until_idle("display_data")
        opened = [m["content"] for m in self.heard if m["msg_type"] == "comm_open"]
        (self.comm,) = (content["comm_id"] for content in opened if "_esm" in content["data"]["state"])
        self.ask("ready")
        self.wait(lambda state: state["position"] == 0)

    def hear(self, timeout=120):
        message = self.client.get_iopub_msg(timeout=timeout)
        self.heard.append(message)
        content = message["content"]
        assert message["msg_type"] != "error", "\n".join(content["traceback"])
        if message["msg_type"] == "comm_msg":
            told = content["data"].get("content") or {}
            if told.get("kind") == "state":
                self.states.append(told)
        return message

    def until_idle(self, wanted):
        found = None
        while True:
            message = self.hear()
            found = message if message["msg_type"] == wanted and found is None else found
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle" and found:
                return found

    def ask(self, kind, subshell=None, **more):
        self.id += 1
        content = {"kind": kind, "page": "test", "id": self.id, **more}
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def wait(self, holds, seconds=180):
        deadline = time.monotonic() + seconds
        while not (self.states and self.states[-1]["handled"].get("test") == self.id and holds(self.states[-1])):
            assert time.monotonic() < deadline, self.states[-1:]
            self.hear()
        return self.states[-1]

    def subshell(self):
        """A thread of the kernel's that hears messages while a cell runs; None where it has none."""
        if self.version.startswith("6."):
            return None
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        return self.client.get_control_msg(timeout=120)["content"]["subshell_id"]


def test_no_click_of_a_burst_is_lost(kernel):
    begin = kernel.states[-1]["position"]
    for _ in range(20):
        kernel.ask("step")
    assert kernel.wait(lambda state: not state["running"])["position"] == begin + 20


def test_clicks_on_a_subshell_and_during_a_cell_are_done_in_order(kernel):
    subshell = kernel.subshell()
    begin = kernel.states[-1]["position"]
    kernel.client.execute("dbg.step(); print('the cell runs'); time.sleep(2)")
    while kernel.hear()["msg_type"] != "stream":  # a subshell may be faster than the shell that runs cells
        pass
    for _ in range(10):
        kernel.ask("step", subshell)
    kernel.ask("step", subshell, count=10)
    kernel.ask("back", subshell, count=5)
    assert kernel.wait(lambda state: not state["running"])["position"] == begin + 1 + 20 - 5


def test_a_run_is_stopped_and_clicks_during_it_wait(kernel):
    kernel.ask("run to", what="loss below", value=-1.0, epochs=100)
    seen = len(kernel.states)
    while len(kernel.states) < seen + 3:
        kernel.hear()
    kernel.ask("step")
    kernel.ask("stop")
    state = kernel.wait(lambda state: not state["running"])
    assert state["stopped"] == "Stopped." and state["position"] < 100 * 512
    ended = state["position"]
    kernel.ask("back")  # after the step that waited
    assert kernel.wait(lambda state: True)["position"] == ended + 1 - 1


def test_a_run_of_a_cell_is_stopped_where_the_kernel_hears_it(kernel):
    subshell = kernel.subshell()
    epochs = 8 if subshell is None else 800  # it ends by itself only where nobody can end it
    kernel.client.execute(f"dbg.run(until=lambda s: time.sleep(0.001), epochs={epochs}); print('at', dbg.stopped)")
    seen = len(kernel.states)
    while len(kernel.states) < seen + 2:
        kernel.hear()
    kernel.ask("stop", subshell)
    said = kernel.until_idle("stream")["content"]["text"].strip()
    hears = subshell is not None
    assert said == ("at Stopped." if hears else "at The epochs asked for are done.")


def test_messages_are_small(kernel):
    kernel.ask("layer", layer="hidden")
    kernel.wait(lambda state: state["layer"] == "hidden")
    kernel.ask("step")
    kernel.wait(lambda state: True)
    sizes = [sum(map(len, m["buffers"])) + len(str(m["content"])) for m in kernel.heard if m["msg_type"] == "comm_msg"]
    assert sizes and max(sizes) <= 64 << 10


def test_what_the_notebook_keeps_is_made_anew_with_the_last_state(kernel):
    kernel.ask("step")
    position = kernel.wait(lambda state: True)["position"]
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        message = kernel.hear()
        if message["msg_type"] == "update_display_data" and f"step {position:,}" in str(
            message["content"]["data"]["text/html"]
        ):
            break
    assert message["content"]["data"].keys() == {"text/plain", "text/html", "image/png"}
    assert "hidden" in message["content"]["data"]["text/plain"]
    shown = [m for m in kernel.heard if m["msg_type"] == "display_data"]
    assert shown[0]["content"]["transient"] == message["content"]["transient"]
