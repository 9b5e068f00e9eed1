"""What a training survives: kills, a full disk, flipped bits and files cut short.

python benchmarks/lost_training.py [--quick]     # Linux; strace, and unshare for a disk of its own

Each part counts what it tried and what held. Killed and starved runs are real ones of `train.py`
on few images with a tiny network; what they end with is compared, byte for byte, with a run that
nothing happened to. The last line is one JSON object.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from digitrec.errors import BadCheckpointError
from digitrec.training.data import MNIST_VERSION

ROOT = Path(__file__).parent.parent
FORK = multiprocessing.get_context("fork")  # imports once: a run begins in a second
SAVING_CALLS = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync"
RECIPE = [
    *["--preset", "fast", "--epochs", "6", "--batch-size", "64", "--set", "optimizer=adamw"],
    *["--set", "filters=[4,8,8]", "--set", "kernel_sizes=[[3],[3],[3]]"],
    *["--set", "head_features=8"],
]


def make_data(folder: Path) -> None:
    """Write random images where `load_mnist` looks for its own."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 1400), ("test", 100)):
        arrays[f"{name}_images"] = random.integers(0, 256, (count, 28, 28, 1), np.uint8)
        arrays[f"{name}_labels"] = np.arange(count, dtype=np.int32) % 10
    (folder / "mnist").mkdir(parents=True)
    np.savez(folder / "mnist" / f"mnist-{MNIST_VERSION}.npz", **arrays)


def train(arguments: list[str]) -> None:
    """Run `train.py` in a process that was forked for it."""
    import train as program
    from digitrec.training.interruption import answer_signals

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    answer_signals()
    os._exit(program.main(arguments))


def run_to_the_end(arguments: list[str]) -> int | None:
    process = FORK.Process(target=train, args=(arguments,))
    process.start()
    process.join()
    return process.exitcode


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def count_kills(
    work: Path, data: list[str], expected: str, seconds: float, runs: int, times: int
) -> int:
    """Kill each run so many times at random moments, going on with it each time.

    Returns: the kills of those runs that ended as one that was never killed.
    """
    random, held, run = np.random.default_rng(0), 0, work / "killed"
    for _ in range(runs):
        for _ in range(times):
            process = FORK.Process(target=train, args=(begin_or_go_on(run, data),))
            process.start()
            process.join(random.uniform(0, seconds))
            process.kill()
            process.join()
        finished = (run / "metrics.json").exists()
        if finished or run_to_the_end(begin_or_go_on(run, data)) == 0:
            held += times * (digest(run) == expected)
        shutil.rmtree(run)
    return held


def begin_or_go_on(run: Path, data: list[str]) -> list[str]:
    if (run / "recipe.json").exists():
        return ["--resume", str(run), *data]
    shutil.rmtree(run, ignore_errors=True)
    return [*RECIPE, "--output", str(run), *data]


def save_when_told(states: Path, connection) -> None:
    from digitrec.training.checkpoint import save_progress

    progress = make_progress(3)
    connection.send(None)
    connection.recv()
    save_progress(states, progress)
    os._exit(0)


def make_progress(epochs: int):
    from digitrec.training.loop import EarlyStopping, initial_progress
    from digitrec.training.recipe import PRESETS, change

    settings = {"filters": "[4,8,8]", "kernel_sizes": "[[3],[3],[3]]", "head_features": "8"}
    progress = initial_progress(change(PRESETS["fast"], settings), 1000)
    entry = {"validation_loss": 0.5}
    return progress._replace(early_stopping=EarlyStopping(9), history=(entry,) * epochs)


