"""Models: layers that can be trained, saved and inspected."""

from kernelkit import serialize
from kernelkit.models.clone import clone_model, model_from_json
from kernelkit.models.function import Function
from kernelkit.models.model import Functional, Model
from kernelkit.models.sequential import Sequential
from kernelkit.public import names_of as _names_of
from kernelkit.saving import load_model, save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

# Keras has this class in that module, not among its public models. Files name the first registered module.
serialize.register_namespace("src.models.functional", {"Functional": Functional}, (Functional,))
serialize.register_namespace("models", globals(), (Model,))

__dir__ = _names_of(globals())
