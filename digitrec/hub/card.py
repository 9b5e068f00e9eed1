"""The model card: what the Hub shows about a published model."""

import re
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, NamedTuple

from huggingface_hub import EvalResult, ModelCard, ModelCardData, constants

from digitrec.hub.files import ANSWERS, PICTURES
from digitrec.hub.numpy_example import numpy_example
from digitrec.network.origin import MNIST, Source, find_licence, find_sources

DIGITS = [*"0123456789"]
PARTS = {  # of `metrics.json`
    "test": "test images",
    "cross_validation": "each before it had seen it (cross-validation)",
    "validation": "validation",
}


class Links(NamedTuple):
    """What a card links to."""

    code: str | None = None  # an address; by default, what the installed package names
    space: str | None = None  # "user/name"


def make_card(
    repository: str,
    config: dict,
    metrics: dict,
    files: Collection[str] = (),
    links: Links | None = None,
) -> ModelCard:
    """Write a model card; figures that were not measured are left out.

    Arguments:
        repository: "user/name", for the examples of how to use it.
        config, metrics: the contents of `config.json` and `metrics.json`.
        files: the names of the files in the repository; the pictures among them are shown.
    """
    training = config["training"]
    classes = list(config.get("classes") or DIGITS)
    sources = find_sources(training)
    datasets = list(dict.fromkeys(source.dataset for source in sources if source.dataset))
    licence = find_licence(training)
    links = links or Links()
    code = links.code or find_code()
    data = ModelCardData(
        model_name=_name(repository),
        # Of the weights; the code's is MIT.
        license=licence and licence.lower().replace(" ", "-"),
        library_name="flax",
        pipeline_tag="image-classification",
        datasets=datasets or None,
        metrics=["accuracy"],
        tags=[
            *["digitrec", "jax", "flax", "safetensors", "handwriting"],
            *(["mnist"] if MNIST.dataset in datasets else []),
            *(["digit-recognition", "handwritten-digit-recognition"] if classes == DIGITS else []),
        ],
        eval_results=_evaluations(metrics, sources[0]) or None,
    )
    sections = [
        _introduction(repository, metrics, classes, files, links.space, code),
        _use(repository, classes, code),
        _inputs_and_outputs(classes),
        _figures(metrics, sources[0], classes, files),
        _limits(classes, training),
        _training(training, metrics, sources),
        _elsewhere(repository, config, code),
        _citation(repository, config),
        _licence(sources, licence),
    ]
    return ModelCard("\n\n".join([f"---\n{data.to_yaml()}\n---", *filter(None, sections)]) + "\n")


def is_unfinished(metrics: dict) -> bool:
    """Tell from its figures whether a model is still in training."""
    return "validation" in metrics and not {"test", "cross_validation"} & set(metrics)


def find_code() -> str:
    """Give the address of digitrec's code that the installed package names; "" without one."""
    try:
        named = metadata("digitrec").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a folder
        return ""
    addresses = dict(line.split(", ", 1) for line in named)
    return addresses.get("Repository") or addresses.get("Source") or ""


def _name(repository: str) -> str:
    return repository.split("/")[-1]


def _introduction(
    repository: str,
    metrics: dict,
    classes: list[str],
    files: Collection[str],
    space: str | None,
    code: str,
) -> str:
    parameters = metrics.get("model", {}).get("parameters")
    size = f" of {4 * parameters / 1e6:.1f} MB" if parameters else ""
    if classes == DIGITS:
        reads = "handwritten digits and numbers, drawn on a screen or photographed on paper"
    else:
        reads = f"{len(classes)} handwritten characters: {' '.join(classes)}"
    lines = [f"# {_name(repository)}", ""]
    if ANSWERS in files:
        caption = "Five pictures; under each, the pixels that the network saw, and its answer"
        lines += [f"![{caption}]({ANSWERS})", ""]
    lines.append(
        f"A small convolutional network{size} that reads {reads}. It gives a calibrated "
        "probability for each answer, and a score for whether the picture shows "
        f"{'a digit' if classes == DIGITS else 'one of them'} at all. It needs no GPU."
    )
    addresses = []
    if space:
        addresses.append(f"[Try it in your browser]({constants.ENDPOINT}/spaces/{space})")
    if code:
        addresses.append(f"[Code and documentation]({code})")
    return "\n".join([*lines, "", " · ".join(addresses)]).rstrip()


