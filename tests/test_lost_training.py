"""Kills, a full disk and damage, in short; the long form is `benchmarks/lost_training.py`."""

import os
import shutil
import subprocess

import pytest
from conftest import run_benchmark, slow


def can_trace():
    """Tell whether strace is there and may follow a process."""
    return (
        shutil.which("strace") is not None
        and subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode
        == 0
    )


@slow
@pytest.mark.skipif(not can_trace(), reason="needs Linux and strace")
def test_training_survives_kills_a_full_disk_and_damage():
    figures, _ = run_benchmark("lost_training", "--quick")
    assert figures["kills_survived"] == figures["kills"] == 12
    assert figures["deaths_while_saving_survived"] == figures["deaths_while_saving"] >= 6
    assert figures["full_disks_survived"] == figures["full_disks_told"] == figures["full_disks"]
    assert figures["damages_answered_rightly"] == figures["damages_found"] == figures["damages"]
