"""What can go wrong; each message is one sentence that a user reads as it stands."""


def first_line(error: BaseException) -> str:
    """Give what another library's error says, or its kind, without a line break."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class DigitrecError(Exception):
    """The base of every error that digitrec raises on purpose."""


class BadImageError(DigitrecError, ValueError):
    """An image that cannot be read as a drawing or a photo."""


class BadCheckpointError(DigitrecError, ValueError):
    """A model folder or training state that is missing, damaged or does not fit together."""


class TableError(DigitrecError, OSError):
    """A table of answers that cannot be written, or not be gone on with."""


class WorkerError(DigitrecError, OSError):
    """A process that reads pictures beside this one cannot be started."""


class DatasetUnavailableError(DigitrecError, OSError):
    """MNIST, or other data to train on, can be neither downloaded nor read."""


class TrainingError(DigitrecError, ArithmeticError):
    """Training that cannot go on, such as a loss that is no longer finite."""


class HubError(DigitrecError, OSError):
    """The Hugging Face Hub did not do what it was asked."""


class HubUnavailableError(HubError):
    """The Hugging Face Hub is out of reach or busy; the same may work later."""
