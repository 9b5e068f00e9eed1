"""Random rotation, zoom and translation of a batch, inside the jitted training step."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Num


@dataclass(frozen=True)
class AugmentConfig:
    rotation: float = 15.0  # degrees, at most, either way
    zoom: float = 0.15  # at most this much larger or smaller (0.15: 85 to 115 %)
    translation: float = 2.0  # pixels, at most, along each axis


def augment(
    images: Num[Array, "batch height width 1"], key: Key[Array, ""], config: AugmentConfig
) -> Float[Array, "batch height width 1"]:
    """Rotate, zoom and shift each image by its own uniformly random amounts.

    Arguments:
        images: (batch, height, width, 1), any range; what moves in from outside is 0.
        key: the same key gives the same images.
        config: the largest amounts.

    Returns: (batch, height, width, 1) float32, same range, bilinearly interpolated.
    """
    batch, height, width, _ = images.shape
    draws = jax.random.uniform(key, (4, batch), minval=-1.0)
    angle = jnp.deg2rad(config.rotation) * draws[0]
    scale = 1.0 / (1.0 + config.zoom * draws[1])
    shift_down, shift_right = config.translation * draws[2:]
    row, column = jnp.meshgrid(
        jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2, indexing="ij"
    )

    def transform(image, angle, scale, shift_down, shift_right):
        cosine, sine = scale * jnp.cos(angle), scale * jnp.sin(angle)
        source = [
            cosine * row - sine * column + (height - 1) / 2 - shift_down,
            sine * row + cosine * column + (width - 1) / 2 - shift_right,
        ]
        return jax.scipy.ndimage.map_coordinates(image, source, order=1)

    moved = jax.vmap(transform)(
        images[..., 0].astype(jnp.float32), angle, scale, shift_down, shift_right
    )
    return moved[..., None]
