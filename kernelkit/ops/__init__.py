"""The function library: everything in `keras.ops`, on arrays, variables, symbolic and taped tensors.

Example:
    >>> from kernelkit import ops
    >>> print(ops.matmul([[1.0, 2.0]], ops.eye(2)))
    [[1. 2.]]
"""

from kernelkit import operators, serialize
from kernelkit.ops import image, linalg, nn, numpy
from kernelkit.ops.control import associative_scan, cond, fori_loop, map, scan, switch, vectorized_map, while_loop
from kernelkit.ops.core import (
    cast,
    convert_to_numpy,
    convert_to_tensor,
    custom_gradient,
    dtype,
    is_tensor,
    saturate_cast,
    scatter,
    scatter_update,
    shape,
    slice,
    slice_update,
    stop_gradient,
    unstack,
)
from kernelkit.ops.einops import rearrange
from kernelkit.ops.fourier import extract_sequences, fft, fft2, ifft2, irfft, istft, rfft, stft
from kernelkit.ops.linalg import (
    cholesky,
    cholesky_inverse,
    det,
    eig,
    eigh,
    inv,
    jvp,
    lstsq,
    lu_factor,
    matrix_rank,
    norm,
    pinv,
    qr,
    solve,
    solve_triangular,
    svd,
)
from kernelkit.ops.math import (
    cdist,
    erf,
    erfc,
    erfinv,
    in_top_k,
    logdet,
    logsumexp,
    rsqrt,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    top_k,
    view_as_complex,
    view_as_real,
)
from kernelkit.ops.nn import *  # noqa: F403
from kernelkit.ops.numpy import *  # noqa: F403
from kernelkit.public import names_of as _names_of

operators.install({**{name: getattr(numpy, name) for name in numpy.__all__}, "cast": cast, "getitem": numpy.get_item})
serialize.register_namespace("ops", globals(), is_function=callable)

__dir__ = _names_of(globals(), "image", "linalg", "nn", "numpy")
