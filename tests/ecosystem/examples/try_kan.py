"""keras-efficient-kan: a net of splines."""

import keras
from keras_efficient_kan import KANLinear
from training import rng, tell, train

x = rng.normal(size=(32, 4)).astype("float32")
y = x[:, :1] * x[:, 1:2]
net = keras.Sequential([keras.Input((4,)), KANLinear(6), KANLinear(1)])
tell(trained=train(net, "mse", x, y))
