"""Arithmetic of transposed convolutions, by which the tests' own NumPy loops are told where to begin.

Along an axis of size n the output is `(n - 1) * stride + window` long before it is cropped. "same" crops it to
`n * stride`; with an output padding, the crop is `2 * (window // 2)` and the padding is added.
"""


def _each(value, axes):
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes


def _window(kernel, dilation):
    return (kernel - 1) * dilation + 1


def compute_conv_transpose_output_shape(
    input_shape,
    kernel_size,
    filters,
    strides,
    padding,
    output_padding=None,
    data_format="channels_last",
    dilation_rate=1,
):
    """Return the shape of a transposed convolution's output."""
    axes = len(input_shape) - 2
    last = data_format == "channels_last"
    sizes = input_shape[1:-1] if last else input_shape[2:]
    kernels = _each(kernel_size, axes)[:axes]
    rows = zip(sizes, kernels, _each(strides, axes), _each(output_padding, axes), _each(dilation_rate, axes))
    out = tuple(None if n is None else _length(n, k, s, padding, extra, d) for n, k, s, extra, d in rows)
    return (input_shape[0], *out, filters) if last else (input_shape[0], filters, *out)


def _length(size, kernel, stride, padding, extra, dilation):
    window = _window(kernel, dilation)
    if extra is None:
        return size * stride + (max(window - stride, 0) if padding == "valid" else 0)
    crop = 2 * (window // 2) if padding == "same" else 0
    return (size - 1) * stride + window - crop + extra


def compute_conv_transpose_padding_args_for_jax(
    input_shape, kernel_shape, strides, padding, output_padding, dilation_rate
):
    """Return how much jax pads the stretched input on either side of each axis."""
    axes = len(input_shape) - 2
    pairs = []
    for i in range(axes):
        kernel, stride = kernel_shape[i], _each(strides, axes)[i]
        dilation, extra = _each(dilation_rate, axes)[i], _each(output_padding, axes)[i]
        window = _window(kernel, dilation)
        if padding == "valid":
            before = window - 1
        elif extra is None:
            before = window - 1 - max(window - stride, 0) // 2
        else:
            before = window - 1 - max(2 * (window // 2) - extra, 0) // 2
        out = _length(10, kernel, stride, padding, extra, dilation)
        pairs.append((before, out + window - 1 - ((10 - 1) * stride + 1) - before))
    return pairs
