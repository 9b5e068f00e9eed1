"""Training on one's own labelled pictures: cross-validation, then a model that saw all of them."""

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Bool, Int, UInt8
from rich.console import Console
from scipy import ndimage
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from digitrec.errors import BadCheckpointError, DatasetUnavailableError, TrainingError
from digitrec.network import pretrained
from digitrec.network.model import DIGITS, NetworkConfig
from digitrec.reading.drawing import to_mnist
from digitrec.training import display, loop, report, run
from digitrec.training.data import Examples, OwnSplit, concatenate
from digitrec.training.evaluation import Evaluation, evaluate, judge, network_logits
from digitrec.training.inputs import Inputs
from digitrec.training.interruption import unless_interrupted
from digitrec.training.metrics import FEW, fit_temperature
from digitrec.training.own_data import OwnData
from digitrec.training.recipe import Recipe
from digitrec.training.synthesis import draw_doodles

FOLDS = 5
FOLDS_FOLDER = "folds"  # in the run's: what each fold's network said of its pictures
# An epoch goes through the pictures until they are so many, changed in another way each time.
EPOCH_IMAGES = 2_000
MNIST_IMAGES = 5_000  # of MNIST's training images, with --with-mnist
ALIKE = 0.8  # correlation with a picture from which on a doodle may show the same
DOODLES = 0.1  # share of the pictures of an epoch
MOST_DOODLES, MOST_COMPARED = 1_000, 10_000  # different ones, and pictures that they must not show


class Material(NamedTuple):
    """What a run makes its training images of."""

    pictures: Examples  # one's own; labels are places in the classes of the model
    classes: tuple[str, ...]
    writers: Int[np.ndarray, " count"] | None
    others: Examples  # doodles, and MNIST's images if they are wanted
    test: Examples | None  # MNIST's

    @property
    def split(self) -> OwnSplit:
        return OwnSplit(self.take(np.ones(len(self.pictures.labels), bool)), None, self.test)

    def take(self, chosen: Bool[np.ndarray, " count"]) -> Examples:
        """Make training images with the chosen pictures.

        They are the same number whatever is chosen, so that the training is compiled once.
        """
        count = max(EPOCH_IMAGES, len(chosen))
        places = np.resize(np.flatnonzero(chosen), count)
        pictures = Examples(self.pictures.images[places], self.pictures.labels[places])
        return concatenate([pictures, self.others])


def complete(recipe: Recipe, inputs: Inputs, *, with_mnist: bool) -> Recipe:
    """Give a recipe the classes of the data, and the network of the model that it starts from.

    Raises: DatasetUnavailableError for a class with too few pictures; TrainingError for settings
        that are for MNIST only.
    """
    own, base = inputs.own, inputs.base
    assert own is not None
    for part, names in (
        (recipe.synthesis, ("non_digits", "redrawn", "glyphs")),
        (recipe.augmentation, ("marks",)),
    ):
        if used := [name for name in names if getattr(part, name)]:
            raise TrainingError(
                f"{used[0]} is for MNIST's digits. With --data add --set {used[0]}=0."
            )
    if base is not None and recipe.network != NetworkConfig():
        raise TrainingError(
            "--from brings its own network. Leave out --preset and the --set that change it."
        )
    network = recipe.network if base is None else base.network
    if with_mnist:
        classes = (*DIGITS, *(name for name in own.classes if name not in DIGITS))
    elif base is not None and set(own.classes) <= set(network.classes):
        classes = network.classes
    else:
        classes = own.classes
    if missing := set(classes) - set(own.classes) - set(DIGITS if with_mnist else ()):
        raise DatasetUnavailableError(
            f"--data {own.name} has no pictures of {', '.join(sorted(missing))}, which the model "
            "would forget. Add some, or add --with-mnist."
        )
    for name, count in own.count().items():
        if count < 2:
            raise DatasetUnavailableError(
                f"--data {own.name} has only one picture of {name!r}. Cross-validation needs two "
                "of each class, one to learn from and one to measure with; add some."
            )
    return replace(recipe, network=replace(network, classes=classes), with_mnist=with_mnist)


def gather(recipe: Recipe, own: OwnData, mnist: tuple[Examples, Examples] | None) -> Material:
    """Bring one's own pictures, doodles and some of MNIST's images together.

    Arguments:
        mnist: its training and test images, if they are wanted.
    """
    random = np.random.default_rng(recipe.training.seed)
    classes = recipe.network.classes
    pictures = Examples(own.examples.images, _rename(own.examples.labels, own.classes, classes))
    count = round(DOODLES * max(EPOCH_IMAGES, len(pictures.labels)))
    others, test = [make_doodles(pictures, count, len(classes), random)], None
    if mnist is not None:
        train, test = (
            part._replace(labels=_rename(part.labels, DIGITS, classes)) for part in mnist
        )
        chosen = random.permutation(len(train.labels))[:MNIST_IMAGES]
        others.append(Examples(train.images[chosen], train.labels[chosen]))
    return Material(pictures, classes, own.writers, concatenate(others), test)


def _rename(labels: np.ndarray, old: Sequence[str], new: Sequence[str]) -> np.ndarray:
    return np.array([new.index(name) for name in old], np.int32)[labels]


