"""Pushing while something else goes on."""

import threading
from collections.abc import Callable

from digitrec.errors import DigitrecError

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
                self._warn(str(error))

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return True

    def __enter__(self) -> "BackgroundPush":
        return self

    def __exit__(self, kind, *_) -> None:
        """Give up what waits for its next try, and wait for what is under way: 5 s after an error.

        Until then a push could undo what the caller pushes next.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(None if kind is None else 5)
