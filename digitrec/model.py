"""The network, and its one contract: pixels 0-255, bright ink on black, (batch, 28, 28, 1)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key, Num

from digitrec.convolution import convolve
from digitrec.drawing import IMAGE_SIZE
from digitrec.normalization import BatchNorm
from digitrec.settings import COUNT, COUNTS, LISTS_OF_COUNTS, SHARE, as_tuples, setting

CLASSES = 10


@dataclass(frozen=True)
class NetworkConfig:
    filters: tuple[int, ...] = setting((32, 64, 128), "filters of each block", COUNTS)
    # Odd sizes keep the size of the images, even ones do not pad: 4x4 makes 25x25 pixels of 28x28,
    # whose border is empty, and max-pool 12x12 and 6x6; twice 2x2 makes 4x4 of those.
    kernel_sizes: tuple[tuple[int, ...], ...] = setting(
        ((4,), (3, 3), (2, 2)),
        "sides of the kernels of each block's convolutions",
        LISTS_OF_COUNTS,
        "pixels",
    )
    head_features: int = setting(128, "features of the hidden layer in the head", COUNT)
    block_dropout: float = setting(
        0.05, "probability of dropping a channel, after each block", SHARE
    )
    head_dropout: float = setting(0.2, "probability of dropping a feature, in the head", SHARE)

    @property
    def pooled_side(self) -> int:
        """Pixels a side that the last block leaves of an image."""
        side = IMAGE_SIZE
        for sizes in self.kernel_sizes:
            side = (side - sum(size - 1 for size in sizes if size % 2 == 0)) // 2
        return side

    @classmethod
    def from_json(cls, settings: dict) -> "NetworkConfig":
        """Read what `dataclasses.asdict` became as JSON.

        Raises: TypeError for a name that is missing or unknown.
        """
        if set(settings) != set(cls.__dataclass_fields__):
            raise TypeError(
                f"expected {sorted(cls.__dataclass_fields__)}, found {sorted(settings)}"
            )
        return cls(**{name: as_tuples(value) for name, value in settings.items()})


class Block(nnx.Module):
    """Convolutions, each with batch normalisation and ReLU; then 2x2 max-pool and dropout."""

    def __init__(
        self,
        inputs: int,
        filters: int,
        kernel_sizes: tuple[int, ...],
        dropout: float,
        rngs: nnx.Rngs,
    ):
        self.convolutions = nnx.List(
            nnx.Conv(
                filters if index else inputs,
                filters,
                (size, size),
                padding="SAME" if size % 2 else "VALID",
                use_bias=False,  # batch normalisation adds its own
                conv_general_dilated=convolve,
                rngs=rngs,
            )
            for index, size in enumerate(kernel_sizes)
        )
        self.normalizations = nnx.List(BatchNorm(filters) for _ in kernel_sizes)
        self.dropout = nnx.Dropout(dropout, broadcast_dims=(1, 2))  # whole channels

    def __call__(self, images, dropout_key):
        *layers, (convolution, normalization) = zip(
            self.convolutions, self.normalizations, strict=True
        )
        for earlier_convolution, earlier_normalization in layers:
            images = nnx.relu(earlier_normalization(earlier_convolution(images)))
        # ReLU keeps the order, so that it may come last, over a quarter of the pixels.
        images = nnx.relu(normalization.and_max_pool(convolution(images)))
        return self.dropout(images, rngs=dropout_key)


class Network(nnx.Module):
    """Three convolutional blocks and a head of one hidden layer.

    Dropout keeps no random state of its own: its key is an argument, so that the state is
    exactly parameters and batch statistics.
    """

    def __init__(self, config: NetworkConfig, *, rngs: nnx.Rngs):
        inputs = (1, *config.filters[:-1])
        self.blocks = nnx.List(
            Block(*settings, config.block_dropout, rngs)
            for settings in zip(inputs, config.filters, config.kernel_sizes, strict=True)
        )
        features = config.pooled_side**2 * config.filters[-1]
        self.hidden = nnx.Linear(features, config.head_features, rngs=rngs)
        self.hidden_dropout = nnx.Dropout(config.head_dropout)
        self.logits = nnx.Linear(config.head_features, CLASSES, rngs=rngs)

    def __call__(
        self, pixels: Num[Array, "batch 28 28 1"], dropout_key: Key[Array, ""] | None = None
    ) -> Float[Array, "batch 10"]:
        """Compute logits.

        Arguments:
            pixels: (batch, 28, 28, 1), uint8 or float32 in 0-255, bright ink on black.
            dropout_key: needed in training mode, unused after `.eval()`.

        Returns: (batch, 10) float32, not normalised.
        """
        images = pixels.astype(jnp.float32) / 255
        places = len(self.blocks) + 1
        keys = [None] * places if dropout_key is None else jax.random.split(dropout_key, places)
        for block, key in zip(self.blocks, keys[:-1], strict=True):
            images = block(images, key)
        features = nnx.relu(self.hidden(images.reshape(images.shape[0], -1)))
        return self.logits(self.hidden_dropout(features, rngs=keys[-1]))


def make_abstract_network(config: NetworkConfig) -> Network:
    """Build a network of shapes, without numbers: in 0.02 s, where random weights take 3 s.

    Raises: what `Network` does for a configuration that describes none.
    """
    return nnx.eval_shape(lambda: Network(config, rngs=nnx.Rngs(0)))


def make_graphdef(config: NetworkConfig, *, training: bool) -> nnx.GraphDef:
    """Give what `nnx.merge` makes a network of, in training or in evaluation mode."""
    network = make_abstract_network(config)
    if training:
        network.train()
    else:
        network.eval()
    return nnx.graphdef(network)
