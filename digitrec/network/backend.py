"""Whether JAX can compute in this process, and by what rules."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from digitrec.errors import BackendError, first_line

_started_in: int | None = None  # the process in which JAX has started


def start() -> None:
    """Start JAX, unless it has started.

    Raises: BackendError, also where the platform that JAX is told to use is missing.
    """
    global _started_in
    refuse_fork()
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:
        raise BackendError(
            f"JAX cannot start ({first_line(error)}). Unset JAX_PLATFORMS, or set it to cpu."
        ) from error
    _started_in = os.getpid()


def refuse_fork() -> None:
    """Raise BackendError in a process that was forked after JAX had started.

    It would wait for ever there, for threads that a fork leaves behind.
    """
    if _started_in not in (None, os.getpid()):
        raise BackendError(
            "This process was forked after a model had been loaded, and JAX cannot compute in it. "
            'Start processes by "spawn" (multiprocessing.set_start_method), or load models only '
            "in the processes that use them (gunicorn without --preload)."
        )


@contextmanager
def own_rules() -> Iterator[None]:
    """Compute in float32 and compile, whatever the program around has set for itself."""
    with jax.enable_x64(False), jax.disable_jit(False):
        yield
