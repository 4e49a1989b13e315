"""The value of ``keras.__version__``: the version of Keras's interface, and ``+kernelkit``."""

from kernelkit.version import __version__

KERAS = "3.15.1"
VERSION = f"{KERAS}+kernelkit.{__version__}"
