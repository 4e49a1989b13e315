"""`Distiller`: train a student model with the help of a teacher model."""

from __future__ import annotations

from typing import Any

from kernelkit import metrics, ops, serialize, tree
from kernelkit.distillation.losses import DistillationLoss, FeatureDistillation
from kernelkit.models import Model
from kernelkit.typing import Tensor, Tree

__all__ = ["Distiller"]


class Distiller(Model):
    """Trains a student on targets and on the outputs of its teacher for the same inputs.

    The loss is ``w * loss of the student + (1 - w) * weighted sum of the distillation losses``.

    Args:
        teacher: Trained model; it is frozen.
        student: Model to train.
        distillation_losses: A :class:`DistillationLoss`, or a list of them.
        distillation_loss_weights: A number for each; 1 by default.
        student_loss_weight: ``w``, from 0 to 1.
        name: Name.
        **kwargs: For :class:`~kernelkit.Model`.

    Raises:
        ValueError: If the two models don't fit each other, or an argument is out of its range.

    Example:
        >>> import kernelkit as kk
        >>> def network(units):
        ...     return kk.Sequential([kk.Input((4,)), kk.layers.Dense(units, "relu"), kk.layers.Dense(3)])
        >>> distiller = kk.distillation.Distiller(network(64), network(4), kk.distillation.LogitsDistillation())
        >>> distiller.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> history = distiller.fit(kk.ops.ones((8, 4)), kk.ops.zeros((8,)), verbose=0)
        >>> sorted(history.history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    _untracked = Model._untracked | {"_teacher_feature_extractor", "_student_feature_extractor"}

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.distillation_losses = (
            list(distillation_losses) if isinstance(distillation_losses, (list, tuple)) else [distillation_losses]
        )
        weights = (
            [1.0] * len(self.distillation_losses) if distillation_loss_weights is None else distillation_loss_weights
        )
        self.distillation_loss_weights = list(weights) if isinstance(weights, (list, tuple)) else [weights]
        self.student_loss_weight = student_loss_weight
        self._check(teacher, student)
        teacher.trainable = False
        self.teacher = teacher
        self.student = student
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        features = [f for f in self.distillation_losses if isinstance(f, FeatureDistillation)]
        self._teacher_feature_extractor = _extractor(teacher, [f.teacher_layer_name for f in features])
        self._student_feature_extractor = _extractor(student, [f.student_layer_name for f in features])

    def _check(self, teacher: Model, student: Model) -> None:
        for who, model in (("Teacher", teacher), ("Student", student)):
            if not isinstance(model, Model):
                raise ValueError(f"{who} must be a Model, got {model!r}.")
        weight = self.student_loss_weight
        if not isinstance(weight, (int, float)):
            raise ValueError(f"student_loss_weight must be a number, got {weight!r}.")
        if not 0 <= weight <= 1:
            raise ValueError(f"student_loss_weight must be between 0.0 and 1.0, got {weight!r}.")
        if not self.distillation_losses:
            raise ValueError("Distiller needs at least one distillation loss.")
        for loss in self.distillation_losses:
            if not isinstance(loss, DistillationLoss):
                raise ValueError(f"distillation_losses must be DistillationLoss objects, got {loss!r}.")
        if len(self.distillation_loss_weights) != len(self.distillation_losses):
            raise ValueError(
                f"Number of distillation_loss_weights ({len(self.distillation_loss_weights)}) must match number of "
                f"distillation_losses ({len(self.distillation_losses)})."
            )
        if teacher.inputs is not None and student.inputs is not None:
            _check_alike("input", teacher.inputs, student.inputs)
            _check_alike("output", teacher.outputs, student.outputs)
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)

    def call(self, inputs: Tree, training: bool | None = None, **kwargs: Any) -> Tensor:
        """Return the student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Tensor = None, y: Tensor = None, y_pred: Tree = None, sample_weight: Tree = None, training: bool = True
    ) -> Tensor:
        """Return the weighted sum of the student's loss and the distillation losses."""
        if y is None or self._training.compiled.loss is None:
            student_loss: Any = ops.zeros(())
        else:
            student_loss = super().compute_loss(x, y, y_pred, sample_weight)
        taught = self._computed(self._teacher_feature_extractor, self.teacher, x, False)
        learned = {None: y_pred}
        if self._student_feature_extractor is not None:
            learned |= self._computed(self._student_feature_extractor, self.student, x, training)
        distillation_loss: Any = ops.zeros(())
        for weight, loss in zip(self.distillation_loss_weights, self.distillation_losses, strict=True):
            pair = (
                taught[getattr(loss, "teacher_layer_name", None)],
                learned[getattr(loss, "student_layer_name", None)],
            )
            loss.validate_outputs(*pair)
            distillation_loss = distillation_loss + weight * loss.compute_loss(*pair)
        total = self.student_loss_weight * student_loss + (1 - self.student_loss_weight) * distillation_loss
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    @staticmethod
    def _computed(extractor: Any, model: Model, x: Tensor, training: bool) -> dict:
        """Return outputs by the name of their layer; the key ``None`` stands for the outputs of the model."""
        if extractor is None:
            return {None: ops.stop_gradient(model(x, training=training)) if not training else model(x, training=True)}
        outputs = extractor.run(x, training)
        return outputs if training else tree.map_structure(ops.stop_gradient, outputs)

    def get_config(self) -> dict:
        """Return the arguments; the two models with their configs."""
        return {
            "name": self.name,
            "teacher": serialize.serialize_keras_object(self.teacher),
            "student": serialize.serialize_keras_object(self.student),
            "distillation_losses": [serialize.serialize_keras_object(f) for f in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """Make a distiller from :meth:`get_config`'s result; the weights of both models are new."""
        with serialize.CustomObjectScope(custom_objects):
            return cls(**{k: serialize.deserialize_keras_object(v) for k, v in config.items()})


class _Extractor:
    """Computes the outputs of a model and of some of its layers in one call."""

    def __init__(self, model: Model, names: list[str]) -> None:
        self.names = names
        self.model = Model(model.inputs, [model.output, *(model.get_layer(n).output for n in names)])

    @property
    def outputs(self) -> Any:
        return self.model.outputs

    def run(self, x: Tensor, training: bool) -> dict:
        return dict(zip([None, *self.names], self.model(x, training=training), strict=True))


def _extractor(model: Model, names: list) -> _Extractor | None:
    named = list(dict.fromkeys(n for n in names if n is not None))
    return _Extractor(model, named) if named else None


def _check_alike(what: str, teacher: Any, student: Any) -> None:
    shapes = [[t.shape for t in tensors] for tensors in (teacher, student)]
    if len(shapes[0]) != len(shapes[1]):
        raise ValueError(f"Teacher and student have different numbers of {what}s: {len(shapes[0])}, {len(shapes[1])}.")
    for ours, theirs in zip(*shapes, strict=True):
        fits = len(ours) == len(theirs) and all(
            a is None or b is None or a == b for a, b in zip(ours, theirs, strict=True)
        )
        if not fits:
            raise ValueError(f"Teacher and student {what} shapes are incompatible. Teacher: {ours}, student: {theirs}.")
