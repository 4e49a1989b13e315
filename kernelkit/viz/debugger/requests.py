"""Requests from pages to a debugger. Pages are not trusted, so each field is checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

MOST_STEPS = 100_000
"""Maximum number of steps in one request."""
_LONGEST_TEXT = 1000
_LONGEST_ID = 64

Request = dict[str, Any]
Check = Callable[[Any], bool]


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MOST_STEPS


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _is_place(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53  # JavaScript's exact integers


_COUNT = f"a number of steps from 1 to {MOST_STEPS:,}"
_STEP, _NUMBER, _TEXT = "the number of a step", "a number", "a text"
# The fields of each kind: the expected value in words, the check, and whether the field is optional.
_FIELDS: dict[str, dict[str, tuple[str, Check, bool]]] = {
    "ready": {},
    "stop": {},
    "run": {},
    "explain": {},
    "graph": {},
    "step": {"count": (_COUNT, _is_count, True)},
    "back": {"count": (_COUNT, _is_count, True)},
    "goto": {"position": (_STEP, _is_place, False)},
    "run to": {
        "what": (_TEXT, _is_text, False),
        "value": (_NUMBER, _is_number, False),
        "epochs": ("a number of epochs", _is_count, True),
    },
    "break": {"on": (_TEXT, _is_text, False), "above": (_NUMBER, _is_number, True)},
    "clear": {"number": ("the number of a breakpoint", _is_place, False)},
    "enable": {
        "number": ("the number of a breakpoint", _is_place, False),
        "on": ("true or false", lambda value: isinstance(value, bool), False),
    },
    "fork": {"learning_rate": ("a number above 0", lambda v: _is_number(v) and v > 0, False)},
    "branch": {"name": (_TEXT, _is_text, False)},
    "compare": {"name": (_TEXT, _is_text, False)},
    "layer": {"layer": (_TEXT, _is_text, True), "sample": ("the number of a sample", _is_place, True)},
}


def checked(content: Any) -> Request:
    """Return a page's request with only its known fields.

    Args:
        content: The message, any JSON value.

    Raises:
        ValueError: If the message is not a valid request. The error text is shown on the page.

    Example:
        >>> checked({"kind": "step", "count": 5, "color": "red"})
        {'kind': 'step', 'count': 5}
        >>> checked({"kind": "step", "count": 10**9})
        Traceback (most recent call last):
        ...
        ValueError: 'step': count must be a number of steps from 1 to 100,000, got 1000000000.
    """
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise ValueError(f"There is no request {short(kind)}.")
    request: Request = {"kind": kind}
    for name, (expected, fits, may_lack) in _FIELDS[kind].items():
        value = content.get(name)
        if value is None and may_lack:
            continue
        if not fits(value):
            raise ValueError(f"{kind!r}: {name} must be {expected}, got {short(value)}.")
        request[name] = value
    return request | sender(content)


def sender(content: Any) -> Request:
    """Return the page and the number of a request. The page waits for that number."""
    page, number = (content.get("page"), content.get("id")) if isinstance(content, dict) else (None, None)
    known = isinstance(page, str) and len(page) <= _LONGEST_ID and _is_place(number)
    return {"page": page, "id": number} if known else {}


def short(value: Any) -> str:
    """Return a value as a short text."""
    if isinstance(value, (list, dict)):
        return f"a {type(value).__name__}"
    if isinstance(value, int) and abs(value) > 2**64:
        return "a huge number"
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:80]}..."
