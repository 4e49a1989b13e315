"""Training on a Ray cluster: `ray_trainer` starts the processes, `RayReport` tells Ray of metrics and checkpoints."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from kernelkit import distribution as distributions
from kernelkit import processes
from kernelkit.callbacks.backup_and_restore import BackupAndRestore
from kernelkit.distribution.start import join
from kernelkit.training.callback import Callback, was_cut_short

_PLATFORMS = {"cpu": "cpu", "gpu": "cuda", "tpu": "tpu"}
_worker = [False]


def ray_trainer(
    function: Callable[[dict], Any],
    config: dict,
    *,
    workers: int | tuple[int, int] = 1,
    platform: str = "cpu",
    distribution: Any = "data",
    scaling_config: Any = None,
    run_config: Any = None,
    **options: Any,
) -> Any:
    """Return a `JaxTrainer`; see :func:`kernelkit.distribution.ray_trainer`.

    Args:
        function: Called with ``config`` in each worker.
        config: The function's argument.
        workers: Number of workers, if there is no ``scaling_config``.
        platform: Devices of the workers: ``"cpu"``, ``"gpu"`` (one for each worker) or ``"tpu"``.
        distribution: The distribution of the workers.
        scaling_config: Ray's `ScalingConfig`.
        run_config: Ray's `RunConfig`; ``FailureConfig(max_failures=3)`` in it makes Ray start a training again, which
            then goes on from the last checkpoint that :class:`RayReport` gave.
        **options: More arguments of `JaxTrainer`.

    Raises:
        ValueError: If the platform is unknown.
    """
    from ray.train import RunConfig, ScalingConfig
    from ray.train.v2.jax import JaxConfig, JaxTrainer

    if platform not in _PLATFORMS:
        raise ValueError(f"platform must be one of {list(_PLATFORMS)}, got {platform!r}.")
    if scaling_config is None:
        scaling_config = ScalingConfig(num_workers=workers, use_gpu=platform == "gpu", use_tpu=platform == "tpu")
    run_config = RunConfig() if run_config is None else run_config
    environment = dict(run_config.worker_runtime_env or {})
    environment["env_vars"] = {"JAX_PLATFORMS": _PLATFORMS[platform], **environment.get("env_vars", {})}
    run_config.worker_runtime_env = environment

    def work(config: dict) -> None:
        on_worker(function, config, distribution)

    # Without use_tpu and use_gpu, Ray 2.60 lets each worker train alone; JAX_PLATFORMS decides where they compute.
    jax_config = JaxConfig(use_tpu=platform == "tpu", use_gpu=platform != "tpu")
    return JaxTrainer(
        work,
        train_loop_config=config,
        jax_config=jax_config,
        scaling_config=scaling_config,
        run_config=run_config,
        **options,
    )


def on_worker(function: Callable[[dict], Any], config: dict, distribution: Any) -> None:
    """Run the function in a worker of Ray, when the workers form one training.

    Raises:
        RuntimeError: If the workers form no training. Each would silently train its own model.
    """
    import ray.train

    wanted = ray.train.get_context().get_world_size()
    if processes.count() != wanted:
        raise RuntimeError(
            f"Ray started {wanted} workers, but jax sees {processes.count()} process(es), so each would train alone. "
            "Start them with kernelkit.distribution.ray_trainer, which sets JaxConfig and JAX_PLATFORMS."
        )
    join()
    distributions.set_distribution(distributions.choose(distribution))
    _worker[0] = True
    function(config)


class RayReport(Callback):
    """Report each epoch's logs and a checkpoint to Ray, and continue from Ray's last checkpoint. No effect outside Ray.

    A checkpoint is a backup of :class:`~kernelkit.callbacks.BackupAndRestore`, so a training that Ray starts again
    has the results of an uninterrupted training.

    Args:
        every: Number of epochs between checkpoints. Metrics are reported in each epoch.

    Example:
        >>> from kernelkit.clusters.ray_train import RayReport
        >>> callbacks = [RayReport(every=5)]
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"RayReport: every must be at least 1, got {every!r}.")
        self.every = every

    @property
    def active_hooks(self) -> tuple | None:
        """No batch hooks, so that steps stay fused."""
        return ()

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not _worker[0]:
            return
        import ray.train

        checkpoint = ray.train.get_checkpoint()
        if checkpoint is not None:
            with checkpoint.as_directory() as folder:
                self._backup(folder, save_freq=False).on_train_begin()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not _worker[0] or was_cut_short(self):
            return
        import ray.train

        metrics = {"epoch": epoch + 1} | {name: float(value) for name, value in (logs or {}).items()}
        if (epoch + 1) % self.every and epoch + 1 != self.params.get("epochs"):
            ray.train.report(metrics)
            return
        folder = tempfile.mkdtemp(prefix="kernelkit-")
        try:
            self._backup(folder).on_epoch_end(epoch)
            first = processes.is_first()
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder) if first else None)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _backup(self, folder: str, save_freq: Any = "epoch") -> BackupAndRestore:
        backup = BackupAndRestore(folder, save_freq=save_freq, delete_checkpoint=False)
        backup.set_params(self.params)
        backup.set_model(self.model)
        return backup
