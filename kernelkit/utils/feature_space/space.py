"""`FeatureSpace`: the columns of a table, each prepared in its own way and encoded together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes, scope, serialize
from kernelkit.layers import CategoryEncoding, HashedCrossing, Input, Layer
from kernelkit.layers.preprocessing.data_layer import DataLayer, is_tensorflow
from kernelkit.saving import save_model
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.typing import Tree
from kernelkit.utils.feature_space import features as kinds
from kernelkit.utils.feature_space.columns import read, table_of, tables_in
from kernelkit.utils.feature_space.features import Cross, Feature, TFDConcat, require_count

_OUTPUT_MODES = ("concat", "dict")


class FeatureSpace(DataLayer):
    """Prepare and encode the columns of a table: numbers, categories, and combinations of them.

    Declare each column, let :meth:`adapt` learn vocabularies and statistics, and call the space on data: a dict of
    columns, a frame (pandas, polars), or a single row. It may stand inside a model too, and in the `map` of a data set.

    Args:
        features: Dict from the names of columns to their kinds: ``"float"``, ``"float_rescaled"``,
            ``"float_normalized"``, ``"float_discretized"``, ``"integer_categorical"``, ``"string_categorical"``,
            ``"integer_hashed"``, ``"string_hashed"``, or the result of ``FeatureSpace.float()`` and its siblings, which
            take arguments.
        output_mode: ``"concat"``: one array (batch, size). ``"dict"``: a dict of arrays by name.
        crosses: Columns to be hashed together: tuples of names, or ``FeatureSpace.cross(...)``.
        crossing_dim: Number of bins of a cross that is given as a tuple.
        hashing_dim: Number of bins of ``"integer_hashed"`` and ``"string_hashed"``.
        num_discretization_bins: Number of bins of ``"float_discretized"``.
        name: Name.

    Attributes:
        preprocessors: The layer of each column.
        crossers: The layer of each cross.

    Raises:
        ValueError: If an argument has another value, or a cross names a column that is not a category.

    Example:
        >>> import kernelkit as kk
        >>> space = kk.utils.FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
        >>> data = {"age": [20.0, 40.0], "city": ["Seoul", "Busan"]}
        >>> space.adapt(data)
        >>> space(data)
        Array([[-1.,  0.,  1.,  0.],
               [ 1.,  0.,  0.,  1.]], dtype=float32)
    """

    _convert_input_args = False

    float = staticmethod(kinds.make_float)
    float_rescaled = staticmethod(kinds.make_float_rescaled)
    float_normalized = staticmethod(kinds.make_float_normalized)
    float_discretized = staticmethod(kinds.make_float_discretized)
    integer_categorical = staticmethod(kinds.make_integer_categorical)
    string_categorical = staticmethod(kinds.make_string_categorical)
    string_hashed = staticmethod(kinds.make_string_hashed)
    integer_hashed = staticmethod(kinds.make_integer_hashed)
    feature = staticmethod(kinds.make_feature)
    cross = staticmethod(kinds.make_cross)

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.built = False
        if output_mode not in _OUTPUT_MODES:
            raise ValueError(
                f"Invalid value for argument `output_mode`: expected one of {_OUTPUT_MODES}, got {output_mode!r}."
            )
        if not isinstance(features, Mapping) or not features:
            raise ValueError(f"The `features` argument must be a dict that is not empty, got {features!r}.")
        self.output_mode = output_mode
        self.crossing_dim = crossing_dim
        self.hashing_dim = require_count(hashing_dim, "hashing_dim")
        self.num_discretization_bins = require_count(num_discretization_bins, "num_discretization_bins")
        self.features = {name: self._as_feature(name, given) for name, given in features.items()}
        self.crosses = [self._as_cross(given) for given in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.preprocessors: dict[str, Any] = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses_by_name.values()
        }
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.concat = TFDConcat(axis=-1) if output_mode == "concat" else None
        self.inputs: dict[str, KerasTensor] | None = None
        self.encoded_features: Any = None
        self._was_adapted = False
        self._is_ready = False

    def _as_feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, dict):
            given = serialize.deserialize_keras_object(given)
        if isinstance(given, Feature):
            return given
        if not isinstance(given, str):
            raise ValueError(
                f"Invalid feature type of {name!r}: {given!r}. Give a name such as 'float_normalized', or the result "
                "of FeatureSpace.float_normalized() or a sibling."
            )
        return kinds.named(given, name, self.hashing_dim, self.num_discretization_bins)

    def _as_cross(self, given: Any) -> Cross:
        if isinstance(given, dict):
            given = serialize.deserialize_keras_object(given)
        if not isinstance(given, Cross):
            if not self.crossing_dim:
                raise ValueError("When `crosses` are given as tuples, `crossing_dim` must be given too.")
            given = Cross(given, self.crossing_dim)
        unknown = [name for name in given.feature_names if name not in self.features]
        if unknown:
            raise ValueError(
                f"The cross {given.feature_names} names {unknown}, which are not features. The features: "
                f"{list(self.features)}."
            )
        floats = [name for name in given.feature_names if self.features[name].gives_floats]
        if floats:
            raise ValueError(
                f"The cross {given.feature_names} takes categories, but feature {floats[0]!r} gives floats. Declare it "
                "as 'float_discretized'."
            )
        return given

    # Learning ---------------------------------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Learn the vocabularies, means and variances, and boundaries of bins of the columns' layers.

        The data are read once. Columns for layers that learn from all data at once are kept in memory meanwhile.

        Args:
            dataset: A dict of columns, a frame, or an iterable of such: a `tf.data.Dataset`, batched or not, a
                :class:`~kernelkit.utils.Dataset`, a generator. Of pairs ``(x, y)`` only ``x`` is used.

        Raises:
            ValueError: If a column is missing or holds something else than declared; the message names it.
        """
        learners = {name: layer for name, layer in self.preprocessors.items() if _can_adapt(layer)}
        wanted = {name: self.features[name] for name in learners}
        gathered: dict[str, list] = {name: [] for name, layer in learners.items() if not _learns_by_batch(layer)}
        for name, layer in learners.items():
            if name not in gathered:
                layer.reset_state()
        rows = 0
        for table in tables_in(dataset, self.who()) if learners else ():
            columns, _ = read(table, wanted, self.who())
            rows += max(len(column) for column in columns.values())
            for name, column in columns.items():
                column = np.asarray(column)
                self._require_numbers(name, column)
                if name in gathered:
                    gathered[name].append(column)
                else:
                    learners[name].update_state(column)
        if learners and not rows:
            raise ValueError(f"{self.who()}: adapt() was given no data.")
        for name, layer in learners.items():
            if name in gathered:
                if not layer.built:
                    layer.build((None, *gathered[name][0].shape[1:]))
                layer.adapt(np.concatenate(gathered[name]))
            else:
                layer.finalize_state()
        self._was_adapted = True
        self.inputs, self._is_ready = None, False
        self._wire()

    def _require_numbers(self, name: str, column: np.ndarray) -> None:
        if column.dtype.kind == "f" and np.isnan(column).any():
            raise ValueError(
                f"{self.who()}: feature {name!r} has {int(np.isnan(column).sum())} NaN among {column.size} values, so "
                "its statistics would be NaN too. Replace missing values, or drop their rows."
            )

    def _is_adapted(self) -> bool:
        return self._was_adapted or all(
            getattr(layer, "is_adapted", False) for layer in self.preprocessors.values() if hasattr(layer, "adapt")
        )

    def _prepare(self) -> None:
        """Make the encoders, after `adapt`."""
        if self._is_ready:
            return
        if not self._is_adapted():
            raise ValueError(f"{self.who()}: you need to call adapt(dataset) before you can use the feature space.")
        self.one_hot_encoders = {name: self._encoder(name) for name in self._encoded_names()}
        self.built = self._is_ready = True

    def _wire(self) -> None:
        """Make the symbolic inputs and outputs."""
        self._prepare()
        if self.inputs is None:
            inputs = {n: Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()}
            self.encoded_features = self._encode(inputs)
            self.inputs = inputs

    def _encoded_names(self) -> list[str]:
        both = (self.features, self.crosses_by_name)
        return [name for part in both for name in sorted(part) if part[name].output_mode == "one_hot"]

    def _encoder(self, name: str) -> CategoryEncoding:
        if name in self.crosses_by_name:
            return CategoryEncoding(self.crosses_by_name[name].crossing_dim, output_mode="multi_hot")
        count = self.features[name].categories()
        if count is None and not self.features[name].gives_floats:
            raise ValueError(
                f"{self.who()}: feature {name!r} has output_mode='one_hot', but the number of categories of its layer "
                f"{self.features[name].preprocessor!r} is not known. Use output_mode='int', or 'float' with a "
                "layer that gives vectors."
            )
        return CategoryEncoding(count or 1, output_mode="multi_hot")

    # Calling ----------------------------------------------------------------------------------------------------------

    @property
    def host_only(self) -> bool:
        """Whether the space must run in Python, before a model's compiled step."""
        layers = (*self.preprocessors.values(), *self.crossers.values())
        return any(getattr(layer, "host_only", False) for layer in layers)

    def __call__(self, data: Tree) -> Any:
        """Return the columns of a table, encoded.

        Args:
            data: A dict of columns, each of shape (batch,) or (batch, 1); a frame; or a single row, whose values are
                numbers and strings. Columns that are not features are ignored.

        Returns:
            An array (batch, size), or a dict of arrays; without the batch axis for a single row.

        Raises:
            ValueError: If the data have no names, or a column is missing or holds something else than declared.
        """
        self._require_init()
        table = table_of(data)
        if table is None:
            raise ValueError(
                f"{self.who()}: a FeatureSpace can only be called with a dict of columns, a frame or a row of one, got "
                f"{type(data).__name__}."
            )
        if missing := [name for name in self.features if name not in table]:
            raise ValueError(
                f"{self.who()}: the data have no column for the features {missing}. Their columns: {list(table)}."
            )
        columns = {name: table[name] for name in self.features}
        self._prepare()
        leaves = list(columns.values())
        if any(map(is_tensorflow, leaves)) or any_symbolic((columns,), {}):
            return super().__call__(columns)
        if any(isinstance(leaf, jax.Array) for leaf in leaves):
            return Layer.__call__(self, columns)
        return self.call(columns)

    def call(self, data: Tree) -> Tree:
        columns, is_row = read(data, self.features, self.who())
        encoded = self._encode(columns)
        if not is_row:
            return encoded
        return {n: _first(v) for n, v in encoded.items()} if isinstance(encoded, dict) else _first(encoded)

    def dtype_in_tensorflow(self, dtype: str) -> str:
        """Return int64 for integers: outside of jax they are not limited to 32 bits."""
        return "int64" if dtype == "int32" else dtype

    def compute_output_spec(self, data: Tree) -> Any:
        """Return symbolic tensors like the outputs."""
        # Each layer answers with its own output's shape: strings cannot be traced.
        with scope.StatelessScope(), scope.SymbolicScope(), scope.not_recording():
            outputs = self.call(data)
        return jtu.tree_map(lambda t: KerasTensor(t.shape, t.dtype, sparse=t.sparse), outputs)

    def _encode(self, columns: Mapping[str, Any]) -> Any:
        indexed = {name: self.preprocessors[name](columns[name]) for name in self.features}
        crossed = {
            name: self.crossers[name](tuple(indexed[part] for part in cross.feature_names))
            for name, cross in self.crosses_by_name.items()
        }
        both = [(name, part[name]) for part in (indexed, crossed) for name in sorted(part)]
        encoded = {name: self._one_hot(name, v) if name in self.one_hot_encoders else v for name, v in both}
        if self.concat is None:
            return encoded
        self._require_joinable(encoded)
        return self.concat(list(encoded.values()))

    def _one_hot(self, name: str, indices: Any) -> Any:
        if dtypes.is_float(indices.dtype):
            raise ValueError(
                f"{self.who()}: feature {name!r} has output_mode='one_hot', which takes indices, but its layer "
                f"{self.features[name].preprocessor!r} gives {indices.dtype}."
            )
        return self.one_hot_encoders[name](indices)

    def _require_joinable(self, encoded: Mapping[str, Any]) -> None:
        ranks = {name: len(value.shape) for name, value in encoded.items()}
        declared: dict[str, Any] = {**self.features, **self.crosses_by_name}
        for name, value in encoded.items():
            if declared[name].output_mode == "int":
                raise ValueError(
                    f"{self.who()}: cannot concatenate features because feature {name!r} has not been encoded (it has "
                    f"dtype {value.dtype}). Use output_mode='one_hot' for it, or output_mode='dict' for the space."
                )
        if len(set(ranks.values())) > 1:
            shapes = {name: tuple(value.shape) for name, value in encoded.items()}
            raise ValueError(
                f"{self.who()}: cannot concatenate features of the shapes {shapes}. Use output_mode='dict'."
            )

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Return the inputs of a functional model of the raw columns: a dict of symbolic tensors by name."""
        self._wire()
        assert self.inputs is not None
        return self.inputs

    def get_encoded_features(self) -> Any:
        """Return the encoded columns as symbolic tensors, for the next layers of a functional model."""
        self._wire()
        return self.encoded_features

    # Files ------------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal feature space."""
        return {
            "features": {name: serialize.serialize_keras_object(f) for name, f in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [serialize.serialize_keras_object(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureSpace:
        """Make a feature space from :meth:`get_config`'s result."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes that the columns' layers were built for; ``None`` before :meth:`adapt`."""
        if not self._is_adapted():
            return None
        return {name: layer.get_build_config() or {} for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the columns' layers for the shapes of :meth:`get_build_config`."""
        for name, shapes in config.items():
            if name in self.preprocessors and shapes and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(shapes)
        self._was_adapted = True

    def save(self, filepath: str | os.PathLike) -> None:
        """Save the feature space in a ``.keras`` file, which :func:`kernelkit.models.load_model` reads."""
        save_model(self, filepath)

    def save_own_variables(self, store: Any) -> None:
        """Write nothing: the columns' layers write their own values."""

    def load_own_variables(self, store: Any) -> None:
        """Read nothing: the columns' layers read their own values."""


def _can_adapt(layer: Layer) -> bool:
    return hasattr(layer, "adapt") and getattr(layer, "can_adapt", True)


def _learns_by_batch(layer: Layer) -> bool:
    return all(hasattr(layer, method) for method in ("reset_state", "update_state", "finalize_state"))


def _first(value: Any) -> Any:
    """Return the only row of a batch."""
    if isinstance(value, KerasTensor):
        return KerasTensor(value.shape[1:], value.dtype, sparse=value.sparse)
    return value[0]
