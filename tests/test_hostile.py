"""The short form of `benchmarks/hostile.py`, by the same code."""

from benchmarks.hostile import try_bodies, try_pictures


def test_damaged_pictures_end_in_pixels_or_a_sentence():
    wrong, _ = try_pictures(2000, seed=1)
    assert not wrong


def test_bodies_of_all_kinds_end_in_an_answer_or_a_sentence(app_url):
    assert not try_bodies(app_url, 150, seed=1)
