"""Models: layers that can be trained, saved and looked at."""

from kernelkit import serialize
from kernelkit.models.clone import clone_model, model_from_json
from kernelkit.models.model import Functional, Model
from kernelkit.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "model_from_json"]

serialize.register_namespace("models", globals())
serialize.register_namespace("src.models.functional", {"Functional": Functional})
