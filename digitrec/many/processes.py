"""Processes that read pictures in the background, and are replaced when the system ends them.

Each runs `digitrec.many.worker` and has a thread here that sends it a chunk and waits for answers.

Tried instead, and worse: Pebble and multiprocessing run the caller's script again in each process,
so that one without `if __name__ == "__main__"` fails, and Pebble's pool breaks when a process is
killed between two chunks. loky's processes, of 310 MB each, stay when this program is killed.
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
STARTS = 3  # failures in a row before reading is given up


class Job(NamedTuple):
    """What the processes are to do."""

    folder: str  # of the model
    numbers: bool = False  # read numbers instead of digits
    table: str = ""  # ending of the table for which the answers become rows


def read_chunks(
    job: Job, chunks: Iterable[Chunk], processes: int | None = None
) -> Generator[tuple[Chunk, list[Any]], None, None]:
    """Read chunks in parallel, and yield them in their order.

    When a process ends while it reads a chunk, the chunk is read again by a new one. If that ends
    as well, the pictures are read one by one, and a picture that ends its process gets an error.

    Arguments:
        processes: how many (default: one for each core).

    Returns: each chunk, with what `digitrec.many.worker.read_chunk` returns for it.
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
            worker.stop()
        threads.shutdown()


class _Ended(Exception):
    """The process ended before it answered; the message says how."""


class _Worker:
    """One process at a time: started when first needed, and again after it has ended."""

    def __init__(self, job: Job):
        self._job = job
        self._process: subprocess.Popen | None = None
        self._stopped = False

    def read(self, chunk: Chunk) -> list[Any]:
        end = None
        for _ in range(2):
            try:
                return self._ask(chunk)
            except _Ended as error:
                end = error
        if len(chunk.paths) > 1:
            pictures = zip(chunk.paths, chunk.images, strict=True)
            return [self.read(Chunk([path], [image]))[0] for path, image in pictures]
        name = Path(chunk.paths[0]).name
        error = BadImageError(
            f"{name} ended each process that read it ({end}). Save it again, smaller, as PNG."
        )
        return self._ask(Chunk(chunk.paths, [error]))  # which makes a row of it, if the job says so

    def _ask(self, chunk: Chunk) -> list[Any]:
        if self._process is None:
            self._start()
        return self._exchange(chunk)

    def _start(self) -> None:
        package = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        end = None
        for _ in range(STARTS):
            self._line, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "digitrec.many.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=os.environ | {"PYTHONPATH": path, "NPROC": "1"},  # threads of XLA
                    start_new_session=True,  # Ctrl-C reaches only this process, which stops them
                )
            if self._stopped:  # before there was a process to kill
                self._process.kill()
            try:
                self._exchange(self._job)
                return
            except _Ended as error:
                end = error
        raise WorkerError(
            f"Could not start a reader: {STARTS} in a row ended ({end}). Free memory, or use fewer "
            "processes (--processes)."
        )

    def _exchange(self, message: Any) -> Any:
        """Send a message and wait for the answer.

        Raises: _Ended; WorkerError after `stop`.
        """
        assert self._process
        try:
            self._line.send(message)
            return self._line.recv()
        except (EOFError, OSError) as error:
            self._process.kill()  # it may have closed its end of the line and still run
            code = self._process.wait()
            self._process = None
            self._line.close()
            if self._stopped:
                raise WorkerError("Reading was stopped.") from None
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            raise _Ended(how) from error

    def stop(self) -> None:
        """End the process for good. A thread that waits for its answer gets a WorkerError."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()
            process.wait()
