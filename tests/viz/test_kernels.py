"""The controls with kernels of several generations: what a click does while a cell trains."""

from __future__ import annotations

import os
import time

import pytest
from jupyter_client.manager import start_new_kernel

from tests.viz import lab

pytestmark = [pytest.mark.notebook, pytest.mark.slow]

VERSIONS = ("6.31.0", "7.3.0", "7.4.0")
SETUP = "import threading\nfrom kernelkit.viz.curves import LivePanel\nfrom tests.viz.fake import train"
LONG = "train(LivePanel(), epochs=1, steps=1_000_000, pause=0.02)"


class Kernel:
    """A kernel with a client that plays the page: it hears what the panel sends, and clicks."""

    def __init__(self, version: str, folder):
        # In front of the kernel that is installed; what ipykernel needs is the same for all of these.
        lab.install(f"ipykernel=={version}", folder)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(lab.ROOT)]), "JAX_PLATFORMS": "cpu"}
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=environment, startup_timeout=180)
        self.comm = self.subshell = None
        self.idle: set[str] = set()
        self.facts: dict = {}

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def hear(self, until, seconds: float = 180) -> None:
        """Take the kernel's messages until something is so."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.facts
            message = self.client.get_iopub_msg(timeout=seconds)
            content = message["content"]
            if message["msg_type"] == "comm_open" and "key" in content["data"].get("state", {}):
                self.comm = content["comm_id"]
            elif message["msg_type"] == "comm_msg" and content["data"].get("method") == "custom":
                self.facts = content["data"]["content"]["facts"]
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                self.idle.add(message["parent_header"].get("msg_id", ""))

    def execute(self, code: str, wait: bool = True) -> str:
        sent = self.client.execute(code)
        if wait:
            self.hear(lambda: sent in self.idle)
        return sent

    def open_subshell(self) -> None:
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        self.subshell = self.client.get_control_msg(timeout=120)["content"]["subshell_id"]

    def click(self, kind: str, value=None) -> None:
        """Send what the page's buttons send; on the subshell, if there is one, as JupyterLab does."""
        data = {"method": "custom", "content": {"kind": kind, "value": value}}
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def reply(self, sent: str) -> dict:
        """The kernel's reply to a request."""
        while True:
            message = self.client.get_shell_msg(timeout=120)
            if message["parent_header"]["msg_id"] == sent:
                return message["content"]

    def hear_state(self, state: str) -> None:
        self.hear(lambda: self.facts.get("state") == state)

    def hear_pause(self) -> int:
        """Wait until a pause was told of, with all steps before it; return how many those are."""
        self.hear(lambda: self.facts.get("state") == "paused" and "Paused after" in (self.facts["notice"] or ""))
        return self.facts["done"]


@pytest.fixture
def kernel(request, tmp_path):
    kernel = Kernel(request.param, tmp_path)
    kernel.execute(SETUP)
    kernel.execute(f"import ipykernel; assert ipykernel.__version__ == {request.param!r}")
    yield kernel
    kernel.close()


@pytest.mark.parametrize("kernel", [v for v in VERSIONS if v > "7"], indirect=True)
def test_clicks_act_while_the_cell_runs(kernel):
    kernel.open_subshell()
    cell = kernel.execute(LONG, wait=False)
    kernel.hear_state("running")
    kernel.click("pause")
    done = kernel.hear_pause()
    kernel.click("step")
    kernel.hear(lambda: kernel.facts["done"] == done + 1)
    kernel.click("learning_rate", 0.25)
    kernel.hear(lambda: "Learning rate 0.25" in (kernel.facts["notice"] or ""))
    # What a page that is loaded again asks before it shows its widgets is answered although the main thread stands.
    assert "kernel subshells" in kernel.reply(kernel.client.kernel_info())["supported_features"]
    assert kernel.comm in kernel.reply(kernel.client.comm_info())["comms"]
    assert cell not in kernel.idle
    kernel.click("stop")
    kernel.hear(lambda: cell in kernel.idle)
    assert kernel.facts["state"] == "stopped"
    assert kernel.reply(cell)["status"] == "ok"
    assert kernel.reply(kernel.client.kernel_info())["status"] == "ok"  # by the main thread again


@pytest.mark.parametrize("kernel", ["6.31.0"], indirect=True)
def test_where_clicks_wait_for_the_cell_an_interrupt_ends_it_and_a_training_in_a_thread_is_steered(kernel):
    cell = kernel.execute(LONG, wait=False)
    kernel.hear_state("running")
    kernel.click("pause")
    seen = kernel.facts["done"]
    kernel.hear(lambda: kernel.facts["done"] > seen + 500)
    assert kernel.facts["state"] == "running"  # the click waits, and no harm is done
    kernel.manager.interrupt_kernel()
    kernel.hear(lambda: cell in kernel.idle)
    assert kernel.facts["state"] == "interrupted"
    kernel.execute(f"threading.Thread(target=lambda: {LONG}).start()")
    kernel.hear_state("running")
    kernel.click("pause")
    kernel.hear_pause()
    kernel.click("stop")
    kernel.hear_state("stopped")