def save_under_strace(states: Path, inject: str) -> str:
    """Save a third state in a process that strace watches; give what it saw."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=save_when_told, args=(states, there))
    process.start()
    here.recv()
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-f", "-p", str(process.pid), "-o", log.name]
        with subprocess.Popen(
            [*command, "-e", f"trace={SAVING_CALLS}", *(["-e", inject] if inject else [])],
            stderr=subprocess.PIPE,
            text=True,
        ) as tracer:
            assert tracer.stderr is not None
            if not any("attached" in line for line in tracer.stderr):
                process.kill()
                raise SystemExit("strace should follow a process, but may not; run as root.")
            here.send(None)
            process.join()
        return log.read()


def count_deaths_while_saving(work: Path, most: int) -> tuple[int, int]:
    """Kill before each system call that makes a save visible; count the states that are left good.

    A state that was saved before is either still the newest, or the new one is complete.
    """
    source = work / "two-states"
    child = FORK.Process(target=save_two, args=(source,))
    child.start()
    child.join()
    shutil.copytree(source, work / "counted")
    seen = save_under_strace(work / "counted", "")
    calls = re.findall(rf"(?m)^\d+ +({SAVING_CALLS.replace(',', '|')})\(", seen)
    points = [(name, number + 1) for name in set(calls) for number in range(calls.count(name))]
    points = sorted(points)[:: max(1, len(points) // most)]
    held = 0
    for name, number in points:
        states = work / f"{name}-{number}"
        shutil.copytree(source, states)
        save_under_strace(states, f"inject={name}:signal=SIGKILL:when={number}")
        child = FORK.Process(target=read_and_save_again, args=(states,))
        child.start()
        child.join()
        held += child.exitcode == 0
        shutil.rmtree(states)
    return len(points), held


def save_two(states: Path) -> None:
    from digitrec.training.checkpoint import save_progress

    for epochs in (1, 2):
        save_progress(states, make_progress(epochs))
    os._exit(0)


def read_and_save_again(states: Path) -> None:
    from digitrec.training.checkpoint import restore_progress, save_progress

    warnings = []
    found = len(restore_progress(states, make_progress(0), warnings.append).history)
    save_progress(states, make_progress(3))
    left = sorted(path.name for path in states.iterdir())
    os._exit(0 if found in (2, 3) and not warnings and left == ["2", "3"] else 1)


def count_full_disks(
    work: Path, data: list[str], expected: str, sizes: list[int]
) -> tuple[int, int]:
    """Train on disks of so many KiB, then make room and go on.

    Returns: the runs that ended as they should, and those that had told of the full disk once.
    """
    held = told = 0
    train_py = [sys.executable, str(ROOT / "train.py")]
    for size in sizes:
        script = f"""
            mkdir -p {work}/disk; mount -t tmpfs -o size={size}k none {work}/disk
            "$@" --output {work}/disk/run > {work}/first 2>&1; echo $? > {work}/status
            ls -A {work}/disk/run/states > {work}/left 2>&1
            mount -o remount,size=100m {work}/disk
            if [ -e {work}/disk/run/recipe.json ]; then
              [ -e {work}/disk/run/metrics.json ] ||
                {" ".join(train_py)} --resume {work}/disk/run {" ".join(data)}
            else
              rm -rf {work}/disk/run; "$@" --output {work}/disk/run
            fi > {work}/second 2>&1
            cp {work}/disk/run/model.safetensors {work}/
        """
        (work / "model.safetensors").unlink(missing_ok=True)
        subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", *train_py, *RECIPE, *data])
        first, status = (work / "first").read_text(), int((work / "status").read_text())
        left = (work / "left").read_text().split()
        hidden = [name for name in left if name.startswith(".")]
        good = (work / "model.safetensors").exists() and digest(work) == expected
        held += good and not hidden and status in (0, 2) and "Traceback" not in first
        told += first.count("Warning: ") == 1
    return held, told


def count_damage(work: Path, run: Path, tries: int, cuts: int) -> tuple[int, int, int]:
    """Flip bits in, and cut, the files of weights and of a state.

    Returns: how much of it was tried, found, and led to the arrays of the state before.
    """
    from digitrec.network.pretrained import load_model
    from digitrec.training.checkpoint import restore_progress

    random = np.random.default_rng(0)
    states = work / "damaged-states"
    shutil.copytree(work / "two-states", states)
    initial = make_progress(0)
    state_files = [path for path in sorted((states / "2").rglob("*")) if path.is_file()]
    found = right = 0
    for number in range(tries + cuts):
        in_state = number % 2 == 0
        chosen = state_files[random.integers(len(state_files))]
        file = chosen if in_state else run / "model.safetensors"
        content = file.read_bytes()
        place = int(random.integers(len(content)))
        if number < tries:
            bit = 1 << int(random.integers(8))
            file.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        else:
            file.write_bytes(content[:place])
        warnings = []
        try:
            if in_state:
                restored = restore_progress(states, initial, warnings.append)
                found += len(warnings) == 1
                right += len(restored.history) == 1
            else:
                load_model(run)
        except BadCheckpointError:
            found += not in_state
            right += not in_state
        file.write_bytes(content)
    return tries + cuts, found, right


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="some of each, in two minutes")
    quick = parser.parse_args().quick
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sys.path.insert(0, str(ROOT))  # train.py is no part of the package
        importlib.import_module("train")  # for the forks
        # For the forks, and as variables for the runs on full disks.
        for name, value in {
            "jax_compilation_cache_dir": str(work / "compiled"),
            "jax_persistent_cache_min_compile_time_secs": 0,
        }.items():
            jax.config.update(name, value)
            os.environ[name.upper()] = str(value)
        make_data(work / "data")
        data = ["--data-dir", str(work / "data")]
        for name in ("compiles", "unbroken"):
            started = time.monotonic()
            assert run_to_the_end([*RECIPE, *data, "--output", str(work / name)]) == 0
            seconds = time.monotonic() - started
        expected = digest(work / "unbroken")
        runs, times = (1, 12) if quick else (40, 5)
        figures["kills"] = runs * times
        figures["kills_survived"] = count_kills(work, data, expected, seconds, runs, times)
        points, held = count_deaths_while_saving(work, 6 if quick else 10**9)
        figures |= {"deaths_while_saving": points, "deaths_while_saving_survived": held}
        # The first hold no model, the last all states.
        sizes = [1100] if quick else [150 * number for number in range(1, 21)]
        held, told = count_full_disks(work, data, expected, sizes)
        figures |= {"full_disks": len(sizes), "full_disks_survived": held, "full_disks_told": told}
        tried, found, right = count_damage(
            work, work / "unbroken", *((100, 20) if quick else (10_000, 1_000))
        )
        figures |= {"damages": tried, "damages_found": found, "damages_answered_rightly": right}
    table = Table(title="what a training survives")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name, count in figures.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
