import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from digitrec.network.model import Network, NetworkConfig


@nnx.jit
def call(network, pixels, key=None):
    return network(pixels, key)


@pytest.fixture(scope="module")
def network():
    return Network(NetworkConfig(), rngs=nnx.Rngs(0))


def test_three_blocks_of_32_64_and_128_filters_within_the_size_limit(network):
    assert [block.convolutions[-1].out_features for block in network.blocks] == [32, 64, 128]
    for block in network.blocks:
        assert len(block.normalizations) == len(block.convolutions)
        assert block.dropout.rate > 0
    parameters = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    assert parameters * 4 < 8.5e6


def test_state_is_parameters_and_batch_statistics_only(network):
    kinds = {type(leaf) for _, leaf in nnx.to_flat_state(nnx.state(network))}
    assert kinds == {nnx.Param, nnx.BatchStat}


def test_bytes_and_floats_of_the_same_pixels_agree(network):
    # Scaling is the network's own first line: nobody can forget or repeat it.
    pixels = jnp.asarray(np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8))
    network.eval()
    logits = call(network, pixels)
    np.testing.assert_array_equal(logits, call(network, pixels.astype(jnp.float32)))
    assert logits.shape == (3, 10)


def test_dropout_and_batch_statistics_act_in_training_only():
    network = Network(NetworkConfig(), rngs=nnx.Rngs(0))
    pixels = jnp.asarray(np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8))
    network.train()
    first, second, again = (call(network, pixels, jax.random.key(seed)) for seed in (0, 1, 0))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(first, again)
    before = nnx.state(network, nnx.BatchStat)
    network.eval()
    np.testing.assert_array_equal(call(network, pixels), call(network, pixels))
    jax.tree.map(np.testing.assert_array_equal, before, nnx.state(network, nnx.BatchStat))


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig(kernel_sizes=((3, 3), (3,), (2,)), pooling="maximum"),
        NetworkConfig(border=2, head_features=0),
    ],
)
def test_other_kinds_of_network_learn_with_all_their_parameters(config):
    network = Network(config, rngs=nnx.Rngs(0))
    network.train()
    random = np.random.default_rng(0)
    pixels = jnp.asarray(random.integers(0, 256, (8, 28, 28, 1), np.uint8))
    loss = nnx.jit(nnx.grad(lambda network: (network(pixels, jax.random.key(0)) ** 2).sum()))
    gradients = loss(network)
    for path, gradient in nnx.to_flat_state(gradients):
        assert np.isfinite(gradient[...]).all() and np.abs(gradient[...]).max() > 0, path
