"""zeromodels: a transformer for pictures and a language model at small sizes."""

import numpy as np
from training import draw_weights, images, rng, tell, train
from zeromodels.models.cait import CaiTImageClassify
from zeromodels.models.qwen3 import Qwen3TextGenerate

x, y = images(8, 32)
text = {"input_ids": rng.integers(0, 40, (2, 6)).astype("int32"), "attention_mask": np.ones((2, 6), "int32")}
cait = CaiTImageClassify(
    patch_size=8,
    embed_dim=8,
    depth=2,
    num_heads=2,
    image_size=32,
    num_classes=3,
    classifier_activation="softmax",
)
qwen = Qwen3TextGenerate(vocab_size=40, embed_dim=8, mlp_dim=16, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=4)
draw_weights(qwen)
tell(
    cait=train(cait, "sparse_categorical_crossentropy", x, y),
    qwen=np.asarray(qwen.predict(text, verbose=0)["logits"])[0].tolist(),
)
