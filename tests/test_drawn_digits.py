"""The benchmark of drawn digits, as a user runs it."""

import json
import os
import shutil
import zipfile
from functools import partial

import pytest
from conftest import ROOT, run_benchmark, slow
from PIL import Image, ImageDraw

KEYS = {"mean", "worst", "accepted", "auroc", "ece", "preprocessing_ms"}


measure = partial(run_benchmark, "drawn_digits")


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    """Characters that are no digits: stars of four lines."""
    folder = tmp_path_factory.mktemp("stars")
    with zipfile.ZipFile(folder / "stars.zip", "w") as archive:
        for size in range(60, 100, 2):
            image = Image.new("1", (105, 105), 1)
            for line in [
                (5, 5, size, size),
                (size, 5, 5, size),
                (0, 50, size, 50),
                (50, 0, 50, 99),
            ]:
                ImageDraw.Draw(image).line(line, fill=0, width=3)
            with archive.open(f"stars/{size}.png", "w") as file:
                image.save(file, "PNG")
    return folder / "stars.zip"


@slow
def test_table_pictures_and_figures(strokes_file, stars, tmp_path):
    model = shutil.copytree(ROOT / "checkpoints", tmp_path / "model")
    figures, output = measure(
        *["--strokes", strokes_file, "--non-digits", stars, "--model", model, "--save"],
        *["--drawings", 480, "--output", tmp_path / "pictures"],
    )
    assert set(figures) == KEYS
    # The strokes are drawn up for these tests, and plain.
    assert figures["mean"] > 0.9 and figures["worst"] >= 0.4
    assert figures["auroc"] > 0.95 and figures["accepted"] > 0.9
    for column in ("black on white", "white on black", "coloured", "transparent"):
        assert column in output
    saved = json.loads((model / "metrics.json").read_text())["drawn_digits"]
    assert {key: saved[key] for key in KEYS} == figures
    assert len(saved["cells"]) == 48 and saved["drawings"] == 480
    assert saved["mean"] == pytest.approx(sum(c["accuracy"] for c in saved["cells"]) / 48)
    for name in ("misread.png", "reliability.png"):
        with Image.open(tmp_path / "pictures" / name) as image:
            assert min(image.size) > 100


@slow
def test_real_writers_drawings_are_read(tmp_path):
    if not os.environ.get("DIGITREC_STROKES"):
        pytest.skip("needs DIGITREC_STROKES, a file of pen strokes; docs/training.md says which")
    figures, _ = measure(
        *["--strokes", os.environ["DIGITREC_STROKES"], "--quick", "--output", tmp_path]
    )
    recorded = json.loads((ROOT / "checkpoints" / "metrics.json").read_text())["drawn_digits"]
    assert figures["mean"] == pytest.approx(recorded["mean"], abs=0.01)
    assert figures["accepted"] >= 0.98 and figures["ece"] <= 0.03
