import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import SLOW
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from digitrec.network import convolution
from digitrec.training import gradients

SIZES = st.tuples(st.integers(1, 9), *[st.integers(5, 9)] * 2, *[st.integers(1, 5)] * 2)
KERNELS = st.sampled_from(
    [(size, "VALID") for size in range(1, 6)] + [(s, "SAME") for s in (1, 3, 5)]
)


def plain(images, kernel, strides, padding):
    return lax.conv_general_dilated(
        images, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@settings(deadline=None, max_examples=20 if SLOW else 8)
@given(SIZES, KERNELS, st.integers(0, 2**32 - 1))
def test_values_and_gradients_equal_those_of_jax(sizes, kernels, seed):
    batch, height, width, inputs, outputs = sizes
    size, padding = kernels
    random = np.random.default_rng(seed)
    images = jnp.asarray(random.normal(size=(batch, height, width, inputs)), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(size, size, inputs, outputs)), jnp.float32)

    def value_and_gradients(function, images, kernel):
        value, pull_back = jax.vjp(lambda *both: function(*both, (1, 1), padding), images, kernel)
        weights = np.random.default_rng(seed).normal(size=value.shape)
        return value, pull_back(jnp.asarray(weights, jnp.float32))

    compiled = jax.jit(value_and_gradients, static_argnums=0)  # one compilation, not of each step
    expected = compiled(plain, images, kernel)
    found = compiled(gradients.convolve, images, kernel)
    served = jax.jit(convolution.convolve, static_argnums=(2, 3))
    np.testing.assert_array_equal(found[0], served(images, kernel, (1, 1), padding))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"padding": 2},
        {"kernel_size": (2, 2)},
        {"kernel_size": (3, 1)},
        {"feature_group_count": 2},
        {"kernel_dilation": 2},
    ],
)
@pytest.mark.parametrize("convolve", [convolution.convolve, gradients.convolve])
def test_other_convolutions_are_refused_instead_of_computed_wrongly(convolve, options):
    options = {"kernel_size": (3, 3)} | options

    def call_layer():
        layer = nnx.Conv(4, 4, conv_general_dilated=convolve, rngs=nnx.Rngs(0), **options)
        return layer(jnp.zeros((1, 8, 8, 4)))

    with pytest.raises(NotImplementedError):
        jax.eval_shape(call_layer)
