import gzip

import numpy as np
import pytest

from digitrec.errors import DatasetUnavailableError
from digitrec.training.strokes import draw_strokes, fit_strokes, read_unipen


def test_unipen_file_gives_the_chosen_writers_digits(strokes_file, pen_digits):
    digits = read_unipen(strokes_file, range(25, 31))
    assert [digit.writer for digit in digits] == [w for w in range(25, 31) for _ in range(10)]
    for found, written in zip(digits, pen_digits, strict=False):
        assert found.label == written.label
        for stroke, expected in zip(found.strokes, written.strokes, strict=True):
            np.testing.assert_array_equal(stroke, np.round(30 * expected))


def test_gzipped_file_reads_the_same(strokes_file, tmp_path):
    (tmp_path / "digits.gz").write_bytes(gzip.compress(strokes_file.read_bytes()))
    assert len(read_unipen(tmp_path / "digits.gz", [3])) == 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b broken",
        b"\xff\xfe",
        b".SEGMENT DIGIT",
        b".SEGMENT DIGIT\n.COMMENT one two",
        b".SEGMENT DIGIT\n.COMMENT 1 1\n.PEN_DOWN\n 1 2 3",
        b".SEGMENT DIGIT\n.COMMENT 1 1\n.PEN_DOWN\n a b",
        b".SEGMENT DIGIT\n.COMMENT 1 1\n.PEN_UP",
        b".SEGMENT DIGIT\n.COMMENT 11 1\n.PEN_DOWN\n 1 2",
        b".SEGMENT DIGIT\n.COMMENT 1 99\n.PEN_DOWN\n 1 2",
    ],
)
def test_file_without_strokes_is_named(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DatasetUnavailableError, match="file") as caught:
        read_unipen(tmp_path / "file", range(1, 31))
    assert "\n" not in str(caught.value)


def test_missing_file_is_named():
    with pytest.raises(DatasetUnavailableError, match="nowhere"):
        read_unipen("nowhere", [1])


def test_fitted_strokes_have_the_size_and_the_middle_asked_for(pen_digits):
    for digit in pen_digits:
        points = np.concatenate(fit_strokes(digit.strokes, 80.0, (50.0, 60.0)))
        assert np.ptp(points, axis=0).max() == pytest.approx(80)
        np.testing.assert_allclose((points.min(0) + points.max(0)) / 2, [50, 60])


def test_dot_stays_a_dot():
    (stroke,) = fit_strokes([np.array([[3.0, 3.0]])], 80.0, (50.0, 60.0))
    np.testing.assert_allclose(stroke, [[50, 60]])


@pytest.mark.parametrize("brush", [3.0, 8.0, 21.0])
def test_brush_is_round_and_as_wide_as_asked_for(brush):
    line = np.array([[30.0, 50.0], [70.0, 50.0]])
    ink = np.asarray(draw_strokes([line], 100, brush)) / 255
    assert ink[:, 50].sum() == pytest.approx(brush, abs=0.6)
    assert ink[50].sum() == pytest.approx(40 + brush, abs=1)
    whole = 40 * brush + np.pi * brush**2 / 4
    assert ink.sum() == pytest.approx(whole, rel=0.08)  # square caps would add 12 to 30 %
