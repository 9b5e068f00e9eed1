"""The command line, as a user runs it."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, TINY, slow
from PIL import Image

from benchmarks.time_to_accuracy import READING
from digitrec.cores import count_cores
from digitrec.network.pretrained import load_model
from digitrec.training.data import SplitConfig, load_mnist, split_mnist
from digitrec.training.evaluation import evaluate
from digitrec.training.recipe import PRESETS, Recipe, settings
from digitrec.training.report import main as report_main


@pytest.fixture
def redraw(call):
    return lambda run, data_dir: call(report_main, run, "--data-dir", data_dir)


def test_run_folder_holds_all_that_is_promised(small_run):
    names = {path.name for path in small_run.iterdir()}
    assert names >= {
        *["model.safetensors", "config.json", "metrics.json"],
        *["training_curves.png", "confusion_matrix.png", "reliability.png", "misread.png"],
    }
    for name in ("training_curves.png", "confusion_matrix.png", "reliability.png"):
        with Image.open(small_run / name) as image:
            assert min(image.size) > 300
    network, config, metrics = load_model(small_run)
    assert config["training"]["training"]["seed"] == 3
    assert "--seed 3" in config["training"]["command"]
    assert config["training"]["hardware"].startswith(f"{count_cores()} CPU core(s), ")
    assert str(small_run.parent) not in json.dumps(config)
    assert metrics["training"]["epochs"] == len(metrics["training"]["history"]) == 5
    validation = [entry["validation_accuracy"] for entry in metrics["training"]["history"]]
    assert metrics["validation"]["accuracy"] == pytest.approx(max(validation))


def test_images_that_validate_are_those_of_the_split_seed(small_run, small_data_dir):
    network, config, metrics = load_model(small_run)
    assert config["training"]["split_seed"] == 1
    validation = split_mnist(*load_mnist(small_data_dir), SplitConfig(split_seed=1)).validation
    loss = evaluate(network, validation, config["temperature"]).figures["loss"]
    assert metrics["validation"]["loss"] == pytest.approx(loss)


def test_pictures_and_table_of_the_test_images_are_redrawn_alike(
    small_run, small_data_dir, redraw, tmp_path
):
    run = shutil.copytree(small_run, tmp_path / "run")
    pictures = ["misread.png", "confusion_matrix.png", "reliability.png"]
    for name in pictures:
        (run / name).unlink()
    result = redraw(run, small_data_dir)
    assert result.returncode == 0, result.stderr
    for name in pictures:
        with Image.open(small_run / name) as before, Image.open(run / name) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after)), name
    errors = json.loads((run / "metrics.json").read_text())["test"]["errors"]
    assert f"({errors} errors)" in result.stdout
    assert len(re.findall(r"│ +\d │", result.stdout)) == 10


def test_run_that_does_not_say_how_it_was_split_is_refused_in_one_line(
    small_run, small_data_dir, train, redraw, tmp_path
):
    run = shutil.copytree(small_run, tmp_path / "run")
    (run / "metrics.json").unlink()
    for file in ("recipe.json", "config.json"):
        lines = (run / file).read_text().splitlines(keepends=True)
        kept = [line for line in lines if '"split_seed"' not in line]
        assert len(kept) == len(lines) - 1
        (run / file).write_text("".join(kept))
    resumed = train("--resume", run, "--data-dir", small_data_dir)
    for result in (resumed, redraw(run, small_data_dir)):
        assert result.returncode == 2
        assert f"{run} does not record a complete recipe (split_seed" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@slow
def test_killed_run_resumes_to_the_same_weights_as_the_unbroken_one(
    train_command, small_run, train, tmp_path
):
    run = tmp_path / "killed"
    with subprocess.Popen(
        [*train_command, "--output", run], cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 120
        while not (run / "states" / "1").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not (run / "model.safetensors").exists()
    data_dir = train_command[3]
    result = train("--resume", run, "--data-dir", data_dir)
    assert result.returncode == 0, result.stderr
    assert "Continuing after epoch" in result.stdout
    weights = [(folder / "model.safetensors").read_bytes() for folder in (run, small_run)]
    assert weights[0] == weights[1]
    again = train("--resume", run)
    assert (again.returncode, "finished" in again.stderr) == (2, True)


def test_run_killed_while_it_published_resumes_as_well(train_command, small_run, train, tmp_path):
    run = shutil.copytree(small_run, tmp_path / "run")
    (run / "metrics.json").unlink()
    result = train("--resume", run, "--data-dir", train_command[3])
    assert result.returncode == 0, result.stderr
    for name in ("model.safetensors", "config.json", "metrics.json"):
        assert (run / name).read_bytes() == (small_run / name).read_bytes()


@slow
def test_run_with_strokes_names_the_file_and_resumes_with_it_alone(
    small_data_dir, strokes_file, train, tmp_path
):
    run = tmp_path / "run"
    result = train(
        *[*TINY, "--epochs", "1", "--batch-size", "64", "--set", "non_digits=0.1"],
        *["--data-dir", small_data_dir, "--strokes", strokes_file, "--output", run],
    )
    assert result.returncode == 0, result.stderr
    assert "240 pen-stroke digits" in result.stdout
    recorded = json.loads((run / "config.json").read_text())["training"]
    assert recorded["command"].endswith(f"--strokes {strokes_file.name}")
    assert recorded["strokes_sha256"] == hashlib.sha256(strokes_file.read_bytes()).hexdigest()
    (run / "metrics.json").unlink()
    other = tmp_path / "other.unipen"
    other.write_text(strokes_file.read_text() + "\n")
    for given in ([], ["--strokes", other]):
        result = train("--resume", run, "--data-dir", small_data_dir, *given)
        assert result.returncode == 2 and recorded["strokes_sha256"] in result.stderr
    result = train("--resume", run, "--data-dir", small_data_dir, "--strokes", strokes_file)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "number, status", [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=slow)]
)
def test_interrupted_run_keeps_others_out_and_says_how_to_continue(
    train_command, train, tmp_path, number, status
):
    run = tmp_path / "interrupted"
    process = subprocess.Popen(
        [*train_command, "--output", run],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "epoch   1/5" not in process.stdout.readline():
        assert process.poll() is None
    second = train("--resume", run)
    assert second.returncode == 2 and f"Process {process.pid} is already" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    process.send_signal(number)
    process.wait(60)
    errors = process.stderr.read()
    assert process.returncode == status
    again = f"python train.py --resume {run} --data-dir {train_command[3]}"
    assert errors.strip() == f"train.py: stopped. To continue: {again}"


def test_second_interrupt_ends_a_program_at_once_that_does_not_end_by_itself():
    code = """
