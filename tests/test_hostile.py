"""The short form of `benchmarks/hostile.py`, by the same code."""

import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT, slow
from hostile import load_digits, try_costly, try_encodings, try_pictures
from hostile_app import (
    Caller,
    fault_of,
    is_answer,
    make_digits,
    measure,
    running_app,
    try_bodies,
    try_calls,
    try_crowd,
    try_files,
)
from hostile_files import encode, make_files, seven

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits(recognizer):
    return make_digits(40, recognizer)


@pytest.fixture(scope="module")
def app():
    """The app under watch; it keeps uploads for 6 seconds."""
    with running_app(6) as app:
        yield app


def test_damaged_pictures_end_in_pixels_or_a_message():
    wrong, _ = try_pictures(2000, seed=1)
    assert not wrong


def test_digit_is_read_alike_in_every_encoding(recognizer):
    agreement = try_encodings(load_digits(20, None, None), recognizer)
    assert not agreement.wrong and agreement.overall >= 0.98


def test_costly_pictures_that_are_accepted_take_less_than_a_second(recognizer):
    recognizer.compile_rest()  # what the first photo would otherwise wait for
    alone, _ = try_costly([(490, 490)], 1, recognizer)
    assert len(alone) >= 10 and max(alone.values()) < 1


def test_named_files_are_120_and_end_in_an_answer_or_a_message(app):
    assert len(make_files()) == 120
    wrong, read, _ = try_files(app.url, every=2)
    assert not wrong and 10 < read < 50


def test_bodies_of_all_kinds_end_in_an_answer_or_a_message(app):
    assert not try_bodies(app.url, 150, seed=1)


def test_each_of_a_crowd_gets_its_own_answer(app, digits):
    tally, _ = try_crowd(app.url, digits, clients=16, seconds=1)
    assert len(tally.seconds) >= 16 and not tally.wrong


@slow
def test_uploads_are_deleted_with_their_folders(app, digits):
    assert not try_calls(app.url, digits, 40, seed=1).wrong
    assert measure(app).size > 0
    deadline = time.monotonic() + 30
    while measure(app).entries > 1 and time.monotonic() < deadline:  # Gradio makes one at its start
        time.sleep(0.2)
    assert measure(app).entries <= 1


def test_app_opens_connects_to_and_starts_nothing_else(app):
    """The last of those with the app."""
    assert app.seen() == []
    assert Caller(app.url).read("seven.png", encode(seven())).value["label"] == "7"


def test_watch_reports_what_it_is_for(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, socket, subprocess, tempfile\n"
        "open(os.environ['GRADIO_TEMP_DIR'] + '/upload', 'w').close()\n"
        "open(__file__).close()\n"
        "for host in ('127.0.0.1', '192.0.2.1'):\n"
        "    with socket.socket() as connection:\n"
        "        connection.setblocking(False)\n"
        "        connection.connect_ex((host, 9))\n"
        "subprocess.run(['true'])\n"
        "os.system('true')\n"
    )
    report, uploads = tmp_path / "report", tmp_path / "uploads"
    uploads.mkdir()
    command = [sys.executable, ROOT / "benchmarks" / "watched_app.py", report, "0", program]
    subprocess.run(command, check=True, env=os.environ | {"GRADIO_TEMP_DIR": str(uploads)})
    seen = [line.split(":")[0] for line in report.read_text().splitlines()]
    assert [event for event in seen if event != "open"] == [
        *["socket.connect", "subprocess.Popen", "os.system"]
    ]
    assert str(program) in report.read_text() and str(uploads) not in report.read_text()


@pytest.mark.parametrize(
    "error", [None, "", 5, "no full stop", "two\nlines.", "Traceback (most recent call last)."]
)
def test_error_without_a_plain_message_is_a_fault(error):
    assert fault_of(error)


def test_answer_of_another_digit_is_not_taken_for_ones_own(digits):
    answers = [{"label": digit.label, "digit_score": digit.score} for digit in digits]
    for number, digit in enumerate(digits):
        assert [is_answer(digit, answer) for answer in answers].count(True) == 1
        assert is_answer(digit, answers[number])
