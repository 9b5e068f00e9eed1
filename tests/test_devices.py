"""Training on several devices and in several processes, for real: on virtual devices and over
loopback."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, TINY, free_port, slow
from safetensors.numpy import load_file

EIGHT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}


@pytest.fixture(scope="module")
def start(small_data_dir):
    """Start a training of 57 steps on a tiny network, or go on with one."""

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


def start_processes(start, run, count, **options):
    address = f"127.0.0.1:{free_port()}"
    joining = ["--coordinator", address, "--processes", count]
    return [start(run, *joining, "--process-id", number, **options) for number in range(count)]


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


def test_eight_devices_train_as_one(start, one_device, tmp_path):
    finish(start(tmp_path / "run", **EIGHT))
    assert_close(tmp_path / "run", one_device)


@slow
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_train_as_one_and_the_first_alone_speaks(
    start, one_device, tmp_path, count
):
    first, *others = start_processes(start, tmp_path / "run", count)
    for process in others:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, output + errors
        assert "epoch" not in output and errors == ""
    output, errors = first.communicate(timeout=300)
    assert first.returncode == 0 and "epoch   3/3" in output, errors
    assert_close(tmp_path / "run", one_device)


@slow
@pytest.mark.parametrize("killed", [0, 1])
def test_killed_process_ends_the_others_with_its_name_and_eight_devices_go_on(
    start, one_device, tmp_path, killed
):
    run = tmp_path / "run"
    processes = start_processes(start, run, 2)
    deadline = time.monotonic() + 300
    while not (run / "states" / "1").exists():
        assert time.monotonic() < deadline and processes[0].poll() is None
        time.sleep(0.01)
    processes[killed].send_signal(signal.SIGKILL)
    output, errors = processes[1 - killed].communicate(timeout=60)
    assert processes[1 - killed].returncode not in (0, None)
    assert errors.startswith(f"train.py: process {killed}") and len(errors.splitlines()) == 1
    processes[killed].communicate()
    finish(start(run, new=False, **EIGHT))
    assert_close(run, one_device)


@pytest.mark.parametrize(
    "options, said",
    [
        (["--devices", "2"], "JAX finds 1"),
        (["--devices", "0"], "--devices should be above 0"),
        (["--processes", "2"], "give all three"),
        (["--coordinator", "a:1", "--processes", "2", "--process-id", "2"], "from 0 to 1"),
    ],
)
def test_devices_and_processes_that_do_not_fit_are_named(
    train, small_data_dir, tmp_path, options, said
):
    result = train("--data-dir", small_data_dir, "--output", tmp_path / "run", *options)
    assert result.returncode == 2 and said in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "run").exists()


def test_batch_that_the_devices_cannot_share_evenly_is_refused(start, tmp_path):
    process = start(tmp_path / "run", "--devices", 7, **EIGHT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "multiple of the 7 devices" in errors
    assert len(errors.splitlines()) == 1
