"""kerex and keras-fft: a Fourier neural operator, attention around a convolution, spectra of signals."""

import keras
import numpy as np
from keras_fft import irfft, rfft
from kerex.layers import CBAM, FNO1D
from training import rng, tell, train

wave = rng.normal(size=(8, 32, 3)).astype("float32")
y = rng.normal(size=(8, 32, 2)).astype("float32")
operator = keras.Sequential([keras.Input((32, 3)), FNO1D(8, modes=6), keras.layers.Dense(2)])
inside = keras.Sequential(
    [keras.Input((32, 3)), CBAM(keras.layers.Conv1D(8, 3, padding="same")), keras.layers.Dense(2)]
)
real, imaginary = rfft(keras.ops.convert_to_tensor(wave[:1, :, 0]))
tell(
    operator=train(operator, "mse", wave, y),
    inside=train(inside, "mse", wave, y),
    spectrum=np.ravel(real).tolist() + np.ravel(imaginary).tolist(),
    back=np.ravel(irfft((real, imaginary)))[:32].tolist(),
)
