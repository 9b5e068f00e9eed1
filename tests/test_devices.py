"""Training on several devices and in several processes, for real: on virtual devices and over
loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, TINY, free_port, slow
from safetensors.numpy import load_file

from digitrec.errors import TrainingError
from digitrec.training import devices

EIGHT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}


@pytest.fixture(scope="module")
def start(small_data_dir):
    """Start a training of 57 steps on a tiny network, or continue one."""

    def start(run, *options, new=True, epochs=3, **environment):
        recipe = [*TINY, "--output", run, "--epochs", epochs, "--batch-size", 64]
        recipe += ["--set", "calm_epochs=8"]
        which = recipe if new else ["--resume", run]
        command = [ROOT / "train.py", "--data-dir", small_data_dir, *which, *options]
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def slurm(number, count):
    """What Slurm sets for one of the tasks of a job on this machine."""
    return {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_NODELIST": "127.0.0.1",
        "SLURM_NTASKS": str(count),
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
    }


def start_by_address(start, run, count):
    address = f"127.0.0.1:{free_port()}"
    joining = ["--coordinator", address, "--processes", count]
    return [start(run, *joining, "--process-id", number) for number in range(count)]


def start_by_slurm(start, run, count):
    port = {"JAX_COORDINATOR_PORT": str(free_port())}
    auto = ["--coordinator", "auto"]
    return [start(run, *auto, **slurm(number, count), **port) for number in range(count)]


def finish(*processes):
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, output + errors


def assert_close(run, other):
    """Weights and losses of two finished runs are as close as rounding leaves them."""
    weights = [
        np.concatenate(
            [array.ravel() for array in load_file(folder / "model.safetensors").values()]
        )
        for folder in (run, other)
    ]
    assert np.linalg.norm(weights[0] - weights[1]) < 1e-3 * np.linalg.norm(weights[1])
    histories = [
        json.loads((folder / "metrics.json").read_text())["training"]["history"]
        for folder in (run, other)
    ]
    losses = [[entry["train_loss"] for entry in history] for history in histories]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.fixture(scope="module")
def one_device(start, tmp_path_factory):
    run = tmp_path_factory.mktemp("one") / "run"
    finish(start(run))
    return run


@slow
def test_eight_devices_train_as_one(start, one_device, tmp_path):
    finish(start(tmp_path / "run", **EIGHT))
    assert_close(tmp_path / "run", one_device)


@slow
@pytest.mark.parametrize("start_several, count", [(start_by_slurm, 2), (start_by_address, 4)])
def test_several_processes_train_as_one_and_the_first_alone_speaks(
    start, one_device, tmp_path, start_several, count
):
    first, *others = start_several(start, tmp_path / "run", count)
    for process in others:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0 and "epoch" not in output, output + errors
    output, errors = first.communicate(timeout=300)
    assert first.returncode == 0 and "epoch   3/3" in output, output + errors
    assert_close(tmp_path / "run", one_device)


def wait_for_first_state(run, processes):
    deadline = time.monotonic() + 300
    while not (run / "states" / "1").exists():
        assert time.monotonic() < deadline and processes[0].poll() is None
        time.sleep(0.01)


@slow
@pytest.mark.parametrize("start_several, killed", [(start_by_slurm, 0), (start_by_address, 1)])
def test_killed_process_ends_the_others_and_eight_devices_continue(
    start, one_device, tmp_path, start_several, killed
):
    run = tmp_path / "run"
    processes = start_several(start, run, 2)
    wait_for_first_state(run, processes)
    processes[killed].send_signal(signal.SIGKILL)
    _, errors = processes[1 - killed].communicate(timeout=90)
    assert processes[1 - killed].returncode != 0, errors
    processes[killed].communicate()
    finish(start(run, new=False, **EIGHT))
    assert_close(run, one_device)


@slow
def test_sigterm_stops_joined_processes_cleanly(start, tmp_path):
    # JAX would take the signal as a notice of preemption and swallow it.
    processes = start_by_address(start, tmp_path / "run", 2)
    wait_for_first_state(tmp_path / "run", processes)
    for process in processes:
        process.terminate()
    for process in processes:
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 143 and "To continue: " in errors, errors


@pytest.mark.parametrize(
    "options, said",
    [
        (["--devices", "2"], "JAX finds 1"),
        (["--devices", "0"], "--devices: expected a whole number above 0, found '0'"),
        (["--processes", "2"], "need --coordinator HOST:PORT"),
        (["--coordinator", "auto", "--processes", "2"], "need --coordinator HOST:PORT"),
        (["--coordinator", "a:1", "--processes", "2"], "needs --processes and --process-id"),
        (["--coordinator", "a:1", "--processes", "2", "--process-id", "2"], "from 0 to 1"),
        (["--coordinator", "here", "--processes", "2", "--process-id", "1"], "is not an address"),
        (["--coordinator", "a:70000", "--processes", "2", "--process-id", "1"], "not an address"),
    ],
)
def test_devices_and_processes_that_do_not_fit_are_named(
    train, small_data_dir, tmp_path, options, said
):
    result = train("--data-dir", small_data_dir, "--output", tmp_path / "run", *options)
    assert result.returncode == 2 and said in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "run").exists()


def test_nothing_is_joined_unless_it_is_asked_for(train, small_data_dir, tmp_path, monkeypatch):
    for name, value in slurm(1, 2).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1")
    options = ["--data-dir", small_data_dir, "--output", tmp_path / "run", "--devices", "2"]
    result = train(*options)
    assert result.returncode == 2 and "JAX finds 1" in result.stderr


@pytest.mark.parametrize("process_id", [0, 1])
@pytest.mark.parametrize("wrong", ["host", "port"])
def test_address_at_which_nobody_can_meet_is_named(monkeypatch, process_id, wrong):
    monkeypatch.setattr(devices, "MEETING_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if (process_id, wrong) == (0, "port") else free_port()
        address = f"{'nowhere.invalid' if wrong == 'host' else '127.0.0.1'}:{port}"
        with pytest.raises(TrainingError, match=f"^--coordinator {address}: .* could not join"):
            devices.join(address, 2, process_id)


def test_auto_without_a_cluster_says_what_to_give_instead():
    # In a process of its own: JAX joins no processes once it has computed something.
    result = subprocess.run(
        [sys.executable, ROOT / "train.py", "--coordinator", "auto", "--show-recipe"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2 and "Elsewhere give --coordinator HOST:PORT" in result.stderr
    assert result.stderr.startswith("train.py: --coordinator auto: ")
    assert len(result.stderr.splitlines()) == 1


def test_no_private_module_of_jax_is_imported():
    sources = [*ROOT.glob("digitrec/**/*.py"), ROOT / "train.py"]
    assert len(sources) > 20
    assert [path.name for path in sources if "jax._src" in path.read_text()] == []


def test_batch_that_the_devices_cannot_share_evenly_is_refused(start, tmp_path):
    process = start(tmp_path / "run", "--devices", 7, **EIGHT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "multiple of the 7 devices" in errors
    assert len(errors.splitlines()) == 1
