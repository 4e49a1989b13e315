"""`initialize()` without arguments finds the other processes in the environment of a launcher."""

from __future__ import annotations

import random
import socket

import pytest

from tests.distribution.test_several_processes import free_port, results, start

pytestmark = pytest.mark.one_in(4)

FIRST = 65535 - 2**12 + 1
"""jax takes the port of the first process from the job's number: this one and the 4095 after it."""


def port_of_a_job() -> int:
    """A free port of those that jax gives to jobs."""
    for port in random.SystemRandom().sample(range(FIRST, 65536), 50):
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def slurm(port: int, number: int) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": str(port - FIRST),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
        "SLURM_STEP_NUM_NODES": "1",
    }


def open_mpi(port: int, number: int) -> dict[str, str]:
    return {
        "OMPI_MCA_orte_hnp_uri": f"{(port - FIRST) * 2**12}.0;tcp://127.0.0.1:34911",
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_RANK": str(number),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(number),
    }


def kubernetes(port: int, number: int) -> dict[str, str]:
    """What the pods of an indexed job have, and the two variables that its author sets."""
    return {
        "JOB_COMPLETION_INDEX": str(number),
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{port}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }


def keras(port: int, number: int) -> dict[str, str]:
    return {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{port}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
    }


@pytest.mark.parametrize("environment", [slurm, open_mpi, kubernetes, keras])
def test_processes_find_one_another(environment, tmp_path):
    port = port_of_a_job() if environment in (slurm, open_mpi) else free_port()
    found = results(start("joined", 2, tmp_path, port, [environment(port, i) for i in range(2)]))
    assert [r["joined"] for r in found] == [{"numbers": [0, 1], "devices": 2}] * 2
