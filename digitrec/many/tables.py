"""A table of answers on the disk: its rows, and a file of them that outlives any end of a run."""

import csv
import io
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from digitrec.errors import DigitrecError, TableError, first_line
from digitrec.prediction import Number, Prediction

DIGIT_COLUMNS = ("path", "text", "probability", "is_digit", "digit_score", "top", "error")
NUMBER_COLUMNS = (
    *("path", "text", "probability", "is_number", "best_reading", "boxes", "digits", "error"),
)
ENDINGS = (".csv", ".jsonl", ".parquet")
DECIMALS = 6  # of probabilities and scores
SAVE_SECONDS = 1.0  # between two notes of how far a run is: what a killed one does again, at most


class Row(NamedTuple):
    kind: str  # "read", "nothing" where there is no digit or number, or "bad"
    encoded: bytes


def as_row(
    ending: str, path: str, answer: Prediction | Number | DigitrecError, *, numbers: bool
) -> Row:
    """Make a row of a table whose file ends in `ending`."""
    values = row_values(path, answer, numbers=numbers)
    found = values["is_number" if numbers else "is_digit"]
    return Row({None: "bad", True: "read", False: "nothing"}[found], _encode(ending, values))


def row_values(
    path: str, answer: Prediction | Number | DigitrecError, *, numbers: bool
) -> dict[str, Any]:
    """Give what a row holds, by its columns' names, as JSON has it."""
    values = dict.fromkeys(NUMBER_COLUMNS if numbers else DIGIT_COLUMNS) | {"path": as_text(path)}
    if isinstance(answer, DigitrecError):
        return values | {"error": as_text(str(answer))}
    return values | (
        _number_values(answer) if isinstance(answer, Number) else _digit_values(answer)
    )


