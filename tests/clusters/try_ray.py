"""Trains with Ray on two local workers: metrics and checkpoints reach Ray, and Ray starts a training again.

With `--unbroken` no worker is killed: half the time.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import ray
from ray.train import FailureConfig, RunConfig

from kernelkit import distribution
from tests.clusters.training import build_and_fit

CONFIG = {"seed": 3, "epochs": 4, "verbose": 0}


def main() -> None:
    faulthandler.dump_traceback_later(400, exit=True)
    with tempfile.TemporaryDirectory() as folder:
        ray.init(
            num_cpus=4, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}
        )
        broken = "--unbroken" not in sys.argv
        config = CONFIG | ({"die": f"{folder}/died"} if broken else {})
        run = RunConfig(name="run", storage_path=folder, failure_config=FailureConfig(max_failures=1))
        result = distribution.ray_trainer(build_and_fit, config, workers=2, run_config=run).fit()
        frame = result.metrics_dataframe
        print(frame)
        ray.shutdown()
        alone = build_and_fit(CONFIG)
        assert result.error is None
        if broken:
            assert Path(config["die"]).exists(), "a worker was killed in the third epoch, and Ray started all again"
        assert result.metrics["epoch"] == 4
        np.testing.assert_allclose(result.metrics["loss"], alone["loss"][-1], rtol=1e-5)
        with result.checkpoint.as_directory() as files:
            names = sorted(p.name for p in Path(files).iterdir() if p.suffix in (".h5", ".json") and p.name[0] != ".")
        assert names == ["latest.weights.h5", "training_metadata.json"], names
    print(f"ray: the losses of one process{', also after a worker was killed' if broken else ''}")


if __name__ == "__main__":
    main()
