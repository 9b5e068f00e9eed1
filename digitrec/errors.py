"""What can go wrong; a user reads each message as it stands: what is wrong, then what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


def first_line(error: BaseException) -> str:
    """Give what another library's error says, or its kind, without a line break."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class DigitrecError(Exception):
    """The base of every error that digitrec raises on purpose."""


class BadImageError(DigitrecError, ValueError):
    """An image that cannot be read as a drawing or a photo."""


class BadCheckpointError(DigitrecError, ValueError):
    """A model folder or training state that is missing, damaged or does not fit together."""


class BadLabelsError(DigitrecError, ValueError):
    """Labels that do not say which class each image shows."""


class NotDigitsError(DigitrecError, TypeError):
    """A model that was trained on other classes than the digits 0 to 9 cannot read numbers."""


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


class MissingPackageError(DigitrecError, ImportError):
    """A package that only some parts of digitrec need, and that is not installed."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say of imports that fail which of digitrec's extras installs what is missing.

    Arguments:
        extra: a name from pyproject.toml, or "" for what every installation has.

    Raises: MissingPackageError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not extra or package in ("", "digitrec"):
            raise
        raise MissingPackageError(
            f"This needs the package {package}, which is not installed. Run: pip install "
            f'"digitrec[{extra}]"',
            name=error.name,
        ) from error
