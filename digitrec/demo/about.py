"""What the app says about its model, read from the files that were published with it."""

from pathlib import Path

from digitrec.hub.card import PICTURES, accuracy_lines, per_class_lines
from digitrec.recognizer import DigitRecognizer


def about_markdown(recognizer: DigitRecognizer) -> str:
    """Lay out the figures of `metrics.json` and how the model came about, as Markdown."""
    metrics, training = recognizer.metrics, recognizer.config["training"]
    if not metrics.keys() >= {"test", "validation", "training", "model"}:
        return "This model was published without figures about test images."
    lines = accuracy_lines(metrics)
    lines += ["", *per_class_lines(metrics["test"])]
    run = metrics["training"]
    lines += [
        "",
        f"A convolutional network of {metrics['model']['parameters']:,} parameters, trained for "
        f"{run['epochs']} epochs in {run['seconds'] / 60:.0f} minutes with "
        f"`{training['command']}`; epoch {run['best_epoch']} had the best validation accuracy. "
        "The test images were read once, when all was chosen.",
    ]
    return "\n".join(lines)


def about_pictures(recognizer: DigitRecognizer) -> list[tuple[str, Path]]:
    """Give the captions and paths of those pictures that the model's folder holds."""
    if recognizer.folder is None:
        return []
    paths = {recognizer.folder / name: caption for name, caption in PICTURES.items()}
    return [(caption, path) for path, caption in paths.items() if path.is_file()]
