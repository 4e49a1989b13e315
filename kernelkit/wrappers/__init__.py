"""Models as scikit-learn's estimators, for pipelines, cross-validation and grid searches. Needs scikit-learn.

scikit-learn is imported at the first access to one of the three classes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernelkit.wrappers.sklearn import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. It has: {', '.join(__all__)}.")
    try:
        import sklearn
    except ImportError as error:
        raise ImportError(f"kernelkit.wrappers.{name} needs scikit-learn: pip install scikit-learn.") from error
    from kernelkit.wrappers import sklearn as estimators

    return getattr(estimators, name)


def __dir__() -> list[str]:
    return __all__
