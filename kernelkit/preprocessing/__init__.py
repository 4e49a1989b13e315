"""Loading and preparing data under the old names of ``keras.preprocessing``.

New code uses `kernelkit.utils` and the preprocessing layers. The names here are aliases, or work as in Keras 2.
"""

from kernelkit.preprocessing import image, sequence, text
from kernelkit.public import names_of as _names_of
from kernelkit.utils import image_dataset_from_directory, text_dataset_from_directory, timeseries_dataset_from_array

__dir__ = _names_of(globals(), "image", "sequence")
