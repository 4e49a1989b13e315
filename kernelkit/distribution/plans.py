"""`Distribution` and its kinds: `DataParallel`, `ModelParallel` and `AutoParallel`."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec

from kernelkit import placement
from kernelkit.distribution import mesh as _mesh
from kernelkit.distribution.batches import BatchPlacement, rows_of_first_batch
from kernelkit.distribution.layout_map import LayoutMap
from kernelkit.distribution.mesh import DeviceMesh, TensorLayout
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor
from kernelkit.variable import Variable

BATCH = "batch"
_AUTOTUNE = -1  # tf.data.AUTOTUNE


class Distribution:
    """The base of distributions, which decide the device of each part of an array.

    Args:
        device_mesh: The devices.
        batch_dim_name: The mesh axis over which the rows of batches are split.
        auto_shard_dataset: With several processes, whether each has the same data and takes its share of every batch.
            ``False``: each process has only its share.

    Example:
        >>> from kernelkit import distribution
        >>> mesh = distribution.DeviceMesh((4,), ["batch"], [f"gpu:{i}" for i in range(4)])
        >>> isinstance(distribution.DataParallel(mesh), distribution.Distribution)
        True
        >>> distribution.DataParallel(mesh).batch_dim_name
        'batch'
    """

    def __init__(
        self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self._auto_shard_dataset = auto_shard_dataset
        self._num_processes = jax.process_count()
        self._process_id = jax.process_index()
        self._is_multi_process = self._num_processes > 1
        self._batches: BatchPlacement | None = None

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The mesh axis over which the rows of batches are split."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether the rows of a batch are shared out over the processes."""
        return self._auto_shard_dataset

    @auto_shard_dataset.setter
    def auto_shard_dataset(self, value: bool) -> None:
        self._auto_shard_dataset, self._batches = value, None

    @property
    def num_processes(self) -> int:
        """The number of processes."""
        return self._num_processes

    @property
    def num_model_replicas(self) -> int:
        """The number of parts into which a batch is split."""
        if self._batch_dim_name is None:
            return 1
        return self._device_mesh.size_of(self._batch_dim_name)

    @property
    def data_shard_id(self) -> int:
        """The number of the part of the data that this process reads."""
        if self.num_model_replicas >= self.num_processes:
            return self._process_id
        return self._process_id // (self.num_processes // self.num_model_replicas)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Make this the current distribution inside the context, for this thread.

        Models made or trained inside are spread. A model that was made inside keeps its distribution.
        """
        with placement.scoped(self):
            yield

    # Layouts ----------------------------------------------------------------------------------------------------------

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """Return the layout of data (samples, ...): the first axis is split."""
        return TensorLayout([self._batch_dim_name, *[None] * (len(data_shape) - 1)], self._device_mesh)

    def get_variable_layout(self, variable: Variable) -> Any:
        """Return the layout of a variable: its own, if it has one, else that of the distribution's rules."""
        own = variable.layout
        return self.rule_for(variable)[0] if own is None else own

    def rule_for(self, variable: Variable) -> tuple[TensorLayout, str]:
        """Return the layout that the rules give a variable, and the rule in words."""
        return self._replicated(variable), "replicated"

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of the tensor of a path, such as ``"model/dense/output"``, or ``None``."""
        return None

    def _replicated(self, variable: Variable) -> TensorLayout:
        return TensorLayout([None] * len(variable.shape), self._device_mesh)

    def adopt(self, variables: Iterable[Variable], weights: Iterable[Variable] = ()) -> None:
        """Move variables from other devices to the devices of this distribution.

        Args:
            variables: The variables. A variable with a layout on this mesh stays where it is.
            weights: The weights to which the optimizer's variables belong: these get the layouts of their weights.
        """
        variables = list(variables)
        for variable, layout in zip(variables, self.layouts(variables, weights), strict=True):
            if layout is not variable.layout:
                variable.lay_out(layout)

    def layouts(self, variables: Iterable[Variable], weights: Iterable[Variable] = ()) -> list[Any]:
        """Return the layouts that :meth:`adopt` gives variables. Nothing is moved."""
        mesh = self._device_mesh.backend_mesh
        owners = {v.path.replace("/", "_"): v for v in weights}

        def layout_of(variable: Variable) -> Any:
            place = None if variable.layout is None else getattr(variable.layout, "backend_layout", variable.layout)
            if isinstance(place, NamedSharding) and place.mesh == mesh:
                return variable.layout
            owner = owners.get(_owner_in(variable.name, owners))
            if owner is not None and owner.shape == variable.shape and owner is not variable:
                return layout_of(owner)
            return self.rule_for(variable)[0]

        return [layout_of(v) for v in variables]

    def check_rules(self, paths: list[str]) -> None:
        """Raise an error if a rule matches nothing. Called when a model is built.

        Args:
            paths: Paths of the model's variables and layers' outputs.
        """

    # Data -------------------------------------------------------------------------------------------------------------

    @property
    def batches(self) -> BatchPlacement:
        """The object that sends batches to the devices."""
        if self._batches is None:
            sharding = NamedSharding(self._device_mesh.backend_mesh, PartitionSpec(None, self._batch_dim_name))
            # Not the number of replicas: DataParallel on a mesh of two axes splits batches over the first.
            parts = 1 if self._batch_dim_name is None else self._device_mesh.size_of(self._batch_dim_name)
            self._batches = BatchPlacement(sharding, parts, self._auto_shard_dataset)
        return self._batches

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return the part of a data set that this process reads, for a training loop of your own.

        With several processes and ``auto_shard_dataset``, each batch is cut into equal parts, one for each process;
        processes that share a replica of the model get the same part. Otherwise the data set is returned as it is.
        `fit` needs no call of this method: it takes this process's rows out of every batch itself.

        Args:
            dataset: A `tf.data.Dataset` or a :class:`kernelkit.utils.Dataset` of batches, all of one size
                (``drop_remainder=True``), so that each process has as many. The first batch is read here.

        Returns:
            A data set of smaller batches.

        Raises:
            ValueError: If the data set is of another kind, has no batches, or its batches cannot be cut into equal
                parts.
        """
        if not self._is_multi_process or not self._auto_shard_dataset:
            return dataset
        if not all(hasattr(dataset, name) for name in ("element_spec", "rebatch", "shard")):
            raise ValueError(
                f"distribute_dataset(): {type(dataset).__name__} is not supported for auto-sharding in several "
                "processes. Give a tf.data.Dataset or a kernelkit.utils.Dataset of batches."
            )
        rows = rows_of_first_batch(dataset)
        shards = min(self.num_model_replicas, self.num_processes)
        if shards == 1:
            return dataset
        if rows % shards:
            what = "processes" if shards == self.num_processes else "replicas"
            raise ValueError(
                f"Global batch size must be divisible by the number of {what}, got batches of {rows} rows for {shards} "
                f"{what}."
            )
        return dataset.rebatch(rows // shards).shard(shards, self.data_shard_id).prefetch(_AUTOTUNE)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self._device_mesh}>"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_batches": None}


class DataParallel(Distribution):
    """Data parallelism: each device has the whole model and computes its part of each batch.

    Gradients are summed over the devices in each step, so the result is as on one device with the same batches.

    Args:
        device_mesh: A mesh; the first axis splits batches.
        devices: List of devices, instead of a mesh. By default all devices.
        auto_shard_dataset: As in :class:`Distribution`.

    Example:
        >>> import numpy as np
        >>> import kernelkit as kk
        >>> with kk.distribution.DataParallel().scope():
        ...     model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((5, 2)), np.ones((5, 1)), verbose=0)  # any number of rows, on any devices
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            devices = _mesh.list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), [BATCH], devices)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ValueError(
                f"Expect `mesh` to be an instance of `DeviceMesh`, got {device_mesh!r} ({type(device_mesh).__name__})."
            )
        elif device_mesh.devices.ndim != 1:
            warnings.warn(
                f"Expect the input mesh to be 1D, got shape {device_mesh.shape}: DataParallel splits batches over the "
                f"first axis, {device_mesh.axis_names[0]!r}, and computes the same along the others.",
                stacklevel=2,
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    @property
    def num_model_replicas(self) -> int:
        """The number of copies of the model."""
        return int(self._device_mesh.devices.size)


class ModelParallel(Distribution):
    """Model parallelism: rules for paths split variables over devices, a mesh axis splits batches.

    Args:
        layout_map: The rules: a :class:`LayoutMap` with a mesh. A variable that no key matches is whole on each device.
        batch_dim_name: The mesh axis that splits batches; the first by default.
        auto_shard_dataset: As in :class:`Distribution`.
        unmatched: ``"error"`` raises an error for a key that matches nothing, ``"ignore"`` accepts it, as Keras does.
        **kwargs: ``device_mesh`` is accepted and ignored, as in Keras.

    Raises:
        ValueError: If the map has no mesh, or processes and parts of a batch don't match.

    Example:
        >>> from kernelkit import distribution
        >>> mesh = distribution.DeviceMesh((2, 2), ["batch", "model"], [f"gpu:{i}" for i in range(4)])
        >>> layouts = distribution.LayoutMap(mesh)
        >>> layouts[".*/kernel"] = (None, "model")
        >>> distribution.ModelParallel(layout_map=layouts).num_model_replicas
        2
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        unmatched: str = "error",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("device_mesh", None)
        if kwargs:
            raise TypeError(f"ModelParallel() got unknown arguments {sorted(kwargs)}.")
        if layout_map is None:
            raise ValueError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"Argument `layout_map` must be a `LayoutMap` instance, got {layout_map!r}.")
        device_mesh = layout_map.device_mesh
        if device_mesh is None:
            raise ValueError("The layout_map has no mesh: make it with LayoutMap(device_mesh).")
        if unmatched not in ("error", "ignore"):
            raise ValueError(f"unmatched must be 'error' or 'ignore', got {unmatched!r}.")
        batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        if batch_dim_name not in list(device_mesh.axis_names):
            raise ValueError(
                f"batch_dim_name={batch_dim_name!r} is no axis of the mesh, which has {list(device_mesh.axis_names)}."
            )
        super().__init__(device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map
        self._unmatched = unmatched
        replicas = self.num_model_replicas
        if self._is_multi_process and self.num_processes > replicas and self.num_processes % replicas:
            raise ValueError(
                "If `num_processes` is greater than `num_model_replicas`, `num_processes` must be divisible by "
                f"`num_model_replicas`: {self.num_processes} processes cannot share {replicas} parts of a batch."
            )

    def rule_for(self, variable: Variable) -> tuple[TensorLayout, str]:
        """Return the layout that the map gives a variable, and the key that matched."""
        key = self._layout_map.key_of(variable.path)
        if key is None:
            return self._replicated(variable), "no key: replicated"
        return self._layout_map[key], key

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout that the map gives a tensor, such as ``"model/dense/output"``, or ``None``."""
        return self._layout_map[path]

    def check_rules(self, paths: list[str]) -> None:
        """Raise an error if a key of the map matches nothing."""
        if self._unmatched == "error":
            self._layout_map.check_used(paths)


class AutoParallel(Distribution):
    """Fully sharded data parallelism ("FSDP"): shapes alone decide how large variables are split.

    A variable is split along its largest axis whose size is a multiple of the number of devices; of equal axes the last
    is taken. Small variables, and those that don't divide, are whole on each device. The optimizer's variables lie like
    their weights. XLA gathers a weight when a layer needs it, so training is that of one device.

    Args:
        device_mesh: A mesh; by default all devices in one axis.
        devices: List of devices, instead of a mesh.
        batch_dim_name: The mesh axis that splits batches; the first by default.
        model_dim_name: The mesh axis that splits variables; the last by default, which may be the same.
        smallest: Smallest number of elements of a variable that is split.
        auto_shard_dataset: As in :class:`Distribution`.

    Example:
        >>> import kernelkit as kk
        >>> mesh = kk.distribution.DeviceMesh((2,), ["batch"], ["gpu:0", "gpu:1"])
        >>> plan = kk.distribution.AutoParallel(mesh, smallest=100)
        >>> plan.rule_for(kk.Variable([[0.0] * 7] * 30))[0].axes
        ('batch', None)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence | None = None,
        *,
        batch_dim_name: str | None = None,
        model_dim_name: str | None = None,
        smallest: int = 2**14,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            devices = _mesh.list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), [BATCH], devices)
        names = list(device_mesh.axis_names)
        self._model_dim_name = model_dim_name or names[-1]
        for name in (batch_dim_name or names[0], self._model_dim_name):
            if name not in names:
                raise ValueError(f"{name!r} is no axis of the mesh, which has {names}.")
        super().__init__(device_mesh, batch_dim_name or names[0], auto_shard_dataset)
        self.smallest = smallest

    def rule_for(self, variable: Variable) -> tuple[TensorLayout, str]:
        """Return the layout for a variable's shape, and the reason."""
        shape, parts = variable.shape, self._device_mesh.size_of(self._model_dim_name)
        if math.prod(shape) < self.smallest:
            return self._replicated(variable), f"fewer than {self.smallest:,} elements: replicated"
        axes = [i for i, size in enumerate(shape) if size % parts == 0]
        if not axes:
            return self._replicated(variable), f"no axis is a multiple of {parts}: replicated"
        axis = max(axes, key=lambda i: (shape[i], i))
        spec = [self._model_dim_name if i == axis else None for i in range(len(shape))]
        return TensorLayout(spec, self._device_mesh), f"axis {axis} is the largest that divides by {parts}"