def make_doodles(
    pictures: Examples, count: int, label: int, random: np.random.Generator
) -> Examples:
    """Draw what is none of the classes, unlike every one of the pictures."""
    compared = random.permutation(len(pictures.labels))[:MOST_COMPARED]
    drawn = [to_mnist(one) for one in draw_doodles(2 * min(count, MOST_DOODLES), random)]
    images = np.array(drawn, np.uint8)
    likeness = (_blur(images) @ _blur(pictures.images[compared, ..., 0]).T).max(1)
    # Where a class looks like a doodle, as a dot does, fewer are left; those are used again.
    unlike = images[likeness < ALIKE]
    images = np.resize(unlike, (count, *images.shape[1:])) if len(unlike) else images[:0]
    return Examples(images[..., None], np.full(len(images), label, np.int32))


def _blur(images: UInt8[np.ndarray, "count 28 28"]) -> np.ndarray:
    """Give each image as a vector of length 1, in which near lines overlap."""
    blurred = ndimage.gaussian_filter(images.astype(np.float32), (0, 1, 1)).reshape(
        len(images), 784
    )
    return blurred / np.linalg.norm(blurred, axis=1, keepdims=True)


def make_folds(material: Material, seed: int) -> list[Bool[np.ndarray, " count"]]:
    """Divide the pictures: each is held out once, and those of one writer together.

    Returns: for each fold, which pictures are held out.
    """
    labels, writers = material.pictures.labels, material.writers
    if writers is not None and writers.max() > 0:
        count = min(FOLDS, int(writers.max()) + 1)
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    else:
        count = min(FOLDS, int(np.unique(labels, return_counts=True)[1].min()))
        folds = StratifiedKFold(count, shuffle=True, random_state=seed)
    held_out = [places for _, places in folds.split(labels, labels, writers)]
    return [np.isin(np.arange(len(labels)), places) for places in held_out if len(places)]


def cross_validate(
    folder: Path,
    recipe: Recipe,
    material: Material,
    initial: loop.Progress,
    mesh: Mesh,
    console: Console,
) -> Evaluation:
    """Judge each picture by a network that was trained without it, all else the same.

    What a fold's network says is kept in the run's folder, and is not computed again when the run
    is continued.

    Raises: BadCheckpointError when a fold cannot be kept; TrainingError.
    """
    pictures, epochs = material.pictures, recipe.training.epochs
    logits = np.empty((len(pictures.labels), len(material.classes)), np.float32)
    folds = make_folds(material, recipe.split.split_seed)
    for number, held_out in enumerate(folds, 1):
        kept = folder / FOLDS_FOLDER / f"{number}.npy"
        found = _read(kept, (int(held_out.sum()), logits.shape[1]))
        if found is None:
            train = material.take(~held_out)
            with display.progress_bar(console, epochs, len(train.labels), 0) as show:
                report = unless_interrupted(show)
                *_, last = loop.fit(train, None, recipe, initial, report, mesh=mesh)
            found = network_logits(run.best_network(recipe, last), pictures.images)[held_out]
            _write(kept, found)
        logits[held_out] = found
        right = int((found.argmax(1) == pictures.labels[held_out]).sum())
        console.print(
            f"fold {number}/{len(folds)}  {right} of {len(found)} held-out pictures are right"
        )
    temperature = fit_temperature(logits, pictures.labels)
    if len(logits) < FEW:
        # Of few answers all may be right, which does not make the network surer than it says.
        temperature = max(1.0, temperature)
    evaluation = judge(logits, pictures.labels, temperature)
    return evaluation._replace(figures={"folds": len(folds), **evaluation.figures})


def publish(
    folder: Path,
    recipe: Recipe,
    inputs: Inputs,
    material: Material,
    progress: loop.Progress,
    crossed: Evaluation,
) -> dict:
    """Publish the last epoch, with the figures of the cross-validation, into the run's folder.

    Returns: the contents of `metrics.json`.
    Raises: BadCheckpointError when they cannot be written.
    """
    network, classes = run.best_network(recipe, progress), material.classes
    config = run.describe_model(recipe, crossed, inputs)
    with run.writing(folder):
        report.plot_curves(list(progress.history), folder / "training_curves.png")
        misread = report.plot_test(material.pictures, crossed, folder, "held-out pictures", classes)
        figures = {"cross_validation": {**crossed.figures, "misread": misread}}
        if material.test is not None:
            test = evaluate(network, material.test, crossed.temperature)
            figures["test"] = test.figures
        figures |= run.describe_run(recipe, material.split.train, progress)
        pretrained.save_model(folder, nnx.state(network), config, figures)
    return figures


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    with suppress(OSError, ValueError, EOFError):  # it is not there, or damaged
        found = np.load(path, allow_pickle=False)
        return found if found.shape == shape else None
    return None


def _write(path: Path, logits: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, logits)
    try:
        path.parent.mkdir(exist_ok=True)
        pretrained.write_atomically(path, content.getvalue())
    except OSError as error:
        raise BadCheckpointError(
            f"{path} cannot be written ({error.strerror}). Free some space, then continue with "
            f"--resume {path.parents[1]}."
        ) from error