def _use(repository: str, classes: list[str], code: str) -> str:
    where = "" if code else "In a checkout of digitrec, with Python 3.11 to 3.13:\n\n"
    example = ['print(recognizer.predict("picture.png").top())']
    if classes == DIGITS:
        example = [
            'print(recognizer.predict("seven.png").digit)  # 7',
            'print(recognizer.read_number("42.png").text)  # 42',
        ]
    return "\n".join(
        [
            f"## Use it\n\n{where}```bash\n{_install(code)}\n```",
            "\n```python\nfrom digitrec import DigitRecognizer\n",
            f'recognizer = DigitRecognizer.from_pretrained("{repository}")',
            *example,
            "```",
        ]
    )


def _install(code: str, extra: str = "") -> str:
    """Write the command that installs digitrec, from its code's address or in a checkout."""
    if code:
        return f'pip install "digitrec{extra} @ git+{code}"'
    return f'pip install ".{extra}"' if extra else "pip install ."


def _inputs_and_outputs(classes: list[str]) -> str:
    lines = [
        "## What goes in and what comes out",
        "",
        "A picture is a path, an open file or its bytes, a PIL image, a NumPy array, or what a "
        "Gradio Sketchpad gives: of any size, dark on light or light on dark, with the writing "
        "anywhere in it.",
        "",
        "| method | the picture shows | the answer |",
        "| --- | --- | --- |",
    ]
    if classes == DIGITS:
        lines += [
            "| `predict` | one digit | a `Prediction`: `digit` (0 to 9, or `None` if it shows no "
            "digit), `probabilities` (ten, which add up to 1), `digit_score`, `image` (the 28×28 "
            "pixels that the network saw) |",
            '| `read_number` | one row of one to twelve digits | a `Number`: `text` ("42", or "" '
            "if it shows no number), `probability` that the whole text is right, `digits` (a "
            "`Prediction` for each), `boxes` (where they are) |",
            "| `read_lines` | up to twelve such rows, one below the other | a list of `Number`, "
            "from top to bottom |",
        ]
    else:
        lines.append(
            f"| `predict` | one of {' '.join(classes)} | a `Prediction`: `probabilities` "
            f"({len(classes)}, which add up to 1), `digit_score`, `image` (the 28×28 pixels that "
            "the network saw) |"
        )
    lines += [
        "",
        "Probabilities are calibrated: of the answers with 90 %, about nine in ten are right.",
    ]
    return "\n".join(lines)


def _figures(metrics: dict, tested: Source, classes: list[str], files: Collection[str]) -> str:
    accuracies = _accuracies(metrics, tested)
    if not accuracies:
        return ""
    lines = ["## Accuracy", "", *accuracies]
    if "drawn_digits" in metrics:
        lines += ["", "The writers of the drawings are not among those of the training data."]
    if test := metrics.get("test"):
        error = f"{100 * test['calibration_error']:.2f} %"
        lines += ["", f"Calibration error on the test images: {error}."]
        details = _each_class(test, classes)
    else:
        details = []
    if is_unfinished(metrics):
        lines += ["", "Training has not finished; the test images have not been read yet."]
    plots = [f"![{caption}]({name})" for name, caption in PICTURES.items() if name in files]
    if details := [*filter(None, ["\n".join(details)]), *plots]:
        summary = "<summary>Each class, what is misread, and how training went</summary>"
        lines += ["", "<details>", summary, "", "\n\n".join(details), "", "</details>"]
    return "\n".join(lines)


def _accuracies(metrics: dict, tested: Source) -> list[str]:
    """Give the accuracies as a Markdown table, or nothing if there are none."""
    rows = []
    if drawn := metrics.get("drawn_digits"):
        rows.append(("people's drawings, all brushes and sizes", drawn["mean"], drawn["drawings"]))
    if numbers := metrics.get("numbers"):
        # As many numbers of each length, 1 to 6 digits, have each of six gaps.
        apart = numbers["lines"] * (5 * 4) // (6 * 6)
        rows.append(("numbers of 2 to 6 digits, gaps of 5 % and more", numbers["mean"], apart))
    if paper := metrics.get("paper"):
        rows.append(("digits on lined or squared paper", paper["flat"], paper["drawings"]))
        rows.append(("the same, as in a photo", paper["photo"], paper["drawings"]))
    for part, images in PARTS.items():
        if part in metrics:
            name = f"{tested.name}, {images}"
            rows.append((name, metrics[part]["accuracy"], metrics[part]["count"]))
    if not rows:
        return []
    lines = ["| pictures | read correctly | of |", "| --- | ---: | ---: |"]
    return lines + [f"| {name} | **{100 * share:.2f} %** | {of:,} |" for name, share, of in rows]


