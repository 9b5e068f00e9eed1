import numpy as np
import pytest

from digitrec.training.data import NO_DIGIT, Examples
from digitrec.training.synthesis import (
    SynthesisConfig,
    _draw_small,
    count_images,
    doodle,
    make_digits,
    make_non_digits,
    redraw,
    synthesize,
    vary,
)

CONFIG = SynthesisConfig(non_digits=0.1, redrawn=0.0, glyphs=0.0, repetitions=2)


@pytest.fixture(scope="module")
def some_digits(small_digits):
    return Examples(small_digits.images[:300], small_digits.labels[:300])


def test_epoch_has_the_announced_images_in_the_right_form(some_digits, pen_digits):
    made = synthesize(some_digits, pen_digits, CONFIG, 0, 1)
    assert made.images.dtype == np.uint8 and made.labels.dtype == np.int32
    assert made.images.shape == (30 + 20, 28, 28, 1)
    assert count_images(300, pen_digits, CONFIG) == 300 + len(made.labels)
    assert made.labels[:30].tolist() == [NO_DIGIT] * 30
    assert made.labels[30:].tolist() == 2 * list(range(10))
    assert (made.images.max((1, 2, 3)) > 200).all()


def test_without_strokes_there_are_non_digits_alone(some_digits):
    made = synthesize(some_digits, [], CONFIG, 0, 1)
    assert len(made.labels) == 30 and set(made.labels) == {NO_DIGIT}
    assert count_images(300, [], CONFIG) == 330
    none = synthesize(
        some_digits,
        [],
        SynthesisConfig(non_digits=0.0, redrawn=0.0, glyphs=0.0),
        0,
        1,
    )
    assert none.images.shape == (0, 28, 28, 1)


def test_parts_are_made_one_after_the_other_from_the_same_random_numbers(some_digits, pen_digits):
    config = SynthesisConfig(non_digits=0.1, redrawn=0.1, glyphs=0.0, small=0.0, repetitions=1)
    made = synthesize(some_digits, pen_digits, config, 0, 1)
    random = np.random.default_rng((0, 1))
    parts = [make_non_digits(some_digits, 30, random), redraw(some_digits, 30, random)]
    parts.append(make_digits(pen_digits, 1.0, random))
    np.testing.assert_array_equal(made.images, np.concatenate([part.images for part in parts]))


def test_glyphs_are_as_many_of_each_digit(some_digits):
    config = SynthesisConfig(non_digits=0.0, redrawn=0.0, glyphs=0.1, repetitions=1)
    made = synthesize(some_digits, [], config, 0, 1)
    assert np.bincount(made.labels).tolist() == [3] * 10
    assert count_images(300, [], config) == 330


@pytest.mark.parametrize("label", range(10))
def test_ones_and_sevens_vary_no_more_than_by_one(pen_digits, label):
    digit = next(digit for digit in pen_digits if digit.label == label)
    usual, strong = (
        make_digits([digit], variation, np.random.default_rng(0)).images for variation in (1.0, 1.5)
    )
    assert np.array_equal(usual, strong) == (label in (1, 7))


def test_redrawn_digits_keep_their_labels_and_get_the_drawing_pen(some_digits, recognizer):
    config = SynthesisConfig(non_digits=0.0, redrawn=1.0, glyphs=0.0, repetitions=1)
    made = synthesize(some_digits, [], config, 0, 1)
    assert len(made.labels) == 300 == count_images(300, [], config) - 300
    answers = [p.probabilities.argmax() for p in recognizer.predict_batch(made.images[..., 0])]
    assert (np.array(answers) == made.labels).mean() > 0.8
    assert made.images.mean() < some_digits.images.mean()


def test_seed_and_turn_decide_all(some_digits, pen_digits):
    first, again, later, other = (
        synthesize(some_digits, pen_digits, CONFIG, *numbers).images
        for numbers in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != later).any((1, 2, 3)).all() and (first != other).any((1, 2, 3)).all()


def test_varied_strokes_are_still_near_the_original(pen_digits):
    random = np.random.default_rng(0)
    for digit in pen_digits * 5:
        points = np.concatenate(vary(digit.strokes, 1.0, random))
        assert np.isfinite(points).all()
        assert 0.6 < np.ptp(points, axis=0).max() < 2.0


def test_drawn_digits_are_still_read_as_what_they_are(pen_digits, recognizer):
    # Varied too much, they would be no examples of their class any more.
    made = make_digits(pen_digits * 30, 1.0, np.random.default_rng(0))
    answers = [p.probabilities.argmax() for p in recognizer.predict_batch(made.images[..., 0])]
    assert (np.array(answers) == made.labels).mean() > 0.85  # some brushes fill the loops


def test_small_drawings_have_thin_strokes_with_the_edges_of_pixels(pen_digits, recognizer):
    small = make_digits(pen_digits * 20, 1.0, np.random.default_rng(0), small=1.0)
    usual = make_digits(pen_digits * 20, 1.0, np.random.default_rng(0))
    answers = [p.probabilities.argmax() for p in recognizer.predict_batch(small.images[..., 0])]
    assert (np.array(answers) == small.labels).mean() > 0.85
    random = np.random.default_rng(1)
    for digit in pen_digits * 20:
        drawn = _draw_small(digit.strokes, random)
        assert drawn.any() and not drawn[[0, -1]].any() and not drawn[:, [0, -1]].any()
    ink, usual_ink = (made.images[made.images > 0] for made in (small, usual))
    assert (ink == 255).mean() > 1.5 * (usual_ink == 255).mean()


def test_what_is_no_digit_is_seldom_accepted(some_digits, recognizer):
    made = make_non_digits(some_digits, 300, np.random.default_rng(5))
    accepted = [p.is_digit for p in recognizer.predict_batch(made.images[..., 0])]
    assert np.mean(accepted) < 0.3


def test_doodles_are_drawable_and_differ():
    random = np.random.default_rng(0)
    doodles = [doodle(random) for _ in range(200)]
    assert all(np.isfinite(stroke).all() for strokes in doodles for stroke in strokes)
    assert {len(strokes) for strokes in doodles} >= {1, 2, 3, 4, 5}
