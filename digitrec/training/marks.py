"""Marks that many people put on digits but few of MNIST's writers did, as straight pen lines.

A flag, a hook and a foot on the 1, a bar through the 7, a slash through the 0. They are placed
relative to the digit's ink and are as wide as MNIST's strokes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

PAPER = 96  # of 255: fainter pixels do not count as the digit's top or bottom


def add_marks(
    images: Float[Array, "batch height width"],
    labels: Int[Array, " batch"],
    key: Key[Array, ""],
    probability: Float[Array, ""] | float,
) -> Float[Array, "batch height width"]:
    """Mark each 0, 1 and 7 with this probability; leave other images unchanged.

    Arguments:
        images: bright ink of 0-255 on 0, upright and roughly centred.
        labels: 0-9; images with other labels get no mark.
        key: the same key gives the same marks.
    """
    draws = jax.random.uniform(key, (len(images), 7))
    lines = jax.vmap(_place_lines)(images, draws)
    kind = jnp.array([0, 1, 3, 3, 3, 3, 3, 2, 3, 3, 3])[labels]
    kind = jnp.where(draws[:, 0] < probability, kind, 3)
    chosen = jnp.take_along_axis(lines, kind[:, None, None, None, None], 1)[:, 0]
    half_width = 0.7 + draws[:, 1]
    return jnp.maximum(images, jax.vmap(_draw_lines, (0, 0, None))(chosen, half_width, images[0]))


def _place_lines(image, draws):
    """Find two lines for each kind of mark: (4 kinds, 2 lines, 2 ends, row and column)."""
    _, _, length, tilt, height, other_length, foot = draws
    rows, columns = jnp.arange(image.shape[0]), jnp.arange(image.shape[1])
    inked = (image > PAPER).any(1)
    top, bottom = jnp.argmax(inked), len(rows) - 1 - jnp.argmax(inked[::-1])
    centers = (image * columns).sum(1) / jnp.maximum(image.sum(1), 1.0)  # of the ink in each row

    def at(row):
        row = jnp.round(row).astype(int)
        return jnp.stack([row.astype(jnp.float32), centers[row]])

    def line(middle, half):
        return jnp.stack([middle - half, middle + half])

    nowhere = jnp.full((2, 2), -1e3)
    whole = jnp.stack([(top + bottom) / 2, (image * columns).sum() / jnp.maximum(image.sum(), 1.0)])
    slash = line(whole, jnp.stack([-5.0 - 6.0 * length, 3.0 + 4.0 * other_length]))
    # Never horizontal: the 1 would become a 7.
    flag_end = at(top) + (2.0 + 4.5 * length) * jnp.stack([0.6 + tilt, -1.0])
    flag = jnp.where(height < 0.75, jnp.stack([at(top), flag_end]), nowhere)
    side = jnp.where(length < 0.5, -1.0, 1.0)
    hook_end = at(bottom) + jnp.stack([2.0 - 5.0 * tilt, side * (1.0 + 3.0 * other_length)])
    at_foot = line(at(bottom), jnp.stack([tilt - 0.5, 2.0 + 3.0 * other_length]))
    foot = jnp.where(
        foot < 0.3,
        at_foot,
        jnp.where(foot < 0.65, jnp.stack([at(bottom), hook_end]), nowhere),
    )
    bar = line(
        at(top + (0.35 + 0.3 * height) * (bottom - top)),
        jnp.stack([3.0 * tilt - 1.5, 2.5 + 3.5 * length]),
    )
    return jnp.stack(
        [
            jnp.stack(lines)
            for lines in ((slash, nowhere), (flag, foot), (bar, nowhere), (nowhere, nowhere))
        ]
    )


def _draw_lines(lines, half_width, like):
    grid = jnp.stack(jnp.meshgrid(*map(jnp.arange, like.shape), indexing="ij"), -1)
    start, along = lines[:, 0, None, None], (lines[:, 1] - lines[:, 0])[:, None, None]
    share = ((grid - start) * along).sum(-1) / jnp.maximum((along**2).sum(-1), 1e-6)
    distance = jnp.linalg.norm(grid - start - jnp.clip(share, 0, 1)[..., None] * along, axis=-1)
    return 255 * jnp.clip(half_width + 0.5 - distance, 0, 1).max(0)
