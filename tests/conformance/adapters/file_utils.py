"""`keras.src.utils.file_utils`: Keras's way to local and remote files; kernelkit knows local ones."""

import os
import shutil

from kernelkit.utils import *  # noqa: F403

join, exists, isdir, remove, listdir, makedirs = (
    os.path.join,
    os.path.exists,
    os.path.isdir,
    os.remove,
    os.listdir,
    os.makedirs,
)
rmtree, copy = shutil.rmtree, shutil.copy
