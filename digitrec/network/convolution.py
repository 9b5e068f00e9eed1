"""A convolution that is fast on a CPU: for one channel, and backward inside `lax.scan`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def _plain_convolution(images, kernel, border):
    """Convolve with stride 1 what has got `border` rows and columns of zeros on each side."""
    return lax.conv_general_dilated(
        images, kernel, (1, 1), [(border, border)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolution(images, kernel, border):
    if images.shape[-1] == 1:
        return _sum_of_products(images, kernel, border)
    return _plain_convolution(images, kernel, border)


def _sum_of_products(images, kernel, border):
    """Convolve images of one channel: XLA's convolution takes four times as long for them."""
    images = jnp.pad(images, ((0, 0), (border, border), (border, border), (0, 0)))
    height, width = (side - len(kernel) + 1 for side in images.shape[1:3])
    return sum(
        images[:, row : row + height, column : column + width] * kernel[row, column, 0]
        for row, column in np.ndindex(kernel.shape[:2])
    )


def _forward(images, kernel, border):
    return _convolution(images, kernel, border), (images, kernel)


def _backward(border, residuals, gradient):
    images, kernel = residuals
    image_gradient = _plain_convolution(
        gradient, kernel[::-1, ::-1].swapaxes(2, 3), len(kernel) - 1 - border
    )
    # The gradient that JAX derives leaves XLA's CPU compiler with a layout for which, inside a
    # loop, it has no fast convolution: 648 ms for 128 images of 14x14x32 to 64 filters. Written
    # as an ordinary convolution (channels as the batch, the batch as channels): 23 ms.
    kernel_gradient = _plain_convolution(
        images.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3), border
    )
    return image_gradient, kernel_gradient.transpose(1, 2, 0, 3)


_convolution.defvjp(_forward, _backward)


def convolve(images, kernel, window_strides, padding, **options):
    """Stand in for `jax.lax.conv_general_dilated` in `flax.nnx.Conv`, with the same results.

    Arguments:
        images: (batch, height, width, inputs), float32.
        kernel: (size, size, inputs, outputs), float32; `size` is odd where padding is "SAME".
        window_strides, padding, options: must say stride 1, "SAME" or "VALID", no dilation, no
            groups.

    Returns: (batch, height, width, outputs), float32; for "VALID" `size` - 1 rows and columns less.
    Raises: NotImplementedError for any other convolution.
    """
    size = len(kernel)
    if (
        set(window_strides) != {1}
        or padding not in ("SAME", "VALID")
        or kernel.shape[0] != kernel.shape[1]
        or (padding == "SAME" and size % 2 == 0)
        or options.get("feature_group_count", 1) != 1
        or set(options.get("lhs_dilation") or (1,)) != {1}
        or set(options.get("rhs_dilation") or (1,)) != {1}
    ):
        raise NotImplementedError(
            "convolve: only square kernels with stride 1; odd ones, or without padding"
        )
    chosen = _convolution if jax.default_backend() == "cpu" else _plain_convolution
    return chosen(images, kernel, size // 2 if padding == "SAME" else 0)
