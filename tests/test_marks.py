import jax
import jax.numpy as jnp
import numpy as np
import pytest

from digitrec.training.marks import add_marks

COUNT = 100  # in each call, so that the marks are compiled once
compiled = jax.jit(add_marks)


def add(images, label, probability=1.0):
    labels = jnp.full(COUNT, label)
    return np.asarray(compiled(jnp.asarray(images), labels, jax.random.key(0), probability))


def mark(small_digits, label, probability=1.0):
    images = small_digits.images[small_digits.labels == label][:COUNT, ..., 0].astype(np.float32)
    return images, add(images, label, probability)


@pytest.mark.parametrize("label", [0, 1, 7])
def test_marks_add_a_line_of_a_pens_width_and_take_nothing_away(small_digits, label):
    images, marked = mark(small_digits, label)
    assert (marked >= images).all() and marked.max() <= 255
    added = ((marked > 128) & (images <= 128)).sum((1, 2))
    assert (added > 0).mean() > (0.8 if label == 1 else 0.9) and 3 < np.median(added) < 60


@pytest.mark.parametrize("label", [2, 3, 4, 5, 6, 8, 9])
def test_other_digits_get_no_marks(small_digits, label):
    images, marked = mark(small_digits, label)
    np.testing.assert_array_equal(marked, images)


def test_what_is_no_digit_gets_no_marks(small_digits):
    images = small_digits.images[:COUNT, ..., 0].astype(np.float32)
    np.testing.assert_array_equal(add(images, 10), images)


def test_probability_is_the_share_of_marked_digits(small_digits):
    images, marked = mark(small_digits, 7, 0.3)
    assert 0.2 < (marked != images).any((1, 2)).mean() < 0.4


def test_ones_get_flags_that_point_down_to_the_left_hooks_and_feet():
    # A flat flag would make it a seven.
    image = np.zeros((COUNT, 28, 28), np.float32)
    image[:, 4:24, 14:16] = 255
    flags, feet, hooks = 0, 0, 0
    for one in add(image, 1):
        rows, columns = np.nonzero((one > 128) & (image[0] <= 128))
        flag = (rows < 14) & (columns < 13)
        if flag.any():
            left = columns[flag].min()
            assert left < 14 and rows[flag & (columns == left)].mean() > 4
        flags += flag.any()
        sides = [columns[rows > 16].min(initial=14) < 13, columns[rows > 16].max(initial=15) > 16]
        feet += all(sides)
        hooks += any(sides) and not all(sides)
    assert 60 < flags < 90 and 15 < feet < 50 and 15 < hooks < 50


def test_bar_of_a_seven_crosses_its_stroke():
    image = np.zeros((COUNT, 28, 28), np.float32)
    image[:, 4:24, 14:16] = 255
    for seven in add(image, 7):
        rows, columns = np.nonzero((seven > 128) & (image[0] <= 128))
        assert columns.min() < 14 and columns.max() > 15
        assert rows.min() > 6 and rows.max() < 21
