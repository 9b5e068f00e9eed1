"""How like Python the page's own scripts read, and how well.

python benchmarks/browser_reading.py --strokes FILE [--model FOLDER] [--quick]     # needs Node

The drawings of drawn_digits.py and the numbers of numbers.py are read by `recognizer.read_number`
and by the scripts of `digitrec/demo/page/reading/`, which Node runs. The last line is one JSON
object.
"""

import argparse
import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from drawn_digits import DRAWINGS, QUICK_DRAWINGS, draw, plan
from model_figures import add_options, save
from PIL import Image
from read_numbers import LINES, QUICK_LINES, write_lines
from rich.console import Console
from rich.table import Table

from digitrec import DigitRecognizer
from digitrec.network.pretrained import network_config
from digitrec.training.strokes import MEASURING_WRITERS, read_unipen

SCRIPT = Path(__file__).with_name("read_in_node.mjs")
FAR, FARTHEST = 1.0, 8  # grey levels by which images may differ, on average and at most
SAME = ("text", "is_number", "reason", "best_reading", "rows")  # of an answer
NEAR = 0.01  # by which probabilities may differ


def main() -> None:
    options = parse_options()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    digits = read_unipen(options.strokes, MEASURING_WRITERS)
    drawings = plan(digits, QUICK_DRAWINGS if options.quick else DRAWINGS)
    lines = write_lines(digits, QUICK_LINES if options.quick else LINES, seed=0)
    figures = {
        "digits": compare(
            recognizer, ((str(drawing.digit.label), draw(drawing)) for drawing in drawings)
        ),
        "numbers": compare(recognizer, ((line.text, line.picture) for line in lines)),
    }
    table = Table(title="The browser's scripts beside Python")
    for column in ("", *figures):
        table.add_column(column, justify="right")
    for name in figures["digits"]:
        table.add_row(name, *[f"{part[name]:.6g}" for part in figures.values()])
    Console(width=110).print(table)
    save(options, "browser", figures)
    print(json.dumps(figures))


def compare(
    recognizer: DigitRecognizer, pictures: Iterable[tuple[str, Image.Image]]
) -> dict[str, float]:
    """Read pictures on both sides.

    Arguments:
        pictures: the text of each, and the picture.

    Returns: `same`, the share with the same text, abstention and its reason, closest reading and
        number of rows;
        `same_images`, the share of the digits whose images differ by at most 1 grey level on
        average and 8 at most; `same_probabilities`, the share that differs by at most 0.01;
        `python` and `browser`, the share that each reads right; `pictures`, how many.
    """
    same, images, probabilities, right = [], [], [], []
    config = {**recognizer.config, "model": asdict(network_config(recognizer.config))}
    with subprocess.Popen(
        ["node", SCRIPT, str(recognizer.folder), json.dumps(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as node:
        assert node.stdin is not None and node.stdout is not None
        for text, picture in pictures:
            pixels = np.array(picture.convert("RGBA"))
            hand_over(node, pixels)
            number = recognizer.read_number({"composite": pixels})  # meanwhile
            found = json.loads(node.stdout.readline())
            if found is None:  # the page asks the server then
                same.append(False)
                right.append([number.best_reading == text, False])
                continue
            expected = number.to_dict()
            same.append(all(found[name] == expected[name] for name in SAME))
            right.append([number.best_reading == text, found["best_reading"] == text])
            if same[-1]:
                for digit, other in zip(number.digits, found["digits"], strict=True):
                    images.append(are_alike(digit.image, np.array(other["image"])))
                    differences = np.abs(digit.probabilities - other["probabilities"])
                    probabilities.append(differences.max())
                probabilities.append(abs(number.probability - found["probability"]))
        node.stdin.close()
    python, browser = np.mean(right, 0).tolist()
    return {
        "pictures": len(same),
        "same": float(np.mean(same)),
        "same_images": float(np.mean(images or [True])),
        "same_probabilities": float(np.mean(np.array(probabilities or [0.0]) <= NEAR)),
        "python": python,
        "browser": browser,
    }


def hand_over(node: subprocess.Popen, pixels: np.ndarray) -> None:
    """Give one picture to the scripts, RGBA."""
    assert node.stdin is not None
    height, width, _ = pixels.shape
    node.stdin.write(np.array([width, height], "<u4").tobytes() + pixels.tobytes())
    node.stdin.flush()


def are_alike(image: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two images are alike, which hold 0-255."""
    difference = np.abs(image.astype(float) - other)
    return bool(difference.mean() <= FAR and difference.max() <= FARTHEST)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--strokes", required=True, metavar="FILE", help="pen strokes, UNIPEN text")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_DRAWINGS} drawings and {QUICK_LINES} numbers only",
    )
    add_options(parser, "runs/browser_reading")
    return parser.parse_args()


if __name__ == "__main__":
    main()
