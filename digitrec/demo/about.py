"""What the page says about its model, from the files that were published with it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from digitrec.hub.files import MISREAD_DIGITS, PICTURES
from digitrec.recognizer import DigitRecognizer


def claim(recognizer: DigitRecognizer) -> str:
    """Say in one sentence how large and how accurate the network is."""
    metrics = recognizer.metrics
    parts = []
    if parameters := metrics.get("model", {}).get("parameters"):
        parts.append(f"A network of {4 * parameters / 1e6:.1f} MB")
    else:
        parts.append("A small network")
    if crossed := metrics.get("cross_validation"):
        parts.append(f"that reads {100 * crossed['accuracy']:.1f} % of {_own_pictures(recognizer)}")
    elif drawn := metrics.get("drawn_digits"):
        parts.append(f"that reads {100 * drawn['mean']:.1f} % of people's drawings")
    elif test := metrics.get("test"):
        parts.append(f"that reads {100 * test['accuracy']:.1f} % of MNIST's test images")
    elif recognizer.reads_numbers:
        parts.append("that reads handwritten digits")
    else:
        parts.append(f"that tells {len(recognizer.classes)} signs apart")
    return " ".join(parts) + "."


def about_html(recognizer: DigitRecognizer) -> str:
    """Lay out three large figures, the misread digits, and folded away, tables and plots."""
    metrics = recognizer.metrics
    figures = _figures(recognizer) or "<p>It was published without figures on test images.</p>"
    measured = metrics.get("cross_validation") or metrics.get("test", {})
    table = _table(measured, recognizer.classes)
    details = f"{table}{_story(recognizer)}{_plots(recognizer)}"
    if details:
        details = (
            f"<details><summary>Each class, and how it was trained</summary>{details}</details>"
        )
    return f"<h2>About the model</h2>{figures}{_misread(recognizer)}{details}"


def _own_pictures(recognizer: DigitRecognizer) -> str:
    data = recognizer.config["training"].get("data")
    name = f" ({data['name']})" if isinstance(data, dict) and "name" in data else ""
    return f"the pictures that it was taught{name}, each before it had seen it"


def _figures(recognizer: DigitRecognizer) -> str:
    metrics, rows = recognizer.metrics, []
    if crossed := metrics.get("cross_validation"):
        share = f"{100 * crossed['accuracy']:.2f} %"
        own = escape(_own_pictures(recognizer))
        rows.append((share, f"of {crossed['count']:,} by cross-validation: {own}"))
    if drawn := metrics.get("drawn_digits"):
        share = f"{100 * drawn['mean']:.2f} %"
        rows.append((share, f"of {drawn['drawings']:,} drawings by people it never met"))
    if test := metrics.get("test"):
        share = f"{100 * test['accuracy']:.2f} %"
        rows.append((share, f"of MNIST's {test['count']:,} test images"))
    if not rows:
        return ""
    if model := metrics.get("model"):
        rows.append((f"{model['parameters']:,}", "parameters"))
    cells = "".join(f"<div><dd>{value}</dd><dt>{name}</dt></div>" for value, name in rows)
    return f'<dl class="figures">{cells}</dl>'


def _misread(recognizer: DigitRecognizer) -> str:
    folder, metrics = recognizer.folder, recognizer.metrics
    crossed = metrics.get("cross_validation")
    misread = (crossed or metrics.get("test", {})).get("misread")
    if folder is None or not misread or not (folder / MISREAD_DIGITS).is_file():
        return ""
    count, names = len(misread), recognizer.classes
    what = "its own pictures" if crossed else "MNIST's test images"
    cells = "".join(
        f'<li><span class="misread" style="--place:{index}"></span>'
        f"<span>{escape(names[truth])}, read as {escape(names[answer])}</span></li>"
        for index, (truth, answer) in enumerate(misread)
    )
    url = _address(folder / MISREAD_DIGITS)
    return (
        "<h3>Could you read these?</h3><p>"
        f"All {count} of {what} that it misreads, with their labels.</p>"
        f'<ol class="misread-grid" style="--count:{count};--sheet:url(\'{url}\')">{cells}</ol>'
    )


def _table(measured: dict, classes: Sequence[str]) -> str:
    if "per_class" not in measured:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{100 * row['precision']:.2f} %</td>"
        f"<td>{100 * row['recall']:.2f} %</td><td>{row['count']:,}</td></tr>"
        for name, row in zip(classes, measured["per_class"], strict=True)
    )
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("class", "precision", "recall", "images")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _story(recognizer: DigitRecognizer) -> str:
    run = recognizer.metrics.get("training")
    if run is None:
        return ""
    command = escape(str(recognizer.config["training"].get("command", "train.py")))
    kept = (
        f"; epoch {run['best_epoch']:.0f} was kept for its validation accuracy. The test images "
        "were read once, after everything had been chosen."
    )
    if "cross_validation" in recognizer.metrics:
        kept = ", on all of the pictures once cross-validation had measured what that gives."
    return (
        f"<p>Trained for {run['epochs']:.0f} epochs in {run['seconds'] / 60:.0f} minutes with "
        f"<code>{command}</code>{kept}</p>"
    )


def _plots(recognizer: DigitRecognizer) -> str:
    folder = recognizer.folder
    if folder is None:
        return ""
    return "".join(
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img src="{_address(folder / name)}" alt="" loading="lazy"></figure>'
        for name, caption in PICTURES.items()
        if name != "misread.png" and (folder / name).is_file()
    )


def _address(path: Path) -> str:
    return f"gradio_api/file={quote(str(path.resolve()))}"
