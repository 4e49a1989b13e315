"""Image preprocessing and augmentation: resizing, warping, colors, mixing."""
