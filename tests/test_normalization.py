from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import SLOW
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from digitrec.network.normalization import (
    BatchNorm,
    average_pool,
    average_pool_of_relu,
    max_pool,
)
from digitrec.training import gradients


def both(channels, seed):
    """Make this module and Flax's, with the same parameters."""
    random = np.random.default_rng(seed)
    ours = BatchNorm(channels, gradients.normalize, gradients.normalize_and_pool)
    theirs = nnx.BatchNorm(channels, momentum=0.9, rngs=nnx.Rngs(0))
    for name in ("scale", "bias"):
        values = jnp.asarray(random.normal(size=channels), jnp.float32)
        for module in (ours, theirs):
            getattr(module, name)[...] = values
    return ours, theirs


def relative_error(ours, expected):
    return float(jnp.linalg.norm(ours - expected) / jnp.linalg.norm(expected))


def apply(layer, images, pooling):
    if pooling == "none":
        return layer(images)
    return layer.and_pool(images, max_pool if pooling == "maximum" else average_pool_of_relu)


def apply_flax(layer, images, pooling):
    images = layer(images)
    if pooling == "maximum":
        return nnx.max_pool(images, (2, 2), (2, 2))
    return nnx.avg_pool(nnx.relu(images), (2, 2), (2, 2)) if pooling == "average" else images


@pytest.mark.parametrize("pooling", ["none", "maximum", "average"])
@settings(deadline=None, max_examples=4 if SLOW else 2)
@given(
    batch=st.integers(2, 9),
    height=st.integers(2, 7),
    width=st.integers(2, 7),
    channels=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_values_gradients_and_statistics_are_those_of_flax(
    pooling, batch, height, width, channels, seed
):
    random = np.random.default_rng(seed)
    images = jnp.asarray(random.normal(0.5, 2.0, (batch, height, width, channels)), jnp.float32)
    results = []
    for module in both(channels, seed):
        graphdef, params, statistics = nnx.split(module, nnx.Param, nnx.BatchStat)

        def loss(params, images, graphdef=graphdef, statistics=statistics):
            module = nnx.merge(graphdef, params, statistics, copy=True)
            outputs = (apply if isinstance(module, BatchNorm) else apply_flax)(
                module, images, pooling
            )
            weights = np.random.default_rng(seed + 100).normal(size=outputs.shape)
            return (weights * outputs).sum(), (outputs, nnx.state(module, nnx.BatchStat))

        gradients, (outputs, after) = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, images)
        of_params = gradients[0]
        results.append(
            [outputs, gradients[1], of_params["scale"][...], of_params["bias"][...]]
            + [after["mean"][...], after["var"][...]]
        )
    for ours, expected in zip(*results, strict=True):
        assert relative_error(ours, expected) < 1e-4


def test_equally_great_pixels_share_the_gradient_as_in_a_plain_maximum():
    # Of few values, as on the blank border of a digit; the last row and column are left out.
    images = jnp.asarray(np.random.default_rng(0).integers(0, 2, (4, 5, 7, 3)), jnp.float32)
    module, _ = both(3, 0)
    graphdef, state = nnx.split(module)

    def take_maximum(images):
        return images[:, :4, :6].reshape(4, 2, 2, 3, 2, 3).max((2, 4))

    @partial(jax.jit, static_argnames="pool")
    @jax.grad
    def gradient(images, pool):
        module = nnx.merge(graphdef, state, copy=True)
        return (pool(module, images) ** 2).sum()

    ours = gradient(images, lambda module, images: module.and_pool(images, max_pool))
    expected = gradient(images, lambda module, images: take_maximum(module(images)))
    assert relative_error(ours, expected) < 1e-4


@pytest.mark.parametrize("pooling", ["none", "maximum", "average"])
def test_layer_without_own_gradients_gives_the_same(pooling):
    images = jnp.asarray(np.random.default_rng(0).normal(1, 3, (4, 5, 6, 3)), jnp.float32)
    trained, _ = both(3, 0)
    plain = BatchNorm(3)
    nnx.update(plain, nnx.state(trained))
    outputs = [apply(layer, images, pooling) for layer in (plain, trained)]
    assert relative_error(*outputs) < 1e-5
    jax.tree.map(np.testing.assert_array_equal, nnx.state(plain), nnx.state(trained))


@pytest.mark.parametrize("side", [6, 7])
def test_max_pool_equals_that_of_flax(side):
    images = jnp.asarray(np.random.default_rng(side).normal(size=(2, side, side, 3)), jnp.float32)
    expected = nnx.max_pool(images, (2, 2), (2, 2))
    np.testing.assert_array_equal(max_pool(images), expected)


@pytest.mark.parametrize("seed", range(3))
def test_after_training_the_running_statistics_normalize_as_in_flax(seed):
    images = jnp.asarray(np.random.default_rng(seed).normal(1, 3, (8, 5, 5, 4)), jnp.float32)
    modules = both(4, seed)
    for module in modules:
        module(images)
        module.eval()
    assert relative_error(*(module(images) for module in modules)) < 1e-5


def test_average_pool_takes_the_mean_of_each_square():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 7, 3)), jnp.float32)
    np.testing.assert_allclose(
        average_pool(images), nnx.avg_pool(images, (2, 2), (2, 2)), atol=1e-6
    )
