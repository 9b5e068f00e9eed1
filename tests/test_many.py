"""Many pictures: tables of answers, processes that are killed, runs that are interrupted."""

import csv
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from functools import partial

import pyarrow.parquet
import pytest
from conftest import ROOT, slow
from PIL import Image

from digitrec import BadImageError, DigitRecognizer, Prediction, TableError
from digitrec.__main__ import main
from digitrec.many.tables import (
    DIGIT_COLUMNS,
    NUMBER_COLUMNS,
    Row,
    TableFile,
    as_row,
    is_finished,
    read_progress,
)
from digitrec.network.pretrained import load_model

PICTURES = int(os.environ.get("DIGITREC_PICTURES", 50_000))  # of the test on memory
MOST_IN_ARCHIVE = 100_000  # as the docs advise
KILLS = int(os.environ.get("DIGITREC_KILLS", 3))


@pytest.fixture(autouse=True)
def leave_the_cache_as_it_is(monkeypatch):
    # JAX does not write its cache atomically, and processes are killed here: they only read it.
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1e9")


@pytest.fixture
def read(call):
    return partial(call, main, "read", "--processes", 2)


def png(image) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="session")
def crops(small_digits, tmp_path_factory):
    """An archive of 1,500 digits of 28x28, one of nothing and one that is damaged."""
    path = tmp_path_factory.mktemp("crops") / "crops.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, image in enumerate(small_digits.images[:1500, ..., 0]):
            archive.writestr(f"{number:04}.png", png(image))
            if number == 700:
                archive.writestr("empty.png", png(0 * image))
                archive.writestr("bad.png", b"this is no image")
    return path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(path):
    if path.suffix == ".csv":
        return list(csv.DictReader(path.open(newline="")))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return pyarrow.parquet.read_table(path).to_pylist()


