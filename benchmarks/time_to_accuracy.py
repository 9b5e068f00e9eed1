"""How long `train.py --preset fast` takes from its start to 99.43 % validation accuracy.

python benchmarks/time_to_accuracy.py [--seeds N] [--manual-dir DIR]

Each seed draws its own split of MNIST's 60,000 training images, 10 % of which validate, and its
own weights. A process a seed; imports, reading the data and compiling are all in the time. The
test images are read when a run is over and decide nothing. The last line is one JSON object.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
TARGET = 99.43  # %, what the project that this one is measured against reached in 45 minutes
READING = re.compile(r"validation ([\d.]+) %")


def measure(seed: int, options: list[str], console: Console) -> dict:
    """Train once; note when the target is read first, and go on to the end for the test figure."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        command = [sys.executable, "-u", "train.py", "--preset", "fast", "--seed", str(seed)]
        command += ["--split-seed", str(seed), "--output", str(run), *options]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        seconds, best = None, 0.0
        assert process.stdout is not None  # a pipe
        for line in process.stdout:
            if reading := READING.search(line):
                best = max(best, float(reading[1]))
                if seconds is None and best >= TARGET:
                    seconds = time.perf_counter() - started
        if process.wait():
            raise SystemExit(f"train.py ended with status {process.returncode}; see above.")
        total = time.perf_counter() - started
        metrics = json.loads((run / "metrics.json").read_text())
    test = 100 * metrics["test"]["accuracy"]
    reached = "not reached" if seconds is None else f"{seconds:.1f} s"
    console.print(f"seed {seed}: {reached}, whole run {total:.1f} s, test {test:.2f} %")
    return {"seconds": seconds, "total": total, "validation": best, "test": test}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of runs (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one run only")
    for name in ("--data-dir", "--manual-dir"):
        parser.add_argument(name, metavar="DIR", help="handed on to train.py")
    arguments = parser.parse_args()
    options = []
    for name in ("data_dir", "manual_dir"):
        if folder := getattr(arguments, name):
            options += [f"--{name.replace('_', '-')}", str(Path(folder).resolve())]

    console = Console(soft_wrap=True)
    runs = [
        measure(seed, options, console) for seed in range(1 if arguments.quick else arguments.seeds)
    ]
    table = Table(title=f"From process start to {TARGET} % validation accuracy")
    for column in ("seed", "seconds", "best validation", "whole run", "test"):
        table.add_column(column, justify="right")
    for seed, run in enumerate(runs):
        table.add_row(
            str(seed),
            "not reached" if run["seconds"] is None else f"{run['seconds']:.1f}",
            f"{run['validation']:.2f} %",
            f"{run['total']:.1f} s",
            f"{run['test']:.2f} %",
        )
    console.print(table)
    seconds = [run["seconds"] for run in runs if run["seconds"] is not None]
    print(
        json.dumps(
            {
                "mean_seconds": statistics.mean(seconds) if seconds else None,
                "spread_seconds": statistics.pstdev(seconds) if seconds else None,
                "seeds": len(runs),
                "reached": len(seconds),
                "mean_test_accuracy": statistics.mean(run["test"] for run in runs) / 100,
            }
        )
    )


if __name__ == "__main__":
    main()
