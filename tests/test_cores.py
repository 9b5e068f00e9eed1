"""How many cores a program may use: affinity, and the quota of a container."""

import os
import sys

import pytest

from digitrec import cores


@pytest.fixture
def cgroup(monkeypatch, tmp_path):
    """Where a container finds its limits, and a machine with 8 cores for this process."""
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


def write_limits(cgroup, **limits):
    """Write the files of a container's limits: cpu.max (version 2), or quota and period (1)."""
    (cgroup / "cpu").mkdir()
    names = {"max": "cpu.max", "quota": "cpu/cpu.cfs_quota_us", "period": "cpu/cpu.cfs_period_us"}
    for name, value in limits.items():
        (cgroup / names[name]).write_text(f"{value}\n")


def test_without_a_container_the_affinity_counts(cgroup):
    assert cores.count_cores() == 8


def test_where_there_is_no_affinity_the_machine_counts(cgroup, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cores.count_cores() == 3


@pytest.mark.parametrize(
    "limits, count",
    [
        ({"max": "200000 100000"}, 2),
        ({"max": "150000 100000"}, 2),
        ({"max": "20000 100000"}, 1),
        ({"max": "1600000 100000"}, 8),
        ({"max": "max 100000"}, 8),
        ({"quota": 300000, "period": 100000}, 3),
        ({"quota": -1, "period": 100000}, 8),
        ({"max": "nonsense"}, 8),
    ],
)
def test_quota_of_a_container_counts(cgroup, limits, count):
    write_limits(cgroup, **limits)
    assert cores.count_cores() == count
