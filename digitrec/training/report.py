"""Plots of a run.

digitrec report RUN    # draws the plots of the test images again
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from rich.console import Console
from sklearn.metrics import ConfusionMatrixDisplay

from digitrec.errors import BadCheckpointError, DigitrecError
from digitrec.hub.files import MISREAD_DIGITS
from digitrec.network.model import DIGITS
from digitrec.network.pretrained import METRICS_FILE, load_model, write_json
from digitrec.training.data import Examples, load_mnist, split_mnist
from digitrec.training.display import accuracy_table
from digitrec.training.evaluation import Evaluation, evaluate
from digitrec.training.metrics import calibration_bins, calibration_error
from digitrec.training.recipe import recipe_of_model


def plot_curves(history: list[dict[str, float]], path: str | os.PathLike) -> None:
    """Plot loss, error rate and learning rate over the epochs as PNG."""
    epochs = range(1, len(history) + 1)
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    loss, error, rate = figure.subplots(1, 3)
    for part in ("train", "validation"):
        if f"{part}_loss" not in history[0]:
            continue  # of one's own pictures none are left out
        loss.plot(epochs, [entry[f"{part}_loss"] for entry in history], label=part)
        errors = [100 * (1 - entry[f"{part}_accuracy"]) for entry in history]
        error.plot(epochs, errors, label=part)
    rate.plot(epochs, [entry["learning_rate"] for entry in history], color="tab:green")
    titles = {loss: "loss (nats)", error: "error rate (%)", rate: "learning rate"}
    for axes, title in titles.items():
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes is not rate:
            axes.set_yscale("log", nonpositive="clip")
            axes.legend(title="train: augmented images" if axes is loss else None)
    figure.savefig(path, dpi=120)


def plot_confusion(
    confusion: list[list[int]],
    title: str,
    path: str | os.PathLike,
    classes: Sequence[str] = DIGITS,
) -> None:
    """Draw a confusion matrix, rows for truths and columns for answers, as PNG.

    Only mistakes are coloured: right answers outnumber them a thousand to one.
    """
    counts = np.array(confusion)
    side = max(1.0, len(classes) / 16)  # times as large for many classes
    figure = Figure(figsize=(6 * side, 5.6 * side), layout="constrained")
    axes = figure.subplots()
    display = ConfusionMatrixDisplay(counts, display_labels=classes)
    display.plot(ax=axes, cmap="Reds", colorbar=False, values_format="d")
    mistakes = counts - np.diag(np.diag(counts))
    display.im_.set_clim(0, max(1, mistakes.max()))
    display.im_.set_data(mistakes)
    for row in range(len(counts)):
        for column in range(len(counts)):
            strong = mistakes[row, column] > 0.6 * max(1, mistakes.max())
            display.text_[row, column].set_color("white" if strong else "black")
    axes.set(title=title, xlabel="answer", ylabel="truth")
    figure.savefig(path, dpi=120)


def plot_images(
    images: list[UInt8[np.ndarray, "height width"]],
    captions: list[str],
    path: str | os.PathLike,
) -> None:
    """Draw images with captions in a grid, bright ink shown dark, as PNG."""
    columns, width, height = 10, 1.1, 1.35  # inches
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(width * columns, height * rows))
    # One pair of axes for all images: with one for each, 200 images take 20 seconds.
    axes = figure.add_axes((0, 0, 1, 1))
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(place, columns)
        left, top = column * width, row * height
        extent = (left + 0.1, left + width - 0.1, top + height - 0.05, top + 0.4)
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=extent)
        axes.text(left + width / 2, top + 0.04, caption, fontsize=8, ha="center", va="top")
    axes.set(xlim=(0, columns * width), ylim=(rows * height, 0))
    axes.set_axis_off()
    figure.savefig(path, dpi=100)


def find_misread(
    labels: Int[np.ndarray, " count"], probabilities: Float[np.ndarray, "count 10"]
) -> Int[np.ndarray, " misread"]:
    """Give the indices of all misread images, the most confident mistakes first."""
    answers = probabilities.argmax(1)
    wrong = np.flatnonzero(answers != labels)
    return wrong[np.argsort(-probabilities[wrong, answers[wrong]], kind="stable")]


def plot_misread(
    images: UInt8[np.ndarray, "count height width 1"],
    labels: Int[np.ndarray, " count"],
    probabilities: Float[np.ndarray, "count 10"],
    path: str | os.PathLike,
    classes: Sequence[str] = DIGITS,
) -> None:
    """Draw every misread image, the most confident mistakes first, as PNG.

    Each is captioned with truth and answer, and the probability of both.
    """
    answers, wrong = probabilities.argmax(1), find_misread(labels, probabilities)
    captions = [
        f"{classes[truth]} ({shares[truth]:.0%})\nread as {classes[answer]} ({shares[answer]:.0%})"
        for truth, answer, shares in zip(
            labels[wrong].tolist(), answers[wrong].tolist(), probabilities[wrong], strict=True
        )
    ]
    plot_images([images[i, ..., 0] for i in wrong], captions, path)


def plot_reliability(
    labels: Int[np.ndarray, " count"],
    probabilities: Float[np.ndarray, "count 10"],
    title: str,
    path: str | os.PathLike,
) -> None:
    """Plot how often answers of each confidence are right, as PNG."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    mean, accuracy, share = calibration_bins(confidence, right)
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="calibrated")
    axes.scatter(mean, accuracy, s=20 + 300 * share, alpha=0.7, label="size: share of answers")
    error = 100 * calibration_error(confidence, right)
    axes.set(
        title=f"{title}: calibration error {error:.2f} %",
        xlabel="probability of the answer",
        ylabel="share of right answers",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=120)