def distribution() -> Distribution | None:
    """Return the current distribution, or ``None``.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.distribution() is None
        True
    """
    return placement.current()


def set_distribution(value: Distribution | None) -> None:
    """Set the current distribution of the process, or of the open :meth:`Distribution.scope`.

    Args:
        value: The distribution, or ``None`` to end it.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.set_distribution(distribution.DataParallel())
        >>> distribution.set_distribution(None)
    """
    if value is not None and not isinstance(value, Distribution):
        raise ValueError(f"set_distribution() takes a Distribution or None, got {value!r} ({type(value).__name__}).")
    placement.set_current(value)


def distribute_tensor(tensor: Tensor, layout: Any) -> Any:
    """Return an array in a layout. In a compiled step, tell the partitioner the layout of the array.

    Args:
        tensor: An array. A symbolic tensor is returned unchanged.
        layout: A :class:`TensorLayout` or a `jax.sharding.Sharding`.

    Example:
        >>> import numpy as np
        >>> from kernelkit import distribution
        >>> mesh = distribution.DeviceMesh((1,), ["x"], distribution.list_devices()[:1])
        >>> distribution.distribute_tensor(np.ones((2, 3)), distribution.TensorLayout(("x", None), mesh)).shape
        (2, 3)
    """
    return tensor if isinstance(tensor, KerasTensor) else placement.relayout(tensor, layout)


