"""A model as compiled programs for a few batch sizes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from kernelkit.export import program, report
from kernelkit.export import signature as signatures
from kernelkit.export.pure import pure
from kernelkit.export.signature import Signature, TensorSpec
from kernelkit.serve.limits import Limits, Refused
from kernelkit.serve.sizes import batch_sizes, plan
from kernelkit.typing import Tree


class Runner:
    """Compute a model on batches of any number of rows.

    The runner copies the weights: further training of the model does not change the served model until
    :meth:`update` is called. A model with layers for strings runs through its ``predict_on_batch``, with its current
    weights.

    Args:
        model: A model that is built.
        limits: Uses ``batch``, ``open_size``, ``shapes`` and ``memory``.
        input_signature: Specs of the inputs, for a model that was not called yet, or to fix open sizes.

    Raises:
        ValueError: If the rows of a batch influence each other: then requests cannot share a batch.

    Example:
        >>> import numpy as np, kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> runner = Runner(model, Limits(batch=4))
        >>> [y.shape for y in runner([np.ones((6, 3), "float32")])]
        [(6, 2)]
    """

    def __init__(self, model: Any, limits: Limits | None = None, input_signature: Tree = None) -> None:
        self.model, self.limits = model, limits or Limits()
        self.name: str = model.name
        self._signature, self.outputs, self._function = _parts(model, input_signature)
        self.inputs: tuple[TensorSpec, ...] = self._signature.inputs
        self._weights: list[Any] = []
        self._compiled: dict[tuple, Callable] = {}
        self._lock = threading.Lock()
        self.sizes = batch_sizes(self.limits.batch)
        self.update()
        self.warm_up()

    @property
    def compiled(self) -> int:
        """The number of compiled programs."""
        return len(self._compiled)

    def update(self) -> None:
        """Copy the current weights of the model."""
        if self._function is not None:
            weights = pure(self.model)[1]
            self._weights = [*weights.trainable.values(), *weights.state.values()]

    def warm_up(self) -> None:
        """Compile the sizes, leave out those that need too much memory, and check that rows are independent.

        Inputs with open sizes are compiled at the first request of each shape.
        """
        if self._function is None or any(n is None for spec in self.inputs for n in spec.shape[1:]):
            return
        drawn = report.sample(self.inputs, batch=self.sizes[-1])
        kept = []
        for size in self.sizes:
            try:
                self._program([x[:size] for x in drawn], size)
                kept.append(size)
            except Refused:
                if not kept:
                    raise
                break
        self.sizes = tuple(kept)
        size = self.sizes[-1]
        if size == 1:
            return
        together = self._run([x[:size] for x in drawn], size)
        for y, spec in zip(together, self.outputs, strict=True):
            if y.ndim == 0 or len(y) != size:
                raise ValueError(
                    f"Output {spec.name!r} of {self.name!r} does not have one row for each row of the inputs."
                )
        alone = self._run([x[:1] for x in drawn], 1)
        scale = max(1.0, *(float(np.abs(y).max(initial=0)) for y in alone if y.dtype.kind == "f"), 1.0)
        if report.largest_difference(alone, [y[:1] for y in together]) > 1e-2 * scale:
            raise ValueError(
                f"The rows of a batch of {self.name!r} influence each other, so requests cannot share a batch: "
                "serve it with batch=1."
            )

    def __call__(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute the outputs of a batch, flat.

        Args:
            inputs: One array for each input; all have the same number of rows, at least one.

        Raises:
            Refused: If there are too many different shapes, or the batch needs too much memory.
        """
        rows = len(inputs[0])
        made: list[list[np.ndarray]] = []
        start = 0
        for count, size in plan(rows, self.sizes):
            part = [_padded(x[start : start + count], size) for x in inputs]
            made.append([y[:count] for y in self._run(part, size)])
            start += count
        return made[0] if len(made) == 1 else [np.concatenate(ys) for ys in zip(*made, strict=True)]

    def _run(self, inputs: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
        if self._function is None:
            return [np.asarray(y) for y in jax.tree.leaves(self.model.predict_on_batch(self._signature.nest(inputs)))]
        return [np.asarray(y) for y in self._program(inputs, size)(self._weights, *inputs)]

    def _program(self, inputs: Sequence[np.ndarray], size: int) -> Callable:
        shapes = tuple(x.shape[1:] for x in inputs)
        found = self._compiled.get((size, shapes))
        if found is not None:
            return found
        with self._lock:
            known = {key[1] for key in self._compiled}
            if shapes not in known and len(known) >= self.limits.shapes:
                raise Refused(
                    413,
                    f"The server has compiled {len(known)} different shapes of inputs, its limit. Send inputs of one "
                    f"of these shapes: {sorted(known)[:8]}.",
                )
            specs = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs]
            weights = [jax.ShapeDtypeStruct(w.shape, w.dtype) for w in self._weights]
            assert self._function is not None
            made = jax.jit(self._function).lower(weights, *specs).compile()
            needs = _memory(made)
            if needs > self.limits.memory:
                raise Refused(413, f"A batch of {size} such rows needs {needs / 2**30:.1f} GiB: send fewer or smaller.")
            self._compiled[(size, shapes)] = made
            return made


def _parts(model: Any, input_signature: Tree) -> tuple[Signature, tuple[TensorSpec, ...], Callable | None]:
    prepared = model.program_inputs() if input_signature is None and hasattr(model, "program_inputs") else None
    if prepared is not None:  # some layers run in Python
        signature = signatures.from_specs(model.input, names=list(model.input_names))
        named = zip(model.output_names, model.outputs, strict=True)
        return signature, tuple(TensorSpec(name, tuple(t.shape), t.dtype) for name, t in named), None
    signature = signatures.of_model(model, input_signature)
    traced = program.trace(model, input_signature, static_batch=1)
    outputs = tuple(spec._replace(shape=(None, *spec.shape[1:])) for spec in traced.outputs)
    dtypes = [jax.numpy.dtype(a.dtype).name for a in traced.arguments]
    inputs = tuple(s._replace(dtype=dtype) for s, dtype in zip(signature.inputs, dtypes, strict=True))
    return signature._replace(inputs=inputs), outputs, traced.function


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    """Return an array with its last row repeated up to a number of rows."""
    missing = size - len(array)
    return array if not missing else np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def _memory(compiled: Any) -> int:
    """Return the bytes that a compiled program needs beside its inputs and weights."""
    analysis = compiled.memory_analysis()
    if analysis is None:  # some platforms cannot tell
        return 0
    return int(analysis.temp_size_in_bytes) + int(analysis.output_size_in_bytes)
