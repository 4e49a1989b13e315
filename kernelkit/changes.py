"""A counter of changes to what models are made of.

Layers are searched for their parts whenever somebody asks. A search through a large model takes longer than a small
training step, so what was found is kept for as long as this counter stands still.
"""

from __future__ import annotations


class Changes:
    """The number of changes so far, in this process."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        """Say that a layer gained, lost, froze or thawed a part."""
        self.count += 1


structure = Changes()
