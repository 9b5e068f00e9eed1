"""How many processor cores this program may use, also in a container."""

import math
import os
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # where Linux shows a container its limits


def count_cores() -> int:
    """Count the cores: those of the machine, of the process's affinity, or of a container's quota.

    Returns: the smallest of these, at least 1; a quota of 1.5 cores counts as 2.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _read_quota())))


def _read_quota() -> float:
    """Give the container's share of processor time, in cores; infinite without a limit."""
    try:
        if (limit := CGROUP / "cpu.max").exists():  # cgroup v2
            quota, period = limit.read_text().split()
        else:
            quota, period = (
                (CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError):  # no cgroup, or the quota is "max"
        return math.inf
