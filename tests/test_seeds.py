"""The table of seeds, as a user makes it."""

import json
import shutil
from functools import partial

import jax
import numpy as np
import pytest
import recipes
import seeds
from conftest import slow
from flax import nnx

from digitrec.network.pretrained import load_model, save_model
from digitrec.training.data import load_mnist
from digitrec.training.evaluation import network_logits


@pytest.fixture
def measure(call):
    return partial(call, seeds.main)


def change(run, folder, **settings):
    """Copy a run whose training had other settings."""
    shutil.copytree(run, folder)
    config = json.loads((folder / "config.json").read_text())
    for name, value in settings.items():
        place = config["training"]
        (place if name in place else place["training"])[name] = value
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def worse_run(small_run, tmp_path):
    """The small run with noise on its weights, as if another seed had led there."""
    network, config, metrics = load_model(small_run)
    config["training"]["training"]["seed"] = 4
    noise = np.random.default_rng(0)
    noisy = jax.tree.map(
        lambda kernel: (
            kernel + np.float32(0.05) * noise.standard_normal(kernel.shape, np.float32)
            if kernel.ndim > 1
            else kernel
        ),
        nnx.state(network),
    )
    save_model(tmp_path / "worse", noisy, config, metrics)
    return tmp_path / "worse"


@slow
def test_seeds_are_compared_and_vote(measure, small_run, worse_run, small_data_dir, tmp_path):
    output = tmp_path / "seeds.json"
    result = measure(worse_run, small_run, "--data-dir", small_data_dir, "--output", output)
    assert result.returncode == 0, result.stderr
    figures = json.loads(output.read_text())
    metrics = json.loads((small_run / "metrics.json").read_text())
    assert [run["seed"] for run in figures["runs"]] == [3, 4]
    assert figures["runs"][0]["training_seconds"] == metrics["training"]["seconds"]
    assert figures["mean"]["test_errors"] == metrics["test"]["errors"]
    assert figures["runs"][0]["lowest_recall"] == min(
        row["recall"] for row in metrics["test"]["per_class"]
    )
    images, labels = load_mnist(small_data_dir)[1]
    probabilities = []
    for run in (small_run, worse_run):
        logits = network_logits(load_model(run)[0], images).astype(float)
        probabilities.append(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    wrong = [one.argmax(1) != labels for one in probabilities]
    assert wrong[1].sum() > wrong[0].sum()
    assert figures["misread_by"] == [
        int((wrong[0] ^ wrong[1]).sum()),
        int((wrong[0] & wrong[1]).sum()),
    ]
    voted = (probabilities[0] * probabilities[1]).argmax(1)
    assert figures["vote_errors"] == (voted != labels).sum()


def test_run_to_ship_has_the_lowest_loss_on_digits_and_drawings(
    measure, small_run, worse_run, small_data_dir, strokes_file, monkeypatch, tmp_path
):
    monkeypatch.setattr(recipes, "DRAWINGS", 96)
    command = [worse_run, small_run, "--data-dir", small_data_dir, "--strokes", strokes_file]
    result = measure(*command, "--output", tmp_path / "seeds.json")
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "seeds.json").read_text())
    better, worse = figures["runs"]
    assert better["drawings_loss"] < worse["drawings_loss"]
    assert better["choosing_loss"] == pytest.approx(
        (better["validation_loss"] + better["drawings_loss"]) / 2
    )
    assert figures["chosen_seed"] == better["seed"] == 3


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"seed": 3}, "the same seed"),
        ({"seed": 4, "epochs": 6}, "differ in ['epochs']"),
        ({"seed": 4, "split_seed": 4}, "differ in ['split_seed']"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(measure, small_run, tmp_path, settings, said):
    result = measure(small_run, change(small_run, tmp_path / "other", **settings))
    assert result.returncode != 0 and said in result.stderr
