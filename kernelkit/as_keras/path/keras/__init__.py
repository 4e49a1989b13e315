"""What ``import keras`` finds where this folder is on ``PYTHONPATH``: kernelkit takes its place."""

import importlib
import sys

if __name__ == "keras":  # not where a tool imports this file under another name, to look at it
    del sys.modules[__name__]
    importlib.import_module("kernelkit.as_keras").install()
    sys.modules[__name__] = importlib.import_module(__name__)
