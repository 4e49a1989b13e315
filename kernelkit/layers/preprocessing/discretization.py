"""`Discretization`: numbers turned into indices of bins."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.layers.preprocessing import quantiles
from kernelkit.layers.preprocessing.batches import batches_of
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.layers.preprocessing.encoding import check_mode, check_sparse, encode, encoded_shape
from kernelkit.ops.numpy.ordering import way_of_search
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import DType, Shapes, Tree

__all__ = ["Discretization"]


class Discretization(DataLayer):
    """Replace each number by the index of its bin.

    The bins' boundaries are given, or learned with ``adapt``, so that each bin holds about the same number of data.

    Args:
        bin_boundaries: Ascending numbers: ``[0, 1]`` makes the bins below 0, from 0 to below 1, and from 1 on.
        num_bins: Number of bins to learn, instead of ``bin_boundaries``.
        epsilon: Error of the learned quantiles, as a share of the data; a smaller one takes more memory.
        output_mode: ``"int"``: indices of bins. ``"one_hot"``: a vector for each number. ``"multi_hot"``, ``"count"``:
            a vector for each sample (the last axis is reduced).
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        dtype: Dtype of the vectors.
        name: Name.

    Raises:
        ValueError: Unless exactly one of ``bin_boundaries`` and ``num_bins`` is given.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Discretization([0.0, 1.0, 2.0])(np.array([-1.5, 1.0, 3.4, 0.5]))
        Array([0, 2, 3, 1], dtype=int32)
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: DType = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        who = self.who()
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"{who}: num_bins must not be negative, got {num_bins}.")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(f"{who}: give either bin_boundaries, or num_bins and call adapt().")
        self.bin_boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries, "float64").tolist()
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = check_mode(output_mode, ("int", "one_hot", "multi_hot", "count"), who)
        self.sparse = check_sparse(sparse, self.output_mode, who)
        self.summary = quantiles.EMPTY

    @property
    def can_adapt(self) -> bool:
        """Whether the layer may adapt(): the bins' boundaries were not given."""
        return self.num_bins is not None

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has boundaries of bins."""
        return self.bin_boundaries is not None

    def adapt(self, data: Tree, steps: int | None = None) -> None:
        """Learn the boundaries from data; earlier boundaries are replaced.

        Args:
            data: Array, or iterable of arrays (generator, `tf.data.Dataset`, `DataLoader`).
            steps: Largest number of batches to take from an iterable.

        Raises:
            ValueError: If the boundaries were given.
        """
        if self.num_bins is None:
            raise ValueError(f"{self.who()} was made with bin_boundaries: it cannot adapt(). Give num_bins instead.")
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tree) -> None:
        """Add a batch of numbers to the summary, from which the boundaries are learned."""
        self.summary = quantiles.merge(self.summary, quantiles.summarize(data, self.epsilon), self.epsilon)

    def finalize_state(self) -> None:
        """Compute the boundaries from the summary."""
        if self.num_bins is not None:
            self.bin_boundaries = quantiles.boundaries(self.summary, self.num_bins)

    def reset_state(self) -> None:
        """Clear the summary; the boundaries stay."""
        self.summary = quantiles.EMPTY

    def call(self, inputs: Tree) -> jax.Array:
        if self.bin_boundaries is None:
            raise ValueError(f"{self.who()} has no bins yet. Call adapt() on data, or pass bin_boundaries=[...].")
        inputs = jnp.asarray(inputs)
        edges = jnp.asarray(self.bin_boundaries, "float32")
        bins = jnp.digitize(inputs, edges, method=way_of_search(len(edges))).astype("int32")
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, self.output_dtype, to_sparse=self.sparse)

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        return "int32" if self.output_mode == "int" else dtypes.canonical(self.compute_dtype).name

    def compute_output_shape(self, input_shape: Shapes) -> tuple:
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Tree) -> KerasTensor:
        """Return a symbolic tensor like the output."""
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype, sparse=self.sparse)

    def get_config(self) -> dict:
        """Return the arguments that make an equal layer, learned boundaries included."""
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a layer from :meth:`get_config`'s result."""
        config = dict(config)
        learned = config.pop("bin_boundaries", None) if config.get("num_bins") is not None else None
        layer = cls(**config)
        if learned is not None:
            layer.bin_boundaries = np.asarray(learned, "float64").tolist()
        return layer
