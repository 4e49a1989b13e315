"""Global settings: the default float type, the numerical fuzz factor, the image layout.

Example:
    >>> from kernelkit import config
    >>> config.floatx()
    'float32'
"""

from __future__ import annotations

import os

from kernelkit.public import names_of as _names_of

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")
_settings: dict = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "max_epochs": None,
    "max_steps_per_epoch": None,
    "interactive_logging": True,
    "traceback_filtering": os.environ.get("KERNELKIT_TRACEBACK") != "full",
    "flash_attention": None,
    "unsafe_deserialization": False,
}


def backend() -> str:
    """Return the name of the compute engine, which is always ``"jax"``.

    Example:
        >>> from kernelkit import config
        >>> config.backend()
        'jax'
    """
    return "jax"


def set_backend(backend: str) -> None:
    """Accept ``"jax"``, the only engine.

    Raises:
        ValueError: For any other engine.

    Example:
        >>> from kernelkit import config
        >>> config.set_backend("jax")
        >>> config.set_backend("torch")
        Traceback (most recent call last):
        ValueError: kernelkit computes with jax only, set_backend('torch') is not possible. ...
    """
    if backend != "jax":
        raise ValueError(
            f"kernelkit computes with jax only, set_backend({backend!r}) is not possible. Run the script with Keras "
            "if it needs another engine."
        )


def is_nnx_enabled() -> bool:
    """Return ``False``: layers are kernelkit's own, not modules of Flax NNX.

    Example:
        >>> from kernelkit import config
        >>> config.is_nnx_enabled()
        False
    """
    return False


def floatx() -> str:
    """Return the default float dtype of new variables and converted data, such as ``"float32"``.

    Example:
        >>> from kernelkit import config
        >>> config.floatx()
        'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float dtype.

    Args:
        value: One of ``"bfloat16"``, ``"float16"``, ``"float32"``, ``"float64"``.

    Raises:
        ValueError: For any other name.

    Example:
        >>> from kernelkit import config
        >>> config.set_floatx("bfloat16")
        >>> config.floatx()
        'bfloat16'
        >>> config.set_floatx("float32")
    """
    if str(value) not in _FLOATS:
        raise ValueError(f"set_floatx() takes one of {_FLOATS}, got {value!r}.")
    _settings["floatx"] = str(value)


