"""`ipyparallel` and `ray_trainer`: trainings on clusters. Their code is in `kernelkit.clusters`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_loaders: dict[str, Callable[[], Any]] = {}


def register(name: str, load: Callable[[], Any]) -> None:
    """Register the function that imports the code for a kind of cluster."""
    _loaders[name] = load


def ipyparallel(client: Any, distribution: Any = "data", **options: Any) -> Any:
    """Make the engines of an ipyparallel cluster the processes of one training.

    It needs ``pip install kernelkit[ipyparallel]``.

    Args:
        client: An ``ipyparallel.Client``, or ``Cluster(...).start_and_connect_sync()``.
        distribution: The distribution of all engines: ``"data"``, ``"fsdp"`` or a :class:`Distribution` that was
            made without devices. ``None`` leaves that to the function.
        **options: ``engines``, the ids of some engines; ``environment``, a dict of variables set in every engine;
            ``timeout``, seconds for the start (300).

    Returns:
        A :class:`~kernelkit.clusters.engines.Job`. ``job.run(function, *arguments)`` runs a function in all engines,
        shows one live panel here, whose buttons act on all, and each engine's rate of steps.

    Example:
        >>> import ipyparallel as ipp  # doctest: +SKIP
        >>> job = ipyparallel(ipp.Cluster(n=2).start_and_connect_sync())  # doctest: +SKIP
        >>> job.run(build_and_fit, {"epochs": 20})  # doctest: +SKIP
    """
    return _loaders["ipyparallel"]().Job(client, distribution, **options)


def ray_trainer(function: Callable[[dict], Any], config: dict | None = None, **options: Any) -> Any:
    """Return Ray Train's `JaxTrainer` for a function that builds and fits a model.

    It needs ``pip install kernelkit[ray]``.

    Args:
        function: Called with ``config`` in each worker, when the workers form one training. It is the function that
            also runs in a notebook; :class:`kernelkit.clusters.ray_train.RayReport` among its callbacks reports to Ray.
        config: The function's argument.
        **options: ``workers``, their number (1), or a pair (least, most) for elastic training; ``platform``, ``"cpu"``,
            ``"gpu"`` or ``"tpu"``; ``distribution``, as in :func:`ipyparallel`; others go to `JaxTrainer`.

    Returns:
        The trainer; its ``fit()`` trains.

    Example:
        >>> result = ray_trainer(build_and_fit, {"epochs": 20}, workers=2).fit()  # doctest: +SKIP
    """
    return _loaders["ray"]().ray_trainer(function, {} if config is None else config, **options)
