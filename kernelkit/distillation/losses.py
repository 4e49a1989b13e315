"""Losses that compare a student with its teacher: by outputs, or by the features of layers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit import losses, ops, serialize, tree
from kernelkit.models.model import Model
from kernelkit.typing import Tensor, Tree

__all__ = ["DistillationLoss", "FeatureDistillation", "LogitsDistillation"]

_DISTRIBUTIONS = {"kl_divergence", "KLDivergence", "categorical_crossentropy", "CategoricalCrossentropy"}


class DistillationLoss:
    """A loss that compares the outputs of teacher and student. Subclass it and write ``compute_loss``.

    Example:
        >>> import kernelkit as kk
        >>> class Squares(kk.distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return kk.ops.mean((teacher_outputs - student_outputs) ** 2)
        >>> float(Squares().compute_loss(kk.ops.ones((2, 3)), kk.ops.zeros((2, 3))))
        1.0
    """

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Tensor:
        """Return a scalar.

        Args:
            teacher_outputs: Outputs of the teacher.
            student_outputs: Outputs of the student, in the same structure.
            **kwargs: For subclasses.
        """
        raise NotImplementedError(f"{type(self).__name__} must define compute_loss(self, teacher_outputs, ...).")

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ``ValueError`` if the outputs differ in structure or number."""
        counts = [len(tree.flatten(v)) for v in (teacher_outputs, student_outputs)]
        if counts[0] != counts[1]:
            raise ValueError(f"The teacher has {counts[0]} outputs, the student {counts[1]}: they cannot be compared.")

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise ``ValueError`` if this loss can't be computed for the two models."""


class _OfOutputs(DistillationLoss):
    """A loss function for each output."""

    def __init__(self, loss: Any) -> None:
        self.loss = tree.map_structure(_made, loss, none_is_leaf=True)
        if all(f is None for f in tree.flatten(self.loss)):
            raise ValueError(
                f"{type(self).__name__}: `loss` must hold at least one loss that is not None, got {loss!r}."
            )

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ``ValueError`` if teacher, student and losses differ in the number of outputs."""
        super().validate_outputs(teacher_outputs, student_outputs)
        self._pairs(teacher_outputs, student_outputs)

    def _pairs(self, teacher_outputs: Tree, student_outputs: Tree) -> list[tuple]:
        """Return (loss, teacher's output, student's output) for each output that has a loss."""
        outputs = [teacher_outputs, student_outputs]
        functions: list = [self.loss]
        if isinstance(self.loss, dict):
            if not all(isinstance(v, dict) and v.keys() == self.loss.keys() for v in outputs):
                names = [sorted(v) if isinstance(v, dict) else type(v).__name__ for v in outputs]
                raise ValueError(f"Losses are given for {sorted(self.loss)}, but the outputs are {names}.")
            functions = list(self.loss.values())
            values = [[v[name] for name in self.loss] for v in outputs]
        elif isinstance(self.loss, (list, tuple)):
            functions = list(self.loss)
            values = [list(v) if isinstance(v, (list, tuple)) else [v] for v in outputs]
        else:
            values = [tree.flatten(v) for v in outputs]
        if not len(functions) == len(values[0]) == len(values[1]):
            raise ValueError(
                f"{type(self).__name__} has {len(functions)} losses, but the teacher has {len(values[0])} outputs and "
                f"the student {len(values[1])}. Give a list or dict of losses, nested as the outputs."
            )
        return [(f, t, s) for f, t, s in zip(functions, *values, strict=True) if f is not None]

    def _total(self, pairs: list[tuple]) -> Any:
        return sum((jnp.mean(ops.convert_to_tensor(f(t, s))) for f, t, s in pairs), start=jnp.zeros(()))

    def _loss_config(self) -> Any:
        return tree.map_structure(serialize.serialize_keras_object, self.loss, none_is_leaf=True)

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a loss from :meth:`get_config`'s result."""
        return cls(**{k: serialize.deserialize_keras_object(v) for k, v in config.items()})


class LogitsDistillation(_OfOutputs):
    """Compares outputs, divided by a temperature.

    Losses of distributions (KL divergence, categorical cross-entropy) get ``softmax(logits / temperature)``,
    other losses ``logits / temperature``.

    Args:
        temperature: A higher temperature gives the wrong classes more weight; 3 to 5 is usual.
        loss: Name, :class:`~kernelkit.losses.Loss` or function; for several outputs nested as they are, ``None`` for
            outputs that are not compared.

    Raises:
        ValueError: If the temperature is not positive, or there is no loss.

    Example:
        >>> import kernelkit as kk
        >>> loss = kk.distillation.LogitsDistillation(temperature=2.0)
        >>> logits = kk.ops.array([[1.0, 2.0, 3.0]])
        >>> float(loss.compute_loss(logits, logits)), float(loss.compute_loss(logits, logits + 1)) < 1e-6
        (0.0, True)
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        super().__init__(loss)
        if not isinstance(temperature, (int, float)):
            raise ValueError(f"temperature must be a number, got {temperature!r}.")
        if temperature <= 0:
            raise ValueError(f"temperature must be positive, got {temperature!r}.")
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Tensor:
        pairs = []
        for function, teacher, student in self._pairs(teacher_outputs, student_outputs):
            teacher, student = (ops.convert_to_tensor(v) / self.temperature for v in (teacher, student))
            if getattr(function, "name", None) in _DISTRIBUTIONS or function.__class__.__name__ in _DISTRIBUTIONS:
                takes_logits = getattr(function, "from_logits", False)
                teacher, student = ops.softmax(teacher), student if takes_logits else ops.softmax(student)
            elif getattr(function, "__name__", None) in _DISTRIBUTIONS:
                teacher, student = ops.softmax(teacher), ops.softmax(student)
            pairs.append((function, teacher, student))
        return self._total(pairs)

    def get_config(self) -> dict:
        """Return the arguments."""
        return {"temperature": self.temperature, "loss": self._loss_config()}


class FeatureDistillation(_OfOutputs):
    """Compares the outputs of a layer of the teacher with those of a layer of the student.

    Args:
        loss: Name, :class:`~kernelkit.losses.Loss` or function; a list or dict of them for several outputs.
        teacher_layer_name: Name of a layer of the teacher; by default the teacher's outputs are compared.
        student_layer_name: Name of a layer of the student; by default the student's outputs are compared.

    Raises:
        ValueError: If there is no loss.

    Example:
        >>> import kernelkit as kk
        >>> loss = kk.distillation.FeatureDistillation("mse", "hidden", "hidden")
        >>> float(loss.compute_loss(kk.ops.ones((2, 3)), kk.ops.zeros((2, 3))))
        1.0
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        super().__init__(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        for who, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if model.inputs is None:
                raise ValueError(
                    f"FeatureDistillation needs the {who}'s layer {name!r}, but the {who} is a subclassed model: its "
                    "layers can't be reached from outside. Use a functional or Sequential model."
                )
            try:
                model.get_layer(name)
            except ValueError as error:
                raise ValueError(f"In {who} model: {error}") from error

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Tensor:
        return self._total(self._pairs(teacher_outputs, student_outputs))

    def get_config(self) -> dict:
        """Return the arguments."""
        return {
            "loss": self._loss_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


def _made(loss: Any) -> Any:
    return losses.get(loss)
