"""Exercises that check themselves: a function looks at an answer and says right, or wrong and why.

The lessons in ``notebooks/`` end with such exercises, and a teacher writes more of them in the same way: the check
stands in a cell whose source is folded away, the student's cell below it calls it. Nothing is sent anywhere.
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
# Sign, border; both are told apart in light and dark, and the sign says the same without color.
_LOOKS = {True: ("✓", "#2a9d5c"), False: ("✗", "#d1495b"), None: ("…", "#8a8f98")}


class Verdict:
    """What a check says of an answer.

    Args:
        right: True for a right answer, False for a wrong one, None where there is no answer yet.
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
    """Make a check out of a function that looks at an answer.

    Args:
        check: The function. It takes the answer, or several, and returns None when they are right and otherwise a
            sentence that says why they are wrong. An error that it raises counts as a wrong answer, and is told.
        right: What a right answer is told; the place to explain why it is right.
        language: ``"en"`` or ``"ko"``.

    Returns:
        A function that takes the answer and returns a :class:`Verdict`. An answer of ``...`` is none yet.

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
