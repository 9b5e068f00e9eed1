"""The network, and its one contract: pixels 0-255, bright ink on black, (batch, 28, 28, 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key, Num

from digitrec.network.convolution import convolve
from digitrec.network.normalization import (
    BatchNorm,
    average_pool_of_relu,
    global_max,
    max_pool,
    normalize,
    normalize_and_pool,
)
from digitrec.network.settings import (
    COUNTS,
    LISTS_OF_COUNTS,
    SHARE,
    WHOLE,
    Allowed,
    as_tuples,
    one_of,
    setting,
)

DIGITS = tuple("0123456789")
MOST_CLASSES = 64
IMAGE_SIZE = 28  # pixels a side of an image
NOT_RECORDED = {"border": 0, "pooling": "maximum"}  # what the oldest models do not record
NO_LONGER_RECORDED = {"squeeze": 0}  # version 1.0 had squeeze-and-excitation


@dataclass(frozen=True)
class NetworkConfig:
    # A digit is 20 pixels long, and its ink lies evenly about the middle of the image.
    border: int = setting(
        0,
        "what is left out of an image on each side",
        Allowed("a whole number from 0 to 6", lambda value: WHOLE.holds(value) and value <= 6),
        "pixels",
    )
    filters: tuple[int, ...] = setting((32, 64, 128), "filters of each block", COUNTS)
    # Odd sizes keep the size of the images, even ones do not pad: 4x4 makes 25x25 pixels of 28x28,
    # whose border is empty, and pooling 12x12 and 6x6; twice 2x2 makes 4x4 of those.
    kernel_sizes: tuple[tuple[int, ...], ...] = setting(
        ((4,), (3, 3), (2, 2)),
        "sides of the kernels of each block's convolutions",
        LISTS_OF_COUNTS,
        "pixels",
    )
    pooling: str = setting(
        "average", "what halves the images after a block", one_of("maximum", "average")
    )
    head_features: int = setting(
        128,
        "features of the hidden layer in the head; 0: no such layer, but the maxima and averages "
        "of each channel of the last two blocks",
        WHOLE,
    )
    block_dropout: float = setting(
        0.05, "probability of dropping a channel, after each block", SHARE
    )
    head_dropout: float = setting(0.2, "probability of dropping a feature, in the head", SHARE)
    # What the outputs are called; not a setting, but what the data is labelled with.
    classes: tuple[str, ...] = DIGITS

    @property
    def pooled_side(self) -> int:
        """Pixels a side that the last block leaves of an image."""
        side = IMAGE_SIZE - 2 * self.border
        for sizes in self.kernel_sizes:
            side = (side - sum(size - 1 for size in sizes if size % 2 == 0)) // 2
        return side

    @classmethod
    def from_json(cls, settings: dict) -> "NetworkConfig":
        """Read what `dataclasses.asdict` became as JSON.

        Raises: TypeError for a name that is missing or unknown; ValueError for classes that are
            not 2 to 64 different texts.
        """
        older = NO_LONGER_RECORDED.items()
        settings = {**NOT_RECORDED, "classes": DIGITS, **settings}
        settings = {name: value for name, value in settings.items() if (name, value) not in older}
        if set(settings) != set(cls.__dataclass_fields__):
            raise TypeError(
                f"expected {sorted(cls.__dataclass_fields__)}, found {sorted(settings)}"
            )
        config = cls(**{name: as_tuples(value) for name, value in settings.items()})
        classes = config.classes
        if not (
            isinstance(classes, tuple)
            and 2 <= len(classes) == len(set(classes)) <= MOST_CLASSES
            and all(isinstance(name, str) and name for name in classes)
        ):
            raise ValueError(f"classes are not 2 to {MOST_CLASSES} different texts")
        return config


class Operations(NamedTuple):
    """What the layers compute by; `training.gradients` has others, with faster backward passes."""

    convolve: Callable = convolve
    normalize: Callable = normalize
    normalize_and_pool: Callable = normalize_and_pool


PLAIN = Operations()


class Block(nnx.Module):
    """Convolutions, each with batch normalisation and ReLU; then pooling and dropout."""

    def __init__(
        self,
        inputs: int,
        filters: int,
        kernel_sizes: tuple[int, ...],
        pooling: str,
        config: NetworkConfig,
        operations: Operations,
        rngs: nnx.Rngs,
    ):
        self.convolutions = nnx.List(
            nnx.Conv(
                filters if index else inputs,
                filters,
                (size, size),
                padding="SAME" if size % 2 else "VALID",
                use_bias=False,  # batch normalisation adds its own
                conv_general_dilated=operations.convolve,
                rngs=rngs,
            )
            for index, size in enumerate(kernel_sizes)
        )
        self.normalizations = nnx.List(
            BatchNorm(filters, operations.normalize, operations.normalize_and_pool)
            for _ in kernel_sizes
        )
        self.dropout = nnx.Dropout(config.block_dropout, broadcast_dims=(1, 2))  # whole channels
        self.pooling = pooling

    def __call__(self, images, dropout_key):
        *layers, (convolution, normalization) = zip(
            self.convolutions, self.normalizations, strict=True
        )
        for earlier_convolution, earlier_normalization in layers:
            images = nnx.relu(earlier_normalization(earlier_convolution(images)))
        images = convolution(images)
        if self.pooling == "maximum":
            # ReLU keeps the order, so that it may come last, over a quarter of the pixels.
            images = nnx.relu(normalization.and_pool(images, max_pool))
        elif self.pooling == "average":
            images = normalization.and_pool(images, average_pool_of_relu)
        else:
            images = nnx.relu(normalization(images))
        return self.dropout(images, rngs=dropout_key)


class Network(nnx.Module):
    """Three convolutional blocks and a head.

    The head reads the maxima and averages of each channel of the last two blocks, or, with
    `head_features`, all pixels of the last block through a hidden layer.

    Dropout keeps no random state of its own: its key is an argument, so that the state is
    exactly parameters and batch statistics.
    """

    def __init__(self, config: NetworkConfig, operations: Operations = PLAIN, *, rngs: nnx.Rngs):
        inputs = (1, *config.filters[:-1])
        poolings = [config.pooling] * len(config.filters)
        if not config.head_features:
            poolings[-1] = "none"
        self.blocks = nnx.List(
            Block(*settings, config, operations, rngs)
            for settings in zip(inputs, config.filters, config.kernel_sizes, poolings, strict=True)
        )
        self.border = config.border
        self.head_dropout = nnx.Dropout(config.head_dropout)
        if config.head_features:
            pixels = config.pooled_side**2 * config.filters[-1]
            self.hidden = nnx.Linear(pixels, config.head_features, rngs=rngs)
            self.logits = nnx.Linear(config.head_features, len(config.classes), rngs=rngs)
        else:
            self.hidden = None
            features = 2 * sum(config.filters[-2:])
            self.logits = nnx.Linear(features, len(config.classes), use_bias=False, rngs=rngs)

    def __call__(
        self, pixels: Num[Array, "batch 28 28 1"], dropout_key: Key[Array, ""] | None = None
    ) -> Float[Array, "batch classes"]:
        """Compute logits.

        Arguments:
            pixels: (batch, 28, 28, 1), uint8 or float32 in 0-255, bright ink on black.
            dropout_key: needed in training mode, unused after `.eval()`.

        Returns: (batch, classes) float32, not normalised.
        """
        places = len(self.blocks) + 1
        keys = [None] * places if dropout_key is None else jax.random.split(dropout_key, places)
        *keys, key = keys
        return self.logits(self.head_dropout(self.compute_features(pixels, keys), rngs=key))

    def compute_features(
        self, pixels: Num[Array, "batch 28 28 1"], keys: Sequence | None = None
    ) -> Float[Array, "batch features"]:
        """Compute what the last layer weighs, 0 or more each.

        Arguments:
            pixels: as above.
            keys: for the dropout of each block, in training mode.
        """
        inside = slice(self.border, IMAGE_SIZE - self.border)
        outputs = [pixels[:, inside, inside].astype(jnp.float32) / 255]
        for block, key in zip(self.blocks, keys or [None] * len(self.blocks), strict=True):
            outputs.append(block(outputs[-1], key))
        if self.hidden is None:
            pools = [(global_max(images), images.mean((1, 2))) for images in outputs[-2:]]
            return jnp.concatenate([part for pair in pools for part in pair], axis=-1)
        return nnx.relu(self.hidden(outputs[-1].reshape(len(pixels), -1)))


def make_abstract_network(config: NetworkConfig, operations: Operations = PLAIN) -> Network:
    """Build a network of shapes, without numbers: in 0.02 s, where random weights take 3 s.

    Raises: what `Network` does for a configuration that describes none.
    """
    return nnx.eval_shape(lambda: Network(config, operations, rngs=nnx.Rngs(0)))


def make_graphdef(
    config: NetworkConfig, operations: Operations = PLAIN, *, training: bool
) -> nnx.GraphDef:
    """Give what `nnx.merge` makes a network of, in training or in evaluation mode."""
    network = make_abstract_network(config, operations)
    if training:
        network.train()
    else:
        network.eval()
    return nnx.graphdef(network)
