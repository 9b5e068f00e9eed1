"""Answers as JSON: every door gives the fields of one schema."""

import json
from importlib.resources import files

import pyarrow.parquet
import pytest
from jsonschema import Draft202012Validator, ValidationError
from PIL import Image

from digitrec.__main__ import main
from digitrec.demo.handlers import Handlers

SCHEMA = json.loads((files("digitrec") / "answer.schema.json").read_text())
KINDS = SCHEMA["$defs"]


def check(answer, kind):
    """Check that an answer is of a kind of the schema, with no field that the schema lacks."""
    Draft202012Validator(SCHEMA).validate(answer)
    Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{kind}"}]}).validate(answer)
    assert set(answer) <= set(KINDS[kind]["properties"]), kind
    for digit in answer.get("digits", []):
        check(digit, "digit")
    for line in answer.get("lines", []):
        check(line, "number")


@pytest.fixture
def pictures(seven, forty_two, tmp_path):
    """A digit, a number and an empty picture."""
    Image.new("L", (99, 99), 255).save(tmp_path / "blank.png")
    return seven, forty_two, tmp_path / "blank.png"


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"this is no image")
    return tmp_path / "bad.png"


def test_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_dictionaries_of_python_have_the_fields_of_the_schema(recognizer, pictures):
    for picture in pictures:
        for kind, answer in (
            ("digit", recognizer.predict(picture)),
            ("number", recognizer.read_number(picture)),
        ):
            values = answer.to_dict(image=False)
            assert set(values) == set(KINDS[kind]["required"])
            check(values, kind)
            check(json.loads(json.dumps(answer.to_dict())), kind)


@pytest.mark.parametrize(
    "options, kind", [((), "digit"), (("--numbers",), "number"), (("--lines",), "lines")]
)
def test_lines_of_the_command_have_the_fields_of_the_schema(call, pictures, bad, options, kind):
    lines = call(main, "read", "--json", *options, *pictures, bad).stdout.splitlines()
    *answers, failure = map(json.loads, lines)
    assert len(answers) == len(pictures)
    for picture, answer in zip(pictures, answers, strict=True):
        assert answer["path"] == str(picture)
        check(answer, kind)
    check(failure, "failure")


@pytest.mark.parametrize(
    "options, kind, ending", [((), "digit", "jsonl"), (("--numbers",), "number", "parquet")]
)
def test_rows_of_tables_have_the_fields_of_the_schema(
    call, pictures, bad, tmp_path, options, kind, ending
):
    table = tmp_path / f"table.{ending}"
    call(main, "read", *options, *pictures, bad, "--output", table, "--processes", 1)
    if ending == "parquet":
        rows = pyarrow.parquet.read_table(table).to_pylist()
    else:
        rows = [json.loads(line) for line in table.read_text().splitlines()]
    *answers, failure = rows
    assert len(answers) == len(pictures)
    for answer in answers:
        check(answer, kind)
    assert failure.keys() == answers[0].keys()
    Draft202012Validator(SCHEMA).validate(failure)


def test_endpoints_have_the_fields_of_the_schema(recognizer, pictures):
    handlers = Handlers(recognizer, "05844f60d0c8", None)
    for picture in pictures:
        check(handlers.predict(picture), "digit")
        check(handlers.read_number(picture), "number")
        check(handlers.read_lines(picture), "lines")
    for answer in handlers.predict_batch(list(pictures)):
        check(answer, "digit")


@pytest.mark.parametrize(
    "change",
    [
        {"probabilities": [0.1] * 9},
        {"digit": "7"},
        {"digit_score": "high"},
        {"rotated": 45},
        {"image": [[0] * 28] * 27},
        {"error": "bad.png is empty."},
    ],
)
def test_schema_refuses_what_is_no_answer(recognizer, seven, change):
    answer = recognizer.predict(seven).to_dict()
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(answer | change)
