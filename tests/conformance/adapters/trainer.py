"""`keras.src.backend.jax.trainer`: the training methods, to be mixed into any layer."""

from kernelkit.training.trainer import Trainer


class JAXTrainer(Trainer):
    """What a layer needs to be trained, and what `Model` says of itself besides."""

    can_be_called = True
    _graph = None
