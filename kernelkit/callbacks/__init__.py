"""Callbacks: code that training calls at its turning points."""

from kernelkit import serialize
from kernelkit.training.callback import Callback, CallbackList
from kernelkit.training.history import History

__all__ = ["Callback", "CallbackList", "History"]

serialize.register_namespace("callbacks", globals())
