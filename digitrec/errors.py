"""What can go wrong; a user reads each message as it stands: what is wrong, then what to do."""


def first_line(error: BaseException) -> str:
    """Give what another library's error says, or its kind, without a line break."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class DigitrecError(Exception):
    """The base of every error that digitrec raises on purpose."""


class BadImageError(DigitrecError, ValueError):
    """An image that cannot be read as a drawing or a photo."""


class BadCheckpointError(DigitrecError, ValueError):
    """A model folder or training state that is missing, damaged or does not fit together."""


class ExportError(DigitrecError, OSError):
    """A model that cannot be written in another format."""


class TableError(DigitrecError, OSError):
    """A table of answers that cannot be written or continued."""


class BackendError(DigitrecError, RuntimeError):
    """JAX cannot compute in this process."""


class WorkerError(DigitrecError, OSError):
    """A process that is to read pictures cannot be started."""


class DatasetUnavailableError(DigitrecError, OSError):
    """MNIST, or other data to train on, can be neither downloaded nor read."""


class TrainingError(DigitrecError, ArithmeticError):
    """Training that cannot continue, such as a loss that is no longer finite."""


class HubError(DigitrecError, OSError):
    """The Hugging Face Hub did not do what it was asked."""


class HubUnavailableError(HubError):
    """The Hugging Face Hub cannot be reached or is busy; the same may work later."""
