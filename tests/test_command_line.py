"""The command `digitrec`: what all its subcommands share, and `digitrec read`."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from importlib.metadata import version
from itertools import combinations

import pytest
from conftest import ROOT
from rich.console import Console

from digitrec import BadImageError, DigitRecognizer, HubError, __version__
from digitrec.__main__ import COMMANDS, main
from digitrec.hub import client
from digitrec.reading.picture import read_picture
from digitrec.training import display
from digitrec.training.loop import ScanReport


@pytest.fixture
def read(call):
    return partial(call, main, "read")


def test_version_is_that_of_the_package(call):
    result = call(main, "--version")
    assert (result.returncode, result.stdout) == (0, f"digitrec {version('digitrec')}\n")
    assert __version__ == version("digitrec")


def test_help_names_every_command_and_each_explains_itself_with_an_example(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = call(main, "--help")
    assert result.returncode == 0 and max(map(len, result.stdout.splitlines())) <= 80
    for name, command in COMMANDS.items():
        assert f"  {name} " in result.stdout and command.summary in result.stdout
        explained = call(main, name, "--help")
        assert explained.returncode == 0
        assert explained.stdout.startswith(f"usage: digitrec {name} ")
        assert f"Example: digitrec {name} " in explained.stdout


def test_command_that_is_none_is_refused_with_those_that_are(call):
    for arguments in ([], ["reed", "7.png"]):
        result = call(main, *arguments)
        assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "'reed'" in result.stderr and "'read'" in result.stderr


# What it prints: for each command its status and messages, where no extra is installed.
WITHOUT_EXTRAS = """
import contextlib, io, json, sys
for name in ("gradio", "huggingface_hub", "onnx", "pyarrow", "ray", "sklearn"):
    sys.modules[name] = None
from digitrec.__main__ import main
for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        status = main(command)
    print(json.dumps([status, errors.getvalue()]))
