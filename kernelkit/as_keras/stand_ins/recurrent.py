"""`DropoutRNNCell`: a base class for recurrent cells of other packages, with dropout masks that last for a sequence."""

from __future__ import annotations

from typing import Any

from kernelkit import ops, random


class DropoutRNNCell:
    """Keeps a dropout mask for inputs and one for states until a reset. A cell sets `dropout`, `seed_generator` ..."""

    dropout = recurrent_dropout = 0.0
    seed_generator: Any = None

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Return the mask of inputs, ``None`` without dropout."""
        return self._mask("_dropout_mask", step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """Return the mask of states, ``None`` without dropout."""
        return self._mask("_recurrent_dropout_mask", step_input, self.recurrent_dropout)

    def _mask(self, name: str, x: Any, rate: float) -> Any:
        if vars(self).get(name) is None and rate > 0:
            count = getattr(self, f"{name.lstrip('_')}_count", None)
            ones = ops.ones_like(x)
            draw = lambda: random.dropout(ones, rate, seed=self.seed_generator)  # noqa: E731
            vars(self)[name] = [draw() for _ in range(count)] if count else draw()
        return vars(self).get(name)

    def reset_dropout_mask(self) -> None:
        """Forget the mask of inputs, so that the next call draws a new one."""
        vars(self)["_dropout_mask"] = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget the mask of states, so that the next call draws a new one."""
        vars(self)["_recurrent_dropout_mask"] = None
