"""Batch normalisation over images, alone and followed by max-pool, with backward passes of its own.

Each is two reductions and one pass over the images.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

MOMENTUM = 0.9  # Flax's own 0.99 lags behind in the first epochs
EPSILON = 1e-5


@jax.custom_vjp
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

    Returns: the images, and the means and variances of the channels before, which have no
        gradient.
    Source: Ioffe and Szegedy, Batch Normalization, ICML 2015, algorithm 1; the gradient is that of
        section 3, gathered into one factor for each of the two images and one constant.
    """
    return _forward(images, scale, bias)[0]


def _forward(images, scale, bias):
    mean, variance = _statistics(images)
    factor = lax.rsqrt(variance + EPSILON)
    normalized = images * (scale * factor) + (bias - mean * scale * factor)
    return (normalized, mean, variance), (images, mean, factor, scale)


def _backward(residuals, gradients):
    images, mean, factor, scale = residuals
    gradient, *_ = gradients
    bias_gradient = gradient.sum((0, 1, 2))
    scale_gradient = ((gradient * images).sum((0, 1, 2)) - mean * bias_gradient) * factor
    of_images, constant = _through_statistics(
        scale_gradient, bias_gradient, mean, factor, scale, images.size // images.shape[-1]
    )
    return (
        gradient * (scale * factor) + images * of_images + constant,
        scale_gradient,
        bias_gradient,
    )


def _statistics(images):
    mean = images.mean((0, 1, 2))
    return mean, jnp.maximum((images * images).mean((0, 1, 2)) - mean * mean, 0.0)


def _through_statistics(scale_gradient, bias_gradient, mean, factor, scale, count):
    """Give what the images' gradient has of each image, as a factor, and of all, as a constant."""
    of_images = -scale * factor * factor * scale_gradient / count
    return of_images, -scale * factor * bias_gradient / count - of_images * mean


normalize.defvjp(_forward, _backward)


def max_pool(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch half_height half_width channels"]:
    """Take the maximum of each 2x2 square; an odd last row or column is left out.

    Of pairs, since the backward pass of `nnx.max_pool` (XLA's select-and-scatter) alone slows a
    training step on a CPU by about a third, and that of `jnp.max` is not safe (`global_max`).
    """
    return _combine(jnp.maximum, _squares(images))


def average_pool(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch half_height half_width channels"]:
    """Take the mean of each 2x2 square; an odd last row or column is left out."""
    return _combine(jnp.add, _squares(images)) / 4


def global_max(
    images: Float[Array, "batch height width channels"],
) -> Float[Array, "batch channels"]:
    """Take the maximum of each channel of each image; the gradient goes to the first pixel of it.

    `jnp.max` compares with its result to find that pixel. Where XLA computes the images anew for
    that, by rounding none may be equal, and the gradient is then 0 / 0.
    """
    pixels = images.reshape(len(images), -1, images.shape[-1])
    places = pixels.argmax(1, keepdims=True)
    is_greatest = jnp.arange(pixels.shape[1])[:, None] == places
    return jnp.where(is_greatest, pixels, 0.0).sum(1)


@jax.custom_vjp
def normalize_and_pool(
    images: Float[Array, "batch height width channels"],
    scale: Float[Array, " channels"],
    bias: Float[Array, " channels"],
) -> tuple[
    Float[Array, "batch half_height half_width channels"],
    Float[Array, " channels"],
    Float[Array, " channels"],
]:
    """Do `normalize`, then `max_pool`, in half the time and less: the maximum is taken first.

    Where `scale` is negative, the greatest normalised value is that of the smallest one before.
    """
    return _pool_forward(images, scale, bias)[0]


def _pool_forward(images, scale, bias):
    mean, variance = _statistics(images)
    factor = lax.rsqrt(variance + EPSILON)
    greatest = max_pool(images * _sign(scale))
    pooled = greatest * (abs(scale) * factor) + (bias - mean * scale * factor)
    return (pooled, mean, variance), (images, greatest, mean, factor, scale)


def _pool_backward(residuals, gradients):
    images, greatest, mean, factor, scale = residuals
    gradient, *_ = gradients
    bias_gradient = gradient.sum((0, 1, 2))
    scale_gradient = (
        (gradient * greatest).sum((0, 1, 2)) * _sign(scale) - mean * bias_gradient
    ) * factor
    of_images, constant = _through_statistics(
        scale_gradient, bias_gradient, mean, factor, scale, images.size // images.shape[-1]
    )

    def spread(values):
        return jnp.tile(values, 2)[:, :, None]

    is_greatest = _squares(images * _sign(scale)) == spread(greatest)
    ties = _combine(jnp.add, is_greatest.astype(jnp.float32))
    chosen = jnp.where(is_greatest, spread(gradient * (scale * factor) / ties), 0.0)
    batch, height, width, channels = images.shape
    chosen = chosen.reshape(batch, height // 2 * 2, width // 2 * 2, channels)
    chosen = jnp.pad(chosen, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    return chosen + images * of_images + constant, scale_gradient, bias_gradient


def _squares(images):
    """Lay each 2x2 square out as two rows of 2 x channels: (batch, rows, 2, columns, channels)."""
    batch, height, width, channels = images.shape
    even = images[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(batch, height // 2, 2, width // 2, 2 * channels)


def _combine(function, squares):
    """Reduce each square to one pixel. XLA would not fuse a reduction with what is around it."""
    rows = function(squares[:, :, 0], squares[:, :, 1])
    return function(*jnp.split(rows, 2, axis=-1))


def _sign(scale):
    return jnp.where(scale < 0, -1.0, 1.0)


normalize_and_pool.defvjp(_pool_forward, _pool_backward)


class BatchNorm(nnx.Module):
    """Does what `nnx.BatchNorm(momentum=0.9)` does; a training step needs a quarter less."""

    def __init__(self, channels: int):
        self.scale = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.var = nnx.BatchStat(jnp.ones(channels))
        self.use_running_average = False  # what `.eval()` sets

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch height width channels"]:
        if self.use_running_average:
            factor = self.scale[...] * lax.rsqrt(self.var[...] + EPSILON)
            return images * factor + (self.bias[...] - self.mean[...] * factor)
        return self._normalize_by(normalize, images)

    def and_max_pool(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch half_height half_width channels"]:
        """Do what `max_pool` of the normalised images does."""
        if self.use_running_average or jax.default_backend() != "cpu":
            return max_pool(self(images))
        return self._normalize_by(normalize_and_pool, images)

    def _normalize_by(self, function, images):
        images, mean, variance = function(images, self.scale[...], self.bias[...])
        self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
        self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * variance
        return images
