"""`keras.src.ops.operation_utils`: the shapes that Keras computes by formulas, from what kernelkit's ops say."""

from kernelkit import KerasTensor, ops
from kernelkit.utils import get_source_inputs


def _symbol(shape):
    return KerasTensor(shape)


def compute_expand_dims_output_shape(input_shape, axis):
    """Return the shape of `ops.expand_dims`."""
    return ops.expand_dims(_symbol(input_shape), axis).shape


def compute_pooling_output_shape(input_shape, pool_size, strides, padding="valid", data_format="channels_last"):
    """Return the shape of `ops.max_pool`."""
    return ops.max_pool(_symbol(input_shape), pool_size, strides, padding, data_format).shape


def compute_conv_output_shape(
    input_shape, filters, kernel_size, strides=1, padding="valid", data_format="channels_last", dilation_rate=1
):
    """Return the shape of `ops.conv`."""
    channels = input_shape[-1 if data_format == "channels_last" else 1]
    kernel = _symbol((*kernel_size, channels, filters))
    return ops.conv(_symbol(input_shape), kernel, strides, padding, data_format, dilation_rate).shape


def compute_reshape_output_shape(input_shape, newshape, newshape_arg_name=None):
    """Return the shape of `ops.reshape`."""
    return ops.reshape(_symbol(input_shape), newshape).shape


def validate_reshape_shape(newshape, newshape_arg_name="newshape"):
    """Raise what `ops.reshape` raises for a shape that cannot be."""
    ops.reshape(_symbol((2,)), newshape)


def reduce_shape(shape, axis=None, keepdims=False):
    """Return the shape of `ops.sum`."""
    return ops.sum(_symbol(shape), axis, keepdims).shape


__all__ = ["get_source_inputs"]
