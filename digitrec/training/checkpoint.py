"""Saved training states: written by Orbax, all or nothing, and verified when they are read.

A state is a folder named after its number of epochs. It holds `arrays/` as Orbax writes it,
`epochs.json`, and `manifest.json` with the SHA-256 of every other file: Orbax restores flipped bits
without an error.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from digitrec.errors import BadCheckpointError, first_line
from digitrec.training.loop import EarlyStopping, Progress

KEPT = 2  # the newest, and the one before in case the newest is damaged
OVERHEAD = 1_000_000  # bytes, more than Orbax adds to the arrays
ARRAYS, EPOCHS_FILE, MANIFEST_FILE = "arrays", "epochs.json", "manifest.json"


def save_progress(states: Path, progress: Progress) -> None:
    """Write one state: a hidden folder, renamed once all of it is on the disk.

    Arguments:
        states: the folder of a run's states; it is made if it does not exist.

    Raises: BadCheckpointError; earlier states are intact then, and nothing is left of this one.
    """
    epoch = len(progress.history)
    arrays = _arrays(progress)
    partial, state = states / f".partial-{epoch}", states / str(epoch)
    try:
        states.mkdir(parents=True, exist_ok=True)
        _remove_hidden(states)  # what a killed run left
        # Checked first: on a full disk Orbax prints hundreds of lines of its own.
        needed = OVERHEAD + 2 * sum(array.nbytes for array in jax.tree.leaves(arrays))
        if (free := shutil.disk_usage(states).free) < needed:
            raise OSError(f"{needed / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free")
        partial.mkdir()
        _checkpointer().save(partial.absolute() / ARRAYS, args=ocp.args.StandardSave(arrays))
        epochs = {
            "early_stopping": progress.early_stopping._asdict(),
            "history": progress.history,
        }
        (partial / EPOCHS_FILE).write_text(json.dumps(epochs))
        (partial / MANIFEST_FILE).write_text(json.dumps(_checksums(partial)))
        for path in [*partial.rglob("*"), partial]:
            _flush(path)
        for newer in _epochs(states):
            if newer >= epoch:  # it is damaged: otherwise the run would have continued from it
                _hide(states / str(newer))
        partial.rename(state)
        _flush(states)
        for old in _epochs(states)[KEPT:]:
            _hide(states / str(old))
        _remove_hidden(states)
    except Exception as error:  # Orbax lets errors of many libraries through
        _remove_hidden(states)
        raise BadCheckpointError(
            f"The state of epoch {epoch} cannot be saved in {states} ({first_line(error)}). Free "
            "some space, or check the folder's permissions."
        ) from error


def restore_progress(
    states: Path, initial: Progress, warn: Callable[[str], None] = lambda message: None
) -> Progress:
    """Read the newest undamaged state.

    Arguments:
        initial: of the same network and optimiser; gives the shapes to expect, and is returned
            when nothing has been saved yet.
        warn: is called with a message for each damaged state that was skipped.

    Raises: BadCheckpointError when all states are damaged.
    """
    failures = []
    for epoch in _epochs(states):
        try:
            progress = _read(states / str(epoch), initial)
        except BadCheckpointError as error:
            failures.append(str(error))
            continue
        for failure in failures:
            warn(f"{failure} Continuing from epoch {epoch} instead.")
        return progress
    if failures:
        raise BadCheckpointError(
            f"No saved state in {states} can be read. {' '.join(failures)} Start a new run."
        )
    return initial


def _read(state: Path, initial: Progress) -> Progress:
    try:
        expected, found = json.loads((state / MANIFEST_FILE).read_text()), _checksums(state)
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                raise ValueError(
                    f"SHA-256 of {name}: expected {expected.get(name)}, found {found.get(name)}"
                )
        epochs = json.loads((state / EPOCHS_FILE).read_text())
        arrays = _checkpointer().restore(
            state.absolute() / ARRAYS, args=ocp.args.StandardRestore(_arrays(initial))
        )
        arrays = jax.tree.map(jax.numpy.asarray, arrays)
        best_params, best_batch_stats = arrays["best"]
        return Progress(
            arrays["state"]._replace(key=jax.random.wrap_key_data(arrays["state"].key)),
            best_params,
            best_batch_stats,
            EarlyStopping(**epochs["early_stopping"]),
            tuple(epochs["history"]),
        )
    except Exception as error:  # Orbax lets errors of many libraries through
        raise BadCheckpointError(f"The state {state} is damaged ({first_line(error)}).") from error


def _checkpointer() -> ocp.Checkpointer:
    # Of several processes each reads by itself and only one writes: Orbax must not wait for others.
    process = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=process, active_processes={process}, barrier_sync_key_prefix=str(process)
    )
    return ocp.Checkpointer(
        ocp.StandardCheckpointHandler(multiprocessing_options=alone), multiprocessing_options=alone
    )


def _arrays(progress: Progress) -> dict:
    key = jax.random.key_data(progress.state.key)  # Orbax takes plain arrays
    arrays = {
        "state": progress.state._replace(key=key),
        "best": (progress.best_params, progress.best_batch_stats),
    }
    return jax.tree.map(np.asarray, arrays)


def _epochs(states: Path) -> list[int]:
    """Give the epochs that have a state, newest first."""
    if not states.is_dir():
        return []
    names = [path.name for path in states.iterdir()]
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _checksums(state: Path) -> dict[str, str]:
    return {
        path.relative_to(state).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(state.rglob("*"))
        if path.is_file() and path != state / MANIFEST_FILE
    }


def _flush(path: Path) -> None:
    """Write a file or a folder through to the disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hide(state: Path) -> None:
    state.rename(state.with_name(f".removed-{state.name}"))


def _remove_hidden(states: Path) -> None:
    for path in states.glob(".*"):
        shutil.rmtree(path, ignore_errors=True)
