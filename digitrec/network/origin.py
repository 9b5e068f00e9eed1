"""What a published model was trained on, and under which licences, as its `config.json` says."""

from typing import NamedTuple


class Source(NamedTuple):
    """Data that a model was trained on."""

    name: str
    use: str  # what of it trained
    credit: str = ""  # who made it
    licence: str = ""  # such as "CC BY 4.0"; "" where none is known
    link: str = ""
    dataset: str = ""  # on the Hugging Face Hub


MNIST = Source(
    "MNIST",
    "scanned digits, without the test images",
    "LeCun, Cortes and Burges",
    "CC BY-SA 3.0",
    "https://huggingface.co/datasets/ylecun/mnist",
    "ylecun/mnist",
)
MNIST_BY_TFDS = "tensorflow-datasets mnist"  # how `data` names it, before its version
PEN_STROKES = Source(
    "Pen-Based Recognition of Handwritten Digits",
    "pen strokes of writers 1-24, drawn with many brushes",
    "Alpaydin and Alimoglu",
    "CC BY 4.0",
    "https://archive.ics.uci.edu/dataset/81",
)
GENERATED_DIGITS = Source(
    "generated digits", "many ways of writing each digit, drawn by digitrec", "digitrec", "MIT"
)
GENERATED_NON_DIGITS = Source(
    "generated non-digits",
    "doodles and spoiled digits, as examples of what is no digit",
    "digitrec",
)
CORRECTIONS = Source("corrections", "drawings that visitors of the demo agreed to give")


def find_sources(training: dict) -> list[Source]:
    """List what a model was trained on; its figures are of the first of them.

    Arguments:
        training: the part of `config.json` of that name. Its `data` is a text that names a data
            set; or, of a model of somebody's own pictures, a dictionary with their `name`, the
            number of `pictures` and, by name, how many are of each class (`per_class`); whether
            MNIST was added (`with_mnist`); and `from`, None or the `name` and `data` of the model
            whose weights it began with.
    """
    data = training.get("data") or MNIST_BY_TFDS  # as of all models once
    if isinstance(data, dict):
        sources = _find_own_sources(data)
    else:
        is_mnist = str(data).startswith(MNIST_BY_TFDS)
        sources = [MNIST if is_mnist else Source(str(data), "labelled pictures")]
    synthesis = training.get("synthesis") or {}
    if training.get("strokes_sha256"):
        sources.append(PEN_STROKES)
    if synthesis.get("glyphs"):
        sources.append(GENERATED_DIGITS)
    if synthesis.get("non_digits"):
        sources.append(GENERATED_NON_DIGITS)
    if training.get("extra_data_sha256"):
        sources.append(CORRECTIONS)
    if taught := training.get("taught"):
        sources.append(Source("one hand", f"{taught} digits that it was taught after training"))
    return sources


def _find_own_sources(data: dict) -> list[Source]:
    each = ", ".join(f"{name}: {count:,}" for name, count in data["per_class"].items())
    sources = [Source(data["name"], f"{data['pictures']:,} labelled pictures ({each})")]
    if data["with_mnist"]:
        sources.append(MNIST._replace(use="some of the training images"))
    if base := data["from"]:
        use = f"through the weights of {base['name']}, with which training began"
        learned = [
            source._replace(use=use)
            for word, source in (("MNIST", MNIST), ("pen strokes", PEN_STROKES))
            if word in base["data"]
        ]
        sources += learned or [Source(base["data"], use)]
    return sources


def find_licence(training: dict) -> str | None:
    """Give the weights' licence, such as "CC BY 4.0"; None where it is for their owner to say.

    MNIST's asks that what is made from it is shared alike.
    """
    names = [source.name for source in find_sources(training)]
    return MNIST.licence if MNIST.name in names else None