def _each_class(test: dict, classes: list[str]) -> list[str]:
    """Give the precision and recall of each class as a Markdown table."""
    if "per_class" not in test:
        return []
    return [
        "| answer | precision | recall | test images |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {100 * row['precision']:.2f} % | {100 * row['recall']:.2f} % "
            f"| {row['count']:,} |"
            for name, row in zip(classes, test["per_class"], strict=True)
        ),
    ]


def _evaluations(metrics: dict, tested: Source) -> list[EvalResult]:
    task: dict[str, Any] = {
        "task_type": "image-classification",
        "task_name": "Image classification",
    }
    results = []
    if test := metrics.get("test") or metrics.get("cross_validation"):
        results.append(
            EvalResult(
                **task,
                dataset_type=tested.dataset or tested.name,
                dataset_name=tested.name,
                dataset_split="test" if "test" in metrics else "cross-validation",
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


def _limits(classes: list[str], training: dict) -> str:
    lines = ["## Limits", ""]
    if classes == DIGITS:
        lines += [
            "- `predict` takes the whole picture for one digit. For a picture that may show "
            "several, use `read_number`: it reads one to twelve digits in one row. Of several "
            "rows, it says how many there are, and `read_lines` reads up to twelve.",
            "- Minus signs and the commas of thousands are left out. Decimal points and "
            "underlines that are drawn like the digits, and letters that look like digits (O, S, "
            "Z, q, g), are misread.",
        ]
    if not training.get("synthesis", {}).get("non_digits", True):
        lines.append(
            "- It was not trained on pictures that show nothing of the kind, so do not rely on the "
            "score for that."
        )
    lines.append(
        "- It was not made for cheques, forms, exams or anything else where a mistake does harm."
    )
    return "\n".join(lines)


def _training(training: dict, metrics: dict, sources: list[Source]) -> str:
    lines = ["## How it was trained", ""]
    if sources:
        lines += ["| data | what of it | by | licence |", "| --- | --- | --- | --- |"]
        for source in sources:
            name = f"[{source.name}]({source.link})" if source.link else source.name
            lines.append(f"| {name} | {source.use} | {source.credit} | {source.licence} |")
        lines.append("")
    if command := training.get("command"):
        lines.append(f"- command: `{command}`")
    if run := metrics.get("training"):
        reason = " for its validation accuracy" if "validation" in metrics else ""
        lines.append(
            f"- {run['epochs']} epochs in {run['seconds'] / 60:.0f} minutes; epoch "
            f"{run['best_epoch']} was kept{reason}"
        )
    if hardware := training.get("hardware"):
        lines.append(f"- hardware: {hardware}")
    if model := metrics.get("model"):
        lines.append(f"- parameters: {model['parameters']:,}")
    seed = training.get("training", {}).get("seed")
    if seed is not None:
        lines.append(f"- seed: {seed}")
    if versions := training.get("versions"):
        numbers = ", ".join(f"{name} {number}" for name, number in versions.items())
        lines.append(f"- versions: {numbers}")
    return "\n".join(lines)


def _elsewhere(repository: str, config: dict, code: str) -> str:
    onnx = (
        "As an ONNX model, with its calibration, for any of ONNX's runtimes:\n\n```bash\n"
        f"{_install(code, '[onnx]')}\n"
        f"digitrec export --onnx {_name(repository)}.onnx --model {repository}\n```"
    )
    lines = [
        "## Without digitrec",
        "",
        "The network takes images of 28×28 pixels: bright ink on black, scaled to fit 20×20, "
        "with the centre of mass in the middle. digitrec makes such images of drawings and "
        "photos.",
        "",
        onnx,
        "",
        f"Or with NumPy and safetensors, after `hf download {repository} --local-dir .`, with "
        "your images in `images.npy`:",
        "",
        f"```python\n{numpy_example(config['model'])}```",
    ]
    return "\n".join(lines)


def _citation(repository: str, config: dict) -> str:
    user, name = repository.split("/")
    return f"""## Citation

```bibtex
@misc{{{re.sub(r"[^A-Za-z0-9]", "", name)},
  author       = {{{user}}},
  title        = {{{name}: handwriting read by a small Flax network}},
  howpublished = {{\\url{{{constants.ENDPOINT}/{repository}}}}},
  note         = {{weights with the SHA-256 {config["weights_sha256"][:12]}}}
}}
```"""


def _licence(sources: list[Source], licence: str | None) -> str:
    credits = [
        f"{source.name} ({source.credit}, {source.licence})" for source in sources if source.link
    ]
    if licence:
        weights = f"The weights are under {licence}, as MNIST is."
    else:
        weights = "The licence of the weights is for the owner of the data to choose."
    learned = f" They were trained on {' and '.join(credits)}." if credits else ""
    return f"## Licence\n\n{weights}{learned} The code is under the MIT licence."
