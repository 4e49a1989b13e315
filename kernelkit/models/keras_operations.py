"""Functions in the graph of a model, in Keras's file format.

Keras has a class for each of its functions: tensors are arguments of the call, settings stand in the config. Here a
function is called with both. The names are nearly the same, so a table of the names is enough.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kernelkit import ops, serialize
from kernelkit.recording import FunctionOperation, Operation

# The classes by module and by the number of the function's first arguments that belong to the call.
_CLASSES = {
    ("core", 1): """
        Cast ConvertToTensor SaturateCast StopGradient Unstack
    """,
    ("core", 2): """
        Scatter Slice
    """,
    ("core", 3): """
        ScatterUpdate SliceUpdate
    """,
    ("einops", 3): """
        Rearrange
    """,
    ("image", 1): """
        CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB PadImages RGBToGrayscale RGBToHSV
        Resize SobelEdges
    """,
    ("image", 2): """
        AffineTransform MapCoordinates SSIM
    """,
    ("image", 3): """
        PerspectiveTransform
    """,
    ("image", 4): """
        ScaleAndTranslate
    """,
    ("linalg", 1): """
        Cholesky CholeskyInverse Det Eig Eigh Inv LuFactor MatrixRank Norm Pinv Qr SVD
    """,
    ("linalg", 2): """
        Lstsq Solve SolveTriangular
    """,
    ("math", 1): """
        Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT Logdet Logsumexp RFFT Rsqrt STFT TopK
        ViewAsComplex ViewAsReal
    """,
    ("math", 2): """
        CDist InTopK SegmentMax SegmentMin SegmentProd SegmentSum
    """,
    ("nn", 1): """
        AdaptiveAveragePool AdaptiveMaxPool AveragePool Celu DepthToSpace Elu Fold Gelu Glu HardShrink
        HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot Normalize OneHot
        Relu Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth SparsePlus SparseSigmoid
        Sparsemax Squareplus TanhShrink Threshold Unfold
    """,
    ("nn", 2): """
        BinaryCrossentropy CTCDecode CategoricalCrossentropy Conv ConvTranspose DepthwiseConv PSNR Polar
        SparseCategoricalCrossentropy
    """,
    ("nn", 3): """
        SeparableConv
    """,
    ("nn", 4): """
        CTCLoss
    """,
    ("nn", 6): """
        DotProductAttention
    """,
    ("numpy", 1): """
        Abs Absolute All Amax Amin Angle Any Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Argmax Argmin
        Argpartition Argsort Array ArraySplit Bincount BitwiseInvert BitwiseNot BroadcastTo Cbrt Ceil Clip
        Concatenate Conj Conjugate Copy Corrcoef Cos Cosh CountNonzero Cumprod Cumsum Deg2rad Diag Diagflat
        Diagonal Diff Dsplit Dstack EmptyLike Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr Flipud Floor Histogram
        Hsplit Hstack I0 Imag Isfinite Isinf Isnan Isneginf Isposinf Isreal Log Log10 Log1p Log2 LogicalNot Max
        Mean Median Meshgrid Min Moveaxis NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean
        Nanmedian Nanmin Nanprod Nanstd Nansum Nanvar Ndim Negative Nonzero OnesLike Prod Ptp Rad2deg Ravel Real
        Reciprocal Repeat Reshape Roll Rot90 Round Sign Signbit Sin Sinc Sinh Size Slogdet Sort Split Sqrt
        Square Squeeze Stack Std Sum Swapaxes Tan Tanh Tile Trace Transpose Trapezoid Tril Triu Trunc Unique
        UnravelIndex Vander Var View Vsplit Vstack ZerosLike
    """,
    ("numpy", 2): """
        Add AllClose Append Arctan2 BitwiseAnd BitwiseLeftShift BitwiseOr BitwiseRightShift BitwiseXor Correlate
        Cross Digitize Divide DivideNoNan Dot Equal FloorDivide Fmax Fmin Fmod FullLike Gcd Geomspace GetItem
        Greater GreaterEqual Heaviside Hypot Inner IsIn Kron Lcm Ldexp LeftShift Less LessEqual Linspace
        Logaddexp Logaddexp2 LogicalAnd LogicalOr LogicalXor Logspace Matmul Maximum Minimum Mod Multiply
        Nanpercentile Nanquantile Nextafter NotEqual Outer Percentile Power Quantile RightShift SearchSorted
        Subtract Take TakeAlongAxis Tensordot TrueDivide Vdot
    """,
    ("numpy", 3): """
        Arange Select Where
    """,
    ("numpy", 4): """
        Isclose
    """,
}
# Classes whose calls take other arguments, or whose names differ from the function's.
_BY_NAME: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Average": ("numpy", "average", ("x", "weights")),
    "Pad": ("numpy", "pad", ("x", "constant_values")),
    "BatchNorm": ("nn", "batch_normalization", ("x", "mean", "variance", "offset", "scale")),
    "LayerNorm": ("nn", "layer_normalization", ("x", "gamma", "beta")),
    "RMSNorm": ("nn", "rms_normalization", ("x", "scale")),
}
_OPS = "keras.src.ops"
_ACTIVATIONS = "keras.src.activations.activations"


def _fold(name: str) -> str:
    return name.replace("_", "").lower()


def _functions(module: str) -> dict[str, Any]:
    home = ops.image if module == "image" else ops
    members = serialize.table("ops") if home is ops else {n: getattr(home, n) for n in home.__all__}
    return {_fold(n): f for n, f in members.items() if callable(f) and not n.startswith("_")}


def _table() -> dict[str, tuple[str, Any, Any]]:
    """Return ``{class: (module, function, number or names of the call's arguments)}``."""
    table: dict[str, tuple[str, Any, Any]] = {}
    for (module, count), names in _CLASSES.items():
        functions = _functions(module)
        for name in names.split():
            if _fold(name) in functions:
                table[name] = (module, functions[_fold(name)], count)
    for name, (module, function, arguments) in _BY_NAME.items():
        table[name] = (module, getattr(ops, function), arguments)
    table["Einsum"] = ("numpy", ops.einsum, "all but the first")
    return table


_by_class = _table()
_by_function = {id(function): name for name, (_, function, _) in _by_class.items()}


def class_name(operation: Operation) -> str:
    """Return the name of Keras's class for a function; for another operation, the name of its own class.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.Input((2,))
        >>> class_name(kk.recording.producer(kk.ops.tanh(x)).operation)
        'Tanh'
    """
    if not isinstance(operation, FunctionOperation):
        return type(operation).__name__
    function: Any = operation.function
    name = str(getattr(function, "__name__", type(function).__name__))
    if id(function) in _by_function:
        return _by_function[id(function)]
    return _by_function.get(id(getattr(ops, name, None)), name)


def is_function(entry: dict) -> bool:
    """Return whether a layer's entry in a config stands for a function."""
    module = str(entry.get("module") or "")
    if module.startswith((_OPS, _ACTIVATIONS)):
        return True
    # Entries in .h5 files have no modules. A function's config holds only a name, a layer's holds more.
    bare = not module and isinstance(entry.get("config"), dict) and "trainable" not in entry["config"]
    return bare and entry.get("class_name") in _by_class


def read(entry: dict) -> tuple[Operation, Callable[[list, dict], tuple[list, dict]]]:
    """Return the operation of an entry, and a function that turns its calls' arguments into those of the function.

    Raises:
        ValueError: If the function is not known.
    """
    name = str(entry["class_name"])
    settings = {k: serialize.deserialize_keras_object(v) for k, v in entry["config"].items() if k != "name"}
    if str(entry.get("module") or "").startswith(_ACTIVATIONS):
        function, arguments = serialize.table("activations").get(name.lower()), 1
    else:
        _, function, arguments = _by_class.get(name, ("", None, 0))
    if function is None:
        known = [*_by_class]
        raise ValueError(f"The function {name!r} in the model's config is not known.{serialize.suggest(name, known)}")

    def adapt(args: list, kwargs: dict) -> tuple[list, dict]:
        if name == "Einsum":
            return [settings["subscripts"], *args], kwargs
        if name == "GetItem" and isinstance(args[1], list):  # a key of several axes is a tuple, a list in JSON
            args = [args[0], tuple(args[1])]
        if isinstance(arguments, tuple):
            kwargs, args = dict(zip(arguments, args, strict=False)) | kwargs, []
        return args, kwargs | settings

    return FunctionOperation(function, name=entry["config"].get("name")), adapt


def describe(operation: FunctionOperation) -> tuple[dict, Callable[[tuple, dict], tuple[tuple, dict]]] | None:
    """Return an operation's entry in a config, and a function that turns its arguments into those of the call.

    Returns:
        ``None`` for functions that Keras has no class for.
    """
    function: Any = operation.function
    if id(function) not in _by_function:
        public = serialize.public_module(function)
        function = serialize.table("ops").get(function.__name__) if public == "activations" else None
        if id(function) not in _by_function:
            return None
    name = _by_function[id(function)]
    module, _, arguments = _by_class[name]
    if len(operation._inbound_nodes) != 1:
        return None
    [node] = operation._inbound_nodes
    _, settings = _divided(function, arguments, node.args, node.kwargs)

    def adapt(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return _divided(function, arguments, args, kwargs)[0], {}

    config = {"name": operation.name, **{k: serialize.serialize_value(v) for k, v in settings.items()}}
    entry = {"module": f"{_OPS}.{module}", "class_name": name, "config": config, "registered_name": name}
    return entry, adapt


def _divided(function: Any, arguments: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Divide a function's arguments into those of the call, in order, and the settings by name."""
    if isinstance(arguments, str):
        return args[1:], {"subscripts": args[0]}
    bound = inspect.signature(function).bind(*args, **kwargs).arguments
    names = arguments if isinstance(arguments, tuple) else tuple(inspect.signature(function).parameters)[:arguments]
    called = [n for n in names if n in bound]
    rest = {k: v for k, v in bound.items() if k not in names}
    # Arguments in between get their defaults, so that the order of the call stays.
    last = names.index(called[-1]) + 1 if called else 0
    defaults = inspect.signature(function).parameters
    return tuple(bound.get(n, defaults[n].default) for n in names[:last]), rest
