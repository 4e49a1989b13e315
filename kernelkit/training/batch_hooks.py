"""The batch hooks of callbacks, around the dispatches of an epoch."""

from __future__ import annotations

from types import TracebackType

import jax.tree_util as jtu
import numpy as np

from kernelkit.training.display import Block
from kernelkit.training.logs import last_logs, row
from kernelkit.training.spans import Span, Spans


class BatchHooks:
    """Calls the batch hooks of callbacks in one epoch.

    Callbacks that use the model get their hooks around a dispatch, which then is one step, or a group of ``stride``
    steps. Callbacks that read only the logs get their hooks after a dispatch, for each of its steps in order.

    Args:
        spans: The spans of the training.
        stride: ``steps_per_execution``: the number of steps in a group.

    Example:
        >>> from kernelkit.callbacks import LambdaCallback
        >>> from kernelkit.training.callback_list import CallbackList
        >>> show = LambdaCallback(on_train_batch_end=lambda batch, logs: print(batch, logs))
        >>> with BatchHooks(Spans(CallbackList([show])), stride=1) as hooks:
        ...     hooks.steps_at_once(step=0, wanted=8), hooks.begin(step=0)
        ...     hooks.end(Block(0, 1, 0, 0, {"loss": np.ones(1)}))
        (8, True)
        0 {'loss': 1.0}
    """

    def __init__(self, spans: Spans, stride: int) -> None:
        uses_model = spans.callbacks.needs_model_between_batches
        self.grouped = stride > 1 and uses_model
        """Whether hooks are called around groups of steps."""
        self.one_by_one = uses_model and not self.grouped
        """Whether hooks are called around each step, so that a dispatch is one step."""
        self._reads_logs = spans.callbacks.needs_batches and not self.grouped
        self._spans, self._stride = spans, stride
        self._open: Span | None = None

    def __enter__(self) -> BatchHooks:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._open is not None:
            self._open.__exit__(kind, error, traceback)

    def steps_at_once(self, step: int, wanted: int) -> int:
        """Return the number of steps of a dispatch that begins at a step: ``wanted``, or to the end of the group."""
        return min(wanted, self._stride - step % self._stride) if self.grouped else wanted

    def begin(self, step: int) -> bool:
        """Call the begin hooks before a dispatch, where they are due. Return whether any callback was called."""
        if not (self.one_by_one or (self.grouped and step % self._stride == 0)):
            return False
        span = self._spans.batch("train", step)
        span.__enter__()
        self._open = span
        return True

    def end(self, block: Block) -> None:
        """Call the end hooks after a dispatch, where they are due."""
        step = block.step + block.count
        if self._open is not None and (self.one_by_one or step % self._stride == 0):
            self._close(block, step - 1)
        elif self._reads_logs:
            logs = jtu.tree_map(np.asarray, block.logs)
            for i in range(block.count):
                with self._spans.batch("train", block.step + i) as span:
                    span.logs = row(logs, i)

    def close(self, last: Block | None) -> None:
        """Call the end hooks of a group that the end of the data cut short.

        Args:
            last: The last dispatch.
        """
        if self._open is not None and last is not None:
            self._close(last, group_end(last.step + last.count, self._stride))

    def _close(self, block: Block, number: int) -> None:
        span, self._open = self._open, None
        if span is not None:
            span.logs, span.number = last_logs(block.logs, block.count), number
            span.__exit__(None, None, None)


def group_end(step: int, stride: int) -> int:
    """Return the number of a group's last step, as if the data had not ended within the group.

    Example:
        >>> group_end(5, stride=4)
        7
    """
    return -(-step // stride) * stride - 1
