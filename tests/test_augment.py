from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from digitrec.training.augment import AugmentConfig, augment

STILL = AugmentConfig(*[0.0] * 8)
KEY = jax.random.key(0)


def still_but(**amounts):
    return replace(STILL, **amounts)


compiled = jax.jit(augment, static_argnames="config")


def change(images, config, key=KEY):
    labels = jnp.full(len(images), 5)
    return np.asarray(compiled(jnp.asarray(images), labels, key, config=config))


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
    images = small_digits.images[:50]
    np.testing.assert_allclose(change(images, STILL), images, atol=1e-3)


def test_same_key_gives_the_same_images_and_each_image_its_own_change():
    config = AugmentConfig()
    first = change(bar(8), config)
    np.testing.assert_array_equal(first, change(bar(8), config))
    assert np.abs(first - change(bar(8), config, jax.random.key(1))).max() > 1
    assert all(np.abs(first[0] - other).max() > 1 for other in first[1:])


def test_translation_moves_the_centre_both_ways_and_not_too_far():
    moved = centres(change(bar(300), still_but(translation=3.0))) - 13.5
    assert moved.max() <= 3.01 and moved.min() >= -3.01
    assert (moved.max(0) > 2.5).all() and (moved.min(0) < -2.5).all()


def test_rotation_turns_about_the_middle_and_not_too_far():
    images = change(bar(300), still_but(rotation=20.0))
    np.testing.assert_allclose(centres(images), 13.5, atol=0.05)
    angles = slants(images)
    assert 18 < angles.max() < 21 and -21 < angles.min() < -18


def test_zoom_scales_about_the_middle_and_not_too_far():
    images = change(bar(300), still_but(zoom=0.2))
    np.testing.assert_allclose(centres(images), 13.5, atol=0.05)
    scale = np.sqrt(np.asarray(images).sum((1, 2, 3)) / bar(1).sum())
    assert 1.15 < scale.max() < 1.22 and 0.78 < scale.min() < 0.85


def test_stretch_changes_proportions_but_not_the_area():
    images = change(bar(300), still_but(stretch=0.4))
    np.testing.assert_allclose(images.sum((1, 2, 3)) / bar(1).sum(), 1, atol=0.06)
    heights = (images.max(2)[..., 0] > 128).sum(1) / 16
    assert 1.15 < heights.max() < 1.3 and 0.75 < heights.min() < 0.88


def test_shear_slants_both_ways_and_not_too_far():
    angles = slants(change(bar(300), still_but(shear=0.3)))
    assert 14 < angles.max() < 19 and -19 < angles.min() < -14


def test_elasticity_bends_each_image_in_its_own_way_but_smoothly():
    images = change(bar(300), still_but(elasticity=1.0))
    ink = images[:, 8:20, :, 0]
    middles = (ink * np.arange(28)).sum(2) / ink.sum(2)
    assert 0.3 < middles.std(1).mean() < 1.5  # a straight bar would have 0
    assert np.quantile(np.abs(np.diff(middles, axis=1)), 0.99) < 1.5
    assert middles.mean(1).std() > 0.2


def test_sharpness_blurs_some_images_and_sharpens_others():
    soft = (bar(100) / 2 + np.roll(bar(100), 1, 2) / 4 + np.roll(bar(100), -1, 2) / 4).astype("f4")
    images = change(soft, still_but(sharpness=1.0))[..., 0]
    steepest = np.abs(np.diff(images, axis=2)).max((1, 2))
    before = np.abs(np.diff(soft[..., 0], axis=2)).max()
    assert (steepest > 1.1 * before).mean() > 0.3 and (steepest < 0.9 * before).mean() > 0.3


def test_strength_scales_all_amounts_and_nothing_is_left_at_zero():
    config = replace(AugmentConfig(), marks=0.0)
    images, labels = jnp.asarray(bar(50)), jnp.full(50, 5)
    full, half, none = (
        np.asarray(compiled(images, labels, KEY, config, strength)) for strength in (1.0, 0.5, 0.0)
    )
    np.testing.assert_allclose(none, images, atol=1e-3)
    changes = [np.abs(changed - none).mean() for changed in (full, half)]
    assert 0.3 * changes[0] < changes[1] < 0.7 * changes[0]


def test_digits_that_people_mark_are_marked():
    marked = compiled(bar(50), jnp.full(50, 7), KEY, still_but(marks=1.0))
    assert (np.asarray(marked).sum((1, 2, 3)) > float(bar(1).sum()) * 1.05).all()


def test_pixels_stay_in_range():
    images = change(bar(100), AugmentConfig(30.0, 0.3, 0.3, 0.5, 5.0, 2.0, 1.0))
    assert images.dtype == np.float32 and images.min() >= 0 and images.max() <= 255.001