@pytest.fixture(scope="module")
def whole(crops, tmp_path_factory):
    """Tables of the archive, by runs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("tables")
    for ending in ("csv", "jsonl", "parquet"):
        table = folder / f"whole.{ending}"
        assert main(["read", str(crops), "--output", str(table), "--processes", "1"]) == 1
    return folder


def test_table_has_a_row_for_each_picture_in_their_order(whole, crops, small_digits):
    rows = rows_of(whole / "whole.jsonl")
    assert len(rows) == 1502 and all(tuple(row) == DIGIT_COLUMNS for row in rows)
    numbers = [f"{number:04}.png" for number in range(1500)]
    numbers[701:701] = ["empty.png", "bad.png"]
    assert [row["path"] for row in rows] == [f"{crops}/{name}" for name in numbers]
    read = [row["text"] for row in rows if row["error"] is None and row["top"]]
    labels = small_digits.labels[:1500].astype(str)
    assert sum(text == label for text, label in zip(read, labels, strict=True)) > 1350


def test_row_says_what_predict_says(whole, recognizer, small_digits):
    row = rows_of(whole / "whole.jsonl")[5]
    prediction = recognizer.predict(small_digits.images[5])
    assert row["text"] == str(prediction.digit) and row["is_digit"] is True
    assert row["digit_score"] == pytest.approx(prediction.digit_score, abs=1e-3)
    assert row["probability"] == row["top"][0]["probability"]
    for entry, (digit, share) in zip(row["top"], prediction.top(), strict=True):
        assert entry["digit"] == digit and entry["probability"] == pytest.approx(share, abs=1e-4)


def test_empty_and_bad_pictures_have_rows_that_say_so(whole):
    empty, bad = rows_of(whole / "whole.jsonl")[701:703]
    del empty["path"], bad["path"]
    assert empty == {
        "text": "",
        "probability": None,
        "is_digit": False,
        "digit_score": None,
        "rotated": 0,
        "top": [],
        "digit": None,
        "probabilities": [0.1] * 10,
        "error": None,
    }
    assert bad.pop("error").startswith("bad.png is not a picture that") and not any(bad.values())


def test_all_kinds_of_tables_say_the_same(whole):
    lines = rows_of(whole / "whole.jsonl")
    assert rows_of(whole / "whole.parquet") == lines
    for row, cells in zip(lines, rows_of(whole / "whole.csv"), strict=True):
        for column, value in row.items():
            if isinstance(value, str | None):
                assert cells[column] == (value or "")
            else:
                assert json.loads(cells[column]) == value


def test_pandas_and_row_groups_open_the_parquet_table(whole, tmp_path):
    import pandas

    assert len(pandas.read_parquet(whole / "whole.parquet")) == 1502
    assert pyarrow.parquet.ParquetFile(whole / "whole.parquet").num_row_groups >= 1


def test_numbers_have_their_texts_and_boxes(read, recognizer, forty_two, seven, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    table = tmp_path / "numbers.jsonl"
    files = (forty_two, seven, tmp_path / "bad.png")
    assert read("--numbers", *files, "--output", table).returncode == 1
    first, second, bad = rows_of(table)
    assert tuple(first) == NUMBER_COLUMNS
    number = recognizer.read_number(forty_two)
    assert first["text"] == first["best_reading"] == "42" and first["is_number"]
    assert first["boxes"] == [list(box) for box in number.boxes]
    assert [digit["digit"] for digit in first["digits"]] == [4, 2]
    assert first["probability"] == pytest.approx(number.probability, abs=1e-4)
    assert second["text"] == "7" and bad["error"] == "bad.png is empty. Save the picture again."
    read("--numbers", *files, "--output", tmp_path / "numbers.parquet", "--processes", 1)
    assert rows_of(tmp_path / "numbers.parquet") == rows_of(table)


def test_two_processes_write_what_one_writes_and_count_what_they_read(read, crops, whole, tmp_path):
    result = read(crops, "--output", tmp_path / "two.csv")
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert "1,502 pictures in" in line and "1 that could not be read" in line
    assert (tmp_path / "two.csv").read_bytes() == (whole / "whole.csv").read_bytes()
    assert names_in(tmp_path) == ["two.csv", "two.csv.progress"]


def test_script_without_a_guard_reads_files_as_predict_does(
    recognizer, crops, seven, tmp_path, monkeypatch
):
    script = tmp_path / "script.py"
    script.write_text(f"open({str(tmp_path / 'ran again')!r}, 'w')")
    monkeypatch.setattr("__main__.__file__", str(script), raising=False)
    monkeypatch.setattr("__main__.__spec__", None)  # as for any script: multiprocessing looks here
    (tmp_path / "bad.png").write_bytes(b"this is no image")
    paths = [seven, tmp_path / "bad.png", crops]
    read = list(recognizer.predict_files(paths, processes=1))
    assert [path for path, _ in read][:3] == [*map(str, paths[:2]), f"{crops}/0000.png"]
    assert len(read) == 1504
    (_, first), (_, second), (_, third) = read[:3]
    assert isinstance(first, Prediction) and first.digit == 7
    assert isinstance(second, BadImageError) and str(second).startswith("bad.png is not a picture")
    assert isinstance(third, Prediction) and third.image.shape == (28, 28)
    assert not (tmp_path / "ran again").exists()


def test_model_that_is_in_no_folder_reads_files(recognizer, seven):
    homeless = DigitRecognizer(*load_model(recognizer.folder))
    ((_, prediction),) = homeless.predict_files([seven], processes=1)
    assert prediction.digit == 7


def test_iterator_that_is_left_early_leaves_no_process(recognizer, crops):
    import psutil

    before = set(psutil.Process().children())
    files = recognizer.predict_files([crops], processes=1)
    next(files)
    workers = set(psutil.Process().children()) - before
    files.close()
    assert workers and not any(worker.is_running() for worker in workers)


@pytest.fixture
def assassin(monkeypatch, tmp_path):
    """A module that each process loads first: it kills the one that opens a certain picture."""
    folder = tmp_path / "assassin"
    folder.mkdir()

    def hire(content: bytes, times: int):
        (folder / "victim").write_bytes(content)
        (folder / "sitecustomize.py").write_text(
            textwrap.dedent(f"""
                import os, pathlib
                from PIL import Image
                folder = pathlib.Path({str(folder)!r})
                victim, opened = (folder / "victim").read_bytes(), Image.open

                def open_or_die(file, **options):
                    deaths = len(list(folder.glob("death-*")))
                    if file.getvalue() == victim and deaths < {times}:
                        (folder / f"death-{{deaths}}").touch()
                        os.kill(os.getpid(), 9)
                    return opened(file, **options)

                Image.open = open_or_die
            """)
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return lambda: len(list(folder.glob("death-*")))

    return hire


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=slow)])
def test_chunk_of_a_killed_process_is_read_again(
    read, crops, whole, tmp_path, small_digits, assassin, times
):
    deaths = assassin(png(small_digits.images[300, ..., 0]), times)
    read(crops, "--output", tmp_path / "table.csv")
    assert deaths() == times
    assert (tmp_path / "table.csv").read_bytes() == (whole / "whole.csv").read_bytes()


@slow
def test_picture_that_kills_its_process_is_a_row_with_an_error(
    read, crops, whole, tmp_path, small_digits, assassin
):
    assassin(png(small_digits.images[300, ..., 0]), 99)
    read(crops, "--output", tmp_path / "table.jsonl", "--processes", 1)
    rows, unharmed = rows_of(tmp_path / "table.jsonl"), rows_of(whole / "whole.jsonl")
    expected = "0300.png ended each process that read it (signal SIGKILL). Save it again"
    assert rows[300]["error"].startswith(expected)
    del rows[300], unharmed[300]
    assert rows == unharmed


def test_processes_that_cannot_start_end_the_run_with_a_message(read, crops, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result = read(crops, "--output", tmp_path / "table.csv")
    assert result.returncode == 2 and "3 in a row ended (exit status 3)" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def start_reading(crops, table, *options, times=1):
    command = [sys.executable, "-m", "digitrec", "read", *[crops] * times, "--output", table]
    return subprocess.Popen(
        [*command, "--resume", *options],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts in its background ignores Ctrl-C, and so does all that starts there.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_rows(table, program, count):
    rows = table.with_name(f"{table.name}.jsonl") if table.suffix == ".parquet" else table
    while program.poll() is None and (not rows.exists() or rows.read_bytes().count(b"\n") < count):
        time.sleep(0.01)


def test_ctrl_c_keeps_whole_rows_and_resume_goes_on(read, crops, whole, tmp_path):
    table = tmp_path / "table.csv"
    # Twice, or a busy machine would be done before it is interrupted.
    program = start_reading(crops, table, "--processes", "2", times=2)
    wait_for_rows(table, program, 200)
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does
    _, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (130, "digitrec: Stopped. Continue with --resume.\n")
    header, rows = (whole / "whole.csv").read_bytes().split(b"\n", 1)
    kept, complete = table.read_bytes(), header + b"\n" + 2 * rows
    assert kept.endswith(b"\n") and complete.startswith(kept) and len(kept) < len(complete)
    resumed = read(crops, crops, "--output", table, "--resume", "--processes", 1)
    assert resumed.returncode == 1 and table.read_bytes() == complete


@slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_run_that_was_killed_many_times_writes_what_an_unbroken_one_writes(
    crops, whole, tmp_path, ending
):
    table, moments = tmp_path / f"table.{ending}", random.Random(0)
    kills = 0
    while kills < KILLS:
        program = start_reading(crops, table)
        # Half of the moments are in the middle of reading, the others anywhere.
        if kills % 2:
            wait_for_rows(table, program, moments.randrange(1, 1500))
        else:
            time.sleep(moments.uniform(0, 8))
        kills += program.poll() is None
        program.kill()
        program.communicate()
        if (progress := read_progress(table)) and progress.finished:
            table.unlink()  # begin again
    assert start_reading(crops, table).wait(120) == 1
    assert table.read_bytes() == (whole / f"whole.{ending}").read_bytes()
    assert names_in(tmp_path) == [table.name, f"{table.name}.progress"]


def test_folder_is_read_without_the_table_in_it(call, seven, tmp_path, monkeypatch):
    """The first time the table is new; the second time it is there, and nothing says whose it is.

    A shell's * names it as well.
    """
    shutil.copy(seven, tmp_path / "7.png")
    monkeypatch.chdir(tmp_path)
    to_table = ("--output", "answers.csv", "--processes", 1)
    assert call(main, "read", ".", *to_table).returncode == 0
    (tmp_path / "answers.csv.progress").unlink()
    assert call(main, "read", "answers.csv", ".", *to_table, "--overwrite").returncode == 0
    (row,) = rows_of(tmp_path / "answers.csv")
    assert row["path"] == "./7.png" and row["text"] == "7"


def run_of(recognizer, path):
    """Give what `digitrec read PATH --output TABLE` notes of its run."""
    return {
        "paths": [str(path)],
        "model": recognizer.revision,
        "numbers": False,
        "columns": list(DIGIT_COLUMNS),
    }


@pytest.fixture
def finished(recognizer, seven, tmp_path):
    """A table of one row that `digitrec read seven.png` made, but for its content."""
    path = tmp_path / "table.csv"
    run = run_of(recognizer, seven)
    with TableFile(path, run, resume=False) as table:
        table.append([Row("read", b"a\n")], str(seven))
        table.finish()
    return path


def test_finished_table_is_left_as_it_is_by_resume(read, seven, finished):
    before = finished.read_bytes()
    result = read(seven, "--output", finished, "--resume")
    assert result.returncode == 0
    assert result.stderr == f"digitrec: {finished} is finished already.\n"
    assert finished.read_bytes() == before


def test_resume_refuses_a_finished_table_of_something_else(
    read, seven, forty_two, finished, tmp_path
):
    before = finished.read_bytes()
    for asked, said in (
        ([forty_two], f"made with paths = {seven}, not {forty_two}. "),
        ([seven, forty_two], f"not {seven}, {forty_two}. "),
        ([seven, "--numbers"], "made with numbers = False, not True. "),
        ([tmp_path / "nothing"], "There is no file"),
    ):
        result = read(*asked, "--output", finished, "--resume")
        assert result.returncode == 2 and said in result.stderr, asked
        assert len(result.stderr.splitlines()) == 1
    assert finished.read_bytes() == before


def test_finished_table_of_another_model_is_not_the_same(finished, seven, recognizer):
    run = run_of(recognizer, seven)
    assert is_finished(finished, run)
    with pytest.raises(TableError, match="made with model = .*, not other. .* --overwrite"):
        is_finished(finished, run | {"model": "other"})


def test_table_with_the_columns_of_an_older_version_is_not_continued(read, finished, seven):
    note = finished.with_name(f"{finished.name}.progress")
    progress = json.loads(note.read_text())
    for columns, before in ((None, "unknown"), (["path", "text"], "path, text")):
        progress["run"]["columns"] = columns
        note.write_text(json.dumps(progress))
        result = read(seven, "--output", finished, "--resume")
        assert result.returncode == 2
        assert f"columns = {before}, not path, text, probability and 7 more" in result.stderr


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl", "table.parquet"])
def test_file_that_is_there_is_not_replaced_without_a_word(read, seven, tmp_path, name):
    table = tmp_path / name
    table.write_text("mine")
    result = read(seven, "--output", table)
    assert result.returncode == 2
    assert "exists already. Continue it with --resume, replace it with --overw" in result.stderr
    result = read(seven, "--output", table, "--resume")
    assert result.returncode == 2
    assert "nothing records what it was made of. Replace it with --overwrite" in result.stderr
    assert table.read_text() == "mine" and names_in(tmp_path) == [name]


def test_overwrite_keeps_the_old_table_until_a_new_one_can_begin(read, seven, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("mine")
    (tmp_path / "empty").mkdir()
    overwrite = ("--output", table, "--overwrite")
    assert read(tmp_path / "empty", *overwrite).returncode == 2
    assert read(seven, "--model", tmp_path / "no" / "such" / "model", *overwrite).returncode == 2
    assert table.read_text() == "mine"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_overwrite_begins_anew_whatever_was_there(tmp_path, ending):
    """A file of somebody's, a finished table, an interrupted one, and a damaged note."""
    path = tmp_path / f"table.{ending}"
    row = json.dumps(dict.fromkeys(DIGIT_COLUMNS)).encode() + b"\n"

    def write(name, finish=True):
        with TableFile(path, RUN | {"paths": [name]}, resume=False, overwrite=True) as table:
            table.append([Row("read", row)], name)
            if finish:
                table.finish()

    path.write_text("mine")
    write("a")
    write("b", finish=False)
    write("c")
    (tmp_path / f"{path.name}.progress").write_text("{")
    write("d")
    assert is_finished(path, RUN | {"paths": ["d"]})
    assert len(rows_of(path)) == 1 and names_in(tmp_path) == [path.name, f"{path.name}.progress"]