def choose(value: Any, before: Distribution | None = None) -> Distribution | None:
    """Return the distribution for the argument ``distribution`` of `compile` or `fit`.

    Args:
        value: A :class:`Distribution`; ``"auto"`` (:class:`DataParallel` if there are several devices), ``"data"``,
            ``"fsdp"`` (:class:`AutoParallel`); or ``None``.
        before: The current distribution. It is kept if it is of the named kind, so that nothing is compiled again.

    Raises:
        ValueError: If the value is anything else.

    Example:
        >>> from kernelkit import distribution
        >>> type(distribution.choose("data")).__name__
        'DataParallel'
    """
    kinds: dict[Any, Any] = {"auto": Distribution, "data": DataParallel, "fsdp": AutoParallel}
    if value is None or isinstance(value, Distribution):
        return value
    if not isinstance(value, str) or value not in kinds:
        raise ValueError(
            f"distribution must be 'auto', 'data', 'fsdp' or a Distribution such as DataParallel(), got {value!r}."
        )
    if isinstance(before, kinds[value]):
        return before
    if value == "auto":
        return DataParallel() if jax.device_count() > 1 else None
    return kinds[value]()


def _owner_in(name: str, owners: dict[str, Variable]) -> str:
    """Return the longest name of a weight with which the name of an optimizer's variable begins, ``""`` if none."""
    parts = name.split("_")
    for end in range(len(parts), 0, -1):
        start = "_".join(parts[:end])
        if start in owners:
            return start
    return ""