import time
from digitrec.training.interruption import answer_signals
answer_signals()
try:
    print("ready", flush=True)
    time.sleep(100)
except KeyboardInterrupt:
    print("ending", flush=True)
    time.sleep(100)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for word in ("ready", "ending"):
            assert process.stdout.readline().strip() == word
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "all saved states are complete" in process.stderr.read()


@slow
def test_preset_sets_defaults_that_other_options_override_and_tables_end_the_run(
    train, small_data_dir, tmp_path
):
    result = train(
        *["--preset", "fast", "--data-dir", small_data_dir, "--batch-size", "64"],
        *["--epochs", "2", "--set", "filters=[8,8,8]", "--output", tmp_path / "run"],
    )
    assert result.returncode == 0, result.stderr
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (
        settings["training"]["command"]
        == "python train.py --preset fast --epochs 2 --batch-size 64 --set 'filters=[8,8,8]'"
    )
    assert settings["training"]["training"]["optimizer"] == "muon"
    assert settings["training"]["training"]["epochs"] == 2
    assert settings["training"]["synthesis"]["non_digits"] == 0
    assert settings["model"]["kernel_sizes"] == [[4], [3], [2, 2]]
    assert all(word in result.stdout for word in ("precision", "recall", "F1", "images/s", "MB"))
    assert len(re.findall(r"│ +\d │", result.stdout)) == 20  # validation and test
    reading = READING.search(result.stdout)
    history = json.loads((tmp_path / "run" / "metrics.json").read_text())["training"]["history"]
    assert float(reading[1]) == round(100 * history[0]["validation_accuracy"], 2)


