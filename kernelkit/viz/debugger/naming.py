"""The debugger's names for a model's layers: the layer's name, with its owner's name if needed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kernelkit.layers.base.parts import children, walk
from kernelkit.models.model import Model

OURS = "kernelkit.layers."
"""Layers of these modules give their parts short names: ``query``, ``forward_lstm``."""


def names_of(model: Model) -> dict[int, str]:
    """Return the names of all layers below a model, by the layers' ids.

    A layer inside an attention, a wrapper or an RNN has its owner's name as prefix, and so has a layer that shares its
    name with another layer: ``"multi_head_attention/query"``. More owners are added while two names are equal.

    Args:
        model: The model.

    Example:
        >>> import kernelkit as kk
        >>> both = kk.layers.Bidirectional(kk.layers.LSTM(2, name="reader"), name="both")
        >>> model = kk.Sequential([kk.Input((3, 1)), both, kk.layers.Dense(1, name="out")])
        >>> [name for name in names_of(model).values() if "cell" not in name]
        ['both', 'both/forward_reader', 'both/backward_reader', 'out']
    """
    layers = list(walk(model))
    owner: dict[int, Any] = {}
    for one in (model, *layers):
        for part in children(one):
            owner.setdefault(id(part), one)
    chains = {}
    for layer in layers:
        chain, above = [layer.name], owner[id(layer)]
        while above is not model and len(chain) <= len(layers):  # parts may hold each other
            chain.append(above.name)
            above = owner[id(above)]
        chains[id(layer)] = chain[::-1]
    counts = {id(x): 1 + _is_ours(owner[id(x)], model) for x in layers}
    while True:
        found = {key: "/".join(chain[-counts[key] :]) for key, chain in chains.items()}
        alike = Counter(found.values())
        short = [key for key, name in found.items() if alike[name] > 1 and counts[key] < len(chains[key])]
        if not short:
            return found
        for key in short:
            counts[key] += 1


def _is_ours(owner: Any, model: Model) -> bool:
    return owner is not model and type(owner).__module__.startswith(OURS)


def layer_named(model: Model, name: str) -> Any:
    """Return the layer of a given name, path or name of :func:`names_of`; ``None`` if there is none.

    Args:
        model: The model.
        name: The name; a suffix ``#2`` for the layer's second call is ignored.
    """
    name = name.split("#")[0]
    layers, names = list(walk(model)), names_of(model)
    exact = (layer for layer in layers if names[id(layer)] == name)
    return next(exact, None) or next((layer for layer in layers if name in (layer.name, layer.path)), None)
