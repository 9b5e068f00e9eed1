"""A run of `digitrec read --output`: from paths to a table on the disk, with a progress bar."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from digitrec.errors import TableError
from digitrec.many.processes import Job, read_chunks
from digitrec.many.sources import Found, find_pictures, make_chunks
from digitrec.many.tables import DIGIT_COLUMNS, NUMBER_COLUMNS, TableFile, is_finished
from digitrec.recognizer import DigitRecognizer


def read_to_table(
    recognizer: DigitRecognizer,
    paths: list[str],
    path: Path,
    *,
    numbers: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    processes: int | None = None,
    console: Console | None = None,
) -> dict[str, int] | None:
    """Read pictures and write a row for each, in their order.

    Arguments:
        paths: what `find_pictures` takes.
        path: of the table; ends in one of `tables.ENDINGS`.
        numbers: read numbers instead of digits.
        resume: continue an interrupted run that had the same arguments.
        overwrite: replace a file that is there.
        processes: how many (default: one for each core).
        console: where to show a progress bar, if it is a terminal.

    Returns: the number of rows of each `tables.Row.kind`; None if a table that is to be continued
        is finished already.
    Raises: TableError, WorkerError.
    """
    absolute = [os.path.abspath(os.path.expanduser(path)) for path in paths]
    run = {
        "paths": absolute,
        "model": recognizer.revision,
        "numbers": numbers,
        "columns": list(NUMBER_COLUMNS if numbers else DIGIT_COLUMNS),
    }
    if resume and is_finished(path, run):
        return None
    with (
        recognizer.in_folder() as folder,
        TableFile(path, run, resume=resume, overwrite=overwrite) as table,
        _progress_bar(console) as bar,
    ):
        before = table.progress.pictures
        found = find_pictures(paths)
        _skip(found, table)
        task = bar.add_task("", total=None, completed=before, rate="")
        if not bar.disable:
            Thread(target=_count, args=(paths, bar, task), daemon=True).start()
        job = Job(folder, numbers, path.suffix)
        start = time.monotonic()
        with closing(read_chunks(job, make_chunks(found), processes)) as read:
            for chunk, rows in read:
                table.append(rows, chunk.paths[-1])
                done = table.progress.pictures
                rate = (done - before) / (time.monotonic() - start)
                bar.update(task, completed=done, rate=f"{rate:,.0f} a second")
        table.finish()
        return table.progress.kinds


def _skip(found: Iterator[Found], table: TableFile) -> None:
    """Skip the pictures that already have rows."""
    last = ""
    for picture in islice(found, table.progress.pictures):
        last = picture.path
    if last != table.progress.last:
        raise TableError(
            f"The pictures have changed: number {table.progress.pictures:,} is no longer "
            f"{table.progress.last}. Restore them, or start again with --overwrite."
        )


def _progress_bar(console: Console | None) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=console is None or not console.is_terminal,
    )


def _count(paths: list[str | os.PathLike], bar: Progress, task) -> None:
    """Count all pictures, so that the bar can show the time left."""
    total = sum(1 for _ in find_pictures(paths))
    bar.update(task, total=total)
