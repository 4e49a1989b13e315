"""Functions without a name as text: their compiled code, for files that one trusts as one trusts a program.

The format is that of Keras: ``{"code": base64 of the marshalled code, "defaults": [...], "closure": [...]}``. Compiled
code belongs to one version of Python, which is noted beside it.
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
    """Return a function as JSON values, but for its defaults and the variables that it closes over.

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
    """Return the function of a config. Whoever calls it runs what the file's author wrote.

    Args:
        config: Result of :func:`to_config`, or what Keras wrote.
        names: What the code finds as global names.

    Raises:
        ValueError: If the code is of another version of Python, or is none.
    """
    written = config.get("python", _VERSION)
    if written != _VERSION:
        raise ValueError(_of_other_python(f"Python {written}"))
    try:
        code = marshal.loads(base64.b64decode(config["code"]))
    except (KeyError, TypeError, ValueError, EOFError) as error:
        raise ValueError(_of_other_python("another version of Python, or is damaged")) from error
    if not isinstance(code, types.CodeType):
        raise ValueError(f"The code of a lambda is {type(code).__name__}, which is no code.")
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
        "its weights, or give the function a name and save the model anew."
    )
