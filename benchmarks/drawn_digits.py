"""How well a model reads what people draw, and tells what is no digit.

python benchmarks/drawn_digits.py --strokes FILE [--non-digits ZIP] [--model FOLDER] [--quick]
python benchmarks/drawn_digits.py --strokes FILE --paper [--model FOLDER] [--quick]

Pen strokes of writers who trained nothing are drawn as on the app's canvas, with every brush, size
and colour; or, with --paper, on lined and plain paper that is scanned or photographed. The last
line is one JSON object.
"""

import argparse
import itertools
import json
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paper
from model_figures import add_options, save
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

from digitrec import DigitRecognizer, Prediction
from digitrec.reading.drawing import to_mnist
from digitrec.training import display, metrics, report
from digitrec.training.data import Examples
from digitrec.training.strokes import (
    MEASURING_WRITERS,
    PenDigit,
    draw_strokes,
    fit_strokes,
    read_unipen,
)

BRUSHES = (0.01, 0.03, 0.06, 0.12)  # diameter, as a share of the canvas
SIZES = (0.25, 0.55, 0.85)  # longer side of the digit, as a share of the canvas
COLORS = ("black on white", "white on black", "coloured", "transparent")
CANVASES = (400, 800)
CELLS: tuple[tuple[float, float, str], ...] = tuple(itertools.product(BRUSHES, SIZES, COLORS))
DRAWINGS, QUICK_DRAWINGS = 12_000, 2_016
PAPERS, QUICK_PAPERS = 800, 40  # of each kind
CHUNK = 128


class Drawing(NamedTuple):
    digit: PenDigit
    cell: tuple[float, float, str]
    canvas: int
    seed: int


def main() -> None:
    options = parse_options()
    console = Console(width=110, highlight=False)
    recognizer = DigitRecognizer.from_pretrained(options.model)
    digits = read_unipen(options.strokes, options.writers)
    if options.paper:
        figures = measure_papers(
            recognizer, digits, QUICK_PAPERS if options.quick else options.papers
        )
        save(options, "paper", figures)
        print(json.dumps(figures))
        return
    drawings = plan(digits, QUICK_DRAWINGS if options.quick else options.drawings)

    started = time.perf_counter()
    predictions = []
    for start in track(range(0, len(drawings), CHUNK), "drawing", transient=True):
        chunk = drawings[start : start + CHUNK]
        predictions += recognizer.predict_batch(draw(drawing) for drawing in chunk)
    seconds = time.perf_counter() - started

    figures = measure(drawings, predictions)
    figures["preprocessing_ms"] = time_preprocessing(digits)
    if options.non_digits:
        characters = recognizer.predict_batch(read_images(options.non_digits))
        figures |= measure_rejection(predictions, characters)
    show(console, figures)
    console.print(
        f"{len(drawings):,} drawings by writers {options.writers[0]}-{options.writers[-1]}, "
        f"drawn and read in {seconds:.0f} s"
    )
    options.output.mkdir(parents=True, exist_ok=True)
    save_pictures(drawings, predictions, options.output)
    save(options, "drawn_digits", figures)
    keys = ("mean", "worst", "accepted", "auroc", "ece", "preprocessing_ms")
    print(json.dumps({key: figures.get(key) for key in keys}))


