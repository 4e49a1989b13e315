"""mingru-keras: a recurrence that is computed as a scan."""

import keras
from mingru_keras import MinGRU
from training import rng, tell, train

x = rng.normal(size=(16, 20, 3)).astype("float32")
y = x.mean(axis=(1, 2))
pooled = keras.layers.GlobalAveragePooling1D()
net = keras.Sequential([keras.Input((20, 3)), MinGRU(8), MinGRU(4), pooled, keras.layers.Dense(1)])
tell(trained=train(net, "mse", x, y))
