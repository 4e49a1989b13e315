"""The preparation of columns in a `FeatureSpace`: `Feature`, `Cross`, and functions for the usual features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes, scope, serialize
from kernelkit.layers import (
    CategoryEncoding,
    Discretization,
    Hashing,
    IntegerLookup,
    Layer,
    Normalization,
    Rescaling,
    StringLookup,
)
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.typing import DType, Tree

_FEATURE_MODES = ("int", "one_hot", "float")
_CROSS_MODES = ("int", "one_hot")


class TFDIdentity(DataLayer):
    """Return a column unchanged. Files contain this class name of Keras."""

    def call(self, inputs: Tree) -> Tree:
        return inputs


class TFDConcat(DataLayer):
    """Join encoded columns. Files contain this class name of Keras.

    Args:
        axis: The axis.
        **kwargs: ``name``, ``dtype``, ``trainable``.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs: Any) -> jax.Array:
        floats = [x if dtypes.is_float(x.dtype) else jnp.asarray(x, self.compute_dtype) for x in xs]
        return jnp.concatenate(floats, axis=self.axis)


class Feature:
    """The preparation of one column.

    Args:
        dtype: Dtype of the column: ``"string"``, ``"int32"``, ``"float32"`` ...
        preprocessor: Layer that takes the column, of shape (batch, 1).
        output_mode: Use of the layer's output: ``"float"``: numbers, used unchanged. ``"one_hot"``: indices, to
            be encoded as vectors. ``"int"``: indices, used unchanged.

    Raises:
        ValueError: If an argument has another value.
    """

    def __init__(self, dtype: DType, preprocessor: Any, output_mode: str) -> None:
        self.output_mode = _checked_mode(output_mode, _FEATURE_MODES, "feature")
        self.dtype = "string" if dtype == "string" else dtypes.standardize_dtype(dtype)
        if isinstance(preprocessor, dict):
            preprocessor = serialize.deserialize_keras_object(preprocessor)
        if not isinstance(preprocessor, Layer):
            raise ValueError(f"The preprocessor of a feature must be a layer, got {preprocessor!r}.")
        self.preprocessor = preprocessor

    @property
    def takes_strings(self) -> bool:
        """Whether the column holds strings."""
        return self.dtype == "string"

    @property
    def gives_floats(self) -> bool:
        """Whether the preprocessor is known to give floats, which can be neither crossed nor encoded as vectors."""
        return isinstance(self.preprocessor, (TFDIdentity, Normalization, Rescaling)) and dtypes.is_float(self.dtype)

    def categories(self) -> int | None:
        """Return the number of different indices of the preprocessor; ``None`` if it is not known."""
        layer = self.preprocessor
        if isinstance(layer, (IntegerLookup, StringLookup)):
            return layer.vocabulary_size()
        if isinstance(layer, Discretization) and layer.num_bins is None:
            return len(layer.bin_boundaries or ()) + 1
        if isinstance(layer, (Discretization, Hashing)):
            return layer.num_bins
        return layer.num_tokens if isinstance(layer, CategoryEncoding) else None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal feature."""
        layer = serialize.serialize_keras_object(self.preprocessor)
        return {"dtype": self.dtype, "preprocessor": layer, "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """Make a feature from :meth:`get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<Feature of {self.dtype}: {type(self.preprocessor).__name__}, output_mode={self.output_mode!r}>"


class Cross:
    """Several columns hashed together: each combination of categories gets a bin.

    Args:
        feature_names: The names of two or more columns.
        crossing_dim: Number of bins.
        output_mode: ``"one_hot"`` or ``"int"``.
        name: Name; the names of the columns joined by ``"_X_"`` if not given.

    Raises:
        ValueError: If fewer than two names are given, or an argument has another value.
    """

    def __init__(
        self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot", name: str | None = None
    ) -> None:
        self.output_mode = _checked_mode(output_mode, _CROSS_MODES, "cross")
        if isinstance(feature_names, str) or not isinstance(feature_names, (list, tuple)) or len(feature_names) < 2:
            raise ValueError(f"A cross takes a tuple of two or more feature names, got {feature_names!r}.")
        self.feature_names = tuple(feature_names)
        self.crossing_dim = require_count(crossing_dim, f"crossing_dim of the cross {self.feature_names}")
        self._given_name = name

    @property
    def name(self) -> str:
        """The name of the cross, such as ``"city_X_day"``."""
        return self._given_name or "_X_".join(map(str, self.feature_names))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal cross."""
        named = {} if self._given_name is None else {"name": self._given_name}
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        } | named

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """Make a cross from :meth:`get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<Cross {self.name!r}: crossing_dim={self.crossing_dim}, output_mode={self.output_mode!r}>"


