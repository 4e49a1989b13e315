"""`keras.src.utils`: names that kernelkit has elsewhere."""

from kernelkit.config import (  # noqa: F401
    disable_interactive_logging,
    disable_traceback_filtering,
    enable_interactive_logging,
    enable_traceback_filtering,
    is_interactive_logging_enabled,
    is_traceback_filtering_enabled,
)
from kernelkit.scope import auto_name, to_snake_case  # noqa: F401
