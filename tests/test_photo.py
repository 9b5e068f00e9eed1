import numpy as np
import pytest
from conftest import SLOW
from PIL import Image
from scipy import ndimage

from digitrec.reading.drawing import to_mnist


def photograph(image, random):
    """Write a digit on grey paper with a pen or a pencil, and take a photo in uneven light."""
    side = int(random.integers(150, 600))
    size = int(side * random.uniform(0.35, 0.8))
    turned = (
        Image.fromarray(image)
        .resize((size, size), Image.Resampling.BICUBIC)
        .rotate(random.uniform(-15, 15), Image.Resampling.BICUBIC)
    )
    ink = np.zeros((side, side))
    top, left = random.integers(0, side - size + 1, 2)
    ink[top : top + size, left : left + size] = np.asarray(turned) / 255
    ink = ndimage.gaussian_filter(ink, side / 200 * random.uniform(0.3, 2.0))
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    direction = random.uniform(0, 2 * np.pi)
    gradient = (1 + rows * np.sin(direction) + columns * np.cos(direction)) / 2
    light = random.uniform(130, 250) * (1 - random.uniform(0, 0.5) * gradient)
    photo = light * (1 - random.uniform(0.25, 0.85) * ink)
    photo += random.normal(0, random.uniform(1, 8), photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8)


def test_digits_on_paper_are_read(mnist, recognizer):
    images, labels = mnist[1]
    random = np.random.default_rng(0)
    count = 150 if SLOW else 60
    photos = [photograph(image[..., 0], random) for image in images[:count]]
    answers = [p.probabilities.argmax() for p in recognizer.predict_batch(photos)]
    assert (np.array(answers) == labels[:count]).mean() >= 0.95


def overlap(first, second):
    return np.minimum(first, second).sum() / np.maximum(first, second).sum()


def test_photo_becomes_the_image_that_was_photographed(small_digits):
    random = np.random.default_rng(0)
    overlaps = []
    for image in small_digits.images[: 100 if SLOW else 40, ..., 0]:
        found = to_mnist(photograph(image, random)).astype(float)
        overlaps.append(
            max(overlap(np.roll(found, shift, (0, 1)), image) for shift in np.ndindex(3, 3))
        )
    assert np.median(overlaps) > 0.5


def test_chalk_on_a_board_reads_like_ink_on_paper(small_digits):
    photo = photograph(small_digits.images[3, ..., 0], np.random.default_rng(1))
    difference = np.abs(to_mnist(photo).astype(float) - to_mnist(255 - photo))
    assert difference.mean() < 3


def test_dirt_far_smaller_than_the_digit_is_left_out(small_digits):
    photo = photograph(small_digits.images[7, ..., 0], np.random.default_rng(2))
    clean = to_mnist(photo)
    photo[3:7, 3:7] = photo.min()
    assert np.abs(to_mnist(photo).astype(float) - clean).mean() < 1


@pytest.mark.parametrize("noise", [0.0, 2.0, 8.0])
def test_empty_paper_in_uneven_light_has_no_ink(noise):
    random = np.random.default_rng(0)
    light = 200 - 0.2 * np.mgrid[:300, :300].sum(0)
    paper = np.clip(light + random.normal(0, noise, light.shape), 0, 255).astype(np.uint8)
    assert to_mnist(paper) is None