# The usual features ---------------------------------------------------------------------------------------------------


def make_float(name: str | None = None) -> Feature:
    """Return a feature of plain numbers."""
    return Feature("float32", TFDIdentity(name=_layer_name(name, "float")), "float")


def make_float_rescaled(scale: float = 1.0, offset: float = 0.0, name: str | None = None) -> Feature:
    """Return a feature of numbers that are multiplied by ``scale``, plus ``offset``."""
    return Feature("float32", Rescaling(scale, offset, name=_layer_name(name, "float_rescaled")), "float")


def make_float_normalized(name: str | None = None) -> Feature:
    """Return a feature of numbers, shifted and scaled to mean 0 and variance 1; ``adapt`` learns both."""
    return Feature("float32", Normalization(axis=-1, name=_layer_name(name, "float_normalized")), "float")


def make_float_discretized(
    num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of numbers that are replaced by their bins.

    Args:
        num_bins: Number of bins, whose boundaries ``adapt`` learns; ``None`` if the boundaries are given.
        bin_boundaries: Ascending numbers.
        output_mode: ``"one_hot"`` or ``"int"``.
        name: Name.
    """
    layer = Discretization(
        num_bins=num_bins, bin_boundaries=bin_boundaries, name=_layer_name(name, "float_discretized")
    )
    return Feature("float32", layer, output_mode)


def make_integer_categorical(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of integers that name categories; ``adapt`` learns the categories.

    Args:
        max_tokens: Largest number of categories, including those for unknown integers; ``None`` for no limit.
        num_oov_indices: Number of categories for unknown integers.
        output_mode: ``"one_hot"`` or ``"int"``.
        name: Name.
    """
    layer = IntegerLookup(max_tokens, num_oov_indices, name=_layer_name(name, "integer_categorical"))
    return Feature("int32", layer, output_mode)


def make_string_categorical(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of strings that name categories; ``adapt`` learns the categories.

    Args:
        max_tokens: Largest number of categories, including those for unknown strings; ``None`` for no limit.
        num_oov_indices: Number of categories for unknown strings.
        output_mode: ``"one_hot"`` or ``"int"``.
        name: Name.
    """
    layer = StringLookup(max_tokens, num_oov_indices, name=_layer_name(name, "string_categorical"))
    return Feature("string", layer, output_mode)


def make_string_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """Return a feature of strings that are hashed into ``num_bins`` bins."""
    return Feature("string", Hashing(num_bins, name=_layer_name(name, "string_hashed")), output_mode)


def make_integer_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """Return a feature of integers that are hashed into ``num_bins`` bins."""
    return Feature("int32", Hashing(num_bins, name=_layer_name(name, "integer_hashed")), output_mode)


def make_feature(dtype: DType, preprocessor: Any, output_mode: str) -> Feature:
    """Return a feature with a layer of your own; see :class:`Feature`."""
    return Feature(dtype, preprocessor, output_mode)


def make_cross(feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
    """Return several features hashed together; see :class:`Cross`."""
    return Cross(feature_names, crossing_dim, output_mode)


def named(kind: str, name: str, hashing_dim: int, num_discretization_bins: int) -> Feature:
    """Return the feature for a string such as ``"float_normalized"``.

    Raises:
        ValueError: If there is no such kind.
    """
    makers: dict[str, Callable[[], Feature]] = {
        "float": lambda: make_float(name),
        "float_rescaled": lambda: make_float_rescaled(name=name),
        "float_normalized": lambda: make_float_normalized(name),
        "float_discretized": lambda: make_float_discretized(num_discretization_bins, name=name),
        "integer_categorical": lambda: make_integer_categorical(name=name),
        "string_categorical": lambda: make_string_categorical(name=name),
        "integer_hashed": lambda: make_integer_hashed(hashing_dim, name=name),
        "string_hashed": lambda: make_string_hashed(hashing_dim, name=name),
    }
    if kind not in makers:
        raise ValueError(
            f"Invalid feature type of {name!r}: {kind!r}.{serialize.suggest(kind, makers)} Known types: "
            f"{', '.join(map(repr, makers))}."
        )
    return makers[kind]()


def require_count(value: Any, what: str) -> int:
    """Return a positive int; raise ``ValueError`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{what} must be a positive integer, got {value!r}.")
    return value


def _layer_name(name: str | None, kind: str) -> str:
    return f"{name or scope.auto_name(kind)}_preprocessor"


def _checked_mode(output_mode: Any, allowed: tuple[str, ...], kind: str) -> str:
    if output_mode not in allowed:
        raise ValueError(
            f"Invalid value for argument `output_mode` of a {kind}: expected one of {allowed}, got {output_mode!r}."
        )
    return str(output_mode)
