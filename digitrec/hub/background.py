"""Pushing while something else goes on."""

import threading
from collections.abc import Callable

from digitrec.errors import DigitrecError

GRACE = 5  # seconds
PAUSES = (10, 60, 300)  # seconds: a training goes on for longer than the Hub is out of reach


class BackgroundPush:
    """Pushes in a thread of its own, one at a time; a failure becomes a warning.

    Leaving its `with` block ends it.
    """

    def __init__(self, warn: Callable[[str], None]):
        """Take what shows a warning; it is called from the thread."""
        self._warn = warn
        self._stopped = threading.Event()
        self._thread = None

    def start(self, push: Callable[..., object]) -> bool:
        """Begin to push.

        Arguments:
            push: called with `pauses` and `pause`, as `hub.push_model` takes them.

        Returns: False when an earlier push is still under way; nothing was begun then.
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
        """Give up what waits for its next try, and wait a few seconds for what is under way.

        The Hub may stall for ever. What it then takes after all cannot undo what the caller pushes
        next: `hub.push_model` commits on top of what was there, or not at all.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(GRACE)
