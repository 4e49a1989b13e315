"""Rich displays of objects as the last line of a notebook cell."""

from kernelkit.viz.cards.bundles import bundle_of
from kernelkit.viz.cards.compare import ModelComparison, compare_models
from kernelkit.viz.cards.things import html_of
