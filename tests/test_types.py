"""The types that an editor or a type checker sees in a program that uses digitrec."""

import json
import subprocess
import sys
import sysconfig

import pytest
from conftest import ROOT

pytestmark = pytest.mark.once

PROGRAM = """
import io
from pathlib import Path

import numpy as np
from PIL import Image

import digitrec
from digitrec import DigitRecognizer, DigitrecError, ImageLike, Number, Prediction

recognizer = DigitRecognizer.from_pretrained(Path("runs/1"), revision=None)
reveal_type(recognizer)
reveal_type(recognizer.config)
reveal_type(recognizer.metrics)
reveal_type(recognizer.folder)
reveal_type(recognizer.revision)
reveal_type(digitrec.__version__)

images: list[ImageLike] = [
    "7.png", Path("7.png"), b"", bytearray(), memoryview(b""), io.BytesIO(), open("7.png", "rb"),
    Image.new("L", (9, 9)), np.zeros((9, 9)), {"composite": None},
]
for image in images:
    prediction = recognizer.predict(image)
    reveal_type(prediction)
    number = recognizer.read_number(image)
    reveal_type(number)
    for line in recognizer.read_lines(image):
        reveal_type(line)
reveal_type(recognizer.predict_batch(images))
reveal_type(recognizer.predict_batch([np.zeros((9, 9))]))
reveal_type(recognizer.predict_each(images))
reveal_type(recognizer.read_numbers(images))
reveal_type(recognizer.read_numbers_each(images))
for path, answer in recognizer.predict_files(["scans", Path("7.png")]):
    reveal_type(path)
    reveal_type(answer)


def show(prediction: Prediction, number: Number) -> None:
    reveal_type(prediction.digit)
    reveal_type(prediction.is_digit)
    reveal_type(prediction.digit_score)
    reveal_type(prediction.probabilities)
    reveal_type(prediction.image)
    reveal_type(prediction.rotated)
    reveal_type(prediction.top(3))
    reveal_type(prediction.to_dict())
    reveal_type(number.text)
    reveal_type(number.digits)
    reveal_type(number.boxes)
    reveal_type(number.probability)
    reveal_type(number.reason)
    reveal_type(number.to_dict(image=False))
    reveal_type(recognizer.explain(prediction))


try:
    recognizer.save_pretrained(Path("copy"))
    reveal_type(recognizer.push_to_hub("user/name"))
except DigitrecError as error:
    reveal_type(error)
recognizer.predict(7)  # pyright: ignore[reportArgumentType]
recognizer.predict([[0, 1], [1, 0]])  # pyright: ignore[reportArgumentType]
recognizer.predict(open("7.png"))  # pyright: ignore[reportArgumentType]
"""


def test_public_names_have_types_in_a_program_that_is_checked_strictly(tmp_path):
    # As an installed package, whose py.typed counts, next to what is installed here.
    packages = tmp_path / "venv" / "lib" / f"python{sysconfig.get_python_version()}/site-packages"
    packages.mkdir(parents=True)
    (packages / "digitrec").symlink_to(ROOT / "digitrec")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "program.py").write_text(PROGRAM)
    settings = {
        "include": ["program.py"],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "venvPath": str(tmp_path),
        "venv": "venv",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    found = json.loads(result.stdout)["generalDiagnostics"]
    said = [f"{it['range']['start']['line'] + 1}: {it['message']}" for it in found]
    revealed = [text for text in said if "Type of" in text and ' is "' in text]
    assert [text for text in said if text not in revealed] == []
    assert len(revealed) == PROGRAM.count("reveal_type(")
    assert [text for text in revealed if "Unknown" in text] == []
