"""The estimators: they build a model, encode its targets, and decode its predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from kernelkit.models import Model, clone_model
from kernelkit.typing import Tensor

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class Estimator(BaseEstimator):
    """The base of the three estimators; see :class:`SKLearnClassifier`."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict | None = None,
        fit_kwargs: dict | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Tensor, y: Tensor = None, **kwargs: Any) -> Any:
        """Build the model and train it.

        Args:
            X: Array (samples, features).
            y: Targets (samples,).
            **kwargs: Arguments of the model's ``fit``; they override ``fit_kwargs``.

        Returns:
            The estimator.

        Raises:
            RuntimeError: If the model is not compiled.
            ValueError: If scikit-learn rejects the data.
        """
        X, y = self._checked(X, y)
        y = self._encoded(y)
        model = self._get_model(X, y)
        if model.loss is None or getattr(model, "optimizer", None) is None:
            raise RuntimeError("Given model needs to be compiled, and have a loss and an optimizer: call compile().")
        targets = {} if y is None else {"y": y}
        self.history_ = model.fit(X, **targets, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _checked(self, X: Tensor, y: Tensor) -> tuple[Any, Any]:
        return validate_data(self, X, y)

    def _encoded(self, y: Tensor) -> Any:
        return y.reshape(len(y), -1)

    def _get_model(self, X: Tensor, y: Tensor) -> Model:
        if self.warm_start and getattr(self, "model_", None) is not None:
            return self.model_
        if isinstance(self.model, Model):
            return self.model if self.warm_start else clone_model(self.model)
        if not callable(self.model):
            raise TypeError(
                f"{type(self).__name__}: `model` must be a compiled Model, or a function that returns one, got "
                f"{self.model!r}."
            )
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def _outputs(self, X: Tensor) -> np.ndarray:
        check_is_fitted(self, "model_")
        return np.asarray(self.model_.predict(validate_data(self, X, reset=False), verbose=0))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


class SKLearnClassifier(ClassifierMixin, Estimator):
    """A model as a classifier of scikit-learn. The model is trained on one-hot targets.

    Args:
        model: Compiled model, which is copied for each ``fit``; or a function ``(X, y, **model_kwargs)`` that returns
            one; ``y`` holds the targets of the model.
        warm_start: Whether ``fit`` continues with the trained model of the last ``fit``, instead of a new model.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's ``fit``, such as ``{"epochs": 10}``.

    Attributes:
        model_: The trained model.
        history_: The result of the model's ``fit``.
        classes_: The labels, sorted; column ``i`` of the outputs is for ``classes_[i]``.

    Example:
        >>> import kernelkit as kk
        >>> def network(X, y):
        ...     layers = [kk.Input(X.shape[1:]), kk.layers.Dense(y.shape[1], activation="softmax")]
        ...     model = kk.Sequential(layers)
        ...     model.compile("sgd", "categorical_crossentropy")
        ...     return model
        >>> estimator = SKLearnClassifier(network, fit_kwargs={"epochs": 2, "verbose": 0})
        >>> estimator.fit([[0.0], [1.0]], ["no", "yes"]).predict([[0.5]]).shape
        (1,)
    """

    def _encoded(self, y: Tensor) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Unknown label type: {kind}. Only binary and multiclass targets are supported; if the targets are "
                "continuous numbers, use SKLearnRegressor."
            )
        encoder = LabelEncoder().fit(y)
        if self.warm_start and hasattr(self, "model_") and encoder.classes_.tolist() != self.classes_.tolist():
            raise ValueError(
                f"SKLearnClassifier: a warm start needs the classes of the first fit, {self.classes_.tolist()}, got "
                f"{encoder.classes_.tolist()}."
            )
        self.classes_: np.ndarray = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_.tolist()}.")
        return np.eye(len(self.classes_))[encoder.transform(y)]

    def decision_function(self, X: Tensor) -> np.ndarray:
        """Return the model's outputs (samples, classes)."""
        return self._outputs(X)

    def predict(self, X: Tensor) -> np.ndarray:
        """Return the label of the highest output of each sample."""
        outputs = self._outputs(X)
        return self.classes_[np.argmax(outputs, axis=-1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # scikit-learn's checks train for one epoch
        return tags


class SKLearnRegressor(RegressorMixin, Estimator):
    """A model as a regressor of scikit-learn. The model is trained on targets (samples, outputs).

    Args:
        model: Compiled model, which is copied for each ``fit``; or a function ``(X, y, **model_kwargs)`` that returns
            one.
        warm_start: Whether ``fit`` continues with the trained model of the last ``fit``, instead of a new model.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's ``fit``, such as ``{"epochs": 10}``.

    Attributes:
        model_: The trained model.
        history_: The result of the model's ``fit``.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> SKLearnRegressor(model, fit_kwargs={"verbose": 0}).fit([[0.0], [1.0]], [0.0, 2.0]).predict([[0.5]]).shape
        (1,)
    """

    def _checked(self, X: Tensor, y: Tensor) -> tuple[Any, Any]:
        if y is None:
            return validate_data(self, X, y)  # its error names the missing data
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = _check_y(y, y_numeric=True, estimator=self)  # a column is flattened, with scikit-learn's warning
        return X, y

    def _encoded(self, y: Tensor) -> Any:
        self._is_flat = y.ndim == 1
        return super()._encoded(y)

    def predict(self, X: Tensor) -> np.ndarray:
        """Return the model's outputs, in the shape of the targets."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, Estimator):
    """A model as a transformer of scikit-learn: its outputs are features for the next step of a pipeline.

    Args:
        model: Compiled model, which is copied for each ``fit``; or a function ``(X, y, **model_kwargs)`` that returns
            one.
        warm_start: Whether ``fit`` continues with the trained model of the last ``fit``, instead of a new model.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's ``fit``, such as ``{"epochs": 10}``.

    Attributes:
        model_: The trained model.
        history_: The result of the model's ``fit``.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> model.compile("sgd", "mse")
        >>> SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit_transform(np.eye(3), [0, 1, 0]).shape
        (3, 2)
    """

    def _checked(self, X: Tensor, y: Tensor) -> tuple[Any, Any]:
        if y is None:
            return validate_data(self, X), None
        return validate_data(self, X, y, multi_output=True)

    def _encoded(self, y: Tensor) -> Any:
        return None if y is None else super()._encoded(y)

    def transform(self, X: Tensor) -> np.ndarray:
        """Return the model's outputs, (samples, outputs)."""
        return self._outputs(X)

    def predict(self, X: Tensor) -> np.ndarray:
        """Return the same as :meth:`transform`."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
