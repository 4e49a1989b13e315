"""Views of trainings and models: curves, debugger, graphs, lessons. Lower floors do not import this package."""

from kernelkit.models.description import describe as graph
from kernelkit.public import names_of as _names_of
from kernelkit.viz import curves, teaching
from kernelkit.viz.cards import bundle_of, compare_models, html_of
from kernelkit.viz.curves import compare, history_bundle, history_frame, notebook_display, plot_history, runs
from kernelkit.viz.debugger import StepDebugger, debug_last, replay
from kernelkit.viz.host.line import notebook_line
from kernelkit.viz.live_graph import Graph
from kernelkit.viz.sharding import ShardingPicture, sharding
from kernelkit.viz.teaching import (
    BatchTable,
    RangeTest,
    activations,
    confusion_matrix,
    decision_boundary,
    embedding,
    filters,
    find_learning_rate,
    predictions,
    show_batch,
    top_losses,
    weights,
)

__dir__ = _names_of(globals())
