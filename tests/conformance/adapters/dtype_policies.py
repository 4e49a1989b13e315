"""`keras.src.dtype_policies.dtype_policy`: how a name becomes a quantized policy."""

from kernelkit.dtype_policies.quantized import from_name


def _get_quantized_dtype_policy_by_str(policy):
    if not isinstance(policy, str):
        raise TypeError(f"`policy` must be a string. Received: policy={policy}")
    made = from_name(policy)
    if made is None:
        raise ValueError(f"`policy` is incompatible with the current supported quantization. Received: policy={policy}")
    return made
