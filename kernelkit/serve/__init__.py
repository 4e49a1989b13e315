"""A model as a web service: `model.serve()` in a notebook, `python -m kernelkit.serve model.keras` elsewhere."""

from kernelkit.serve.limits import Limits
from kernelkit.serve.runner import Runner
from kernelkit.serve.server import Server, serve

__all__ = ["Limits", "Runner", "Server", "serve"]
