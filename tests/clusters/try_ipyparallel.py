"""Trains in two engines of ipyparallel: one panel, both engines' rates, and buttons that act on both."""

from __future__ import annotations

import faulthandler
import threading
import time
from typing import Any

import ipyparallel
import numpy as np

from kernelkit import distribution
from tests.clusters.training import build_and_fit

CONFIG = {"seed": 3, "epochs": 4, "verbose": "auto"}


class Shown:
    """In place of a notebook's output: what the panel was told."""

    live = True
    made: list[Shown] = []

    def __init__(self) -> None:
        self.titles, self.facts, self.pictures = [], [], []
        self.made.append(self)

    def open(self, title: str, receive: Any) -> None:
        self.titles.append(title)

    def send(self, content: dict, buffer: bytes) -> None:
        self.facts.append(content["facts"])

    def close(self, picture: Any, content: dict, buffer: bytes) -> None:
        self.pictures.append(picture)


def main() -> None:
    faulthandler.dump_traceback_later(400, exit=True)
    alone = build_and_fit(CONFIG | {"verbose": 0})
    with ipyparallel.Cluster(n=2, engine_timeout=120) as client:
        client.wait_for_engines(2, timeout=120)
        environment = {"JAX_PLATFORMS": "cpu"}
        job = distribution.ipyparallel(client, environment=environment, timeout=120, output=Shown)
        results = job.run(build_and_fit, CONFIG)
        assert results[0] == results[1]
        assert results[0]["processes"] == 2
        np.testing.assert_allclose(results[0]["loss"], alone["loss"], rtol=1e-5)
        (shown,) = Shown.made
        assert len(shown.titles) == len(shown.pictures) == 1, "one panel for both engines"
        assert shown.facts[-1]["state"] == "done"
        assert {i: rate.steps for i, rate in job.rates.items()} == {0: 20, 1: 20}

        def press() -> None:
            while len(Shown.made) < 2 or not any(f["step"] for f in Shown.made[-1].facts):
                time.sleep(0.05)
            job.press("pause")
            while Shown.made[-1].facts[-1]["state"] != "paused":
                time.sleep(0.05)
            job.press("learning_rate", 0.5)
            job.press("stop")

        threading.Thread(target=press, daemon=True).start()
        results = job.run(build_and_fit, CONFIG | {"epochs": 100_000})
        assert results[0] == results[1], "both stopped at the same step"
        assert Shown.made[-1].facts[-1]["state"] == "stopped"

        job.run(build_and_fit, CONFIG | {"epochs": 12, "slow": 1})
        assert job.stragglers() == [1], job.rates
        job.close()
    print("ipyparallel: the losses of one process, one panel, buttons that act on both engines, and who is slow")


if __name__ == "__main__":
    main()
