"""Ctrl-C and SIGTERM: the first ends a training in good order, the second at once."""

import os
import signal
from collections.abc import Callable

from digitrec.training.loop import ScanReport

received: list[int] = []  # the signals, in their order


class Interrupted(KeyboardInterrupt):
    """Where a KeyboardInterrupt itself has passed through an `exec`, as imports of large libraries
    have them, Python ends by SIGINT, whatever exit status the program gives.
    """


def answer_signals() -> None:
    """From now on, raise Interrupted at the first signal and end at once at the next.

    Unlike Python's own answer to Ctrl-C this also keeps asyncio, by which Orbax saves, from making
    its own.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _answer)


def exit_status() -> int:
    """Give what a shell expects of a program that the first signal ended."""
    return 128 + (received or [signal.SIGINT])[0]


def unless_interrupted(show: Callable[[ScanReport], None]) -> Callable[[ScanReport], None]:
    """Have a report raise Interrupted as well: Python drops what is raised in a callback."""

    def check_and_show(scan: ScanReport) -> None:
        if received:
            raise Interrupted
        show(scan)

    return check_and_show


def _answer(number: int, _) -> None:
    received.append(number)
    if len(received) > 1:
        os.write(2, b"\ntrain.py: stopped at once; what was saved is complete\n")
        os._exit(exit_status())  # what waits for a lock, a save or a push would go on waiting
    raise Interrupted
