"""Lining up what a user says of a model's outputs (targets, losses, metrics, weights) with the outputs themselves."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit.serialize import suggest


class Outputs:
    """The outputs of a model as a flat list with names.

    Args:
        y_pred: The outputs (arrays or shapes), nested as the model returns them.
        names: Names of the outputs, if the model knows them.
    """

    def __init__(self, y_pred: Any, names: list[str] | None = None) -> None:
        self.keys = sorted(y_pred) if isinstance(y_pred, dict) else None
        self.count = len(jtu.tree_leaves(y_pred))
        self.single = self.keys is None and not isinstance(y_pred, (list, tuple))
        if self.keys is not None and len(self.keys) == self.count:
            self.names = [str(k) for k in self.keys]
        elif names is not None and len(names) == self.count:
            self.names = names
        else:
            self.names = [f"output_{i + 1}" for i in range(self.count)]
        # The layers behind a dict's outputs may be named too.
        self._aliases = dict(zip(names, self.names, strict=True)) if names and len(names) == self.count else {}

    def flatten(self, value: Any) -> list:
        """Return one array for each output."""
        return jtu.tree_leaves(value)

    def spread(self, value: Any, what: str, repeat: bool = False, leaf: Any = None) -> list:
        """Return one entry for each output, ``None`` where nothing was said.

        Args:
            value: One entry, a list of as many as there are outputs, or a dict by output name.
            what: How errors name the value.
            repeat: Whether a single entry holds for every output.
            leaf: Function that tells whether a list is itself one entry.

        Raises:
            ValueError: If the number of entries or a name fits no output.
        """
        if value is None:
            return [None] * self.count
        if isinstance(value, dict):
            known = {self._aliases.get(k, k): v for k, v in value.items()}
            wrong = [k for k in known if k not in self.names]
            if wrong and self.single and len(value) == 1:
                return list(value.values())
            if wrong:
                raise ValueError(
                    f"{what} names the output {wrong[0]!r}, but the model's outputs are {self.names}."
                    f"{suggest(str(wrong[0]), self.names)}"
                )
            return [known.get(n) for n in self.names]
        if isinstance(value, (list, tuple)) and not (leaf is not None and leaf(value)):
            if len(value) == self.count:
                return list(value)
            raise ValueError(
                f"{what} has {len(value)} entries for {self.count} output(s) {self.names}. Give one for "
                "each output, or a "
                "dict by output name."
            )
        if self.count == 1 or repeat:
            return [value] * self.count
        raise ValueError(f"{what} must be a list or a dict with an entry for each of the outputs {self.names}.")
