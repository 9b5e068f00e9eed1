import numpy as np
import pytest

from digitrec.training.glyphs import GLYPHS, HABITS, write_habit
from digitrec.training.numbers import KINDS, write_number


def name(habit):
    return f"{habit.label} {habit.name}"


@pytest.mark.parametrize("habit", HABITS, ids=name)
def test_habit_is_written_a_little_differently_each_time(habit):
    random = np.random.default_rng(0)
    first, second = (write_habit(habit, random).strokes for _ in range(2))
    assert len(first) == len(second) == habit.curves.count("/") + 1
    for one, other in zip(first, second, strict=True):
        assert 0 < np.abs(one - other).max() < 5
        assert -4 < one.min() and one.max() < 14


def test_names_of_habits_are_their_own_and_each_digit_has_several():
    names = [name(habit) for habit in HABITS]
    assert len(set(names)) == len(names) == len(GLYPHS)
    assert min(np.bincount([habit.label for habit in HABITS])) >= 5


def test_curves_that_meet_stay_together():
    hooked = next(habit for habit in HABITS if habit.name == "flag, hook to the left")
    for seed in range(20):
        flag, stem, hook = write_habit(hooked, np.random.default_rng(seed)).strokes
        np.testing.assert_allclose(flag[-1], stem[0])
        np.testing.assert_allclose(stem[-1], hook[0])
        assert hook[-1, 0] < hook[0, 0]


def test_numbers_have_the_habits_of_people(pen_digits):
    numbers = [write_number(pen_digits, np.random.default_rng(seed)) for seed in range(40)]
    texts = {text for text, _ in numbers}
    assert {len(text) for text in texts} == set(range(1, 8)) and len(texts) > 30
    assert any("00" in text for text in texts) and len(KINDS) == 6
    for _, picture in numbers:
        ink = 255 - np.asarray(picture)
        assert ink.any() and not ink[[0, -1]].any() and not ink[:, [0, -1]].any()