"""


def test_command_whose_packages_are_missing_says_what_to_install(seven, tmp_path):
    read = ["read", str(seven)]
    expected = {
        ("serve",): ("demo", "gradio"),
        ("train",): ("train", "huggingface_hub"),
        ("report", "runs/1"): ("train", "sklearn"),
        ("export", "--onnx", f"{tmp_path}/digits.onnx"): ("onnx", "onnx"),
        ("push-model", "checkpoints", "me/digits"): ("hub", "huggingface_hub"),
        ("push-space", "me/demo"): ("hub", "huggingface_hub"),
        (*read, "--model", "user/name"): ("hub", "huggingface_hub"),
        (*read, "--output", f"{tmp_path}/a.parquet"): ("parquet", "pyarrow"),
        (*read, "--output", f"{tmp_path}/b.parquet", "--ray", "auto"): ("ray", "pyarrow"),
    }
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, json.dumps([*map(list, expected)])],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    answers = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("[")]
    for (status, said), (command, (extra, package)) in zip(answers, expected.items(), strict=True):
        assert status == 2 and len(said.splitlines()) == 1, (command, said)
        assert package in said and f'pip install "digitrec[{extra}]"' in said, (command, said)


def test_progress_of_a_training_fits_into_80_columns():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    with display.progress_bar(console, 100, 60_000, done=12) as show:
        show(ScanReport(13, 30_000, loss=0.0412, accuracy=1.0, images_per_second=12_345.0))
    shown = console.file.getvalue().replace("\n", "\r").split("\r")
    for text in ("epoch 13/100", "loss 0.0412", "100.00 %", "12,345 images/s", "left"):
        assert any(text in line for line in shown), shown
    entry = {"train_accuracy": 1.0, "validation_accuracy": 0.9967, "validation_loss": 0.0123}
    line = display.epoch_line(100 * [entry], best_epoch=100, epochs=100)
    assert "validation 99.67 % loss 0.0123" in line and len(line) <= 80


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
    assert result.stderr.startswith("digitrec: bad.png is not a picture that digitrec can read")
    assert len(result.stderr.splitlines()) == 1 and "could not be read" in result.stdout
    assert " 7 " in result.stdout


def test_sentences_about_files_are_shown_as_they_are(read, seven, tmp_path):
    for name, content in (
        ("scans.7z", b"7z\xbc\xaf\x27\x1c"),
        ("photo.heic", b"\0\0\0\x18ftypheic"),
        ("page.pdf", b"%PDF-1.7"),
        ("empty.png", b""),
    ):
        (tmp_path / name).write_bytes(content)
    odd = ["https://example.org/7.png", "-", "~$7.png", "7" * 300 + ".png"]
    paths = [*map(str, sorted(tmp_path.iterdir())), *odd]
    expected = []
    for path in paths:
        with pytest.raises(BadImageError) as caught:
            read_picture(path)
        expected.append(f"digitrec: {caught.value}")
    result = read("--json", seven, *paths)
    assert result.returncode == 1
    assert sorted(result.stderr.splitlines()) == sorted(expected)
    errors = [json.loads(line)["error"] for line in result.stdout.splitlines()[1:]]
    assert [f"digitrec: {error}" for error in errors] == expected


@pytest.fixture
def nothing(tmp_path):
    """Paths that lead to no file, with what is said of each."""
    (tmp_path / "empty").mkdir()
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    return {
        tmp_path / "empty": f"There are no files in {tmp_path}/empty. ",
        tmp_path / "empty.zip": f"There are no files in {tmp_path}/empty.zip. ",
        tmp_path / "*.pgn": f"No file matches {tmp_path}/*.pgn. ",
        tmp_path / "missing.png": f"There is no file '{tmp_path}/missing.png'. ",
    }


def test_nothing_to_read_ends_before_a_table_or_a_model_is_touched(
    read, nothing, tmp_path, monkeypatch
):
    monkeypatch.setattr(DigitRecognizer, "from_pretrained", None)
    before = sorted(tmp_path.iterdir())
    for options in ([], ["--json"], ["--output", tmp_path / "answers.csv"]):
        for path, said in nothing.items():
            result = read(path, *options)
            assert (result.returncode, result.stdout) == (2, ""), path
            assert result.stderr.startswith(f"digitrec: {said}")
            assert len(result.stderr.splitlines()) == 1
        assert read(*nothing, *options).returncode == 2
    assert sorted(tmp_path.iterdir()) == before


def test_path_that_leads_to_nothing_is_named_and_the_others_are_read(read, nothing, seven):
    result = read("--json", seven, *nothing)
    assert result.returncode == 1
    for line, said in zip(result.stderr.splitlines(), nothing.values(), strict=True):
        assert line.startswith(f"digitrec: {said}")
    assert json.loads(result.stdout.splitlines()[0])["digit"] == 7


def test_model_that_is_not_there_is_one_sentence(read, seven):
    result = read("--model", "no/such/folder", seven)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("digitrec: There is no folder no/such/folder. ")
    assert len(result.stderr.splitlines()) == 1


def test_mistyped_folder_of_a_model_is_named_before_the_hub_is_asked(
    read, seven, tmp_path, monkeypatch, capfd
):
    """Among folders; elsewhere the name is that of a repository, of which nothing is said."""
    said_before = []

    def download(*_):
        said_before.append(capfd.readouterr().err)
        raise HubError("No network.")

    monkeypatch.setattr(client, "download_model", download)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert read("--model", "runs/4", seven).returncode == 2
    result = read("--model", "user/name", seven)
    assert said_before == [
        "digitrec: There is no folder runs/4. Looking for it on the Hugging Face Hub.\n",
        "",
    ]
    assert result.stderr == "digitrec: No network.\n"


def test_revision_is_asked_of_the_hub(read, recognizer, seven, monkeypatch):
    asked = []

    def download(*arguments):
        asked.append(arguments)
        return recognizer.folder

    monkeypatch.setattr(client, "download_model", download)
    assert read("--model", "user/name", "--revision", "v2", seven).returncode == 0
    assert asked == [("user/name", "v2")]


# Each option as it may be given, and those that it goes with when a table is written, besides
# --output itself.
OPTIONS = {
    "--numbers": [],
    "--lines": [],
    "--json": [],
    "--output": ["answers.parquet"],
    "--overwrite": [],
    "--resume": [],
    "--processes": ["2"],
    "--ray": ["auto"],
    "--model": ["user/name"],
    "--revision": ["v2"],
}
ALLOWED = {
    *(("--numbers", other) for other in ("--json", "--output", "--model")),
    *((name, "--model") for name in ("--json", "--lines")),
    *(("--lines", "--json"), ("--output", "--model"), ("--model", "--revision")),
    *(("--output", other) for other in ("--overwrite", "--resume", "--processes", "--ray")),
}


@pytest.mark.parametrize("pair", list(combinations(OPTIONS, 2)), ids=" ".join)
def test_options_that_do_not_go_together_are_refused(read, pair, monkeypatch):
    monkeypatch.setattr("digitrec.read.run", lambda options: 0)
    result = read("7.png", *(word for name in pair for word in (name, *OPTIONS[name])))
    assert result.returncode == (0 if pair in ALLOWED else 2)
    assert "error: " in result.stderr or pair in ALLOWED


def test_options_that_go_with_a_table_are_refused_among_each_other(read, recognizer, monkeypatch):
    monkeypatch.setattr("digitrec.read.run", lambda options: 0)
    table = ("7.png", "--output", "answers.parquet")
    for options, said in (
        (["--resume", "--overwrite"], "choose one"),
        (["--ray", "auto", "--resume"], "--ray does not take --resume"),
        (["--ray", "", "--overwrite"], "--ray does not take --overwrite"),
        (["--ray", "auto", "--processes", 2], "--ray does not take --processes"),
        (["--ray", "auto", "--output", "a.csv"], "does not end in .parquet"),
        (["--model", recognizer.folder, "--revision", "v2"], "a folder has no revisions"),
        (["--output", "a.xls"], "a.xls does not end in .csv"),
        (["--processes", 0], "above 0"),
    ):
        result = read(*table, *options)
        assert result.returncode == 2 and said in result.stderr, options
    assert read(*table, "--resume", "--processes", 2, "--numbers").returncode == 0


def test_picture_of_a_number_is_hinted_at_once(read, seven, forty_two):
    result = read(seven, forty_two, forty_two)
    assert result.returncode == 0
    hint = f"digitrec: {forty_two} seems to show a number. Read numbers with --numbers.\n"
    assert result.stderr == hint
    assert read("--numbers", forty_two).stderr == ""


def test_drawing_that_shows_no_number_is_not_hinted_at(read, tmp_path):
    from PIL import Image, ImageDraw

    image = Image.new("L", (300, 200), 255)
    corners = [(30, 30), (250, 150), (40, 170), (270, 20), (150, 180)]
    ImageDraw.Draw(image).line(corners, fill=0, width=8)
    image.save(tmp_path / "scribble.png")
    result = read(tmp_path / "scribble.png")
    assert "no digit found" in result.stdout and result.stderr == ""


def test_names_are_shown_as_they_are(read, seven, tmp_path):
    """Rich would take some for markup, and fail on others."""
    (tmp_path / "[").mkdir()
    names = ["[red]7.png", "[/b].png", ":smile:.png"]
    for name in names:
        shutil.copy(seven, tmp_path / name)
    result = read(*(tmp_path / name for name in names))
    assert result.returncode == 0
    assert all(f" {tmp_path}/{name} " in result.stdout for name in names)


def test_names_that_the_terminal_lacks_are_shown_by_their_numbers(
    read, seven, tmp_path, monkeypatch
):
    shutil.copy(seven, tmp_path / "七é.png")
    for options in ([], ["--json"], ["--json", "--numbers"]):
        shown = tmp_path / "shown"
        with shown.open("w", encoding="cp1252") as terminal:
            monkeypatch.setattr(sys, "stdout", terminal)
            assert read(*options, tmp_path / "七é.png").returncode == 0
        text = shown.read_bytes().decode("cp1252")
        if options:
            assert json.loads(text)["path"] == str(tmp_path / "七é.png")
        else:
            assert "\\u4e03é.png" in text


def closed_pipe():
    ours, theirs = os.pipe()
    os.close(ours)
    return os.fdopen(theirs, "w")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_takes_no_more_ends_the_program_quietly(read, seven, options, monkeypatch):
    full = "digitrec: The output cannot be written (No space left on device). Free space, or"
    for output, status, said in (
        (closed_pipe(), 141, ""),
        (open("/dev/full", "w"), 2, full),
    ):
        monkeypatch.setattr(sys, "stdout", output)
        result = read(*options, seven, seven)
        output.close()  # fails if anything is left that cannot be written
        assert result.returncode == status
        assert result.stderr.startswith(said) and len(result.stderr.splitlines()) == bool(said)


def test_process_whose_output_takes_no_more_prints_no_traceback():
    for output, status, lines in ((closed_pipe(), 141, 0), (open("/dev/full", "w"), 2, 1)):
        with output:
            result = subprocess.run(
                [sys.executable, "-m", "digitrec", "read", "--help"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": ""},  # argparse ignores errors of its own
            )
        assert result.returncode == status and len(result.stderr.splitlines()) == lines
