"""The devices that a training runs on: this machine's, or those of several joined processes."""

import argparse
import socket
import time
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Shaped

from digitrec.errors import TrainingError, first_line
from digitrec.training.recipe import count

MEETING_TIMEOUT = 300  # seconds that processes wait for each other at the start
HEARTBEAT_TIMEOUT = 20  # seconds without a sign of life after which a process counts as lost
SHUTDOWN_TIMEOUT = 60  # seconds that a process which ends waits for the others to end, too


def join(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Join the processes of one training; without a coordinator, train alone.

    When one of the processes is lost later, JAX aborts the others.

    Arguments:
        coordinator: "HOST:PORT", where process 0 listens; "auto" leaves it to JAX to find the
            processes of a job of Slurm, Kubernetes, Open MPI or Cloud TPU.
        processes: how many there are; None with "auto".
        process_id: of this one, from 0; None with "auto".

    Raises: TrainingError when the others cannot be reached.
    """
    if coordinator is None:
        return
    address = None if coordinator == "auto" else coordinator
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    try:
        if address:
            _check_address(address, process_id)
        jax.distributed.initialize(
            *(address, processes, process_id),
            cluster_detection_method="deactivate" if address else None,
            initialization_timeout=MEETING_TIMEOUT,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT,
        )
        # The first exchange opens the connections, for which the CPU backend waits for 30 s only.
        multihost_utils.sync_global_devices("joined")
    except Exception as error:  # JAX lets errors of many kinds through
        if address:
            advice = "Start process 0 on that host, with that port free, and the others with it."
        else:
            advice = (
                "It works in a job of Slurm, Kubernetes, Open MPI or Cloud TPU. Elsewhere give "
                "--coordinator HOST:PORT, --processes and --process-id."
            )
        raise TrainingError(
            f"--coordinator {coordinator}: this process could not join the others "
            f"({first_line(error)}). {advice}"
        ) from error


def _check_address(coordinator: str, process_id: int | None) -> None:
    """Raise OSError when process 0 cannot be reached there: JAX itself would abort.

    Process 0 checks that its port is free and that the address leads to this machine; the others
    wait until something listens there.
    """
    host, _, port = coordinator.rpartition(":")
    address = (host.strip("[]"), int(port))
    if process_id == 0:
        family = socket.AF_INET6 if (both := socket.has_dualstack_ipv6()) else socket.AF_INET
        with socket.create_server(("", address[1]), family=family, dualstack_ipv6=both):
            socket.create_connection(address, timeout=10).close()
        return
    deadline = time.monotonic() + MEETING_TIMEOUT
    while True:
        try:
            return socket.create_connection(address, timeout=10).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def is_first() -> bool:
    """Tell whether this is the process that writes, prints and pushes."""
    return jax.process_index() == 0


def leave() -> None:
    """Wait until all processes have trained; from then on each may end when it likes."""
    if jax.distributed.is_initialized():
        jax.distributed.shutdown()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to train on to those of `train.py`."""
    parser.add_argument(
        "--devices",
        metavar="N",
        type=count,
        help="number of devices that share each batch (default: all that JAX finds)",
    )
    parser.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train together with other processes, which meet at this address of process 0; auto "
        "finds those of a Slurm, Kubernetes, Open MPI or Cloud TPU job (default: train alone)",
    )
    parser.add_argument(
        "--processes",
        metavar="N",
        type=count,
        help="how many processes meet at HOST:PORT (default: with auto, as the job says)",
    )
    parser.add_argument(
        "--process-id",
        metavar="I",
        type=int,
        help="which of them this is, from 0 (default: with auto, as the job says)",
    )


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program with a message when the options for joining do not fit together."""
    numbers = (options.processes, options.process_id)
    if options.coordinator in (None, "auto"):
        if numbers != (None, None):
            parser.error("--processes and --process-id need --coordinator HOST:PORT.")
        return
    host, _, port = options.coordinator.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 2**16):
        parser.error(f"--coordinator {options.coordinator} is not an address. Give HOST:PORT.")
    if None in numbers:
        parser.error("--coordinator HOST:PORT needs --processes and --process-id.")
    if not 0 <= options.process_id < options.processes:
        parser.error(
            f"--process-id {options.process_id} is out of range. Number {options.processes} "
            f"processes from 0 to {options.processes - 1}."
        )


def make_mesh(count: int | None = None, batch_size: int = 0) -> Mesh:
    """Lay devices out along one axis, "batch".

    Arguments:
        count: how many (default: all that JAX finds, in all joined processes).
        batch_size: number of images that they are to share evenly.

    Raises: TrainingError.
    """
    devices = jax.devices()
    if count is not None and (
        count > len(devices) or (jax.process_count() > 1 and count < len(devices))
    ):
        raise TrainingError(
            f"--devices {count} is not possible: JAX finds {len(devices)}, of which joined "
            "processes use all. Give another number."
        )
    mesh = Mesh(np.array(devices[:count]), ("batch",))
    if batch_size % mesh.size:
        raise TrainingError(
            f"--batch-size {batch_size} is not a multiple of the {mesh.size} devices that share "
            "it. Change it, or give another number of --devices."
        )
    return mesh


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Copy all arrays of a tree, which every process has, to each device."""
    return jax.tree.map(partial(_put, mesh=mesh, spec=PartitionSpec()), tree)


def share_out(
    batches: Shaped[np.ndarray, "steps batch"], mesh: Mesh
) -> Shaped[Array, "steps batch"]:
    """Give each device its part of every batch."""
    return _put(batches, mesh, PartitionSpec(None, "batch"))


def bring_back(tree: Any) -> Any:
    """Give arrays that each device has a copy of as local arrays of this process."""
    return jax.tree.map(_bring_back, tree)


def agree(array: Array) -> Array | np.ndarray:
    """Give every process the numbers of process 0: different machines round differently."""
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
