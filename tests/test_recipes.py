"""Recipes are compared on writers who did not train."""

import gzip
import json

import numpy as np
import pytest
import recipes
from conftest import slow
from numpy.testing import assert_array_equal

from digitrec.errors import DatasetUnavailableError
from digitrec.network.pretrained import write_json
from digitrec.training.data import Examples

SETTINGS = {
    "epochs": 2,
    "batch_size": 16,
    "filters": [8, 16, 32],
    "kernel_sizes": [[3], [3], [3]],
    "optimizer": "adamw",
    "non_digits": 0,
    "redrawn": 0,
    "glyphs": 0,
    "marks": 0,
}


@pytest.fixture
def files(small_digits, tmp_path):
    """MNIST's two files and QMNIST's table, holding 600 small digits by twenty writers."""
    images, labels = small_digits.images[:600], small_digits.labels[:600].astype(np.uint8)
    for name, header, array in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
        content = gzip.compress(bytes(header) + array.tobytes())
        (tmp_path / f"train-{name}-ubyte.gz").write_bytes(content)
    rows = (f"{label}\t4\t{100 + index % 20}\t{index}\n" for index, label in enumerate(labels))
    (tmp_path / "writers.tsv.gz").write_bytes(gzip.compress("".join(rows).encode()))
    return tmp_path


@slow
def test_recipe_is_measured_by_writers_who_did_not_train_and_goes_on(
    files, strokes_file, call, monkeypatch
):
    monkeypatch.setattr(recipes, "DRAWINGS", 96)
    output = files / "recipes.json"
    write_json(output, {"another": {"errors": 3.0}})
    command = [
        *["tiny", "--manual-dir", files, "--writers", files / "writers.tsv.gz"],
        *["--strokes", strokes_file, "--folder", files / "runs", "--output", output],
        *[part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")],
    ]
    result = call(recipes.main, *command)
    assert result.returncode == 0, result.stderr
    rows = json.loads(output.read_text())
    row = rows["tiny"]
    assert rows["another"] == {"errors": 3.0} and row["images"] == 300 and row["epochs"] == 2
    assert 0 < row["errors"] < 200 and 0.1 < row["drawings"] < 1
    assert row["command"].endswith(f"--strokes {strokes_file.name}")
    assert call(recipes.main, *command).returncode == 0  # nothing is left to train
    assert json.loads(output.read_text()) == rows
    result = call(recipes.main, *command, "--set", "seed=1")
    assert result.returncode == 2 and "differs in seed" in result.stderr
    result = call(recipes.main, *command, "--alone")
    assert result.returncode == 2 and "differs in strokes_sha256" in result.stderr
    result = call(recipes.main, "alone", *command[1:], "--alone")
    assert result.returncode == 0, result.stderr
    alone = json.loads(output.read_text())["alone"]
    assert "--strokes" not in alone["command"] and alone["drawings"] != row["drawings"]


def test_nobody_writes_on_both_sides(small_digits):
    count = len(small_digits.labels)
    writers = np.random.default_rng(0).integers(50, size=count)
    numbered = Examples(np.arange(count), small_digits.labels)
    train, validation = recipes.halve(numbered, writers)
    assert_array_equal(np.sort(np.concatenate([train.images, validation.images])), numbered.images)
    assert not set(writers[train.images]) & set(writers[validation.images])
    assert 0.4 < len(train.labels) / count < 0.6


@pytest.mark.parametrize("content", ["", "5\t4\n", "x\ty\tz\n", "3\t4\t7\n3\t4\t7\n"])
def test_other_tables_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "table.tsv").write_text(content)
    with pytest.raises(DatasetUnavailableError, match="should (be|have)"):
        recipes.read_writers(tmp_path / "table.tsv", np.array([3, 4]))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DatasetUnavailableError, match="train-images-idx3-ubyte.gz should be"):
        recipes.read_in_order(tmp_path)
