"""`keras.src.trainers.compile_utils`: what `compile` was told, applied to outputs without a model around them."""

from kernelkit.symbolic import any_symbolic
from kernelkit.training.compile import CompiledLoss, CompiledMetrics
from kernelkit.training.outputs import Outputs


class CompileLoss:
    """The loss of all outputs, which learns about these at its first call."""

    def __init__(self, loss, loss_weights=None, reduction="sum_over_batch_size", output_names=None):
        self.inner, self.output_names = CompiledLoss(loss, loss_weights), output_names

    def build(self, y_true, y_pred):
        self.inner.build(Outputs(y_pred, self.output_names), y_pred, y_true)

    @property
    def built(self):
        return self.inner.parts is not None

    def __call__(self, y_true, y_pred, sample_weight=None):
        if not self.built:
            self.build(y_true, y_pred)
        if any_symbolic((y_true, y_pred), {}):
            return None
        return self.inner(y_true, y_pred, sample_weight)

    call = __call__

    @property
    def metrics(self):
        return self.inner.trackers


class CompileMetrics:
    """The metrics of all outputs, which learn about these at their first call."""

    def __init__(self, metrics, weighted_metrics, name="compile_metric", output_names=None):
        self.inner, self.output_names = CompiledMetrics(metrics, weighted_metrics), output_names

    def build(self, y_true, y_pred):
        self.inner.resolve(Outputs(y_pred, self.output_names), y_true, y_pred)

    @property
    def built(self):
        return self.inner.is_built

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not self.built:
            self.build(y_true, y_pred)
        self.inner.update_state(y_true, y_pred, sample_weight)

    def __getattr__(self, name):
        return getattr(self.inner, name)
