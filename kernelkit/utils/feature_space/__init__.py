"""`FeatureSpace`: the columns of a table, each prepared in its own way and encoded together."""

from kernelkit import serialize as _serialize
from kernelkit.layers import Layer as _Layer
from kernelkit.utils.feature_space.features import Cross, Feature, TFDConcat, TFDIdentity
from kernelkit.utils.feature_space.space import FeatureSpace

__all__ = ["Cross", "Feature", "FeatureSpace", "TFDConcat", "TFDIdentity"]

_serialize.register_namespace("utils", {"FeatureSpace": FeatureSpace}, (_Layer,))
# The module that Keras's files name for these classes.
_serialize.register_namespace(
    "src.layers.preprocessing.feature_space",
    {"Cross": Cross, "Feature": Feature, "TFDConcat": TFDConcat, "TFDIdentity": TFDIdentity},
    (_Layer, Cross, Feature),
)
