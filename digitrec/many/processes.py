"""Processes that read pictures beside this one, and are replaced when the system ends them.

They are `worker`. Each has a thread here that sends it a chunk and waits for its answers.
"""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from digitrec.cores import count_cores
from digitrec.errors import BadImageError, WorkerError
from digitrec.many.sources import Chunk

AHEAD = 2  # chunks for each process that are loaded before their turn
STARTS = 3  # in a row that may fail


class Job(NamedTuple):
    """What the processes are to do."""

    folder: str  # of the model
    numbers: bool = False  # read numbers instead of digits
    table: str = ""  # ending of the table that the answers are to be rows of


def read_chunks(
    job: Job, chunks: Iterable[Chunk], processes: int | None = None
) -> Generator[tuple[Chunk, list[Any]], None, None]:
    """Read chunks, in their order, as many at a time as there are processes.

    A chunk whose process ends is read again, and picture by picture if that process ends as well:
    an error then is the answer for the picture that ends it.

    Arguments:
        processes: default: one for each core.

    Returns: each chunk, with what `digitrec.many.worker.read_chunk` says of its pictures.
    Raises: WorkerError when no process can be started.
    """
    workers = [_Worker(job) for _ in range(processes or count_cores())]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def read(chunk: Chunk) -> list[Any]:
        worker = idle.get()
        try:
            return worker.read(chunk)
        finally:
            idle.put(worker)

    threads = ThreadPoolExecutor(len(workers))
    waiting = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, threads.submit(read, chunk)))
            if len(waiting) > AHEAD * len(workers):
                first, answers = waiting.popleft()
                yield first, answers.result()
        for first, answers in waiting:
            yield first, answers.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.dismiss()
        threads.shutdown()


class _Ended(Exception):
    """The process ended before it answered."""


class _Worker:
    def __init__(self, job: Job):
        self._job = job
        self._process: subprocess.Popen | None = None
        self._dismissed = False

    def read(self, chunk: Chunk) -> list[Any]:
        for _ in range(2):
            try:
                return self._ask(chunk)
            except _Ended:
                continue
        return [self._read_one(*picture) for picture in zip(*chunk, strict=True)]

    def _read_one(self, path: str, image) -> Any:
        try:
            (answer,) = self._ask(Chunk([path], [image]))
        except _Ended as end:
            error = BadImageError(
                f"{Path(path).name} should be readable like any other picture, but the process "
                f"that read it ended ({end}); save it again, smaller, as PNG."
            )
            (answer,) = self._ask(Chunk([path], [error]))
        return answer

    def _ask(self, chunk: Chunk) -> list[Any]:
        if self._process is None:
            self._start()
        try:
            self._line.send(chunk)
            return self._line.recv()
        except (EOFError, OSError) as error:
            raise _Ended(self._clean_up()) from error

    def _start(self) -> None:
        for _ in range(STARTS):
            self._line, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "digitrec.many.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is for this process, which ends the others
                )
            if self._dismissed:
                self._process.kill()
            try:
                self._line.send(self._job)
                self._line.recv()  # it is ready
                return
            except (EOFError, OSError):
                end = self._clean_up()
        raise WorkerError(
            f"A process that reads pictures should start, but {STARTS} in a row ended ({end}); "
            "make room in memory, or let fewer read with --processes."
        )

    def _clean_up(self) -> str:
        """Say how the process ended."""
        assert self._process
        self._process.kill()  # one that closed its line but goes on
        code = self._process.wait()
        self._process = None
        self._line.close()
        if self._dismissed:
            raise WorkerError("Reading was stopped.")
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def dismiss(self) -> None:
        """End the process for good; a thread that waits for it goes on with an error."""
        self._dismissed = True
        if (process := self._process) is not None:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """Give the environment of a process: it finds this package, and one thread is all it needs."""
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "NPROC": "1"}  # XLA asks for NPROC