def test_parquet_table_is_replaced_only_by_a_whole_one(tmp_path):
    path = tmp_path / "table.parquet"
    path.write_text("mine")
    with TableFile(path, RUN, resume=False, overwrite=True) as table:
        table.append([Row("read", b"{}\n")], "a")
    assert path.read_text() == "mine"


def test_table_that_was_deleted_is_made_again(read, finished, seven):
    finished.unlink()
    assert read(seven, "--output", finished, "--resume", "--processes", 1).returncode == 0
    assert [row["text"] for row in rows_of(finished)] == ["7"]


RUN = {"paths": ["a"], "numbers": False}


@pytest.fixture
def unfinished(tmp_path):
    """A table of two rows, and half a row that was being written."""
    path = tmp_path / "table.csv"
    with TableFile(path, RUN, resume=False) as table:
        table.append([Row("read", b"a\n"), Row("bad", b"b\n")], "b")
    with path.open("ab") as file:
        file.write(b"half a")
    return path


def test_half_a_row_is_cut_off_when_a_run_goes_on(unfinished):
    with TableFile(unfinished, RUN, resume=True) as table:
        assert table.progress.pictures == 2 and table.progress.kinds == {"read": 1, "bad": 1}
        table.append([Row("read", b"c\n")], "c")
        table.finish()
    assert unfinished.read_text().splitlines()[1:] == ["a", "b", "c"]


