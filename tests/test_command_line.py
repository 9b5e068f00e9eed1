"""The command `digitrec read`."""

import json
from functools import partial

import pytest

from digitrec.__main__ import main


@pytest.fixture
def read(call):
    return partial(call, main, "read")


def test_table_has_a_row_for_each_picture(read, seven):
    result = read(seven, seven)
    assert result.returncode == 0
    rows = [line for line in result.stdout.splitlines() if str(seven) in line]
    assert len(rows) == 2 and all(" 7 " in row and " %" in row for row in rows)


def test_json_lines_say_what_predict_says(read, recognizer, seven):
    (line,) = read("--json", seven).stdout.splitlines()
    answer, prediction = json.loads(line), recognizer.predict(seven)
    assert answer["path"] == str(seven) and answer["digit"] == 7 and answer["is_digit"]
    assert [entry["digit"] for entry in answer["top"]] == [digit for digit, _ in prediction.top()]
    assert answer["digit_score"] == pytest.approx(prediction.digit_score, abs=1e-3)


def test_file_that_cannot_be_read_is_an_error_and_the_others_are_read(read, seven, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"this is no image")
    result = read(tmp_path / "bad.png", seven)
    assert result.returncode == 1
    assert result.stderr.startswith("digitrec: bad.png should be an image")
    assert len(result.stderr.splitlines()) == 1 and "could not be read" in result.stdout
    assert " 7 " in result.stdout


def test_model_that_is_not_there_is_an_error(read, seven):
    result = read("--model", "no/such/folder", seven)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("digitrec: no/such/folder should be the folder of a")
