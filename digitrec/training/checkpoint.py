"""Resuming: the whole training state through Orbax, complete or invisible."""

import os
import shutil
from pathlib import Path

import jax
import orbax.checkpoint as ocp

from digitrec.errors import BadCheckpointError, first_line
from digitrec.training.loop import EarlyStopping, Progress

KEPT = 2  # the newest, and the one before in case the newest cannot be read


def open_states(folder: str | os.PathLike) -> ocp.CheckpointManager:
    """Open (or make) the folder of a run's states; each is named by its number of epochs."""
    return ocp.CheckpointManager(
        Path(folder).absolute(),
        options=ocp.CheckpointManagerOptions(
            max_to_keep=KEPT, enable_async_checkpointing=False, cleanup_tmp_directories=True
        ),
    )


def save_progress(states: ocp.CheckpointManager, progress: Progress) -> None:
    """Write one state: a temporary folder, renamed when it is complete.

    Raises: BadCheckpointError, the states before being intact.
    """
    epochs = {
        "early_stopping": progress.early_stopping._asdict(),
        "history": list(progress.history),
    }
    arrays = _arrays(progress)
    # Asked beforehand: on a full disk Orbax also prints hundreds of lines of its own.
    needed = 2 * sum(array.nbytes for array in jax.tree.leaves(arrays))
    if (free := shutil.disk_usage(states.directory).free) < needed:
        raise BadCheckpointError(
            f"{states.directory} should have {needed / 1e6:.0f} MB of room for the state of epoch "
            f"{len(progress.history)}, but has {free / 1e6:.0f} MB; make room and continue the run "
            "with --resume."
        )
    states.save(
        len(progress.history),
        args=ocp.args.Composite(
            arrays=ocp.args.StandardSave(arrays), epochs=ocp.args.JsonSave(epochs)
        ),
    )


def restore_progress(states: ocp.CheckpointManager, initial: Progress) -> Progress:
    """Read the newest state that can be read.

    Arguments:
        initial: of the same network and optimiser; gives the shapes to expect, and is itself
            the answer when nothing has been saved yet.

    Raises: BadCheckpointError when there are states but none can be read.
    """
    failures = []
    for epoch in sorted(states.all_steps(), reverse=True):
        try:
            restored = states.restore(
                epoch,
                args=ocp.args.Composite(
                    arrays=ocp.args.StandardRestore(_arrays(initial)),
                    epochs=ocp.args.JsonRestore(),
                ),
            )
            arrays, epochs = restored["arrays"], restored["epochs"]
            best_params, best_batch_stats = arrays["best"]
            return Progress(
                arrays["state"]._replace(key=jax.random.wrap_key_data(arrays["state"].key)),
                best_params,
                best_batch_stats,
                EarlyStopping(**epochs["early_stopping"]),
                tuple(epochs["history"]),
            )
        except Exception as error:  # Orbax lets errors of many libraries through
            failures.append(f"{epoch}: {first_line(error)}")
    if failures:
        raise BadCheckpointError(
            f"{states.directory} should hold a training state that can be read, but none of "
            f"those after epoch {'; '.join(failures)} can; start a new run."
        )
    return initial


def _arrays(progress: Progress) -> dict:
    key = jax.random.key_data(progress.state.key)  # Orbax takes plain arrays
    return {
        "state": progress.state._replace(key=key),
        "best": (progress.best_params, progress.best_batch_stats),
    }