def test_unfinished_table_is_not_overwritten_without_a_word(unfinished):
    before = unfinished.read_bytes()
    with pytest.raises(
        TableError, match="interrupted run. Continue it with --resume, replace it with"
    ):
        TableFile(unfinished, RUN, resume=False)
    assert unfinished.read_bytes() == before


def test_run_does_not_go_on_with_other_pictures(unfinished):
    with pytest.raises(TableError, match="made with paths = a, not b"):
        TableFile(unfinished, RUN | {"paths": ["b"]}, resume=True)


def test_run_does_not_go_on_where_pictures_have_changed(read, recognizer, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(b"")
    table = tmp_path / "table.csv"
    run = run_of(recognizer, folder)
    with TableFile(table, run, resume=False) as begun:
        begun.append([Row("bad", b"a\n"), Row("bad", b"b\n")], f"{folder}/b.png")
    (folder / "a.png").unlink()
    result = read(folder, "--output", table, "--resume")
    assert result.returncode == 2 and f"number 2 is no longer {folder}/b.png" in result.stderr


def test_damaged_progress_and_short_table_are_errors(unfinished):
    note = unfinished.with_name("table.csv.progress")
    unfinished.write_bytes(b"short")
    with pytest.raises(TableError, match="shorter than the .* bytes .* --overwrite"):
        TableFile(unfinished, RUN, resume=True)
    note.write_text("{")
    with pytest.raises(TableError, match="progress is damaged, .* --overwrite"):
        TableFile(unfinished, RUN, resume=True)


def test_table_in_a_folder_that_is_not_there_is_an_error(read, seven, tmp_path):
    result = read(seven, "--output", tmp_path / "nowhere" / "table.csv")
    assert result.returncode == 2
    assert result.stderr == (
        f"digitrec: There is no folder {tmp_path / 'nowhere'}. Make it, or choose another place.\n"
    )


def test_name_of_a_table_that_is_too_long_is_an_error(read, seven, tmp_path):
    result = read(seven, "--output", tmp_path / f"{'a' * 300}.csv")
    assert result.returncode == 2 and "cannot be written ([Errno 36] File name" in result.stderr


def test_full_disk_is_an_error_and_whole_rows_are_kept(tmp_path):
    table = TableFile(tmp_path / "table.csv", RUN, resume=False)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(TableError, match="Free space"), table:
        table.append([Row("read", b"a\n")], "a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            table.append([Row("read", b"b" * 2000)], "b")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert table.path.read_text().splitlines()[1:] == ["a"]


def test_csv_cells_that_a_spreadsheet_would_run_begin_with_a_quote():
    error = BadImageError("=1.png is empty. Save the picture again.")
    for name in ("=1+1.png", "+1.png", "-1.png", "@1.png", "\t1.png", "\r1\n.png"):
        encoded = as_row(".csv", name, error, numbers=False).encoded.decode()
        ((path, *_, said),) = csv.reader(io.StringIO(encoded, newline=""))
        assert path == f"'{name}" and said == f"'{error}"
        exact = json.loads(as_row(".jsonl", name, error, numbers=False).encoded)
        assert exact["path"] == name and exact["error"] == str(error)
    plain = as_row(".csv", "a=1.png", error, numbers=False).encoded.decode()
    assert plain.startswith("a=1.png,")


def test_only_names_are_quoted_in_a_csv(recognizer, forty_two):
    prediction = recognizer.predict(forty_two)
    row = as_row(".csv", "42.png", prediction, numbers=False).encoded.decode()
    ((_, _, _, _, score, *_),) = csv.reader([row])
    assert float(score) < 0


def test_path_that_is_no_utf_8_is_in_the_table(read, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb"):
        pass
    assert read(os.fsdecode(path), "--output", tmp_path / "table.parquet").returncode == 1
    (row,) = rows_of(tmp_path / "table.parquet")
    assert row["path"].endswith("/caf\\udce9.png") and "caf\\udce9.png is empty" in row["error"]


MEASURE = """
import resource, sys
from digitrec.__main__ import main
main(sys.argv[1:])
mine, theirs = (resource.getrusage(who).ru_maxrss for who in (0, resource.RUSAGE_CHILDREN))
print(mine + theirs)
"""


@slow
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path, small_digits):
    """DIGITREC_PICTURES=1000000 asks for the full run."""
    picture = png(small_digits.images[0, ..., 0])

    def peak_kilobytes(count):
        folder, table = tmp_path / f"{count}", tmp_path / f"{count}.jsonl"
        folder.mkdir()
        for start in range(0, count, MOST_IN_ARCHIVE):
            with zipfile.ZipFile(folder / f"{start:07}.zip", "w") as archive:
                for number in range(start, min(start + MOST_IN_ARCHIVE, count)):
                    archive.writestr(f"{number:07}.png", picture)
        command = [sys.executable, "-c", MEASURE, "read", folder, "--output", table]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert table.read_bytes().count(b"\n") == count
        return int(result.stdout)

    assert peak_kilobytes(PICTURES) < peak_kilobytes(10_000) + 200 * 1024
