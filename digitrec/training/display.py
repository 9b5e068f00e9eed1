"""What a training prints: a line per epoch, a progress bar, tables."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from digitrec.network.model import DIGITS
from digitrec.network.pretrained import WEIGHTS_FILE
from digitrec.training.data import OwnSplit, Split
from digitrec.training.inputs import Inputs
from digitrec.training.loop import ScanReport
from digitrec.training.recipe import Recipe, settings

MOST_NAMED = 20  # pictures that could not be read


@contextmanager
def progress_bar(
    console: Console, epochs: int, images: int, done: int
) -> Iterator[Callable[[ScanReport], None]]:
    """Show a progress bar if there is a terminal; yield the function that advances it.

    Arguments:
        images: number of training images in an epoch.
        done: number of epochs that are already trained.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),  # what 80 columns leave beside the rest
        TextColumn("{task.fields[status]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=epochs * images, completed=done * images, status="compiling")

        def show(scan: ScanReport) -> None:
            bar.update(
                task,
                description=f"epoch {scan.epoch}/{epochs}",
                advance=scan.images,
                status=f"loss {scan.loss:.4f}  {100 * scan.accuracy:.2f} %  "
                f"{scan.images_per_second:,.0f} images/s",
            )

        yield show


def data_lines(recipe: Recipe, inputs: Inputs, split: Split | OwnSplit) -> Iterator[str]:
    """Say what a run trains on, with a line about each of the inputs."""
    if isinstance(split, Split):
        parts = [f"{len(part.labels):,}" for part in split]
        yield (
            f"MNIST, protocol {recipe.split.protocol}: {parts[0]} images for training, {parts[1]} "
            f"for validation, {parts[2]} for the test"
        )
    if own := inputs.own:
        yield from own.unreadable[:MOST_NAMED]
        if more := len(own.unreadable[MOST_NAMED:]):
            yield f"{more:,} more pictures are left out."
        counts = own.count()
        yield (
            f"{own.name}: {len(own.examples.labels):,} pictures of {len(counts)} classes, "
            f"{min(counts.values())} to {max(counts.values())} of each: {' '.join(counts)}"
        )
    if inputs.strokes:
        yield f"{inputs.strokes}: {len(inputs.digits):,} pen-stroke digits for training"
    if inputs.corrections is not None:
        yield f"{inputs.extra_data}: {len(inputs.corrections.labels):,} corrections for training"


def show_warning(console: Console, message: str) -> None:
    console.print(f"Warning: {message}", markup=False)


def epoch_line(history: Sequence[dict[str, float]], best_epoch: int, epochs: int) -> str:
    """Describe the latest of `epochs` epochs in one line of at most 80 columns."""
    entry = history[-1]
    validated = ""
    if "validation_loss" in entry:
        validated = (
            f"  validation {100 * entry['validation_accuracy']:.2f} % "
            f"loss {entry['validation_loss']:.4f}  best: epoch {best_epoch}"
        )
    return (
        f"epoch {len(history):>3}/{epochs}  train {100 * entry['train_accuracy']:.2f} %{validated}"
    )


def print_result(
    console: Console, folder: Path, figures: dict, classes: Sequence[str] = DIGITS
) -> None:
    """Print the figures of a finished run.

    Arguments:
        folder: of the run.
        figures: the contents of its `metrics.json`.
        classes: what the model's classes are called.
    """
    names = {"validation": "validation", "cross_validation": "cross-validated", "test": "test"}
    for part, name in names.items():
        if part in figures:
            console.print(accuracy_table(figures[part], name, classes))
    run = figures["training"]
    megabytes = (folder / WEIGHTS_FILE).stat().st_size / 1e6
    console.print(
        f"Best epoch {run['best_epoch']} of {run['epochs']}, {run['seconds']:.0f} s of training, "
        f"{run['images_per_second']:,.0f} images/s, {megabytes:.2f} MB of weights\n"
        f"Model: {folder}    try it: digitrec serve --model {folder}"
    )


def recipe_lines(recipe: Recipe) -> Iterator[str]:
    """Give a line for each setting, as `--set` takes it, with its meaning, unit and range."""
    yield f"# {recipe.command}"
    part = None
    for setting in settings(recipe):
        if setting.part != part:
            part = setting.part
            yield f"# {part}"
        value = json.dumps(setting.value).strip('"')
        metadata = setting.field.metadata
        unit = f" [{metadata['unit']}]" if metadata["unit"] else ""
        assignment = f"{setting.field.name}={value}"
        yield f"{assignment:<34} # {metadata['meaning']}{unit}; {metadata['allowed'].text}"


def accuracy_table(figures: dict, name: str, classes: Sequence[str] = DIGITS) -> Table:
    """Lay out the result of `metrics.classification_metrics` for the images of that name."""
    accuracy = f"{100 * figures['accuracy']:.2f} % of {figures['count']:,} {name} images"
    return per_class_table(figures, f"{accuracy} ({figures['errors']} errors)", classes)


def per_class_table(figures: dict, title: str, classes: Sequence[str] = DIGITS) -> Table:
    """Lay out the figures of each class, in percent."""
    table = Table(title=title)
    for column in (
        "digit" if tuple(classes) == DIGITS else "class",
        "precision",
        "recall",
        "F1",
        "images",
    ):
        table.add_column(column, justify="right")
    for name, row in zip(classes, figures["per_class"], strict=True):
        rates = [f"{100 * row[name]:.2f} %" for name in ("precision", "recall", "f1")]
        table.add_row(name, *rates, str(row["count"]))
    return table
