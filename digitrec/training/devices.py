"""The devices that a training runs on: this machine's, or those of processes that JAX joins."""

import argparse
import os
import signal
import sys
import threading
import time
from functools import partial
from typing import Any

import jax
import numpy as np
from jax._src.distributed import global_state  # its client has no public name
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Shaped

from digitrec.errors import TrainingError, first_line

HEARTBEAT = 20  # seconds without a sign of life after which a process counts as lost
LOST_STATUS = 3  # of a process that ends because another did

trained = threading.Event()


def join(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Join the processes of one training; without an address, those that a cluster describes.

    When one of them ends, the others end as well, with one sentence that names it. This process
    forks for that: JAX aborts a process that loses process 0, and only another one can still speak.

    Arguments:
        coordinator: host and port on which process 0 listens.
        processes: how many there are.
        process_id: of this one, from 0.

    Raises: TrainingError when the others cannot be reached.
    """
    if coordinator is None and not _in_cluster():
        return
    _supervise(coordinator)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_recoverability", True)  # loses a process without an abort
    try:
        jax.distributed.initialize(
            coordinator, processes, process_id, heartbeat_timeout_seconds=HEARTBEAT
        )
        multihost_utils.sync_global_devices("joined")  # later, gloo waits for others for 30 s only
    except Exception as error:  # JAX lets errors of many kinds through
        raise TrainingError(
            f"--coordinator {coordinator} should be where {processes} processes meet, but they do "
            f"not ({first_line(error)}); start one for each --process-id from 0."
        ) from error
    threading.Thread(target=_watch, daemon=True).start()


def is_first() -> bool:
    """Tell whether this is the process that writes, speaks and pushes."""
    return jax.process_index() == 0


def leave() -> None:
    """Wait until all processes have trained; then none is missed any more."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("trained")
        trained.set()
        if not is_first():
            jax.distributed.shutdown()


def await_verdict() -> None:
    """After an error of JAX, give it the time to notice that another process is its cause."""
    if jax.process_count() > 1:
        time.sleep(2 * HEARTBEAT)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to train on to those of `train.py`."""
    parser.add_argument(
        "--devices",
        metavar="N",
        type=int,
        help="share each batch among so many devices (default: all that JAX finds)",
    )
    parser.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train with other processes, which meet where process 0 listens (default: those that "
        "Slurm or Kubernetes started together)",
    )
    parser.add_argument(
        "--processes",
        metavar="N",
        type=int,
        help="how many there are (default: as the cluster says)",
    )
    parser.add_argument(
        "--process-id",
        metavar="I",
        type=int,
        help="which one this is, from 0 (default: as the cluster says)",
    )


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program with a sentence where they do not fit together."""
    if options.devices is not None and options.devices < 1:
        parser.error(f"--devices should be above 0, but is {options.devices}; give another.")
    given = (options.coordinator, options.processes, options.process_id)
    if given == (None, None, None):
        return
    if None in given:
        parser.error("--coordinator, --processes and --process-id belong together; give all three.")
    if not 0 <= options.process_id < options.processes:
        parser.error(
            f"--process-id should be from 0 to {options.processes - 1}, but is "
            f"{options.process_id}; give another."
        )


def make_mesh(count: int | None = None, batch_size: int = 0) -> Mesh:
    """Lay devices out along one axis, "batch".

    Arguments:
        count: how many (default: all that JAX finds, in all processes).
        batch_size: what they are to share evenly.

    Raises: TrainingError.
    """
    devices = jax.devices()
    if count is not None and (
        count > len(devices) or (jax.process_count() > 1 and count < len(devices))
    ):
        raise TrainingError(
            f"--devices {count} should be at most the number of devices, and all of them where "
            f"processes are joined, but JAX finds {len(devices)}; give another number."
        )
    mesh = Mesh(np.array(devices[:count]), ("batch",))
    if batch_size % mesh.size:
        raise TrainingError(
            f"--batch-size {batch_size} should be a multiple of the {mesh.size} devices "
            "that share it, but is not; give another, or another number of --devices."
        )
    return mesh


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Put all arrays of a tree, which every process has, on each device."""
    return jax.tree.map(partial(_put, mesh=mesh, spec=PartitionSpec()), tree)


def share_out(
    batches: Shaped[np.ndarray, "steps batch"], mesh: Mesh
) -> Shaped[Array, "steps batch"]:
    """Give each device its part of every batch."""
    return _put(batches, mesh, PartitionSpec(None, "batch"))


def bring_back(tree: Any) -> Any:
    """Give arrays, of which each device has a copy, as arrays of this process alone."""
    return jax.tree.map(_bring_back, tree)


def agree(array: Array) -> Array | np.ndarray:
    """Give every process the numbers that process 0 has: no two kinds of machine add alike."""
    return multihost_utils.broadcast_one_to_all(array) if jax.process_count() > 1 else array


def _put(leaf, mesh, spec):
    if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_put(jax.random.key_data(leaf), mesh, spec))
    sharding = NamedSharding(mesh, spec)
    if jax.process_count() == 1:
        return jax.device_put(leaf, sharding)
    values = np.asarray(leaf)
    return jax.make_array_from_callback(values.shape, sharding, lambda index: values[index])


def _bring_back(leaf):
    if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_bring_back(jax.random.key_data(leaf)))
    return jax.numpy.asarray(np.asarray(leaf))


def _in_cluster() -> bool:
    """Tell whether several processes were started together, by Slurm or as a Kubernetes job."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    return int(tasks) > 1 or {"KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"} <= set(os.environ)


def _supervise(coordinator: str | None) -> None:
    """Go on as a child; the parent passes signals on and puts its end in one sentence."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # Ctrl-C comes through the parent, once
        # What JAX's own threads write goes nowhere: they report the same end in fifty lines.
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGABRT:
        _say_lost([0], f", the coordinator{f' at {coordinator}' if coordinator else ''},")
        status = LOST_STATUS
    os._exit(status if status >= 0 else 128 - status)


def _watch() -> None:
    """End this process once another one is gone: a collective operation might wait for ever."""
    client = global_state.client
    assert client is not None  # since `join`
    everyone = set(range(jax.process_count()))
    parent = os.getppid()
    while not trained.wait(2):
        if os.getppid() != parent:  # it was killed
            os._exit(LOST_STATUS)
        try:
            lost = sorted(everyone - set(client.get_live_nodes(sorted(everyone))))
        except jax.errors.JaxRuntimeError:  # process 0 answers no more
            lost = [0]
        if lost and not trained.is_set():
            _say_lost(lost)
            os._exit(LOST_STATUS)


def _say_lost(processes: list[int], what: str = "") -> None:
    names = ", ".join(map(str, processes))
    print(
        f"train.py: process {names}{what} should train with the others, but has ended; start all "
        "of them again, with --resume.",
        file=sys.stderr,
        flush=True,
    )
