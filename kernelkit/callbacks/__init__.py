"""Callbacks: code that training calls at the begin and end of epochs, batches and passes.

Example:
    >>> import kernelkit as kk
    >>> class Best(kk.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.best = min(getattr(self, "best", float("inf")), logs["loss"])
"""

from kernelkit.callbacks.backup_and_restore import BackupAndRestore
from kernelkit.callbacks.csv_logger import CSVLogger
from kernelkit.callbacks.early_stopping import EarlyStopping
from kernelkit.callbacks.lambda_callback import LambdaCallback
from kernelkit.callbacks.learning_rate_scheduler import LearningRateScheduler
from kernelkit.callbacks.model_checkpoint import ModelCheckpoint
from kernelkit.callbacks.orbax_checkpoint import OrbaxCheckpoint
from kernelkit.callbacks.progbar_logger import ProgbarLogger
from kernelkit.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from kernelkit.callbacks.remote_monitor import RemoteMonitor
from kernelkit.callbacks.swap_ema_weights import SwapEMAWeights
from kernelkit.callbacks.tensorboard import TensorBoard
from kernelkit.callbacks.terminate_on_nan import TerminateOnNaN
from kernelkit.public import names_of as _names_of
from kernelkit.training.callback import Callback
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.history import History

__dir__ = _names_of(globals())
