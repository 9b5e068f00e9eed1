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
from digitrec.network.model import DIGITS
from digitrec.prediction import Number, Prediction

DIGIT_COLUMNS = (
    *("path", "text", "probability", "is_digit", "digit_score", "rotated", "top", "digit"),
    *("probabilities", "error"),
)
NUMBER_COLUMNS = (
    *("path", "text", "probability", "is_number", "rows", "rotated", "best_reading", "boxes"),
    *("reason", "digits", "error"),
)
ENDINGS = (".csv", ".jsonl", ".parquet")
NOTE = ".progress"
# What a table's files are called after the table: the note of its progress and the rows that become
# Parquet, and what replaces the note or the table as soon as it is whole.
FILES = ("", NOTE, f"{NOTE}.new", ".jsonl", ".new")
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
    found = answer_values(answer)
    if isinstance(answer, Prediction) and answer.classes != DIGITS:
        # All tables have the same columns: here `text` is the label, and `top` has no digits.
        found = {name: found[name] for name in found if name in values and name != "top"}
    return values | found


def as_text(path: str) -> str:
    """Write bytes of a path that are not UTF-8 as text: \\udce9 for the byte e9."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def answer_values(answer: Prediction | Number) -> dict[str, Any]:
    """Give `to_dict` without images, rounded, and what saves scripts a step: docs/json.md."""
    values = answer.to_dict(image=False)
    if isinstance(answer, Prediction):
        top = _top(answer)
        values["text"] = answer.label or ""
        values["probability"] = top[0]["probability"] if top else None
        values["top"] = top
    else:
        values["boxes"] = [list(box) for box in answer.boxes]
        for digit, prediction in zip(values["digits"], answer.digits, strict=True):
            digit["top"] = _top(prediction)
    return _round(values)


def _top(answer: Prediction) -> list[dict]:
    if answer.classes != DIGITS:
        return [{"label": name, "probability": share} for name, share in answer.top_labels()]
    return [{"digit": digit, "probability": share} for digit, share in answer.top()]


def _round(value: Any) -> Any:
    match value:
        case float():
            return round(value, DECIMALS)
        case list():
            return [_round(item) for item in value]
        case dict():
            return {name: _round(item) for name, item in value.items()}
    return value


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
    """How far a run has come, and what its table is made of; saved next to the table."""

    run: dict  # the arguments that the table depends on
    pictures: int  # with complete rows
    file_bytes: int  # of these rows
    last: str  # path of the last picture
    kinds: dict[str, int]  # number of rows of each kind
    finished: bool = False


def belongs_to_table(path: str) -> bool:
    """Say whether a file is a table that digitrec wrote, or one of the files next to it."""
    tables = (path.removesuffix(name) for name in FILES)
    return any(table.endswith(ENDINGS) and os.path.exists(f"{table}{NOTE}") for table in tables)


def read_progress(path: Path) -> Progress | None:
    """Read how far the run of a table has come; None where there is no table to go on with.

    Raises: TableError.
    """
    note = _note_of(path)
    if not note.exists():
        return None
    try:
        progress = Progress(**json.loads(note.read_text()))
    except (ValueError, TypeError) as error:
        raise TableError(
            f"{note} is damaged, so {path} cannot be continued. Replace it with --overwrite."
        ) from error
    # Who deletes a finished table wants a new one.
    return None if progress.finished and not path.exists() else progress


def require_free(path: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise TableError where a table may not be written without losing another file.

    Arguments:
        resume: continue the table that is there.
        overwrite: replace the file that is there.
    """
    with _writing(path):
        if not path.parent.is_dir():
            raise TableError(f"There is no folder {path.parent}. Make it, or choose another place.")
        if path.is_dir():
            raise TableError(f"{path} is a folder. Choose another name.")
        if overwrite:
            return
        progress = read_progress(path)
        existing = next(filter(Path.exists, (path, _rows_of(path))), None)
        if resume and existing and progress is None:
            raise TableError(
                f"{existing} cannot be continued, since nothing records what it was made of. "
                "Replace it with --overwrite, or choose another name."
            )
        if not resume and (existing or progress):
            is_interrupted = progress is not None and not progress.finished
            found = "is from an interrupted run" if is_interrupted else "exists already"
            raise TableError(
                f"{existing or path} {found}. Continue it with --resume, replace it with "
                "--overwrite, or choose another name."
            )


