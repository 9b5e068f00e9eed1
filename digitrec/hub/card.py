"""The model card: what the Hub shows about a published model."""

from collections.abc import Collection
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

# How the picture files of a model's folder are introduced, here and by the app.
PICTURES = {
    "misread.png": "Test images that it misreads",
    "confusion_matrix.png": "Confusion matrix, test images",
    "training_curves.png": "Training",
    "reliability.png": "Probabilities, and how often they are right",
}


# The misread test images side by side, for the app; `metrics.json` says what they are.
MISREAD_DIGITS = "misread_digits.png"


def make_card(
    repository: str, config: dict, metrics: dict, files: Collection[str] = ()
) -> ModelCard:
    """Write a model card from what was measured; what was not is left out.

    Arguments:
        repository: "user/name", for the code to use it.
        config, metrics: the contents of `config.json` and `metrics.json`.
        files: the names of the files beside the card; those in PICTURES are shown.
    """
    training = config["training"]
    strokes = training.get("strokes_sha256") is not None
    data = ModelCardData(
        model_name=repository.split("/")[-1],
        license="cc-by-sa-3.0",  # that of MNIST; the code's is MIT
        library_name="flax",
        pipeline_tag="image-classification",
        datasets=["ylecun/mnist"],
        metrics=["accuracy"],
        tags=["digitrec", "jax", "flax", "mnist", "handwritten-digit-recognition"],
        eval_results=_evaluations(metrics) or None,
    )
    sections = [
        _introduction(repository),
        _limits(),
        _figures(metrics),
        _training(training, metrics, strokes),
        *(f"![{caption}]({name})" for name, caption in PICTURES.items() if name in files),
        _licence(strokes),
    ]
    return ModelCard("\n\n".join([f"---\n{data.to_yaml()}\n---", *filter(None, sections)]) + "\n")


def accuracy_lines(metrics: dict) -> list[str]:
    """Lay out what share of which images is read right, as lines of a table in Markdown.

    Arguments:
        metrics: the contents of `metrics.json`.

    Returns: none where nothing was measured.
    """
    rows = []
    if drawn := metrics.get("drawn_digits"):
        rows.append(("people's drawings, all brushes and sizes", drawn["mean"], drawn["drawings"]))
    for name, part in (("MNIST, test images", "test"), ("MNIST, validation", "validation")):
        if part in metrics:
            rows.append((name, metrics[part]["accuracy"], metrics[part]["count"]))
    if not rows:
        return []
    lines = ["| read right | | of |", "| --- | ---: | ---: |"]
    return lines + [f"| {name} | **{100 * share:.2f} %** | {of:,} |" for name, share, of in rows]


def per_class_lines(test: dict) -> list[str]:
    """Lay out a table of each digit's precision and recall as lines of Markdown.

    Arguments:
        test: what `metrics.classification_metrics` found.
    """
    return [
        "| digit | precision | recall | test images |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {digit} | {100 * row['precision']:.2f} % | {100 * row['recall']:.2f} % "
            f"| {row['count']:,} |"
            for digit, row in enumerate(test["per_class"])
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


def _introduction(repository: str) -> str:
    return f"""# {repository.split("/")[-1]}

A small convolutional network that reads one handwritten digit, drawn on a screen or photographed,
and says how sure it is, or that there is no digit. It needs no GPU.

With the code of digitrec:

```python
from digitrec import DigitRecognizer

recognizer = DigitRecognizer.from_pretrained("{repository}")
prediction = recognizer.predict("seven.png")
print(prediction.digit, prediction.top(3))
```"""


def _limits() -> str:
    return """## What it is bad at

It reads one line of up to twelve digits, on plain, ruled or squared paper; underlining, bent lines
and other writing are taken for ink.
Letters that look like digits (O, S, Z, q, g) are taken for them. It was not made for bank cheques,
forms, exams or anything else where a wrong digit does harm."""


def _figures(metrics: dict) -> str:
    accuracies = accuracy_lines(metrics)
    if not accuracies:
        return ""
    lines = ["## How good it is", "", *accuracies]
    if test := metrics.get("test"):
        lines += ["", f"Calibration error on the test images: {test['calibration_error']:.2%}.", ""]
        lines += per_class_lines(test)
    else:
        lines += ["", "Its training goes on; the test images have not been read yet."]
    return "\n".join(lines)


def _training(training: dict, metrics: dict, strokes: bool) -> str:
    facts = [f"- command: `{training['command']}`", f"- data: {training['data']}"]
    if strokes:
        facts.append("- and the pen strokes of writers 1-24 of Pen-Based Recognition of Digits")
    if training.get("extra_data_sha256"):
        facts.append("- and corrections that users of the demo agreed to give")
    facts.append(f"- seed: {training['training']['seed']}")
    if run := metrics.get("training"):
        facts += [
            f"- epochs: {run['epochs']}; number {run['best_epoch']} was kept, by its validation "
            "accuracy",
            f"- time: {run['seconds'] / 60:.0f} minutes",
        ]
    if hardware := training.get("hardware"):
        facts.append(f"- hardware: {hardware}")
    if model := metrics.get("model"):
        facts.append(f"- parameters: {model['parameters']:,}")
    versions = ", ".join(f"{name} {number}" for name, number in training["versions"].items())
    facts.append(f"- versions: {versions}")
    return "\n".join(["## How it was trained", "", *facts])


def _licence(strokes: bool) -> str:
    others = (
        " and on Pen-Based Recognition of Handwritten Digits (Alpaydin and Alimoglu, CC BY 4.0)"
    )
    return (
        "## Licence\n\nThe weights were trained on MNIST (LeCun, Cortes and Burges, CC BY-SA 3.0)"
        f"{others if strokes else ''}; the code is under the MIT licence."
    )
