"""The model card: what the Hub shows about a published model."""

from collections.abc import Collection, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from digitrec.hub.files import PICTURES
from digitrec.network.model import DIGITS

TASK = "handwritten-digit-recognition"


def make_card(
    repository: str, config: dict, metrics: dict, files: Collection[str] = ()
) -> ModelCard:
    """Write a model card; figures that were not measured are left out.

    Arguments:
        repository: "user/name", for the example of how to use it.
        config, metrics: the contents of `config.json` and `metrics.json`.
        files: the names of the files in the repository; those in PICTURES are shown.
    """
    training = config["training"]
    strokes = training.get("strokes_sha256") is not None
    own = training["data"] if isinstance(training["data"], dict) else None
    classes = tuple(config.get("classes", DIGITS))
    saw_mnist = own is None or own["with_mnist"] or own["from"]
    data = ModelCardData(
        model_name=repository.split("/")[-1],
        license="cc-by-sa-3.0" if saw_mnist else None,  # that of MNIST; the code's is MIT
        library_name="flax",
        pipeline_tag="image-classification",
        datasets=["ylecun/mnist"] if saw_mnist else None,
        metrics=["accuracy"],
        tags=["digitrec", "jax", "flax", *(["mnist"] if saw_mnist else []), TASK],
        eval_results=_evaluations(metrics) or None,
    )
    sections = [
        _introduction(repository, classes),
        _limits(classes),
        _figures(metrics, classes),
        _training(training, metrics, strokes),
        *(f"![{caption}]({name})" for name, caption in PICTURES.items() if name in files),
        _own_licence(own) if own else _licence(strokes),
    ]
    return ModelCard("\n\n".join([f"---\n{data.to_yaml()}\n---", *filter(None, sections)]) + "\n")


def _accuracies(metrics: dict) -> list[str]:
    """Give the accuracies as a Markdown table, or nothing if there are none."""
    rows = []
    if drawn := metrics.get("drawn_digits"):
        rows.append(("people's drawings, all brushes and sizes", drawn["mean"], drawn["drawings"]))
    for name, part in (
        ("its own pictures, each before it had seen it (cross-validation)", "cross_validation"),
        ("MNIST, test images", "test"),
        ("MNIST, validation", "validation"),
    ):
        if part in metrics:
            rows.append((name, metrics[part]["accuracy"], metrics[part]["count"]))
    if not rows:
        return []
    lines = ["| images | read correctly | of |", "| --- | ---: | ---: |"]
    return lines + [f"| {name} | **{100 * share:.2f} %** | {of:,} |" for name, share, of in rows]


def _each_digit(test: dict, classes: Sequence[str]) -> list[str]:
    """Give each digit's precision and recall as a Markdown table."""
    return [
        "| digit | precision | recall | test images |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {100 * row['precision']:.2f} % | {100 * row['recall']:.2f} % "
            f"| {row['count']:,} |"
            for name, row in zip(classes, test["per_class"], strict=True)
        ),
    ]


def _evaluations(metrics: dict) -> list[EvalResult]:
    task: dict[str, Any] = {
        "task_type": "image-classification",
        "task_name": "Image classification",
    }
    results = []
    if test := metrics.get("test"):
        results.append(
            EvalResult(
                **task,
                dataset_type="ylecun/mnist",
                dataset_name="MNIST",
                dataset_split="test",
                metric_type="accuracy",
                metric_value=test["accuracy"],
                metric_name=f"Accuracy on {test['count']:,} images",
            )
        )
    if drawn := metrics.get("drawn_digits"):
        results.append(
            EvalResult(
                **task,
                dataset_type="drawn-digits",
                dataset_name="People's drawings (pen strokes of UCI Pen-Based Recognition of "
                "Handwritten Digits, writers 25-30)",
                dataset_split="test",
                metric_type="accuracy",
                metric_value=drawn["mean"],
                metric_name=f"Accuracy on {drawn['drawings']:,} drawings",
            )
        )
    return results


