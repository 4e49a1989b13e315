"""Quantizing the layers of a model; for GPTQ and AWQ, block by block with calibration data."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit import changes
from kernelkit.layers import Dense, EinsumDense
from kernelkit.layers.base.parts import walk
from kernelkit.layers.input_layer import InputLayer
from kernelkit.layers.quantized.calibrated import AWQCalibration, GPTQCalibration
from kernelkit.quantizers.config import validate_and_resolve_config
from kernelkit.tracebacks import users_level
from kernelkit.typing import Tree


def quantize_model(model: Any, mode: Any, config: Any, filters: Any, type_check: bool = True, **unknown: Any) -> None:
    """Quantize a model's layers; see `Model.quantize`."""
    if unknown:
        raise ValueError(f"Unrecognized keyword arguments passed to {type(model).__name__}: {unknown}")
    config = validate_and_resolve_config(mode, config)
    _check_filters(filters)
    if not model.built:
        raise ValueError(
            f"Cannot quantize a layer that isn't yet built. Layer '{model.name}' (of type '{type(model).__name__}') is "
            "not built yet."
        )
    calibrates = config.mode in ("gptq", "awq")
    structure = _structure(model, config) if calibrates else None
    for layer in [layer for layer in walk(model) if not list(walk(layer))]:
        if isinstance(layer, InputLayer) or not should_quantize_layer(layer, filters):
            continue
        try:
            layer.quantize(config.mode, type_check=type_check, config=config)
        except NotImplementedError as error:
            if layer.weights:
                warnings.warn(f"{error} It stays as it is.", stacklevel=users_level())
    if structure is not None:
        calibrate(config, structure, filters)
    changes.structure.note()


def should_quantize_layer(layer: Any, filters: Any) -> bool:
    """Return whether a layer passes the filters: patterns found in its name, or a function of the layer.

    Example:
        >>> import kernelkit as kk
        >>> should_quantize_layer(kk.layers.Dense(1, name="head"), ["^attention", "head"])
        True
    """
    if filters is None:
        return True
    if callable(filters):
        return bool(filters(layer))
    patterns = [filters] if isinstance(filters, str) else filters
    return any(re.search(pattern, layer.name) for pattern in patterns)


def _check_filters(filters: Any) -> None:
    if filters is None or callable(filters) or isinstance(filters, (str, list, tuple)):
        return
    raise ValueError(
        "The `filters` argument must be a regex string, a list of regex strings, or a callable. Received: "
        f"{type(filters)}"
    )


def _structure(model: Any, config: Any) -> dict:
    structure = config.quantization_layer_structure
    if structure is None:
        structure = model.get_quantization_layer_structure(config.mode)
    if not isinstance(structure, dict) or not {"pre_block_layers", "sequential_blocks"} <= set(structure):
        raise ValueError(
            f"For mode='{config.mode}', a valid quantization structure must be provided either via "
            "`config.quantization_layer_structure` or by overriding `model.get_quantization_layer_structure(mode)`. "
            "The structure should be a dictionary with keys 'pre_block_layers' and 'sequential_blocks'."
        )
    if config.dataset is None or config.tokenizer is None:
        name = config.mode.upper()
        raise ValueError(
            f"{name} quantization requires a dataset and a tokenizer. Please provide them in the `{name}Config`."
        )
    return structure


def calibrate(config: Any, structure: dict, filters: Any = None) -> None:
    """Run calibration data through a model block by block, and quantize the layers of each block in turn.

    Args:
        config: A :class:`GPTQConfig` or :class:`AWQConfig`.
        structure: ``{"pre_block_layers": [...], "sequential_blocks": [...]}``.
        filters: Which layers are quantized.
    """
    kind = GPTQCalibration if config.mode == "gptq" else AWQCalibration
    batches: list[Any] = [jnp.asarray(s) for s in samples(config)]
    for layer in structure["pre_block_layers"]:
        batches = [layer(batch) for batch in batches]
    for block in structure["sequential_blocks"]:
        layers = {
            layer.path: layer
            for layer in (block, *walk(block))
            if isinstance(layer, (Dense, EinsumDense))
            and layer.quantization_mode == config.mode
            and should_quantize_layer(layer, filters)
        }
        calibrations = {path: kind(layer.form, config) for path, layer in layers.items()}
        with _watched(layers, calibrations):
            for batch in batches:
                block(batch)
        for path, layer in layers.items():
            if calibrations[path].num_samples:
                calibrations[path].finish()
                layer.end_calibration()
        batches = [block(batch) for batch in batches]


