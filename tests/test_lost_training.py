"""Kills, a full disk and damage, in short; the long form is `benchmarks/lost_training.py`."""

import shutil

import pytest
from conftest import run_benchmark


@pytest.mark.skipif(not shutil.which("strace"), reason="needs Linux and strace")
def test_training_survives_kills_a_full_disk_and_damage():
    figures, _ = run_benchmark("lost_training", "--quick")
    assert figures["kills_survived"] == figures["kills"] == 12
    assert figures["deaths_while_saving_survived"] == figures["deaths_while_saving"] >= 6
    assert figures["full_disks_survived"] == figures["full_disks_told"] == figures["full_disks"]
    assert figures["damages_answered_rightly"] == figures["damages_found"] == figures["damages"]
