"""keras-hexagdly: convolution and pooling over hexagonal cells."""

import keras
import keras_hexagdly as hex_layers
from training import images, tell, train

x, y = images(16, 12, 1)
inputs = keras.Input((12, 12, 1))
h = hex_layers.Conv2d(filters=4, kernel_size=2, padding="same", activation="relu")(inputs)
h = hex_layers.MaxPool2d(pool_size=1, strides=2)(h)
h = hex_layers.Conv2d(filters=3, kernel_size=1, share_neighbors="ring")(h)
outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(h))
tell(trained=train(keras.Model(inputs, outputs), "sparse_categorical_crossentropy", x, y))
