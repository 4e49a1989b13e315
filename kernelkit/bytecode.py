"""Lambdas as text: their compiled code, for trusted files only, because loading one can run any code.

The format is that of Keras: ``{"code": base64 of the marshalled code, "defaults": [...], "closure": [...]}``. Compiled
code works with one version of Python only; the config holds this version too.
"""

from __future__ import annotations

import base64
import marshal
import sys
import types
from collections.abc import Callable
from typing import Any

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def to_config(function: Any) -> dict[str, Any]:
    """Return a function's code as JSON values. Its defaults and closure variables stay Python objects.

    Args:
        function: A Python function.

    Example:
        >>> from_config(to_config(lambda x, by=2: x * by))(5)
        10
    """
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    return {
        "code": base64.b64encode(marshal.dumps(function.__code__)).decode("ascii"),
        "defaults": list(function.__defaults__) if function.__defaults__ else None,
        "closure": closure or None,
        "python": _VERSION,
    }


def from_config(config: dict[str, Any], names: dict[str, Any] | None = None) -> Callable:
    """Return the function of a config. A call of the function runs the code of the file's author.

    Args:
        config: Result of :func:`to_config`, or the config of a lambda that Keras wrote.
        names: Global names of the code.

    Raises:
        ValueError: If the code is damaged or of another version of Python, or the config holds no code.
    """
    written = config.get("python", _VERSION)
    if written != _VERSION:
        raise ValueError(_of_other_python(f"Python {written}"))
    try:
        code = marshal.loads(base64.b64decode(config["code"]))
    except (KeyError, TypeError, ValueError, EOFError) as error:
        raise ValueError(_of_other_python("another version of Python, or is damaged")) from error
    if not isinstance(code, types.CodeType):
        raise ValueError(f"The code of a lambda is {type(code).__name__}, not a code object.")
    defaults, closure = config.get("defaults"), config.get("closure") or ()
    cells = tuple(types.CellType(value) for value in closure)
    if len(cells) != len(code.co_freevars):
        raise ValueError(f"A lambda closes over {code.co_freevars}, but the file has {len(cells)} values for them.")
    function = types.FunctionType(code, dict(names or {}), "<lambda>", None, cells)
    function.__defaults__ = tuple(defaults) if defaults else None
    return function


def _of_other_python(which: str) -> str:
    return (
        f"The file holds a lambda that was compiled by {which}; this is Python {_VERSION}. Rebuild the model and load "
        "its weights, or give the function a name and save the model again."
    )
