"""Pictures of a run, and its final table."""

import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.table import Table
from sklearn.metrics import ConfusionMatrixDisplay


def plot_curves(history: list[dict[str, float]], path: str | os.PathLike) -> None:
    """Draw loss, error rate and learning rate over the epochs as PNG."""
    epochs = range(1, len(history) + 1)
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    loss, error, rate = figure.subplots(1, 3)
    for part in ("train", "validation"):
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


def plot_confusion(confusion: list[list[int]], title: str, path: str | os.PathLike) -> None:
    """Draw counts, rows the truths and columns the answers, as PNG.

    Colour shows the mistakes alone: right answers outnumber them a thousand to one.
    """
    counts = np.array(confusion)
    figure = Figure(figsize=(6, 5.6), layout="constrained")
    axes = figure.subplots()
    display = ConfusionMatrixDisplay(counts)
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


def per_class_table(metrics: dict, title: str) -> Table:
    """Lay out what `metrics.classification_metrics` found, in per cent."""
    table = Table(title=title)
    for column in ("digit", "precision", "recall", "F1", "images"):
        table.add_column(column, justify="right")
    for digit, row in enumerate(metrics["per_class"]):
        rates = [f"{100 * row[name]:.2f} %" for name in ("precision", "recall", "f1")]
        table.add_row(str(digit), *rates, str(row["count"]))
    return table
