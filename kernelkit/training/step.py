"""`Program`: one compiled loop that runs K pure steps in one dispatch.

A step is `(state, batch) -> (logs, state)`. A :class:`Program` wraps it in a loop over batches on the device. The
number of steps and the first step are traced arguments, so one executable serves `fit` at any fusion, single steps
and replay, and gives the same bits for each.
"""

from __future__ import annotations

import inspect
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax

from kernelkit import interrupts, placement, progress
from kernelkit.compiling import Lowered
from kernelkit.garbage import collection_paused
from kernelkit.hints import explaining
from kernelkit.tracebacks import users_level
from kernelkit.training.allocator import give_back_memory, keep_freed_memory
from kernelkit.training.logs import StepLogs, step_logs
from kernelkit.training.state import TrainState, like
from kernelkit.typing import Array, Batch, Tensor, Tree

MAX_STEPS = 512
"""Maximum number of steps in one dispatch: the length of the log buffer."""


MANY_SHAPES = 20
"""Number of compiled shapes at which a program warns."""


class Program:
    """A compiled loop over steps.

    Args:
        step: ``(state, batch) -> (logs, state)`` for training and testing; ``(state, batch) -> (outputs, changed)``
            for predicting, where ``changed`` maps indices of non-trainable variables to their new values.
        kind: ``"train"``, ``"test"`` or ``"predict"``.
        jit: Whether to compile. Otherwise each step runs op by op, for debugging.
    """

    def __init__(self, step: Callable, kind: str, jit: bool = True) -> None:
        self.step = step
        self.kind = kind
        self.jit = jit
        self.compiles = 0
        self.dispatches = 0
        self._executables: dict[Any, Any] = {}
        self._lowered: dict[Any, Lowered] = {}
        self._compiling = threading.RLock()
        self._placements: dict[tuple, int] = {}
        self._last_placement: tuple[list, int] = ([], -1)
        loop = {"predict": self._predict_loop}.get(kind, self._loop)
        # An inlined jit caches its trace, so the log shapes and the loop body need only one trace.
        one = _weakly(self._outputs if kind == "predict" else self._step)
        self._one = jax.jit(one, static_argnames="batch_size", inline=True)
        donate = () if kind == "predict" else ("state",)
        self._loop_function = _weakly(loop)
        self._jitted = jax.jit(self._loop_function, static_argnames=("batch_size", "capacity"), donate_argnames=donate)

    def prepare(
        self, state: TrainState, data: Tree, order: Array | None, batch_size: int
    ) -> Callable[[TrainState, int, int], Any]:
        """Return ``run(state, first, count)``. Compile it if it is not compiled yet.

        Compilation happens here, before anything is donated, so an interrupt does no harm.

        Args:
            state: A state with the shapes of later calls.
            data: Arrays with a leading sample axis, nested as a batch is.
            order: Sample indices on the device, or ``None`` if batches are consecutive rows.
            batch_size: Samples in a step.
        """
        if not self.jit:
            return lambda state, first, count: self._run_eagerly(state, data, order, batch_size, first, count)
        key = self._key(state, data, order, batch_size)
        executable = self._executables.get(key)
        if executable is None:
            with self._compiling:  # a second thread waits while the first one compiles
                executable = self._executables.get(key) or self._compile(key, state, data, order, batch_size)

        def run(state: TrainState, first: int, count: int) -> Any:
            self.dispatches += 1
            return executable(state, data, order, np.int32(first), np.int32(count))

        return run

    def ahead(self, state: TrainState, data: Tree, order: Array | None, batch_size: int) -> Callable[[], Any] | None:
        """Trace the program that :meth:`prepare` will need, and return a function that compiles it in any thread.

        Returns ``None`` if the program is compiled or traced already, or if steps run op by op. The arguments are those
        of :meth:`prepare`, which waits for a compilation that another thread has begun.
        """
        if not self.jit:
            return None
        key = self._key(state, data, order, batch_size)
        with self._compiling:
            if key in self._executables or key in self._lowered:
                return None
            lowered = self._lowered[key] = self._lower(state, data, order, batch_size)
        return lowered.executable

    def forget_ahead(self) -> None:
        """Drop the programs that :meth:`ahead` traced and that no step has needed. The next fit may be another."""
        self._lowered.clear()

    def _key(self, state: TrainState, data: Tree, order: Array | None, batch_size: int) -> Any:
        leaves, treedef = jtu.tree_flatten((data, order))
        return (batch_size, treedef, self._placement(state), *[(v.shape, v.dtype, _committed(v)) for v in leaves])

    def _compile(self, key: Any, state: TrainState, data: Tree, order: Array | None, batch_size: int) -> Any:
        keeps = jax.default_backend() == "cpu" and keep_freed_memory()
        with progress.waiting("compiling"), explaining(self.jit):
            lowered = self._lowered.pop(key, None) or self._lower(state, data, order, batch_size)
            executable = self._executables[key] = lowered.executable()
        self.compiles += 1
        if self.compiles == MANY_SHAPES:
            self._say_many_shapes(data, batch_size)
        if keeps:  # 15 to 40 ms, which the first steps need not wait for
            threading.Thread(target=give_back_memory, name="kernelkit-memory", daemon=True).start()
        return executable

    def _lower(self, state: TrainState, data: Tree, order: Array | None, batch_size: int) -> Lowered:
        with collection_paused():
            return Lowered(self._traced(state, data, order, batch_size))

    def _traced(self, state: TrainState, data: Tree, order: Array | None, batch_size: int) -> Any:
        zero = jax.ShapeDtypeStruct((), "int32")
        rows = jtu.tree_leaves(data)[0].shape[0] if order is None else order.shape[0]
        steps = data.steps if isinstance(data, placement.Spread) else rows // batch_size
        capacity = min(MAX_STEPS, max(1, steps))
        return self._jitted_for(state).trace(state, data, order, zero, zero, batch_size=batch_size, capacity=capacity)

    def _say_many_shapes(self, data: Tree, batch_size: int) -> None:
        rows = {tuple(v.shape[1:]) for v in jtu.tree_leaves(data)}
        warnings.warn(
            f"The {self.kind} step of this model was compiled {self.compiles} times, once for each shape of a batch; "
            f"the last one has {batch_size} samples of shape {', '.join(map(str, sorted(rows)))}. Each compilation "
            "takes time, and its program is kept in memory. Let batches have few shapes: one batch size, and sequences "
            "padded to a few lengths.",
            stacklevel=users_level(),
        )

    def _placement(self, state: TrainState) -> int:
        """Return a number that identifies the shapes and the sharding of a state."""
        leaves = [v for group in state for v in group]
        shardings = [v.sharding for v in leaves]
        before, number = self._last_placement
        # To inspect each array at every step would take as long as a small step.
        if len(before) != len(shardings) or any(a is not b for a, b in zip(before, shardings, strict=True)):
            key = tuple((v.shape, v.dtype, _committed(v)) for v in leaves)
            number = self._placements.setdefault(key, len(self._placements))
            self._last_placement = (shardings, number)
        return number

    def _jitted_for(self, state: TrainState) -> Any:
        """Return the jitted loop for a state. An explicit sharding of the state is kept for the result."""
        places = jtu.tree_map(_committed, state)
        if self.kind == "predict" or not jtu.tree_leaves(places):
            return self._jitted
        return jax.jit(
            self._loop_function,
            static_argnames=("batch_size", "capacity"),
            donate_argnames=("state",),
            out_shardings=(places, placement.replicated(places)),
        )

    def texts(self) -> list[str]:
        """Return the optimized HLO of each executable, in the order in which they were compiled."""
        return [executable.as_text() for executable in self._executables.values()]

    def trial(self, state: TrainState, batch: Batch) -> None:
        """Run one step on abstract shapes, or on the batch itself if steps run op by op."""
        step = self.step if self.kind == "predict" else self.checked_step
        with explaining(self.jit):
            if self.jit:
                jax.eval_shape(step, state, batch)
            else:
                step(state, jtu.tree_map(jnp.asarray, batch))

    def checked_step(self, state: TrainState, batch: Batch) -> tuple[StepLogs, TrainState]:
        """Do one step. Raise if its result does not fit into the loop."""
        method = f"{self.kind}_step"
        returned = self.step(state, batch)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            raise TypeError(f"{method}(self, state, data) must return (logs, state), got {_kind(returned)}.")
        logs, new = returned
        return step_logs(logs, method), like(new, state, method)

    def _loop(
        self, state: Any, data: Tree, order: Array | None, first: Any, count: Any, batch_size: int, capacity: int
    ) -> Any:
        one, _ = jax.eval_shape(lambda s: self._one(s, data, order, first, batch_size=batch_size), state)
        logs = jtu.tree_map(lambda v: jnp.zeros((capacity, *v.shape), v.dtype), one)

        def body(i: Any, carry: tuple) -> tuple:
            state, logs = carry
            new, state = self._one(state, data, order, first + i, batch_size=batch_size)
            logs = jtu.tree_map(lambda rows, row: lax.dynamic_update_index_in_dim(rows, row, i, 0), logs, new)
            return state, logs

        return lax.fori_loop(0, count, body, (state, logs))

    def _step(self, state: TrainState, data: Tree, order: Array | None, index: Any, batch_size: int) -> tuple:
        return self.checked_step(state, take_batch(data, order, index, batch_size))

    def _outputs(self, state: TrainState, data: Tree, order: Array | None, index: Any, batch_size: int) -> Any:
        return self.step(state, take_batch(data, order, index, batch_size))

    def _predict_loop(
        self, state: Any, data: Tree, order: Array | None, first: Any, count: Any, batch_size: int, capacity: int
    ) -> Any:
        one, changes = jax.eval_shape(lambda s: self._one(s, data, order, first, batch_size=batch_size), state)
        zeros = jtu.tree_map(lambda v: jnp.zeros((capacity, *v.shape), v.dtype), one)

        def body(i: Any, carry: Any) -> Any:
            rows, changed = carry
            outputs, changed = self._one(_with(state, changed), data, order, first + i, batch_size=batch_size)
            changed = {k: changed.get(k, carry[1][k]).astype(carry[1][k].dtype) for k in carry[1]}
            rows = jtu.tree_map(lambda all_, row: lax.dynamic_update_index_in_dim(all_, row, i, 0), rows, outputs)
            return rows, changed

        rows, changed = lax.fori_loop(0, count, body, (zeros, {k: state.non_trainable[k] for k in changes}))
        return (data.readable(rows) if isinstance(data, placement.Spread) else rows), changed

    def _run_eagerly(self, state: Any, data: Tree, order: Array | None, batch_size: int, first: int, count: int) -> Any:
        # Nothing is donated, and the state is stored only when the step is complete: the stop button may cut it.
        with explaining(self.jit), interrupts.lifted():
            return self._steps_one_by_one(state, data, order, batch_size, first, count)

    def _steps_one_by_one(
        self, state: Any, data: Tree, order: Array | None, batch_size: int, first: int, count: int
    ) -> Any:
        rows: list = []
        changed: dict = {}
        for i in range(first, first + count):
            self.dispatches += 1
            batch = take_batch(data, order, jnp.int32(i), batch_size)
            if self.kind == "predict":
                outputs, new = self.step(state, batch)
                changed |= new
                state = _with(state, new)
                rows.append(outputs)
            else:
                logs, state = self.checked_step(state, batch)
                rows.append(logs)
        stacked = jtu.tree_map(lambda *v: jnp.stack(v), *rows)
        return (stacked, changed) if self.kind == "predict" else (state, stacked)


