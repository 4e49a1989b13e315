"""Looking at training and models. The rest of kernelkit is only handed what it needs of this."""

from kernelkit.viz import curves
from kernelkit.viz.curves import compare, history_bundle, history_frame, notebook_display, plot_history
