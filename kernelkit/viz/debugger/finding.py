"""`Finding`: a mistake in a training, described in words."""

from __future__ import annotations

import html
from dataclasses import dataclass, field


@dataclass
class Finding:
    """The first mistake of a training, as text and as values.

    Attributes:
        kind: ``"nan"``, ``"exploding"``, ``"corrupted sample"``, ``"dead units"``, ``"saturated units"``,
            ``"vanishing gradients"``, ``"exploding gradients"``, ``"small learning rate"``, ``"large learning rate"``,
            ``"probabilities as logits"``, ``"logits as probabilities"``, ``"unscaled inputs"``, ``"unscaled targets"``,
            ``"shifted labels"``, ``"shuffled labels"``, ``"sorted labels"``, ``"one class"``, ``"leaking target"``,
            ``"frozen layer"``, ``"batch of one"``, ``"lost mask"``, ``"no gradient"``, ``"error"`` or ``"nothing"``.
        title: The finding in one sentence.
        step: Number of the step, from 0; ``goto(step + 1)`` shows it.
        epoch: Number of its epoch, from 0.
        layer: Name of the layer, loss or part of the step; ``""`` if none stands out.
        op: The operation, such as ``"log"``; ``""`` if none stands out.
        direction: ``"forward"``, ``"backward"``, ``"update"`` or ``""``.
        where: ``"file:line in function"`` of the source, if a line is to blame.
        samples: Row numbers of the samples to blame (indices in the batch, if row numbers are unknown).
        evidence: Observations that support the finding.
        advice: Advice, the most likely cure first.
    """

    kind: str
    title: str
    step: int
    epoch: int = 0
    layer: str = ""
    op: str = ""
    direction: str = ""
    where: str = ""
    samples: list[int] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [self.title, *(f"  {line}" for line in self.evidence)]
        lines += [f"  written in {self.where}"] if self.where else []
        lines += ["What usually helps:", *(f"  - {line}" for line in self.advice)] if self.advice else []
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.title}**", "", *(f"- {line}" for line in self.evidence)]
        lines += [f"- written in `{self.where}`"] if self.where else []
        lines += ["", "What usually helps:", "", *(f"1. {line}" for line in self.advice)] if self.advice else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        listed = lambda tag, rows: f"<{tag}>" + "".join(f"<li>{html.escape(r)}</li>" for r in rows) + f"</{tag}>"  # noqa: E731
        seen = self.evidence + ([f"written in {self.where}"] if self.where else [])
        helps = f"<p>What usually helps:</p>{listed('ol', self.advice)}" if self.advice else ""
        return f"<p><b>{html.escape(self.title)}</b></p>{listed('ul', seen)}{helps}"
