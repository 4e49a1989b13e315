"""k3im: a class-attention transformer for pictures."""

from k3im.cait import CaiTModel
from training import images, tell, train

x, y = images(8, 16)
tell(
    cait=train(
        CaiTModel(
            image_size=(16, 16),
            patch_size=(4, 4),
            num_classes=3,
            dim=8,
            depth=1,
            heads=2,
            mlp_dim=16,
            cls_depth=1,
            dim_head=4,
        ),
        "sparse_categorical_crossentropy",
        x,
        y,
    ),
)
