"""Pushing in the background."""

import threading
from collections.abc import Callable

from digitrec.errors import DigitrecError

GRACE = 5  # seconds
PAUSES = (10, 60, 300)  # seconds; training outlasts most of the Hub's outages


class BackgroundPush:
    """Pushes in a background thread, one push at a time; a failure becomes a warning.

    It ends with its `with` block.
    """

    def __init__(self, warn: Callable[[str], None]):
        """Take a function that shows a warning; it is called from the thread."""
        self._warn = warn
        self._stopped = threading.Event()
        self._thread = None

    def start(self, push: Callable[..., object]) -> bool:
        """Start a push, unless an earlier one is still running.

        Arguments:
            push: called with `pauses` and `pause`, which `client.push_model` takes.

        Returns: whether it was started.
        """
        if self._thread is not None and self._thread.is_alive():
            return False

        def work():
            try:
                push(pauses=PAUSES, pause=self._stopped.wait)
            except (DigitrecError, OSError) as error:
                if not self._stopped.is_set():
                    self._warn(str(error))

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return True

    def __enter__(self) -> "BackgroundPush":
        return self

    def __exit__(self, *_) -> None:
        """Cancel a push that waits for its next try, and give a running one GRACE seconds.

        A stalled push may still reach the Hub later. It cannot undo the caller's next push:
        `client.push_model` commits only on top of the commit that it saw.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(GRACE)
