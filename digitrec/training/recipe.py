"""A recipe: everything that decides the outcome of a training run."""

import argparse
import dataclasses
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from digitrec.errors import (
    BadCheckpointError,
    DatasetUnavailableError,
    TrainingError,
    first_line,
)
from digitrec.network.model import DIGITS, NetworkConfig, make_abstract_network
from digitrec.network.settings import COUNT, as_tuples, check_setting, parse_setting
from digitrec.training.augment import AugmentConfig
from digitrec.training.data import SplitConfig
from digitrec.training.inputs import Inputs
from digitrec.training.optimizer import TrainingConfig
from digitrec.training.synthesis import SynthesisConfig


@dataclass(frozen=True)
class Recipe:
    split: SplitConfig = SplitConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    augmentation: AugmentConfig = AugmentConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    # SHA-256 of the data besides MNIST; None without.
    strokes_sha256: str | None = None
    extra_data_sha256: str | None = None
    # Of what one's own pictures show, and of the weights that the training starts from.
    data_sha256: str | None = None
    start_sha256: str | None = None
    with_mnist: bool = False  # the pictures and MNIST
    command: str = dataclasses.field(default="", compare=False)  # for people to read

    def to_json(self) -> dict:
        """Give a dictionary ready for JSON, the split's settings at its top."""
        values = dataclasses.asdict(self)
        return values.pop("split") | values

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str | PathLike) -> "Recipe":
        """Undo `to_json`; other keys of the dictionary are ignored.

        Arguments:
            where: the folder that it was read from, for the message.

        Raises: BadCheckpointError.
        """
        try:
            recipe = cls(
                split=_pick(SplitConfig, values),
                network=NetworkConfig.from_json(values["network"]),
                training=_pick(TrainingConfig, values["training"]),
                augmentation=_pick(AugmentConfig, values["augmentation"]),
                synthesis=_pick(SynthesisConfig, values["synthesis"]),
                strokes_sha256=values["strokes_sha256"],
                extra_data_sha256=values.get("extra_data_sha256"),  # older runs lack it
                data_sha256=values.get("data_sha256"),
                start_sha256=values.get("start_sha256"),
                with_mnist=values.get("with_mnist", False),
                command=values["command"],
            )
            for _, field, value in settings(recipe):
                check_setting(field, value)
        except (KeyError, TypeError, ValueError) as error:
            problem = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
            raise BadCheckpointError(
                f"{where} does not record a complete recipe ({problem}). Train it again, or use "
                "the version of digitrec that trained it."
            ) from error
        return recipe


OLDER_RECIPES = {"small": 0.0, "sharpness": 0.0}  # what they do not record


def _pick(kind: type, values: Mapping[str, Any]) -> Any:
    values = OLDER_RECIPES | dict(values)
    return kind(**{field.name: as_tuples(values[field.name]) for field in dataclasses.fields(kind)})


def recipe_of_model(config: dict, folder: str | PathLike) -> Recipe:
    """Give the recipe that a published model was trained with.

    Arguments:
        config: the contents of its `config.json`.

    Raises: BadCheckpointError.
    """
    network = {**config["model"], "classes": config.get("classes", DIGITS)}
    return Recipe.from_json({"network": network, **config["training"]}, folder)


# Settings that have an option of their own in `train.py`, besides --set.
OPTIONS = ("protocol", "seed", "split_seed", "epochs", "batch_size", "learning_rate")


class Setting(NamedTuple):
    part: str  # the field of the recipe that holds it, such as "training"
    field: dataclasses.Field
    value: Any


def settings(recipe: Recipe) -> Iterator[Setting]:
    """Go through all settings; no two have the same name."""
    for part in ("split", "network", "training", "augmentation", "synthesis"):
        config = getattr(recipe, part)
        for field in dataclasses.fields(config):
            if field.metadata:  # the classes are not a setting
                yield Setting(part, field, getattr(config, field.name))


def make_recipe(preset: str, values: Mapping[str, str]) -> Recipe:
    """Make the recipe of a new run, before its data is read.

    Arguments:
        preset: a key of PRESETS.
        values: other settings, by name and as text.

    Raises: TrainingError.
    """
    command = ["python", "train.py"]
    if preset != "best":
        command += ["--preset", preset]
    for name, text in values.items():
        if name in OPTIONS:
            command += [f"--{name.replace('_', '-')}", text]
        else:
            command += ["--set", f"{name}={text}"]
    recipe = change(PRESETS[preset], values)
    try:
        make_abstract_network(recipe.network)
        if recipe.network.head_features and recipe.network.pooled_side < 1:
            raise ValueError("no pixels are left of an image")
    except Exception as error:  # JAX raises errors of many kinds for shapes that do not fit
        raise TrainingError(
            "The settings filters and kernel_sizes do not describe a network "
            f"({first_line(error)}). Give both one entry for each block."
        ) from error
    return dataclasses.replace(recipe, command=shlex.join(command))


def add_inputs(recipe: Recipe, inputs: Inputs) -> Recipe:
    """Record what a new run trains on besides MNIST: checksums, and names in the command."""
    options = []
    for option, place in (("--data", inputs.data), ("--from", inputs.start)):
        if place:
            options += [option, place if "@" in place else Path(place).name]
    if recipe.with_mnist:
        options += ["--with-mnist"]
    if inputs.strokes:
        options += ["--strokes", Path(inputs.strokes).name]
    if inputs.extra_data:
        source = inputs.extra_data  # a dataset at its commit, or a folder of this machine
        options += ["--extra-data", source if "@" in source else Path(source).name]
    return dataclasses.replace(
        recipe,
        strokes_sha256=inputs.strokes_sha256,
        extra_data_sha256=inputs.extra_data_sha256,
        data_sha256=inputs.data_sha256,
        start_sha256=inputs.start_sha256,
        command=" ".join([recipe.command, *map(shlex.quote, options)]),
    )