@contextlib.contextmanager
def _watched(layers: dict[str, Any], calibrations: dict[str, Any]) -> Iterator[None]:
    """Show the inputs of some layers to their calibrations while the block runs."""
    for path, layer in layers.items():
        layer.call = _seeing(layer.call, calibrations[path])
    try:
        yield
    finally:
        for layer in layers.values():
            del layer.call


def _seeing(call: Any, calibration: Any) -> Any:
    def seen(inputs: Tree, *args: Any, **kwargs: Any) -> Any:
        calibration.see(inputs)
        return call(inputs, *args, **kwargs)

    return seen


def samples(config: Any) -> np.ndarray:
    """Return ``num_samples`` token sequences of a config's dataset: ints (num_samples, 1, sequence_length).

    All texts are joined, and sequences are taken from them at equal distances, the same ones in every process.
    """
    return dataloader(config.tokenizer, config.sequence_length, config.dataset, config.num_samples)


def dataloader(
    tokenizer: Any,
    sequence_length: int,
    dataset: Any,
    num_samples: int = 128,
    *,
    strategy: str = "strided",
    seed: int = 42,
    stride: int | None = None,
    eos_id: int | None = None,
) -> np.ndarray:
    """Return token sequences of a dataset: int32 (num_samples, 1, sequence_length).

    Args:
        tokenizer: Function from a string to tokens, or an object with ``tokenize``.
        sequence_length: Tokens of a sequence.
        dataset: Strings, or arrays of tokens; a short one is repeated.
        num_samples: Number of sequences.
        strategy: Where sequences begin: ``"strided"``, ``"linspace"`` (equal distances, the end included) or
            ``"random"``.
        seed: Seed of the random beginnings.
        stride: Distance of the beginnings for ``"strided"``; by default the data are passed over once.
        eos_id: Token put between the pieces of the dataset, if it is given.

    Raises:
        TypeError: If the dataset is a single string.
        ValueError: If it is empty, or the strategy is unknown.

    Example:
        >>> dataloader(None, 2, [[1, 2, 3, 4, 5, 6]], num_samples=2).tolist()
        [[[1, 2]], [[3, 4]]]
    """
    if isinstance(dataset, (str, bytes)) or not hasattr(dataset, "__iter__"):
        raise TypeError(
            "The `dataset` argument must be an iterable of strings or token arrays. Got type: "
            f"{type(dataset).__name__}. Please pass the loaded dataset directly."
        )
    pieces = [_tokens(item, tokenizer) for item in dataset]
    if not pieces:
        raise ValueError("Provided dataset is empty.")
    if eos_id is not None:
        pieces = [part for piece in pieces for part in (piece, np.asarray([eos_id]))][:-1]
    tokens = np.concatenate(pieces)
    if tokens.size == 0:
        raise ValueError("The calibration data holds no tokens.")
    needed = num_samples * sequence_length
    if tokens.size < needed:
        tokens = np.tile(tokens, -(-needed // tokens.size))
    last = tokens.size - sequence_length
    if strategy == "random":
        starts = np.random.default_rng(seed).integers(0, last + 1, num_samples)
    elif strategy == "linspace":
        starts = np.linspace(0, last, num_samples).astype("int64")
    elif strategy == "strided":
        step = stride or max(1, (last + 1) // num_samples)
        starts = np.arange(num_samples) * step % (last + 1)
    else:
        raise ValueError(f"strategy must be 'strided', 'linspace' or 'random', got {strategy!r}.")
    return np.stack([tokens[s : s + sequence_length] for s in starts])[:, None].astype("int32")


def _tokens(item: Any, tokenizer: Any) -> np.ndarray:
    if isinstance(item, (str, bytes)):
        item = getattr(tokenizer, "tokenize", tokenizer)(item)
    return np.asarray(item).reshape(-1).astype("int32")
