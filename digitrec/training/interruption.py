"""Ctrl-C and SIGTERM: the first ends a training cleanly, the second immediately."""

import os
import signal
from collections.abc import Callable

from digitrec.training.loop import ScanReport

received: list[int] = []  # signals, in order of arrival


class Interrupted(KeyboardInterrupt):
    """What the first signal raises.

    After a plain KeyboardInterrupt has passed through an `exec`, as large libraries use while they
    are imported, Python ends itself by SIGINT, whatever exit status the program gives.
    """


def answer_signals() -> None:
    """From now on, raise Interrupted at the first signal and end immediately at the second.

    This also keeps asyncio, which Orbax saves with, from installing its own handler for Ctrl-C.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _answer)


def exit_status() -> int:
    """Give the exit status that a shell expects of a program ended by the first signal."""
    return 128 + (received or [signal.SIGINT])[0]


def unless_interrupted(show: Callable[[ScanReport], None]) -> Callable[[ScanReport], None]:
    """Check for a signal at each report: Python drops an exception raised inside a callback."""

    def check_and_show(scan: ScanReport) -> None:
        if received:
            raise Interrupted
        show(scan)

    return check_and_show


def _answer(number: int, _) -> None:
    received.append(number)
    if len(received) > 1:
        os.write(2, b"\ntrain.py: stopped immediately; all saved states are complete\n")
        os._exit(exit_status())  # sys.exit would wait for locks, saves and pushes
    raise Interrupted