def change(recipe: Recipe, values: Mapping[str, str]) -> Recipe:
    """Set some settings, given by name and as text.

    Raises: TrainingError, which lists what is allowed.
    """
    fields = {setting.field.name: setting for setting in settings(recipe)}
    for name, text in values.items():
        if name not in fields:
            raise TrainingError(
                f"--set {name}={text}: there is no such setting. Choose one of "
                f"{', '.join(sorted(fields))}."
            )
        part, field, _ = fields[name]
        try:
            value = parse_setting(field, text)
        except ValueError as error:
            raise TrainingError(f"{error} ({field.metadata['meaning']}).") from error
        config = dataclasses.replace(getattr(recipe, part), **{name: value})
        recipe = dataclasses.replace(recipe, **{part: config})
    return recipe


def name_and_value(text: str) -> tuple[str, str]:
    """Read what `--set` takes, for `argparse`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {text!r}")
    return name.replace("-", "_"), value


def count(text: str) -> int:
    """Read a whole number above 0, for `argparse`."""
    if not text.isdecimal() or not COUNT.holds(int(text)):
        raise argparse.ArgumentTypeError(f"expected {COUNT.text}, found {text!r}")
    return int(text)


def require_same_inputs(inputs: Inputs, recipe: Recipe, run: str | PathLike) -> None:
    """Raise DatasetUnavailableError when a resumed run would get other data than it began with."""
    advice = {
        "strokes": "the same file",
        "extra_data": "the same folder, or the same dataset at the same commit "
        "(USER/DATASET@COMMIT)",
        "data": "the same pictures, or the same dataset at the same commit (USER/DATASET@COMMIT)",
        "start": "the same model, or the same repository at the same commit (USER/NAME@COMMIT)",
    }
    for name, same in advice.items():
        recorded = getattr(recipe, f"{name}_sha256")
        if getattr(inputs, f"{name}_sha256") == recorded:
            continue
        option = "--from" if name == "start" else f"--{name.replace('_', '-')}"
        given = getattr(inputs, name)
        if recorded is None:
            raise DatasetUnavailableError(
                f"--resume {run} was started without {option}. Leave {option} {given} out."
            )
        problem = f"{option} {given} has another" if given else f"{option} is missing"
        raise DatasetUnavailableError(
            f"--resume {run} was started with {option} of SHA-256 {recorded}, but {problem}. "
            f"Give {same}."
        )


def differences(recipe: Recipe, other: Recipe) -> list[str]:
    """Name the settings and the data in which two recipes differ."""
    data = ("strokes_sha256", "extra_data_sha256", "data_sha256", "start_sha256", "with_mnist")
    return [
        *(
            one.field.name
            for one, two in zip(settings(recipe), settings(other), strict=True)
            if one.value != two.value
        ),
        *(name for name in data if getattr(recipe, name) != getattr(other, name)),
    ]


# The shipped recipe.
BEST = Recipe()

# A smaller network, without drawings: 99.43 % of the validation images after 80 s, on average.
FAST = Recipe(
    network=NetworkConfig(
        border=2,
        kernel_sizes=((4,), (3,), (2, 2)),
        pooling="maximum",
        head_features=0,
        block_dropout=0.03,
    ),
    training=TrainingConfig(epochs=5, learning_rate=0.006, warmup_epochs=0.3, calm_epochs=2),
    augmentation=AugmentConfig(
        rotation=10.0, stretch=0.1, elasticity=0.5, marks=0.0, sharpness=0.0
    ),
    synthesis=SynthesisConfig(non_digits=0.0, redrawn=0.0, glyphs=0.0, small=0.0),
)

# The published 'Enhanced MNIST Digit Recognition Model', as it describes itself: three blocks of
# 32, 64 and 128 filters with batch normalisation and dropout, Adam, a learning rate reduced on a
# plateau, early stopping, rotation, zoom and translation, a stratified 42,000 images.
CLASSIC = Recipe(
    split=SplitConfig(protocol="kaggle-42k"),
    network=NetworkConfig(
        kernel_sizes=((3,), (3,), (3,)), pooling="maximum", block_dropout=0.1, head_dropout=0.3
    ),
    training=TrainingConfig(
        epochs=60,
        optimizer="adamw",
        learning_rate=0.001,
        schedule="plateau",
        plateau_factor=0.5,
        plateau_patience=3,
        calm_epochs=0,
        patience=10,
    ),
    augmentation=AugmentConfig(
        rotation=10.0,
        zoom=0.1,
        stretch=0.0,
        shear=0.0,
        translation=2.8,  # a tenth of the image
        elasticity=0.0,
        marks=0.0,
        sharpness=0.0,
    ),
    synthesis=SynthesisConfig(non_digits=0.0, redrawn=0.0, glyphs=0.0, small=0.0),
)

# Of one's own pictures: few, and their signs need not be digits. An epoch is 2,000 images or more.
OWN = Recipe(
    training=TrainingConfig(epochs=10, batch_size=64, warmup_epochs=1.0, calm_epochs=2),
    augmentation=AugmentConfig(marks=0.0),
    synthesis=SynthesisConfig(non_digits=0.0, redrawn=0.0, glyphs=0.0, small=0.0),
)

# The same, from a model that reads already: in smaller steps, and fewer of them.
TUNE = dataclasses.replace(
    OWN, training=dataclasses.replace(OWN.training, epochs=8, learning_rate=0.001)
)

PRESETS = {"best": BEST, "fast": FAST, "classic": CLASSIC, "own": OWN, "tune": TUNE}
