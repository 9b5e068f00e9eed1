import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from digitrec.normalization import BatchNorm


def both(channels, seed):
    """Make this module and Flax's, with the same parameters."""
    random = np.random.default_rng(seed)
    ours, theirs = BatchNorm(channels), nnx.BatchNorm(channels, momentum=0.9, rngs=nnx.Rngs(0))
    for name in ("scale", "bias"):
        values = jnp.asarray(random.normal(size=channels), jnp.float32)
        for module in (ours, theirs):
            getattr(module, name)[...] = values
    return ours, theirs


def relative_error(ours, expected):
    return float(jnp.linalg.norm(ours - expected) / jnp.linalg.norm(expected))


@settings(deadline=None, max_examples=8)
@given(
    batch=st.integers(2, 9),
    height=st.integers(1, 7),
    width=st.integers(2, 7),
    channels=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_values_gradients_and_statistics_are_those_of_flax(batch, height, width, channels, seed):
    random = np.random.default_rng(seed)
    images, weights = (
        jnp.asarray(random.normal(0.5, 2.0, (batch, height, width, channels)), jnp.float32)
        for _ in range(2)
    )
    results = []
    for module in both(channels, seed):
        graphdef, params, statistics = nnx.split(module, nnx.Param, nnx.BatchStat)

        def loss(params, images, graphdef=graphdef, statistics=statistics):
            module = nnx.merge(graphdef, params, statistics, copy=True)
            normalized = module(images)
            return (weights * normalized).sum(), (normalized, nnx.state(module, nnx.BatchStat))

        gradients, (normalized, after) = jax.grad(loss, (0, 1), has_aux=True)(params, images)
        of_params = gradients[0]
        results.append(
            [normalized, gradients[1], of_params["scale"][...], of_params["bias"][...]]
            + [after["mean"][...], after["var"][...]]
        )
    for ours, expected in zip(*results, strict=True):
        assert relative_error(ours, expected) < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_after_training_the_running_statistics_normalize_as_in_flax(seed):
    images = jnp.asarray(np.random.default_rng(seed).normal(1, 3, (8, 5, 5, 4)), jnp.float32)
    modules = both(4, seed)
    for module in modules:
        module(images)
        module.eval()
    assert relative_error(*(module(images) for module in modules)) < 1e-5
