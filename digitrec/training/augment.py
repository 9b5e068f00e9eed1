"""Random transformations of a batch, inside the jitted training step.

They cover what is common elsewhere and rare in MNIST: a flag or a foot on the 1, a bar through the
7, a slash through the 0, slant, and all kinds of proportions.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, Num

from digitrec.network.settings import NOT_NEGATIVE, SHARE, setting
from digitrec.training.marks import add_marks


@dataclass(frozen=True)
class AugmentConfig:
    rotation: float = setting(8.0, "largest rotation, either way", NOT_NEGATIVE, "degrees")
    zoom: float = setting(
        0.15, "largest change of size: 0.15 makes 85 to 115 %", SHARE, "share of the size"
    )
    stretch: float = setting(0.15, "largest stretch of one axis relative to the other", SHARE)
    shear: float = setting(0.2, "largest slant, either way", NOT_NEGATIVE, "columns per row")
    translation: float = setting(2.0, "largest shift along each axis", NOT_NEGATIVE, "pixels")
    elasticity: float = setting(
        0.7, "bending: standard deviation of a smooth displacement", NOT_NEGATIVE, "pixels"
    )
    marks: float = setting(
        0.15, "probability of a slash on a 0, a flag, hook or foot on a 1, a bar on a 7", SHARE
    )
    sharpness: float = setting(
        1.0, "largest change of sharpness: 1 blurs by 0.7 pixels, or sharpens as much", NOT_NEGATIVE
    )


ELASTIC_GRID = 5  # points per side between which the displacement is interpolated


def augment(
    images: Num[Array, "batch height width 1"],
    labels: Int[Array, " batch"],
    key: Key[Array, ""],
    config: AugmentConfig,
    strength: Float[Array, ""] | float = 1.0,
) -> Float[Array, "batch height width 1"]:
    """Mark some digits, then bend, turn, slant, zoom, shift and blur or sharpen each image.

    Arguments:
        images: bright ink of 0-255 on 0; pixels from outside an image are 0.
        labels: 0-9; images with other labels get no mark.
        key: the same key gives the same images.
        config: the largest amounts.
        strength: factor on all amounts, 0-1.

    Returns: float32, same range, bilinearly interpolated.
    Source of the elastic displacement: Simard, Steinkraus, Platt: Best Practices for
    Convolutional Neural Networks, ICDAR 2003, section 2.
    """
    batch, height, width, _ = images.shape
    mark_key, affine_key, elastic_key, blur_key = jax.random.split(key, 4)
    marked = images[..., 0].astype(jnp.float32)
    if config.marks:  # compiling them takes seconds
        marked = add_marks(marked, labels, mark_key, strength * config.marks)
    draws = strength * jax.random.uniform(affine_key, (6, batch), minval=-1.0)
    matrices = jax.vmap(_source_matrix, (1, None))(draws[:4], config)
    shifts = config.translation * draws[4:].T
    coarse = strength * jax.random.normal(elastic_key, (batch, ELASTIC_GRID, ELASTIC_GRID, 2))
    bends = config.elasticity * jax.image.resize(coarse, (batch, height, width, 2), "cubic")
    middle = jnp.array([(height - 1) / 2, (width - 1) / 2])
    places = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1)

    def transform(image, matrix, shift, bend):
        source = (places - middle) @ matrix.T + middle - shift + bend
        return jax.scipy.ndimage.map_coordinates(image, [source[..., 0], source[..., 1]], order=1)

    moved = jax.vmap(transform)(marked, matrices, shifts, bends)
    if config.sharpness:
        amounts = (
            config.sharpness * strength * jax.random.uniform(blur_key, (batch, 1, 1), minval=-1.0)
        )
        moved = (moved + amounts * (_blur(moved) - moved)).clip(0.0, 255.0)
    return moved[..., None]


def _blur(images):
    """Average with the neighbours, with weights 1, 2, 1 along each axis."""
    for axis in (1, 2):
        images = (2 * images + jnp.roll(images, 1, axis) + jnp.roll(images, -1, axis)) / 4
    return images


def _source_matrix(draws, config):
    angle = jnp.deg2rad(config.rotation) * draws[0]
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    rotation = jnp.array([[cosine, -sine], [sine, cosine]])
    slant = jnp.array([[1.0, 0.0], [config.shear * draws[1], 1.0]])
    stretch = jnp.exp(0.5 * config.stretch * draws[2] * jnp.array([1.0, -1.0]))
    return rotation @ slant @ jnp.diag(stretch) / (1.0 + config.zoom * draws[3])
