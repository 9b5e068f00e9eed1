"""Batch normalisation over images, and the pools that halve or summarise them."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

MOMENTUM = 0.9  # Flax's own 0.99 lags behind in the first epochs
EPSILON = 1e-5


def normalize(
    images: Float[Array, "batch height width channels"],
    scale: Float[Array, " channels"],
    bias: Float[Array, " channels"],
) -> tuple[
    Float[Array, "batch height width channels"],
    Float[Array, " channels"],
    Float[Array, " channels"],
]:
    """Bring each channel to the mean `bias` and the standard deviation `scale`.

    Returns: the images, and the means and variances of the channels before.
    Source: Ioffe and Szegedy, Batch Normalization, ICML 2015, algorithm 1.
    """
    mean, variance = find_statistics(images)
    factor = lax.rsqrt(variance + EPSILON)
    return images * (scale * factor) + (bias - mean * scale * factor), mean, variance


def find_statistics(
    images: Float[Array, "batch height width channels"],
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Give the mean and the variance of each channel."""
    mean = images.mean((0, 1, 2))
    return mean, jnp.maximum((images * images).mean((0, 1, 2)) - mean * mean, 0.0)


def normalize_and_pool(
    images: Float[Array, "batch height width channels"],
    scale: Float[Array, " channels"],
    bias: Float[Array, " channels"],
    pool: Callable,
    normalize: Callable = normalize,
) -> tuple[
    Float[Array, "batch half_height half_width channels"],
    Float[Array, " channels"],
    Float[Array, " channels"],
]:
    """Do `normalize`, then `pool`: `max_pool` or `average_pool_of_relu`."""
    images, mean, variance = normalize(images, scale, bias)
    return pool(images), mean, variance


def max_pool(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch half_height half_width channels"]:
    """Take the maximum of each 2x2 square; an odd last row or column is left out.

    Of pairs, since the backward pass of `nnx.max_pool` (XLA's select-and-scatter) alone slows a
    training step on a CPU by about a third, and that of `jnp.max` is not safe (`global_max`).
    """
    return reduce_squares(jnp.maximum, cut_into_squares(images))


def average_pool(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch half_height half_width channels"]:
    """Take the mean of each 2x2 square; an odd last row or column is left out."""
    return reduce_squares(jnp.add, cut_into_squares(images)) / 4


def average_pool_of_relu(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch half_height half_width channels"]:
    """Do ReLU, then `average_pool`."""
    return average_pool(nnx.relu(images))


def global_max(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch channels"]:
    """Take the maximum of each channel of each image; the gradient goes to the first pixel of it.

    `jnp.max` compares with its result to find that pixel. Where XLA computes the images anew for
    that, rounding can leave none equal, and the gradient is then 0 / 0.
    """
    pixels = images.reshape(len(images), -1, images.shape[-1])
    places = pixels.argmax(1, keepdims=True)
    is_greatest = jnp.arange(pixels.shape[1])[:, None] == places
    return jnp.where(is_greatest, pixels, 0.0).sum(1)


def cut_into_squares(images):
    """Lay each 2x2 square out as two rows of 2 x channels: (batch, rows, 2, columns, channels)."""
    batch, height, width, channels = images.shape
    even = images[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(batch, height // 2, 2, width // 2, 2 * channels)


def reduce_squares(function, squares):
    """Reduce each square to one pixel. XLA would not fuse a reduction with what is around it."""
    rows = function(squares[:, :, 0], squares[:, :, 1])
    return function(*jnp.split(rows, 2, axis=-1))


class BatchNorm(nnx.Module):
    """Does what `nnx.BatchNorm(momentum=0.9)` does."""

    def __init__(
        self,
        channels: int,
        normalize: Callable = normalize,
        normalize_and_pool: Callable = normalize_and_pool,
    ):
        """Make a layer; training gives functions with backward passes of its own."""
        self.scale = nnx.Param(jnp.ones(channels, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(channels, jnp.float32))
        self.mean = nnx.BatchStat(jnp.zeros(channels, jnp.float32))
        self.var = nnx.BatchStat(jnp.ones(channels, jnp.float32))
        self.use_running_average = False  # what `.eval()` sets
        self.normalize = normalize
        self.normalize_and_pool = normalize_and_pool

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch height width channels"]:
        if self.use_running_average:
            factor = self.scale[...] * lax.rsqrt(self.var[...] + EPSILON)
            return images * factor + (self.bias[...] - self.mean[...] * factor)
        return self._normalize_by(self.normalize, images)

    def and_pool(
        self, images: Float[Array, "batch height width channels"], pool: Callable
    ) -> Float[Array, "batch half_height half_width channels"]:
        """Do what `pool` of the normalised images does: `max_pool` or `average_pool_of_relu`."""
        if self.use_running_average:
            return pool(self(images))
        return self._normalize_by(partial(self.normalize_and_pool, pool=pool), images)

    def _normalize_by(self, function, images):
        images, mean, variance = function(images, self.scale[...], self.bias[...])
        self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
        self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * variance
        return images
