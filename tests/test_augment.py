import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from digitrec.augment import AugmentConfig, augment

STILL = AugmentConfig(rotation=0.0, zoom=0.0, translation=0.0)
KEY = jax.random.key(0)


def bar(count):
    """A thick upright bar in the middle."""
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, 6:22, 12:16] = 255
    return jnp.asarray(images)


def centres(images):
    return np.array([ndimage.center_of_mass(np.asarray(image)[..., 0]) for image in images])


def slants(images):
    """The angle of each image's longer axis, in degrees."""
    angles = []
    for image in np.asarray(images)[..., 0]:
        rows, columns = np.mgrid[:28, :28] - 13.5
        moment = [
            (image * a * b).sum() for a, b in ((rows, columns), (rows, rows), (columns, columns))
        ]
        angles.append(np.degrees(0.5 * np.arctan2(2 * moment[0], moment[1] - moment[2])))
    return np.array(angles)


def test_nothing_changes_when_all_amounts_are_zero(small_digits):
    images = jnp.asarray(small_digits.images[:50])
    np.testing.assert_allclose(augment(images, KEY, STILL), images, atol=1e-3)


def test_same_key_gives_the_same_images_and_each_image_its_own_change():
    config = AugmentConfig()
    first = augment(bar(8), KEY, config)
    np.testing.assert_array_equal(first, augment(bar(8), KEY, config))
    assert np.abs(first - augment(bar(8), jax.random.key(1), config)).max() > 1
    assert all(np.abs(first[0] - other).max() > 1 for other in first[1:])


def test_translation_moves_the_centre_both_ways_and_not_too_far():
    moved = centres(augment(bar(300), KEY, AugmentConfig(0.0, 0.0, 3.0))) - 13.5
    assert moved.max() <= 3.01 and moved.min() >= -3.01
    assert (moved.max(0) > 2.5).all() and (moved.min(0) < -2.5).all()


def test_rotation_turns_about_the_middle_and_not_too_far():
    images = augment(bar(300), KEY, AugmentConfig(20.0, 0.0, 0.0))
    np.testing.assert_allclose(centres(images), 13.5, atol=0.05)
    angles = slants(images)
    assert 18 < angles.max() < 21 and -21 < angles.min() < -18


def test_zoom_scales_about_the_middle_and_not_too_far():
    images = augment(bar(300), KEY, AugmentConfig(0.0, 0.2, 0.0))
    np.testing.assert_allclose(centres(images), 13.5, atol=0.05)
    scale = np.sqrt(np.asarray(images).sum((1, 2, 3)) / bar(1).sum())
    assert 1.15 < scale.max() < 1.22 and 0.78 < scale.min() < 0.85


def test_pixels_stay_in_range():
    images = np.asarray(augment(bar(100), KEY, AugmentConfig(30.0, 0.3, 5.0)))
    assert images.dtype == np.float32 and images.min() >= 0 and images.max() <= 255.001