def _introduction(repository: str, classes: Sequence[str]) -> str:
    if tuple(classes) != DIGITS:
        return f"""# {repository.split("/")[-1]}

A small convolutional network that tells {len(classes)} handwritten signs apart:
{" ".join(classes)}.

```python
from digitrec import DigitRecognizer

recognizer = DigitRecognizer.from_pretrained("{repository}")
prediction = recognizer.predict("picture.png")
print(prediction.label, prediction.top_labels(3))
```"""
    return f"""# {repository.split("/")[-1]}

A small convolutional network that reads handwritten digits, drawn on a screen or photographed. It
gives a calibrated probability for each digit, and a score for whether there is a digit at all. It
needs no GPU.

To use it with digitrec:

```python
from digitrec import DigitRecognizer

recognizer = DigitRecognizer.from_pretrained("{repository}")
prediction = recognizer.predict("seven.png")
print(prediction.digit, prediction.top(3))
```"""


def _limits(classes: Sequence[str]) -> str:
    if tuple(classes) != DIGITS:
        return "## Limits\n\nIt reads one sign in a picture, and no numbers or words."
    return """## Limits

It reads rows of up to twelve digits, drawn or photographed. Other writing is misread as digits,
above all letters that look like them (O, S, Z, q, g). It was not made for cheques, forms, exams or
anything else where a misread digit does harm."""


def _figures(metrics: dict, classes: Sequence[str]) -> str:
    accuracies = _accuracies(metrics)
    if not accuracies:
        return ""
    lines = ["## Accuracy", "", *accuracies]
    if test := metrics.get("test"):
        lines += ["", f"Calibration error on the test images: {test['calibration_error']:.2%}.", ""]
        lines += _each_digit(test, classes)
    elif "cross_validation" not in metrics:
        lines += ["", "Training has not finished; the test images have not been read yet."]
    return "\n".join(lines)


def _training(training: dict, metrics: dict, strokes: bool) -> str:
    facts = [f"- command: `{training['command']}`", f"- data: {_describe(training['data'])}"]
    if strokes:
        facts.append("- and the pen strokes of writers 1-24 of Pen-Based Recognition of Digits")
    if training.get("extra_data_sha256"):
        facts.append("- and corrections that visitors of the demo agreed to give")
    facts.append(f"- seed: {training['training']['seed']}")
    if run := metrics.get("training"):
        facts += [
            f"- epochs: {run['epochs']}; epoch {run['best_epoch']} was kept"
            + ("" if "cross_validation" in metrics else " for its validation accuracy"),
            f"- time: {run['seconds'] / 60:.0f} minutes",
        ]
    if hardware := training.get("hardware"):
        facts.append(f"- hardware: {hardware}")
    if model := metrics.get("model"):
        facts.append(f"- parameters: {model['parameters']:,}")
    versions = ", ".join(f"{name} {number}" for name, number in training["versions"].items())
    facts.append(f"- versions: {versions}")
    return "\n".join(["## How it was trained", "", *facts])


def _describe(data: str | dict) -> str:
    """Say in one line what a model was trained on, from `training.data` in its `config.json`."""
    if isinstance(data, str):
        return data
    each = ", ".join(f"{name}: {count:,}" for name, count in data["per_class"].items())
    mnist = "; and 5,000 of MNIST's training images" if data["with_mnist"] else ""
    base = data["from"]
    start = f"; from the weights of {base['name']}, which learned {base['data']}" if base else ""
    return f"{data['name']}, {data['pictures']:,} labelled pictures ({each}){mnist}{start}"


def _own_licence(own: dict) -> str:
    """Credit the data of a model that was trained on somebody's own pictures."""
    parts = [f"## Licence\n\nThe weights were trained on {own['name']}, whose owner decides"]
    if own["with_mnist"] or own["from"]:
        parts.append(
            "what they may be used for; they also go back to MNIST (LeCun, Cortes and Burges, CC "
            "BY-SA 3.0) and, from the bundled model, to Pen-Based Recognition of Handwritten "
            "Digits (Alpaydin and Alimoglu, CC BY 4.0)."
        )
    else:
        parts.append("what they may be used for.")
    return " ".join([*parts, "The code is under the MIT licence."])


def _licence(strokes: bool) -> str:
    others = (
        " and on Pen-Based Recognition of Handwritten Digits (Alpaydin and Alimoglu, CC BY 4.0)"
    )
    return (
        "## Licence\n\nThe weights were trained on MNIST (LeCun, Cortes and Burges, CC BY-SA 3.0)"
        f"{others if strokes else ''}; the code is under the MIT licence."
    )