def as_text(path: str) -> str:
    """Write a path's bytes that are no UTF-8 as text: \\udce9 for the byte e9."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _digit_values(answer: Prediction) -> dict:
    top = _top(answer)
    return {
        "text": "" if answer.digit is None else str(answer.digit),
        "probability": top[0]["probability"] if top else None,
        "is_digit": answer.is_digit,
        # JSON has no -inf, the score of a picture without ink.
        "digit_score": round(answer.digit_score, DECIMALS) if top else None,
        "top": top,
    }


def _number_values(answer: Number) -> dict:
    return {
        "text": answer.text,
        "probability": round(answer.probability, DECIMALS),
        "is_number": answer.is_number,
        "best_reading": answer.best_reading,
        "boxes": [list(box) for box in answer.boxes],
        "digits": [_top(digit) for digit in answer.digits],
    }


def _top(answer: Prediction) -> list[dict]:
    return [{"digit": d, "probability": round(share, DECIMALS)} for d, share in answer.top()]


def _encode(ending: str, values: dict) -> bytes:
    if ending != ".csv":
        return (json.dumps(values, ensure_ascii=False) + "\n").encode()
    return _encode_cells(map(_cell, values.values()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _encode_cells(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


class Progress(NamedTuple):
    """How far a run is, as it is noted beside its table."""

    run: dict  # what the table depends on
    pictures: int  # whose rows are whole
    file_bytes: int  # that these rows take
    last: str  # path of the last picture
    kinds: dict[str, int]  # how many rows there are of each


def is_finished(path: Path) -> bool:
    """Say whether there is a table that no run has left unfinished."""
    return path.exists() and not _note_of(path).exists()


def _note_of(path: Path) -> Path:
    return Path(f"{path}.progress")


class TableFile:
    """A table that grows by whole rows, and goes on after any end of the program.

    Beside it lies `TABLE.progress`, a note of how far it is, until it is finished. A CSV or JSON
    lines table grows in its own file; the rows of a Parquet table in `TABLE.jsonl`.

    Use it as a context: what is not whole is cut off at the end of it.
    """

    def __init__(self, path: Path, run: dict, *, resume: bool):
        """Begin a table, or go on with it.

        Arguments:
            path: ends in one of `ENDINGS`.
            run: what the table depends on, as JSON; to go on it must be the same.
            resume: go on where a run ended; begin where there was none.

        Raises: TableError.
        """
        self.path = path
        self._convert = _parquet_writer() if path.suffix == ".parquet" else None
        self._rows = Path(f"{path}.jsonl") if self._convert else path
        self._note = _note_of(path)
        self._saved = 0.0
        with _writing(path):
            self.progress = self._find_progress(run, resume)
            self._file = self._open_rows()

    def _find_progress(self, run: dict, resume: bool) -> Progress:
        if not self._note.exists():
            return Progress(run, 0, 0, "", {})
        if not resume:
            raise TableError(
                f"{self.path} should be a new table, but a run that was interrupted has begun it; "
                f"go on with --resume, or delete {self._note}."
            )
        try:
            progress = Progress(**json.loads(self._note.read_text()))
        except (ValueError, TypeError) as error:
            raise TableError(
                f"{self._note} should say how far the run is, but is damaged; delete it and begin "
                "again."
            ) from error
        for name, value in run.items():
            if progress.run.get(name) != value:
                raise TableError(
                    f"{self.path} should go on with the {name} that it was begun with, "
                    f"{progress.run.get(name)}, but is given {value}; give the same, or delete "
                    f"{self._note} and begin again."
                )
        return progress

    def _open_rows(self) -> FileIO:
        if not self._note.exists():  # first, so that a table without a note is finished
            self._save()
        self._rows.touch()
        file = self._rows.open("r+b", buffering=0)  # or what a full disk refused were tried again
        whole = self.progress.file_bytes
        if file.seek(0, os.SEEK_END) < whole:
            file.close()
            raise TableError(
                f"{self._rows} should have the {whole:,} bytes that {self._note} speaks of, but "
                "has fewer; delete both and begin again."
            )
        file.truncate(whole)
        file.seek(whole)
        if whole == 0 and self._rows.suffix == ".csv":
            numbers = self.progress.run["numbers"]
            _write(file, _encode_cells(NUMBER_COLUMNS if numbers else DIGIT_COLUMNS))
        return file

    def append(self, rows: list[Row], last: str) -> None:
        """Add the rows of pictures, the last of which has the path `last`.

        Raises: TableError.
        """
        with _writing(self.path):
            _write(self._file, b"".join(row.encoded for row in rows))
            before = self.progress
            self.progress = before._replace(
                pictures=before.pictures + len(rows),
                file_bytes=self._file.tell(),
                last=last,
                kinds=dict(Counter(before.kinds) + Counter(row.kind for row in rows)),
            )
            if time.monotonic() > self._saved + SAVE_SECONDS:
                self._save()

    def _save(self) -> None:
        """Note how far it is, once that is on the disk."""
        if self.progress.file_bytes:
            os.fsync(self._file.fileno())
        new = Path(f"{self._note}.new")
        new.write_text(json.dumps(self.progress._asdict()))
        os.replace(new, self._note)
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Complete the table, and delete the note.

        Raises: TableError.
        """
        with _writing(self.path):
            self._save()
            if self._convert:
                self._convert(self._rows, self.path, numbers=self.progress.run["numbers"])
            self._note.unlink()
            if self._convert:
                self._rows.unlink()

    def __enter__(self) -> "TableFile":
        return self

    def __exit__(self, *_) -> None:
        with _writing(self.path), self._file:
            if self._note.exists():  # it is not finished
                self._file.truncate(self.progress.file_bytes)
                self._save()


def _write(file: FileIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except TableError:
        raise
    except OSError as error:
        raise TableError(
            f"{path} should be a file that can be written, but is not ({first_line(error)}); make "
            "room for it, or name another place."
        ) from error


def _parquet_writer() -> Callable:
    try:
        from digitrec.many.parquet import write_parquet
    except ImportError as error:
        raise TableError(
            "A Parquet table should be written by pyarrow, but it is not installed; pip install "
            '"digitrec[parquet]", or write .csv or .jsonl.'
        ) from error
    return write_parquet
