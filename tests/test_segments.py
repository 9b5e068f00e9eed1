import numpy as np
import pytest

from digitrec.drawing import to_mnist
from digitrec.training.data import NO_DIGIT, Examples
from digitrec.training.segments import make_segments


@pytest.fixture(scope="module")
def some_digits(small_digits):
    return Examples(small_digits.images[:300], small_digits.labels[:300])


def test_segments_are_drawable_and_a_tenth_of_them_are_digits(some_digits, pen_digits):
    pictures, labels = make_segments(some_digits, pen_digits, 600, np.random.default_rng(0))
    assert len(pictures) == len(labels) == 600
    assert all(picture.max() > 100 and to_mnist(picture) is not None for picture in pictures)
    digits = [label for label in labels if label != NO_DIGIT]
    assert 30 < len(digits) < 100 and set(digits) == set(range(10))


def test_pairs_are_wider_than_a_digit_and_parts_narrower(some_digits):
    pictures, labels = make_segments(some_digits, [], 400, np.random.default_rng(1))
    none = [picture for picture, label in zip(pictures, labels, strict=True) if label == NO_DIGIT]
    shares = [picture.shape[1] / picture.shape[0] for picture in none]
    assert np.quantile(shares, 0.75) > 1.2 and np.quantile(shares, 0.1) < 0.7


def test_same_random_numbers_give_the_same_segments(some_digits, pen_digits):
    first, again, other = (
        make_segments(some_digits, pen_digits, 20, np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert first[1] == again[1]
    for one, two in zip(first[0], again[0], strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(one.shape != two.shape for one, two in zip(first[0], other[0], strict=True))


def test_digit_with_a_little_of_its_neighbour_is_still_read(some_digits, pen_digits, recognizer):
    pictures, labels = make_segments(some_digits, pen_digits, 1500, np.random.default_rng(2))
    digits = [place for place, label in enumerate(labels) if label != NO_DIGIT]
    answers = recognizer.predict_batch([pictures[place] for place in digits])
    right = [
        answer.probabilities.argmax() == labels[place]
        for answer, place in zip(answers, digits, strict=True)
    ]
    assert np.mean(right) > 0.8
