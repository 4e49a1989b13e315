"""Looking at training and models. The rest of kernelkit imports nothing of this, and nothing here needs jax."""

from kernelkit.viz import curves
from kernelkit.viz.curves import compare, notebook_display, plot_history
