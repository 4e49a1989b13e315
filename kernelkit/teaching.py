"""Exercises that check themselves: a function inspects an answer and reports whether it is right, or why it is wrong.

The lessons in ``notebooks/`` end with such exercises. A teacher can write more of them in the same way: the check
is in a cell with hidden source, and the student's cell below calls it. Nothing is sent over the network.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from html import escape
from typing import Any

_WORDS = {
    "en": ("Right.", "Not yet.", "No answer yet: replace the three dots."),
    "ko": ("정답입니다.", "아직 아니에요.", "아직 답이 없어요. 점 세 개(...)를 답으로 바꿔 보세요."),
}
_RAISED = {"en": "The check could not use this answer", "ko": "이 답으로는 채점할 수 없어요"}
# Sign and border color. Colors are visible on light and dark pages, and the sign has the same meaning without color.
_LOOKS = {True: ("✓", "#2a9d5c"), False: ("✗", "#d1495b"), None: ("…", "#8a8f98")}


class Verdict:
    """The result of a check.

    Args:
        right: True for a right answer, False for a wrong answer, None without an answer.
        why: One or two sentences for the student; may be empty.
        language: ``"en"`` or ``"ko"``, the language of the first words.

    Example:
        >>> Verdict(False, "The last axis counts the channels.")
        Not yet. The last axis counts the channels.
        >>> bool(Verdict(True))
        True
    """

    def __init__(self, right: bool | None, why: str = "", language: str = "en") -> None:
        self.right, self.why, self.language = right, why, language

    def __bool__(self) -> bool:
        return self.right is True

    def __repr__(self) -> str:
        yes, no, none = _WORDS[self.language]
        return f"{ {True: yes, False: no, None: none}[self.right] } {self.why}".strip()

    def _repr_html_(self) -> str:
        sign, color = _LOOKS[self.right]
        return (
            f'<div role="status" style="border-left:4px solid {color};padding:.4em .8em;margin:.2em 0">'
            f'<b style="color:{color}" aria-hidden="true">{sign}</b> {escape(repr(self))}</div>'
        )


def exercise(check: Callable[..., str | None] | None = None, *, right: str = "", language: str = "en") -> Any:
    """Make a check from a function that inspects an answer.

    Args:
        check: The function. It takes one or more answers, and returns None if they are right, otherwise a
            sentence with the reason. An error that it raises counts as a wrong answer, and is shown.
        right: Text for a right answer, such as an explanation.
        language: ``"en"`` or ``"ko"``.

    Returns:
        A function that takes the answer and returns a :class:`Verdict`. The answer ``...`` counts as no answer.

    Raises:
        ValueError: If the language is neither of the two.
        TypeError: In the check, if the function returned neither None nor a sentence.

    Example:
        >>> @exercise(right="One for each pair of input and unit, and one bias for each unit.")
        ... def how_many_weights(answer):
        ...     return None if answer == 12 else "A Dense(4) on 2 inputs has a kernel of shape (2, 4) and 4 biases."
        >>> how_many_weights(...)
        No answer yet: replace the three dots.
        >>> how_many_weights(8)
        Not yet. A Dense(4) on 2 inputs has a kernel of shape (2, 4) and 4 biases.
        >>> how_many_weights(12)
        Right. One for each pair of input and unit, and one bias for each unit.
    """
    if language not in _WORDS:
        raise ValueError(f"language must be one of {', '.join(map(repr, _WORDS))}, got {language!r}.")
    if check is None:
        return functools.partial(exercise, right=right, language=language)

    @functools.wraps(check)
    def judge(*answers: Any, **named: Any) -> Verdict:
        if any(answer is ... for answer in (*answers, *named.values())):
            return Verdict(None, language=language)
        try:
            why = check(*answers, **named)
        except Exception as error:
            return Verdict(False, f"{_RAISED[language]}: {type(error).__name__}: {error}", language)
        if why is None:
            return Verdict(True, right, language)
        if not isinstance(why, str):
            raise TypeError(f"A check returns None or a sentence, {check.__name__} returned {type(why).__name__}.")
        return Verdict(False, why, language)

    return judge


__all__ = ["Verdict", "exercise"]
