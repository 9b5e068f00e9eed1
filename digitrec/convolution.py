"""A convolution whose weight gradient stays fast inside `lax.scan` on a CPU."""

from functools import partial

import jax
from jax import lax
from jaxtyping import Array, Float

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_plain_convolution = partial(
    lax.conv_general_dilated, window_strides=(1, 1), padding="SAME", dimension_numbers=_LAYOUT
)


@jax.custom_vjp
def _convolution(
    images: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "size size inputs outputs"],
) -> Float[Array, "batch height width outputs"]:
    return _plain_convolution(images, kernel)


def _forward(images, kernel):
    return _plain_convolution(images, kernel), (images, kernel)


def _backward(residuals, gradient):
    images, kernel = residuals
    image_gradient = _plain_convolution(gradient, kernel[::-1, ::-1].swapaxes(2, 3))
    # The gradient that JAX derives leaves XLA's CPU compiler with a layout for which, inside a
    # loop, it has no fast convolution: 648 ms for 128 images of 14x14x32 to 64 filters. Written
    # as an ordinary convolution (channels as the batch, the batch as channels): 23 ms.
    reach = kernel.shape[0] // 2
    kernel_gradient = lax.conv_general_dilated(
        images.transpose(3, 1, 2, 0),
        gradient.transpose(1, 2, 0, 3),
        window_strides=(1, 1),
        padding=[(reach, reach), (reach, reach)],
        dimension_numbers=_LAYOUT,
    )
    return image_gradient, kernel_gradient.transpose(1, 2, 0, 3)


_convolution.defvjp(_forward, _backward)


def same_convolution(images, kernel, window_strides, padding, **options):
    """Stand in for `jax.lax.conv_general_dilated` in `flax.nnx.Conv`, with the same results.

    Arguments:
        images: (batch, height, width, inputs), float32.
        kernel: (size, size, inputs, outputs), float32, `size` odd.
        window_strides, padding, options: must say stride 1, "SAME", no dilation, no groups.

    Returns: (batch, height, width, outputs), float32.
    Raises: NotImplementedError for any other convolution.
    """
    if (
        set(window_strides) != {1}
        or padding != "SAME"
        or kernel.shape[0] != kernel.shape[1]
        or kernel.shape[0] % 2 == 0
        or options.get("feature_group_count", 1) != 1
        or set(options.get("lhs_dilation") or (1,)) != {1}
        or set(options.get("rhs_dilation") or (1,)) != {1}
    ):
        raise NotImplementedError("same_convolution: only odd square kernels with stride 1, SAME")
    convolution = _convolution if jax.default_backend() == "cpu" else _plain_convolution
    return convolution(images, kernel)
