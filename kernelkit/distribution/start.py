"""`initialize`: join the processes of a training."""

from __future__ import annotations

import os
from typing import Any

import jax

from kernelkit import interrupts, processes, random


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    heartbeat_seconds: int = 20,
    **options: Any,
) -> None:
    """Join the processes that train a model together. Call it before anything is computed.

    With no argument, jax finds the other processes in the environment: of SLURM, Open MPI and TPU pods, and of
    Kubernetes where the package ``kubernetes`` is installed. Random numbers are the same in all processes afterwards.

    Args:
        job_addresses: Address ``"host:port"`` of the first process; more addresses, after commas, are not needed.
            Default: ``KERAS_DISTRIBUTION_JOB_ADDRESSES`` of the environment.
        num_processes: Number of processes; default ``KERAS_DISTRIBUTION_NUM_PROCESSES``.
        process_id: Number of this process, from 0; default ``KERAS_DISTRIBUTION_PROCESS_ID``, or
            ``JOB_COMPLETION_INDEX``, which an indexed job of Kubernetes sets, if the other two are known.
        heartbeat_seconds: Seconds without a message after which a process counts as lost.
        **options: More arguments of `jax.distributed.initialize`.

    Raises:
        ValueError: If there are more or fewer addresses than processes.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.initialize("10.0.0.1:1234", num_processes=2, process_id=0)  # doctest: +SKIP
        >>> distribution.initialize("10.0.0.1:1234,10.0.0.2:1234", num_processes=3, process_id=0)
        Traceback (most recent call last):
            ...
        ValueError: initialize(): job_addresses has 2 jobs, but num_processes is 3...
    """
    job_addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    num_processes = _number(num_processes, "KERAS_DISTRIBUTION_NUM_PROCESSES")
    process_id = _number(process_id, "KERAS_DISTRIBUTION_PROCESS_ID")
    if job_addresses and num_processes is not None:
        process_id = _number(process_id, "JOB_COMPLETION_INDEX")
    addresses = [a.strip() for a in (job_addresses or "").split(",") if a.strip()]
    if num_processes is not None and len(addresses) not in (0, 1, num_processes):
        raise ValueError(
            f"initialize(): job_addresses has {len(addresses)} jobs, but num_processes is {num_processes}. Give the "
            "address of the first process alone, or one for each process."
        )
    jax.distributed.initialize(
        coordinator_address=addresses[0] if addresses else None,
        num_processes=num_processes,
        process_id=process_id,
        **{"heartbeat_timeout_seconds": heartbeat_seconds} | options,
    )
    join()


def join() -> None:
    """Make jax's processes one training, with the same random numbers and common stops.

    :func:`initialize` calls this function. Call it yourself after another library, such as Ray, has called
    ``jax.distributed.initialize``.
    """
    if processes.count() > 1:
        interrupts.only_when_agreed()
        random.set_random_seed(processes.of_first(random.make_default_seed()))


def _number(given: int | None, name: str) -> int | None:
    if given is None and name in os.environ:
        return int(os.environ[name])
    return given
