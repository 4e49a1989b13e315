"""hgq2: a convolutional net whose bit widths are trained, for FPGAs."""

import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QConv2D, QDense, QMaxPooling2D
from hgq.utils.sugar import FreeEBOPs
from training import images, tell

x, y = images(32, 8, 1)
with (
    QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
    QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
    LayerConfigScope(enable_ebops=True, beta0=1e-5),
):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            QConv2D(4, 3, activation="relu"),
            QMaxPooling2D(2),
            keras.layers.Flatten(),
            QDense(3),
        ]
    )
drawn = np.random.default_rng(1)
for layer in (model.layers[0], model.layers[-1]):
    layer.kernel.assign(0.4 * drawn.normal(size=layer.kernel.shape))
model(x, training=True)  # the ranges of what flows are found in training
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, callbacks=[FreeEBOPs()]).history
tell(
    weights=[[w.path.rpartition("/")[2], list(w.shape)] for w in model.weights],
    losses=history["loss"],
    bits=history["ebops"],
    outputs=model.predict(x[:3], verbose=0).tolist(),
)
