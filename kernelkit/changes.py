"""A counter of changes to the parts of models.

The search for the parts of a large model takes longer than a small training step. So the result is cached, and stays
valid until this counter changes.
"""

from __future__ import annotations


class Changes:
    """The number of changes so far, in this process."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        """Count a change: a layer gained, lost, froze or unfroze a part."""
        self.count += 1


structure = Changes()
