"""Tables of answers: their rows, and a file that can be continued after an interruption."""

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
# Spreadsheets run a cell that begins so; OWASP advises to put a quote before it (CSV Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SAVE_SECONDS = 1.0  # between two saves of the progress; a killed run repeats at most this much


class Row(NamedTuple):
    kind: str  # "read", "nothing" (the picture shows no digit or number) or "bad"
    encoded: bytes


def as_row(
    ending: str, path: str, answer: Prediction | Number | DigitrecError, *, numbers: bool
) -> Row:
    """Make a row for a table whose file name ends in `ending`."""
    values = row_values(path, answer, numbers=numbers)
    found = values["is_number" if numbers else "is_digit"]
    return Row({None: "bad", True: "read", False: "nothing"}[found], _encode(ending, values))


def row_values(
    path: str, answer: Prediction | Number | DigitrecError, *, numbers: bool
) -> dict[str, Any]:
    """Give the values of a row by column name, as JSON represents them."""
    values = dict.fromkeys(NUMBER_COLUMNS if numbers else DIGIT_COLUMNS) | {"path": as_text(path)}
    if isinstance(answer, DigitrecError):
        return values | {"error": as_text(str(answer))}
    return values | (
        _number_values(answer) if isinstance(answer, Number) else _digit_values(answer)
    )


def as_text(path: str) -> str:
    """Write bytes of a path that are not UTF-8 as text: \\udce9 for the byte e9."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _digit_values(answer: Prediction) -> dict:
    top = _top(answer)
    return {
        "text": "" if answer.digit is None else str(answer.digit),
        "probability": top[0]["probability"] if top else None,
        "is_digit": answer.is_digit,
        # The score of a picture without ink is -inf, which JSON does not have.
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
    return _encode_cells(_cell(name, value) for name, value in values.items())


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in ("path", "error") and value.startswith(FORMULA):
        return f"'{value}"
    return value if isinstance(value, str) else json.dumps(value)


def _encode_cells(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)  # with \r\n, so that it quotes a cell with either
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"


class Progress(NamedTuple):
    """How far a run has come; saved next to its table."""

    run: dict  # the arguments that the table depends on
    pictures: int  # with complete rows
    file_bytes: int  # of these rows
    last: str  # path of the last picture
    kinds: dict[str, int]  # number of rows of each kind


def is_finished(path: Path) -> bool:
    """Say whether the table exists and is complete."""
    return path.exists() and not _note_of(path).exists()


def _note_of(path: Path) -> Path:
    return Path(f"{path}.progress")


class TableFile:
    """A table that grows by whole rows and can be continued however the program ended.

    Until it is finished, `TABLE.progress` next to it records the progress. A CSV or JSON lines
    table grows in its own file, a Parquet table as JSON lines in `TABLE.jsonl`.

    Use it as a context manager, which cuts off an incomplete row at the end.
    """

    def __init__(self, path: Path, run: dict, *, resume: bool):
        """Start a table, or continue it.

        Arguments:
            path: ends in one of `ENDINGS`.
            run: the arguments that the table depends on, as JSON; the same when it is continued.
            resume: continue an interrupted run, or start if there was none.

        Raises: TableError.
        """
        self.path = path
        self._convert = _parquet_writer() if path.suffix == ".parquet" else None
        self._rows = Path(f"{path}.jsonl") if self._convert else path
        self.note = _note_of(path)
        self._saved = 0.0
        with _writing(path):
            self.progress = self._find_progress(run, resume)
            self._file = self._open_rows()

    def _find_progress(self, run: dict, resume: bool) -> Progress:
        if not self.note.exists():
            return Progress(run, 0, 0, "", {})
        if not resume:
            raise TableError(
                f"{self.path} is from an interrupted run. Continue it with --resume, or delete "
                f"{self.note} to start again."
            )
        try:
            progress = Progress(**json.loads(self.note.read_text()))
        except (ValueError, TypeError) as error:
            raise TableError(
                f"{self.note} is damaged, so the run cannot be continued. Delete it to start again."
            ) from error
        for name, value in run.items():
            if progress.run.get(name) != value:
                raise TableError(
                    f"{self.path} was started with {name} = {progress.run.get(name)}, not {value}. "
                    f"Continue it with the same, or delete {self.note} to start again."
                )
        return progress

    def _open_rows(self) -> FileIO:
        if not self.note.exists():  # saved first: a table without it counts as finished
            self._save()
        self._rows.touch()
        file = self._rows.open("r+b", buffering=0)  # so that closing does not retry a failed write
        whole = self.progress.file_bytes
        if file.seek(0, os.SEEK_END) < whole:
            file.close()
            raise TableError(
                f"{self._rows} is shorter than the {whole:,} bytes that {self.note} records. "
                "Delete both to start again."
            )
        file.truncate(whole)
        file.seek(whole)
        if whole == 0 and self._rows.suffix == ".csv":
            numbers = self.progress.run["numbers"]
            _write(file, _encode_cells(NUMBER_COLUMNS if numbers else DIGIT_COLUMNS))
        return file

    def append(self, rows: list[Row], last: str) -> None:
        """Add rows; `last` is the path of the last picture.

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
        """Save the progress, after the rows are on the disk."""
        if self.progress.file_bytes:
            os.fsync(self._file.fileno())
        new = Path(f"{self.note}.new")
        new.write_text(json.dumps(self.progress._asdict()))
        os.replace(new, self.note)
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Complete the table, and delete its progress.

        Raises: TableError.
        """
        with _writing(self.path):
            self._save()
            if self._convert:
                self._convert(self._rows, self.path, numbers=self.progress.run["numbers"])
            self.note.unlink()
            if self._convert:
                self._rows.unlink()

    def __enter__(self) -> "TableFile":
        return self

    def __exit__(self, *_) -> None:
        with _writing(self.path), self._file:
            if self.note.exists():  # the table is not finished
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
            f"{path} cannot be written ({first_line(error)}). Free space, or choose another place."
        ) from error


def _parquet_writer() -> Callable:
    try:
        from digitrec.many.parquet import write_parquet
    except ImportError as error:
        raise TableError(
            'Parquet tables need pyarrow. Run pip install "digitrec[parquet]", or write .csv or '
            ".jsonl."
        ) from error
    return write_parquet
