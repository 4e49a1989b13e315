"""medicai: a Swin transformer for pictures and volumes, and a loss of segmentation."""

import keras
import numpy as np
from medicai.losses import SparseDiceCELoss
from medicai.models import SwinBackbone
from training import draw_weights, rng, tell, train

FEW = {"embed_dim": 8, "patch_size": 2, "window_size": 4, "depths": [2, 1], "num_heads": [2, 2], "drop_path_rate": 0.0}
x = rng.normal(size=(4, 16, 16, 1)).astype("float32")
labels = rng.integers(0, 2, (4, 16, 16, 1))
backbone = SwinBackbone(input_shape=(16, 16, 1), downsampling_strategy="swin_unetr_like", **FEW)
features = keras.layers.UpSampling2D(16 // backbone.output_shape[1])(backbone.output)
net = keras.Model(backbone.input, keras.layers.Conv2D(2, 1)(features))
volumes = SwinBackbone(input_shape=(8, 8, 8, 1), downsampling_strategy="swin_unetr_like", **FEW)
draw_weights(volumes)
tell(
    trained=train(net, SparseDiceCELoss(from_logits=True, num_classes=2), x, labels, batch=2),
    volumes=np.ravel(volumes.predict(x[:1, :8, :8, :, None] * np.ones((1, 1, 1, 8, 1)), verbose=0))[:50].tolist(),
)
