"""`keras.src.regularizers.regularizers`."""

from kernelkit.regularizers.regularizer import checked_factor


def validate_float_arg(value, name):
    """Return a factor as a float, or raise."""
    if value is None:  # kernelkit takes None for the default
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float, got None.")
    return checked_factor(name, value, 0.0)
