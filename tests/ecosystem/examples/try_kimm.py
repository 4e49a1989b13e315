"""kimm: features of a network at several strides, and a layer whose branches become one convolution."""

import keras
import kimm
import numpy as np
from training import draw_weights, images, tell

x, _ = images(2, 32)
model = kimm.models.MobileNetV3W050Small(
    input_shape=(32, 32, 3), weights=None, classes=3, include_preprocessing=False, feature_extractor=True
)
draw_weights(model)
features = {name: [float(np.mean(value)), float(np.std(value))] for name, value in model.predict(x, verbose=0).items()}
layer = kimm.layers.ReparameterizableConv2D(8, 3, has_skip=False, branch_size=2, name="stem")
net = keras.Sequential([keras.Input((32, 32, 3)), layer])
draw_weights(net)
outputs = net.predict(x, verbose=0)
kernel, bias = layer.get_reparameterized_weights()
tell(
    **features,
    branches=outputs[0, :2].tolist(),
    kernel=np.asarray(kernel).ravel().tolist(),
    bias=np.asarray(bias).tolist(),
)
