"""The network that finds writing: for each pixel of a picture, whether a digit's ink is there.

A small U-Net (Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical Image
Segmentation, MICCAI 2015): what is seen at 1/16 of the size says where, what is seen at full size
says exactly where.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32, UInt8
from PIL import Image
from safetensors.numpy import load_file

from digitrec.network import backend, pretrained
from digitrec.network.compilation import compiler_options

CHANNELS = (12, 20, 28, 40)  # at 1/2, 1/4, 1/8 and 1/16 of the size
NEAR = 16  # pixels: what is so near is compared with a pixel


class Step(nnx.Module):
    """A convolution with batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, rngs: nnx.Rngs, stride: int = 1):
        self.convolution = nnx.Conv(
            inputs, outputs, (size, size), strides=stride, use_bias=False, rngs=rngs
        )
        self.normalization = nnx.BatchNorm(outputs, momentum=0.98, rngs=rngs)

    def __call__(self, images):
        return nnx.relu(self.normalization(self.convolution(images)))


class Finder(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        inputs = (7, *CHANNELS)
        self.down = nnx.List(
            Step(before, after, 4 if before == 7 else 3, rngs, stride=2)
            for before, after in zip(inputs, CHANNELS, strict=False)
        )
        self.seen = nnx.List(Step(count, count, 3, rngs) for count in CHANNELS[1:])
        self.wide = Step(CHANNELS[-1], CHANNELS[-1], 3, rngs)
        self.all = nnx.Linear(CHANNELS[-1], CHANNELS[-1], rngs=rngs)
        self.up = nnx.List(
            nnx.Linear(below, count, rngs=rngs)
            for count, below in zip(CHANNELS, CHANNELS[1:], strict=False)
        )
        self.joined = nnx.List(Step(count, count, 3, rngs) for count in CHANNELS[:-1])
        self.answer = nnx.Conv(CHANNELS[0], 4, (3, 3), rngs=rngs)

    def __call__(
        self, pictures: UInt8[Array, "count height width 3"], sizes: Float[Array, "count 2"]
    ) -> Float[Array, "count height width"]:
        """Give the logit of 'writing' for each pixel.

        Arguments:
            sizes: height and width of each picture, which lies at the top left; what is below and
                on its right is ignored.
        """
        images = prepare(pictures, sizes)
        levels = []
        for index, down in enumerate(self.down):
            images = down(images)
            if index:
                images = self.seen[index - 1](images)
            levels.append(images)
        images = self.wide(levels.pop())
        images = images + self.all(images.mean((1, 2)))[:, None, None]
        while levels:
            index, level = len(levels) - 1, levels.pop()
            larger = self.up[index](images).repeat(2, 1).repeat(2, 2)
            images = self.joined[index](nnx.relu(larger + level))
        quarters = self.answer(images)
        count, height, width, _ = quarters.shape
        return (
            quarters.reshape(count, height, width, 2, 2)
            .transpose(0, 1, 3, 2, 4)
            .reshape(count, 2 * height, 2 * width)
        )


def prepare(
    pictures: UInt8[Array, "count height width 3"], sizes: Float[Array, "count 2"]
) -> Float[Array, "count height width 7"]:
    """Give what the network sees of pictures, however dark or pale: channels with mean 0 and
    standard deviation 1, the same less their surroundings' mean, and where there is a picture.
    """
    height, width = pictures.shape[1:3]
    inside = find_inside(sizes, height, width)[..., None]
    area = inside.sum((1, 2, 3), keepdims=True)
    pixels = pictures.astype(jnp.float32) * inside

    def standardize(images):
        images = images * inside
        deviation = jnp.sqrt((images**2).sum((1, 2, 3), keepdims=True) / (3 * area))
        return images / (deviation + 2.0)  # in 0-255: less is noise

    mean = pixels.sum((1, 2), keepdims=True) / area
    around = _pool(pixels) / (_pool(inside) + 1e-6)
    shape = (len(pictures), height, width, 3)
    near = jax.image.resize(around, shape, "bilinear")
    return jnp.concatenate([standardize(pixels - mean), standardize(pixels - near), inside], -1)


def find_inside(
    sizes: Float[Array, "count 2"] | Float[np.ndarray, "count 2"], height: int, width: int
) -> Float[Array, "count height width"]:
    """Give 1 where there is a picture, and 0 below it and on its right."""
    rows = jnp.arange(height)[:, None] < sizes[:, 0, None, None]
    columns = jnp.arange(width) < sizes[:, 1, None, None]
    return (rows & columns).astype(jnp.float32)


def _pool(images):
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // NEAR, NEAR, width // NEAR, NEAR, channels)
    return blocks.mean((2, 4))


DARK = 64  # of 255, the median: a blackboard, not paper in bad light
# Height and width of what is computed at once; a picture gets the one in which it is largest.
SHAPES = ((256, 256), (128, 512))


def fit_shape(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Scale a picture so that it is as large as one of `SHAPES` allows."""
    height, width = picture.shape[:2]
    scale = max(min(rows / height, columns / width) for rows, columns in SHAPES)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, how, reducing_gap=2.0))


def find_writing(
    picture: UInt8[np.ndarray, "rows columns 3"],
) -> Float32[np.ndarray, "rows columns"]:
    """Say for each pixel of a picture that `fit_shape` has scaled how likely it is writing.

    Raises: BackendError in a forked process.
    """
    backend.refuse_fork()
    height, width = picture.shape[:2]
    shape = next(shape for shape in SHAPES if height <= shape[0] and width <= shape[1])
    sheet = np.zeros((1, *shape, 3), np.uint8)
    # Most scenes that it learned from are bright: a blackboard is shown as paper.
    sheet[0, :height, :width] = picture if np.median(picture) >= DARK else 255 - picture
    with backend.own_rules():
        logits = _compiled(shape)(sheet, np.array([[height, width]], np.float32))
    return 1 / (1 + np.exp(-np.asarray(logits)[0, :height, :width]))


def compile_shapes() -> None:
    """Compile what the first photos need; otherwise each shape compiles at its first picture."""
    for shape in SHAPES:
        _compiled(shape)


@cache
def _compiled(shape: tuple[int, int]) -> Callable:
    graphdef, state = _load()
    arguments = (
        jax.ShapeDtypeStruct((1, *shape, 3), np.uint8),
        jax.ShapeDtypeStruct((1, 2), np.float32),
    )
    with backend.own_rules():
        program = jax.jit(lambda pictures, sizes: nnx.merge(graphdef, state)(pictures, sizes))
        return program.lower(*arguments).compile(compiler_options=compiler_options())


@cache
def _load() -> tuple[nnx.GraphDef, nnx.State]:
    backend.start()
    model = nnx.eval_shape(lambda: Finder(nnx.Rngs(0)))
    model.eval()
    graphdef, state = nnx.split(model)
    tensors = load_file(finder_folder() / pretrained.WEIGHTS_FILE)
    return graphdef, pretrained.fill(state, tensors)


def finder_folder() -> Path:
    """Find the finder that came with digitrec, whatever model reads the digits."""
    return pretrained.bundled_folder() / "finder"