def plan(digits: list[PenDigit], count: int) -> list[Drawing]:
    """Give every cell the same number of drawings, and every digit too as far as it goes round."""
    order = np.random.default_rng(0).permutation(len(digits))
    return [
        Drawing(
            digits[order[(index // len(CELLS) + 31 * (index % len(CELLS))) % len(digits)]],
            CELLS[index % len(CELLS)],
            CANVASES[index // len(CELLS) % len(CANVASES)],
            seed=index,
        )
        for index in range(count // len(CELLS) * len(CELLS))
    ]


def draw(drawing: Drawing) -> Image.Image:
    """Draw as a person does on the app's canvas: off centre, but within it."""
    random = np.random.default_rng(drawing.seed)
    brush, size, color = drawing.cell
    side = drawing.canvas
    strokes = fit_strokes(drawing.digit.strokes, size * side, (0.0, 0.0))
    points = np.concatenate(strokes)
    margin = brush * side / 2
    low, high = margin - points.min(0), side - margin - points.max(0)
    corner = random.uniform(np.minimum(low, high), np.maximum(low, high))
    mask = draw_strokes([stroke + corner for stroke in strokes], side, brush * side)
    ink, paper = choose_colors(color, random)
    if paper[3] == 0:
        picture = Image.new("RGBA", mask.size, ink)
        picture.putalpha(mask)
    else:
        picture = Image.new("RGBA", mask.size, paper)
        picture.paste(ink, mask=mask)
    return picture


def prepare(drawings: list[Drawing]) -> Examples:
    """Draw, and make images like MNIST's of it."""
    images = np.stack([image_of(drawing) for drawing in drawings])
    labels = np.array([drawing.digit.label for drawing in drawings], np.int32)
    return Examples(images[..., None], labels)


def image_of(drawing: Drawing) -> np.ndarray:
    image = to_mnist(draw(drawing))
    assert image is not None  # a drawing has ink
    return image


def choose_colors(color: str, random: np.random.Generator) -> tuple[tuple, tuple]:
    black, white = (0, 0, 0), (255, 255, 255)
    if color == "coloured":  # far apart in brightness or in hue, as a person would choose
        while True:
            ink, paper = random.integers(0, 256, (2, 3))
            if np.abs(ink - paper).max() >= 128:
                return tuple(ink.tolist()), (*paper.tolist(), 255)
    if color == "transparent":
        return tuple(random.integers(0, 256, 3).tolist()), (0, 0, 0, 0)
    return (black, (*white, 255)) if color == "black on white" else (white, (*black, 255))


def measure(drawings: list[Drawing], predictions: list[Prediction]) -> dict:
    labels = np.array([drawing.digit.label for drawing in drawings])
    probabilities = np.stack([prediction.probabilities for prediction in predictions], dtype=float)
    probabilities /= probabilities.sum(1, keepdims=True)  # as float32 they were 1e-7 off
    right = probabilities.argmax(1) == labels
    cells = {cell: [] for cell in CELLS}
    for drawing, is_right in zip(drawings, right, strict=True):
        cells[drawing.cell].append(is_right)
    accuracies = {cell: float(np.mean(rights)) for cell, rights in cells.items()}
    classification = metrics.classification_metrics(labels, probabilities)
    confused = Counter(
        (int(label), int(answer))
        for label, answer in zip(labels, probabilities.argmax(1), strict=True)
        if label != answer
    )
    return {
        "drawings": len(drawings),
        "mean": float(right.mean()),
        "worst": min(accuracies.values()),
        "accepted": float(np.mean([prediction.is_digit for prediction in predictions])),
        "ece": classification["calibration_error"],
        "cells": [
            {"brush": brush, "size": size, "color": color, "accuracy": accuracy}
            for (brush, size, color), accuracy in accuracies.items()
        ],
        "per_class": classification["per_class"],
        "confused": [[*pair, count] for pair, count in confused.most_common(10)],
    }


def measure_rejection(digits: list[Prediction], characters: list[Prediction]) -> dict:
    scores = np.array([prediction.digit_score for prediction in [*digits, *characters]])
    truths = [True] * len(digits) + [False] * len(characters)
    return {
        "auroc": float(roc_auc_score(truths, np.maximum(scores, -1e9))),
        "characters": len(characters),
        "rejected": float(np.mean([not prediction.is_digit for prediction in characters])),
    }


def measure_papers(recognizer: DigitRecognizer, digits: list[PenDigit], count: int) -> dict:
    """Give the share that is read right of each kind of paper, and the median milliseconds of
    `to_mnist` for a picture on lined paper, flat or photographed."""
    order = np.random.default_rng(0).permutation(len(digits))
    figures, milliseconds = {}, []
    for number, kind in enumerate(paper.KINDS):
        right = 0
        for index in track(range(count), kind, transient=True):
            digit = digits[order[index % len(digits)]]
            picture = paper.make(kind, digit, number * count + index)
            started = time.perf_counter()
            image = to_mnist(picture)
            if kind in ("flat", "photo"):
                milliseconds.append(1e3 * (time.perf_counter() - started))
            if image is not None:
                right += recognizer.predict(image).probabilities.argmax() == digit.label
        figures[kind] = float(right / count)
    return {**figures, "milliseconds": float(np.median(milliseconds)), "drawings": count}


def read_images(path: Path) -> list[Image.Image]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        return [Image.open(archive.open(name)).copy() for name in names]


def time_preprocessing(digits: list[PenDigit]) -> float:
    """Give the median time that `to_mnist` takes for one drawing on 800x800 pixels, in ms."""
    milliseconds = []
    for index, cell in enumerate(CELLS * 3):
        picture = draw(Drawing(digits[index % len(digits)], cell, 800, index))
        started = time.perf_counter()
        to_mnist(picture)
        milliseconds.append(1e3 * (time.perf_counter() - started))
    return float(np.median(milliseconds[len(CELLS) :]))


def show(console: Console, figures: dict) -> None:
    table = Table(title="accuracy, %")
    for column in ("brush", "size", *COLORS):
        table.add_column(column, justify="right")
    rows = np.reshape([100 * cell["accuracy"] for cell in figures["cells"]], (-1, len(COLORS)))
    for (brush, size), row in zip(itertools.product(BRUSHES, SIZES), rows, strict=True):
        table.add_row(f"{brush:.0%}", f"{size:.0%}", *[f"{accuracy:.2f}" for accuracy in row])
    console.print(table)
    console.print(display.per_class_table(figures, "per class"))
    console.print(
        "most confused (truth, answer, drawings): "
        + "   ".join(f"{truth} → {answer}: {count}" for truth, answer, count in figures["confused"])
    )
    for name in ("mean", "worst", "accepted", "auroc", "rejected", "ece"):
        if name in figures:
            console.print(f"{name:<10}{100 * figures[name]:7.2f} %")
    console.print(f"preprocessing of 800x800 pixels: {figures['preprocessing_ms']:.2f} ms")


def save_pictures(drawings: list[Drawing], predictions: list[Prediction], folder: Path) -> None:
    labels = np.array([drawing.digit.label for drawing in drawings])
    probabilities = np.stack([prediction.probabilities for prediction in predictions])
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    chosen = np.random.default_rng(0).permutation(wrong)[:80]
    chosen = chosen[np.argsort(labels[chosen], kind="stable")]
    report.plot_images(
        [predictions[index].image for index in chosen],
        [f"{labels[index]} read as {probabilities[index].argmax()}" for index in chosen],
        folder / "misread.png",
    )
    report.plot_reliability(labels, probabilities, "drawn digits", folder / "reliability.png")


def range_of_writers(text: str) -> range:
    first, last = map(int, text.split("-"))
    return range(first, last + 1)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--strokes", type=Path, required=True, metavar="FILE", help="pen strokes, UNIPEN text"
    )
    parser.add_argument(
        "--writers",
        type=range_of_writers,
        default=MEASURING_WRITERS,
        metavar="FIRST-LAST",
        help="whose digits (default: 25-30, who never train)",
    )
    parser.add_argument(
        "--non-digits", type=Path, metavar="ZIP", help="archive of PNG images that are no digits"
    )
    parser.add_argument(
        "--drawings", type=int, default=DRAWINGS, help=f"how many (default: {DRAWINGS})"
    )
    parser.add_argument(
        "--paper", action="store_true", help="on lined and plain paper, scanned or photographed"
    )
    parser.add_argument(
        "--papers", type=int, default=PAPERS, help=f"how many of each kind (default: {PAPERS})"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_DRAWINGS} drawings only, or {QUICK_PAPERS} of each kind of paper",
    )
    add_options(parser, "runs/drawn_digits")
    return parser.parse_args()


if __name__ == "__main__":
    main()