def epsilon() -> float:
    """Return the small constant that keeps divisions and logarithms finite.

    Example:
        >>> from kernelkit import config
        >>> config.epsilon()
        1e-07
    """
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the small constant returned by :func:`epsilon`.

    Example:
        >>> from kernelkit import config
        >>> config.set_epsilon(1e-5)
        >>> config.epsilon()
        1e-05
        >>> config.set_epsilon(1e-7)
    """
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """Return the default layout of images: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> from kernelkit import config
        >>> config.image_data_format()
        'channels_last'
    """
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the default image layout.

    Args:
        data_format: ``"channels_last"`` (batch, height, width, channels) or ``"channels_first"``.

    Raises:
        ValueError: For any other name.

    Example:
        >>> from kernelkit import config
        >>> config.set_image_data_format("channels_first")
        >>> config.image_data_format()
        'channels_first'
        >>> config.set_image_data_format("channels_last")
    """
    _settings["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Return the layout name after a check; ``None`` stands for the global default.

    Example:
        >>> from kernelkit import config
        >>> config.standardize_data_format("channels_first")
        'channels_first'
    """
    if data_format is None:
        return image_data_format()
    name = str(data_format).lower()
    if name not in _LAYOUTS:
        raise ValueError(f"data_format must be one of {_LAYOUTS}, got {data_format!r}.")
    return name


def max_epochs() -> int | None:
    """Return the cap on epochs that every ``fit`` obeys, or ``None``.

    Example:
        >>> from kernelkit import config
        >>> config.set_max_epochs(2)
        >>> config.max_epochs()
        2
        >>> config.set_max_epochs(None)
    """
    return _settings["max_epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Cap the epochs of every ``fit``, to check quickly that a script runs to its end.

    Example:
        >>> from kernelkit import config
        >>> config.set_max_epochs(2)  # every fit ends after two epochs: for a quick look
        >>> config.max_epochs()
        2
        >>> config.set_max_epochs(None)
    """
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """Return the cap on steps in an epoch that every loop obeys, or ``None``.

    Example:
        >>> from kernelkit import config
        >>> config.set_max_steps_per_epoch(10)
        >>> config.max_steps_per_epoch()
        10
        >>> config.set_max_steps_per_epoch(None)
    """
    return _settings["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Cap the steps of an epoch in ``fit``, ``evaluate`` and ``predict``.

    Example:
        >>> from kernelkit import config
        >>> config.set_max_steps_per_epoch(10)
        >>> config.max_steps_per_epoch()
        10
        >>> config.set_max_steps_per_epoch(None)
    """
    _settings["max_steps_per_epoch"] = max_steps_per_epoch


def is_interactive_logging_enabled() -> bool:
    """Return whether ``verbose="auto"`` draws a live display.

    Example:
        >>> from kernelkit import config
        >>> config.is_interactive_logging_enabled()
        True
    """
    return _settings["interactive_logging"]


def enable_interactive_logging() -> None:
    """Let ``verbose="auto"`` draw a live display (the default).

    Example:
        >>> from kernelkit import config
        >>> config.enable_interactive_logging()
        >>> config.is_interactive_logging_enabled()
        True
    """
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Let ``verbose="auto"`` print one line for each epoch, for log files.

    Example:
        >>> from kernelkit import config
        >>> config.disable_interactive_logging()
        >>> config.is_interactive_logging_enabled()
        False
        >>> config.enable_interactive_logging()
    """
    _settings["interactive_logging"] = False


def is_traceback_filtering_enabled() -> bool:
    """Return whether tracebacks hide the frames of kernelkit and jax.

    Example:
        >>> from kernelkit import config
        >>> before = config.is_traceback_filtering_enabled()
        >>> config.enable_traceback_filtering()
        >>> config.is_traceback_filtering_enabled()
        True
        >>> if not before:
        ...     config.disable_traceback_filtering()
    """
    return _settings["traceback_filtering"]


def enable_traceback_filtering() -> None:
    """Hide the inner frames of kernelkit and jax in tracebacks (the default).

    Example:
        >>> from kernelkit import config
        >>> before = config.is_traceback_filtering_enabled()
        >>> config.enable_traceback_filtering()
        >>> config.is_traceback_filtering_enabled()
        True
        >>> if not before:
        ...     config.disable_traceback_filtering()
    """
    _settings["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Show every frame in tracebacks, as ``KERNELKIT_TRACEBACK=full`` in the environment does.

    Example:
        >>> from kernelkit import config
        >>> before = config.is_traceback_filtering_enabled()
        >>> config.disable_traceback_filtering()
        >>> config.is_traceback_filtering_enabled()
        False
        >>> if before:
        ...     config.enable_traceback_filtering()
    """
    _settings["traceback_filtering"] = False


def is_flash_attention_enabled() -> bool | None:
    """Return ``None`` if attention may use the fused kernel (the default), ``False`` if it never does.

    Example:
        >>> from kernelkit import config
        >>> config.is_flash_attention_enabled() is None
        True
    """
    return _settings["flash_attention"]


def enable_flash_attention() -> None:
    """Let attention use cuDNN's fused kernel on NVIDIA GPUs with 16-bit floats (the default).

    On other devices and dtypes attention is computed step by step. A layer or function that got
    ``flash_attention=True`` raises an error there instead.

    Example:
        >>> from kernelkit import config
        >>> config.disable_flash_attention()
        >>> config.is_flash_attention_enabled()
        False
        >>> config.enable_flash_attention()
    """
    _settings["flash_attention"] = None


def disable_flash_attention() -> None:
    """Compute attention step by step, except in layers and functions that got ``flash_attention=True``.

    Example:
        >>> from kernelkit import config
        >>> config.disable_flash_attention()
        >>> config.is_flash_attention_enabled()
        False
        >>> config.enable_flash_attention()
    """
    _settings["flash_attention"] = False


def enable_unsafe_deserialization() -> None:
    """Load all files of this session as with ``safe_mode=False``: layers may open files, and lambdas in files may run.

    Use it only if you trust every file that you load.

    Example:
        >>> from kernelkit import config
        >>> config.enable_unsafe_deserialization()  # doctest: +SKIP
        >>> config.is_unsafe_deserialization_enabled()  # doctest: +SKIP
        True
    """
    _settings["unsafe_deserialization"] = True


def is_unsafe_deserialization_enabled() -> bool:
    """Return whether :func:`enable_unsafe_deserialization` was called.

    Example:
        >>> from kernelkit import config
        >>> config.is_unsafe_deserialization_enabled()
        False
    """
    return _settings["unsafe_deserialization"]


__dir__ = _names_of(globals())
