"""The version that ``keras.__version__`` says: Keras's, whose interface this is, and what stands behind it."""

from kernelkit.version import __version__

KERAS = "3.15.1"
VERSION = f"{KERAS}+kernelkit.{__version__}"
