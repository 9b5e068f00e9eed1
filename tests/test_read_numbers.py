"""The benchmark of numbers, as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial

import pytest
from conftest import ROOT, run_benchmark, slow
from PIL import Image

KEYS = {
    *("mean", "touching", "single", "single_by_predict", "accepted"),
    *("calibration_error", "milliseconds"),
}


measure = partial(run_benchmark, "numbers")


@slow
def test_table_picture_and_figures(strokes_file, tmp_path):
    model = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    figures, output = measure(
        *["--strokes", strokes_file, "--model", model, "--save"],
        *["--lines", 216, "--output", tmp_path / "pictures"],
    )
    assert set(figures) == KEYS and figures["mean"] > 0.8
    assert all(f" {length} │" in output for length in range(1, 7))
    saved = json.loads((model / "metrics.json").read_text())["numbers"]
    assert saved["lines"] == 216 and saved["mean"] == pytest.approx(figures["mean"], abs=1e-4)
    with Image.open(tmp_path / "pictures" / "misread_numbers.png") as image:
        assert min(image.size) > 100


@slow
def test_real_writers_numbers_are_read(tmp_path):
    if not os.environ.get("DIGITREC_STROKES"):
        pytest.skip("needs DIGITREC_STROKES, a file of pen strokes; docs/training.md says which")
    figures, _ = measure(
        *["--strokes", os.environ["DIGITREC_STROKES"], "--lines", 432, "--output", tmp_path]
    )
    assert figures["mean"] >= 0.92 and figures["touching"] >= 0.75 and figures["single"] >= 0.98


def test_pythons_own_numbers_is_found_beside_the_benchmark():
    code = "import numbers; assert issubclass(int, numbers.Integral); import numpy"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "benchmarks", check=True)
