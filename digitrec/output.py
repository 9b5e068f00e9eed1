"""Standard output that does not take all that a program prints."""

import errno
import io
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

CLOSED = 141  # exit status, as shells have it for a program that SIGPIPE ended

Arguments = ParamSpec("Arguments")


def ends_with_its_output(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Let a program end without a traceback when nothing more can be printed.

    What the encoding of standard output lacks is printed as \\u4e03.

    Returns: a function with the exit status of `main`; 141 after the pipe that it prints to was
        closed, and 2, with a sentence on standard error, after its disk was full.
    """

    @wraps(main)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            try:
                return main(*args, **kwargs)
            finally:
                sys.stdout.flush()  # otherwise Python does when it ends, with a traceback
        except BrokenPipeError:
            status = CLOSED
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            print(
                f"digitrec: The output cannot be written ({error.strerror}). Free space, or choose "
                "another place.",
                file=sys.stderr,
            )
            status = 2
        # Python flushes once more when it ends; its page on SIGPIPE advises this.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status

    return guarded