def is_finished(path: Path, run: dict) -> bool:
    """Say whether a table is complete.

    Raises: TableError if it is not what the arguments of a run, as JSON, would make.
    """
    progress = read_progress(path)
    if progress is None:
        return False
    _require_same(path, progress, run)
    return progress.finished


def _require_same(path: Path, progress: Progress, run: dict) -> None:
    for name, value in run.items():
        before = progress.run.get(name)
        if before != value:
            raise TableError(
                f"{path} was made with {name} = {_shorten(before)}, not {_shorten(value)}. Ask for "
                "the same, choose another name, or replace it with --overwrite."
            )


def _shorten(value: Any) -> str:
    """Show three paths at most."""
    if value is None:  # in the note of an older digitrec
        return "unknown"
    if not isinstance(value, list):
        return str(value)
    more = f" and {len(value) - 3:,} more" if len(value) > 3 else ""
    return ", ".join(map(as_text, value[:3])) + more


def _note_of(path: Path) -> Path:
    return Path(f"{path}{NOTE}")


def _rows_of(path: Path) -> Path:
    """Give the file that grows."""
    return Path(f"{path}.jsonl") if path.suffix == ".parquet" else path


class TableFile:
    """A table that grows by whole rows and can be continued however the program ended.

    `TABLE.progress` next to it records the progress, and what the table is made of; it stays when
    the table is finished. A CSV or JSON lines table grows in its own file, a Parquet table as JSON
    lines in `TABLE.jsonl`.

    Use it as a context manager, which cuts off an incomplete row at the end.
    """

    def __init__(self, path: Path, run: dict, *, resume: bool, overwrite: bool = False):
        """Start a table, or continue it.

        Arguments:
            path: ends in one of `ENDINGS`.
            run: the arguments that the table depends on, as JSON; the same when it is continued.
            resume: continue an interrupted run, or start if there was none.
            overwrite: replace a file that is there. A CSV or JSON lines file is emptied now, a
                Parquet file is replaced at the end.

        Raises: TableError.
        """
        self.path = path
        self._convert = _parquet_writer() if path.suffix == ".parquet" else None
        self._rows = _rows_of(path)
        self.note = _note_of(path)
        self._saved = 0.0
        with _writing(path):
            require_free(path, resume=resume, overwrite=overwrite)
            progress = None if overwrite else read_progress(path)
            if progress is not None:
                _require_same(path, progress, run)
            self.progress = progress or Progress(run, 0, 0, "", {})
            self._file = self._open_rows()

    def _open_rows(self) -> FileIO:
        if self.progress.file_bytes == 0:  # saved first: rows without it could not be continued
            self._save()
        self._rows.touch()
        file = self._rows.open("r+b", buffering=0)  # so that closing does not retry a failed write
        whole = self.progress.file_bytes
        if file.seek(0, os.SEEK_END) < whole:
            file.close()
            raise TableError(
                f"{self._rows} is shorter than the {whole:,} bytes that {self.note} records. "
                "Start again with --overwrite."
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
        """Complete the table.

        Raises: TableError.
        """
        with _writing(self.path):
            self._save()
            if self._convert:
                self._convert(self._rows, self.path, numbers=self.progress.run["numbers"])
            self.progress = self.progress._replace(finished=True)
            self._save()
            if self._convert:
                self._rows.unlink()

    def __enter__(self) -> "TableFile":
        return self

    def __exit__(self, *_) -> None:
        with _writing(self.path), self._file:
            if not self.progress.finished:
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