@slow
def test_classic_is_the_published_recipe_and_stops_early(train, small_data_dir, tmp_path):
    # A patience of one epoch, and a learning rate of almost nothing, so that nothing improves.
    result = train(
        *["--preset", "classic", "--set", "patience=1", "--learning-rate", "1e-12"],
        *["--protocol", "official", "--data-dir", small_data_dir, "--batch-size", "64"],
        *["--output", tmp_path / "run"],
    )
    assert result.returncode == 0, result.stderr
    recorded = json.loads((tmp_path / "run" / "config.json").read_text())
    assert recorded["model"]["filters"] == [32, 64, 128]
    assert recorded["training"]["training"]["schedule"] == "plateau"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["training"]["epochs"] < recorded["training"]["training"]["epochs"] == 60


def test_help_explains_each_option_with_its_default(train):
    text = re.sub(r"\s+", " ", train("--help").stdout)
    text = text.split("show this help message and exit")[1].split("Example: ")[0]
    options = re.split(r" (?=--[a-z])", text)
    assert 15 < len(options) <= 30
    for option in options:
        if re.match(r"--[a-z-]+ [A-Z{]", option):
            assert "(default: " in option, option


@pytest.mark.parametrize("preset", PRESETS)
def test_show_recipe_prints_every_setting_as_set_takes_it(train, preset):
    lines = train("--preset", preset, "--show-recipe").stdout.splitlines()
    assignments = [line.split(" # ")[0].strip() for line in lines if not line.startswith("#")]
    shown = dict(assignment.split("=") for assignment in assignments)
    assert len(shown) == len(assignments) == len(list(settings(Recipe())))
    again = [part for assignment in assignments for part in ("--set", assignment)]
    assert train(*again, "--show-recipe").stdout.splitlines()[1:] == lines[1:]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--epochs", "0"], "expected a whole number above 0, found '0'"),
        (["--learning-rate", "nan"], "expected a number above 0"),
        (["--set", "validation_fraction=1"], "between 0 and 1"),
        (["--set", "schedule=linear"], "expected one of cosine, plateau, found 'linear'"),
        (["--set", "filters=32"], "expected a list of whole numbers above 0"),
        (["--set", "filters=[8,8]"], "do not describe a network"),
        (["--set", "kernel_sizes=[[4],[3],[28]]"], "do not describe a network"),
        (["--set", "batch-sizes=32"], "Choose one of batch_size, block_dropout, "),
        (["--set", "epochs"], "expected NAME=VALUE"),
        (["--resume", "no/such/run"], "recipe.json cannot be read"),
        (["--resume", "no/such/run", "--epochs", "3"], "Leave --epochs out"),
        (["--manual-dir", "no/such/folder"], "does not hold train-images-idx3-ubyte.gz"),
        (["--strokes", "no/such/file"], "is not a file of UNIPEN pen strokes"),
        (["--output", "{not_empty}"], "is not empty"),
        (["--output", "{file}"], "cannot be written to"),
        (["--data-dir", "{damaged}"], "Delete the file"),
    ],
)
def test_bad_input_ends_with_one_line_and_status_2(train, arguments, said, tmp_path):
    (tmp_path / "not_empty").mkdir()
    (tmp_path / "not_empty" / "file").touch()
    (tmp_path / "file").touch()
    (tmp_path / "damaged" / "mnist").mkdir(parents=True)
    (tmp_path / "damaged" / "mnist" / "mnist-3.0.1.npz").write_bytes(b"PK")
    places = {name: tmp_path / name for name in ("not_empty", "file", "damaged")}
    arguments = [argument.format(**places) for argument in arguments]
    if "--output" not in arguments and "--resume" not in arguments:
        arguments += ["--output", str(tmp_path / "run")]
    if "--data-dir" not in arguments and "--resume" not in arguments:
        arguments += ["--data-dir", str(tmp_path / "data")]
    result = train(*arguments)
    assert result.returncode == 2
    assert said in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1 or result.stderr.startswith("usage: ")
    assert not (tmp_path / "run").exists()  # what could not begin leaves nothing behind


def test_without_network_and_files_one_line_names_the_option(tmp_path):
    # A proxy that refuses connections stands in for a missing network. In a process of its own:
    # urllib keeps the proxy that it finds first.
    refused = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY")}
    result = subprocess.run(
        [sys.executable, ROOT / "train.py", "--data-dir", tmp_path, "--output", tmp_path / "run"],
        env=os.environ | refused,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("train.py: MNIST cannot be downloaded")
    assert "--manual-dir DIR" in result.stderr and len(result.stderr.splitlines()) == 1
