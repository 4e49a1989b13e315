"""The step debugger: step forward and backward through a training."""

from kernelkit.viz.debugger.debugger import StepDebugger
from kernelkit.viz.debugger.last import debug_last
from kernelkit.viz.debugger.reopen import replay
