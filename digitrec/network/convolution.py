"""A convolution that is fast on a CPU for images of one channel."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


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
    border = find_border(kernel, window_strides, padding, options)
    if images.shape[-1] == 1 and jax.default_backend() == "cpu":
        return _sum_of_products(images, kernel, border)
    return convolve_with_border(images, kernel, border)


def find_border(kernel, window_strides, padding, options) -> int:
    """Say how many rows and columns of zeros "SAME" or "VALID" adds on each side.

    Raises: NotImplementedError for a convolution that `convolve` does not compute.
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
    return size // 2 if padding == "SAME" else 0


def convolve_with_border(images, kernel, border):
    """Convolve with stride 1 after adding `border` rows and columns of zeros on each side."""
    return lax.conv_general_dilated(
        images, kernel, (1, 1), [(border, border)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _sum_of_products(images, kernel, border):
    """Convolve images of one channel: XLA's convolution takes four times as long for them."""
    images = jnp.pad(images, ((0, 0), (border, border), (border, border), (0, 0)))
    height, width = (side - len(kernel) + 1 for side in images.shape[1:3])
    return sum(
        images[:, row : row + height, column : column + width] * kernel[row, column, 0]
        for row, column in np.ndindex(kernel.shape[:2])
    )