def plot_test(
    test: Examples,
    evaluation: Evaluation,
    run: Path,
    kind: str = "test images",
    classes: Sequence[str] = DIGITS,
) -> list[list[int]]:
    """Draw the plots of the test images into the run's folder.

    Arguments:
        kind: what the images are.
        classes: what the labels are called.

    Returns: truth and answer of each misread image, in the order of MISREAD_DIGITS, where they lie
        side by side as dark ink on white.
    """
    probabilities, figures = evaluation.probabilities, evaluation.figures
    plot_misread(test.images, test.labels, probabilities, run / "misread.png", classes)
    title = f"{figures['errors']} errors in {figures['count']:,} {kind}"
    plot_confusion(figures["confusion"], title, run / "confusion_matrix.png", classes)
    plot_reliability(test.labels, probabilities, kind, run / "reliability.png")
    misread = find_misread(test.labels, probabilities)
    if len(misread):
        digits = np.concatenate(list(test.images[misread, ..., 0]), axis=1)
        Image.fromarray(255 - digits).save(run / MISREAD_DIGITS, optimize=True)
    answers = probabilities.argmax(1)
    return [[int(test.labels[place]), int(answers[place])] for place in misread]


def main(arguments: list[str] | None = None) -> int:
    """Draw a published model's plots of the test images again; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="digitrec report",
        description="Read MNIST's test images with a model, draw its plots of them into its folder "
        "(confusion matrix, misread images, reliability), and print its accuracy.",
        epilog="Example: digitrec report runs/20250101-120000",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a run folder, or another published model"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder of tensorflow-datasets")
    parser.add_argument("--manual-dir", metavar="DIR", help="folder with MNIST's four .gz files")
    options = parser.parse_args(arguments)
    try:
        network, config, metrics = load_model(options.run)
        recipe = recipe_of_model(config, options.run)
        if recipe.data_sha256:
            raise BadCheckpointError(
                f"{options.run} was trained on its own pictures, and its plots show how these were "
                "read in the cross-validation. Train it again to draw them again."
            )
        mnist = load_mnist(options.data_dir, options.manual_dir)
    except DigitrecError as error:
        print(f"digitrec report: {error}", file=sys.stderr)
        return 2
    test = split_mnist(*mnist, recipe.split).test
    evaluation = evaluate(network, test, config["temperature"])
    misread = plot_test(test, evaluation, options.run)
    if "test" in metrics:
        metrics["test"]["misread"] = misread
        write_json(options.run / METRICS_FILE, metrics)
    Console().print(accuracy_table(evaluation.figures, "test"))
    return 0