def _weakly(method: Callable) -> Callable:
    """Return a method of an object that the result does not keep alive: programs are freed with their models."""
    owner = weakref.WeakMethod(method)

    def call(*args: Any, **kwargs: Any) -> Tensor:
        return owner()(*args, **kwargs)  # type: ignore[misc]

    call.__name__ = method.__name__
    call.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]  # jax finds its named arguments by it
    return call


def _with(state: TrainState, changed: dict[int, Any]) -> TrainState:
    """Return a state with some of the non-trainable values replaced."""
    if not changed:
        return state
    return state._replace(non_trainable=tuple(changed.get(i, v) for i, v in enumerate(state.non_trainable)))


def _kind(value: Any) -> str:
    return f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a {type(value).__name__}"


def _committed(value: Any) -> Any:
    """Return an array's sharding if it was placed explicitly, else ``None``."""
    return value.sharding if getattr(value, "committed", False) else None


def take_batch(data: Tree, order: Array | None, index: Any, batch_size: int) -> Any:
    """Return the batch of a step: the rows in ``order``, or the next consecutive rows."""
    if isinstance(data, placement.Spread):
        return data.batch(index)
    if order is None:
        if all(v.shape[0] == batch_size for v in jtu.tree_leaves(data)):
            return data
        return jtu.tree_map(lambda v: lax.dynamic_slice_in_dim(v, index * batch_size, batch_size), data)
    rows = lax.dynamic_slice_in_dim(order, index * batch_size, batch_size)
    return jtu.tree_map(lambda v: v.at[rows].get(mode="promise_in_bounds"), data)
