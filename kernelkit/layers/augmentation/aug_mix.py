"""AugMix: chains of augmentations, mixed with the original."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.policy import augmentations, choose
from kernelkit.layers.augmentation.ranges import factor_range, value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.random import SeedGenerator
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree

_ALWAYS = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)
_MORE = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class AugMix(ImageTransform):
    """Mix images with several augmented versions of them, each made by a random chain of augmentations.

    Labels, boxes and masks are unchanged: objects stay recognizable at their places.

    Args:
        value_range: Lowest and highest value of a pixel.
        num_chains: Number of augmented versions to mix.
        chain_depth: Largest length of a chain; the length is drawn from 1 to ``chain_depth``.
        factor: Strength of the augmentations: two numbers in [0, 1] to draw from, or one number x for [0, x].
        alpha: Concentration of the distributions of the mixing weights.
        all_ops: Whether brightness, color, contrast and sharpness are changed too.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Source: Hendrycks et al., 2020, AugMix: a simple data processing method to improve robustness and uncertainty.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AugMix(seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Factor = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self.seed = seed
        self.generator = SeedGenerator(seed)
        self._names = _ALWAYS + (_MORE if all_ops else ())
        made = augmentations(self)
        for name in self._names:
            setattr(self, name, made[name])

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        seed = self._source(seed)
        gammas = random.gamma((self.num_chains,), self.alpha, dtype="float32", seed=seed)
        shape = (self.num_chains, self.chain_depth)
        return {
            "chain_mixing_weights": gammas / jnp.sum(gammas),
            "weight_sample": random.beta((), self.alpha, self.alpha, dtype="float32", seed=seed),
            "depths": random.randint((self.num_chains,), 1, self.chain_depth + 1, seed=seed),
            "layer_idxes": random.randint(shape, 0, len(self._names), seed=seed),
            "seeds": random.randint((*shape, 2), 0, 2**31 - 1, seed=seed).astype("uint32"),
        }

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = self._in_compute_dtype(images)
        if not training or transformation is None:
            return images
        weights = transformation["chain_mixing_weights"]
        links = tuple(transformation[k] for k in ("layer_idxes", "seeds", "depths"))
        if isinstance(weights, jax.core.Tracer):  # traced: a loop, so that the chain is compiled once
            chains = jax.lax.map(lambda link: self._chain(images, *link), links)
        else:
            chains = jnp.stack([self._chain(images, *(v[i] for v in links)) for i in range(self.num_chains)])
        mixed = jnp.tensordot(weights, chains, axes=1)
        share = transformation["weight_sample"]
        return self._in_compute_dtype(share * images + (1 - share) * mixed)

    def _chain(self, images: jax.Array, indices: jax.Array, seeds: jax.Array, depth: jax.Array) -> jax.Array:
        """Return images after the first few of a chain of augmentations."""

        def branch(name: str) -> Any:
            layer = getattr(self, name)

            def apply(images: jax.Array, seed: jax.Array) -> jax.Array:
                drawn = layer.get_random_transformation(images, True, _Stream(seed))
                return layer.transform_images(images, drawn, training=True)

            return apply

        branches = [branch(name) for name in self._names]

        def step(images: jax.Array, link: tuple) -> tuple[jax.Array, None]:
            index, seed, position = link
            changed = choose(index, branches, images, seed)
            return jnp.where(position < depth, changed, images), None

        links = (indices, seeds, jnp.arange(self.chain_depth))
        if isinstance(indices, jax.core.Tracer):  # traced: the branches are compiled once for the whole chain
            return jax.lax.scan(step, images, links)[0]
        for i in range(int(depth)):
            images, _ = step(images, tuple(v[i] for v in links))
        return images


class _Stream(SeedGenerator):
    """A stream of keys derived from one key, without a variable."""

    def __init__(self, key: jax.Array) -> None:
        self._key, self._count = key, 0

    def next(self, ordered: bool = True) -> jax.Array:
        self._count += 1
        return self._key + jnp.array([0, self._count], "uint32")
