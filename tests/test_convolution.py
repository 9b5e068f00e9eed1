import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from digitrec.convolution import same_convolution

SIZES = st.tuples(*[st.integers(1, 9)] * 3, *[st.integers(1, 5)] * 2, st.sampled_from([1, 3, 5]))


def plain(images, kernel):
    return lax.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@settings(deadline=None, max_examples=25)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_values_and_gradients_equal_those_of_jax(sizes, seed):
    batch, height, width, inputs, outputs, size = sizes
    random = np.random.default_rng(seed)
    images = jnp.asarray(random.normal(size=(batch, height, width, inputs)), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(size, size, inputs, outputs)), jnp.float32)
    weights = jnp.asarray(random.normal(size=(batch, height, width, outputs)), jnp.float32)

    def value_and_gradients(convolution):
        def total(images, kernel):
            return (weights * convolution(images, kernel)).sum()

        return convolution(images, kernel), jax.grad(total, argnums=(0, 1))(images, kernel)

    expected = value_and_gradients(plain)
    found = value_and_gradients(
        lambda images, kernel: same_convolution(images, kernel, (1, 1), "SAME")
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


@pytest.mark.parametrize(
    "options",
    [{"strides": 2}, {"padding": "VALID"}, {"feature_group_count": 2}, {"kernel_dilation": 2}],
)
def test_other_convolutions_are_refused_instead_of_computed_wrongly(options):
    layer = nnx.Conv(
        4, 4, (3, 3), conv_general_dilated=same_convolution, rngs=nnx.Rngs(0), **options
    )
    with pytest.raises(NotImplementedError):
        layer(jnp.zeros((1, 8, 8, 4)))
