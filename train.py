"""Train the digit recogniser on MNIST and write a run folder.

python train.py                      # the shipped recipe
python train.py --preset fast        # 2.5 minutes instead of half an hour
python train.py --resume runs/NAME   # continue a run that was interrupted
"""

import argparse
import dataclasses
import hashlib
import json
import platform
import shlex
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from joblib import cpu_count
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from digitrec import checkpoint, data, hub, metrics, pretrained, report, synthesis, training
from digitrec.augment import AugmentConfig
from digitrec.corrections import read_corrections
from digitrec.errors import (
    BadCheckpointError,
    DatasetUnavailableError,
    DigitrecError,
    HubError,
    HubUnavailableError,
)
from digitrec.hub.background import BackgroundPush
from digitrec.model import Network, NetworkConfig
from digitrec.strokes import TRAINING_WRITERS, read_unipen
from digitrec.synthesis import SynthesisConfig

OPTIONS_FILE = "options.json"
STATES_FOLDER = "states"
# Other defaults for the options and the fields of the configurations that have these names.
PRESETS = {
    "best": {},
    "fast": {
        "epochs": 7,
        "learning_rate": 0.004,
        "warmup_epochs": 0.3,
        "calm_epochs": 2,
        "kernel_sizes": ((4,), (3,), (2, 2)),
        "block_dropout": 0.03,
        "rotation": 10.0,
        "stretch": 0.1,
        "elasticity": 0.5,
        "marks": 0.0,
        "non_digits": 0.0,
        "redrawn": 0.0,
        "glyphs": 0.0,
    },
}
# What a resumed run may be told anew: where the data lies and the model goes changes no result.
PLACES = {
    *["data_dir", "manual_dir", "strokes", "extra_data", "output", "resume"],
    *["push_to_hub", "push_every"],
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options, given = parse_options(arguments)
    try:
        if options.resume:
            run = Path(options.resume)
            settings = read_settings(run, given)
        else:
            run = Path(options.output or f"runs/{datetime.now():%Y%m%d-%H%M%S}")
            settings = make_settings(options, given)
            start_run(run, settings)
        train(run, settings, options)
    except DigitrecError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = ["python", "train.py", "--resume", str(run)]
        for name in ("strokes", "extra_data", "push_to_hub", "push_every"):
            if name in given:
                again += [f"--{name.replace('_', '-')}", str(given[name])]
        print(f"\ntrain.py: stopped; to go on: {shlex.join(again)}", file=sys.stderr)
        return 130
    return 0


def train(run: Path, settings: dict, places: argparse.Namespace) -> None:
    """Load, split, fit, save, report, push."""
    console = Console(highlight=False, soft_wrap=True)
    network_config = NetworkConfig.from_json(settings["network"])
    config = training.TrainingConfig(**settings["training"])
    console.print(f"Run folder: {run}")

    def warn(message: str) -> None:
        console.print(f"Warning: {message}", markup=False)

    if places.push_to_hub:
        try:
            hub.prepare_model(places.push_to_hub)  # a wrong token should show now
        except HubUnavailableError as error:
            warn(str(error))
    split = data.load_split(run, settings, places.data_dir, places.manual_dir)
    console.print(
        f"MNIST, protocol {settings['protocol']}: {len(split.train.labels):,} images to train, "
        f"{len(split.validation.labels):,} to validate, {len(split.test.labels):,} to test"
    )
    digits = []
    if checksum(places.strokes) != settings["strokes_sha256"]:
        raise DatasetUnavailableError(
            f"--resume {run} needs what the run was started with, --strokes of SHA-256 "
            f"{settings['strokes_sha256']}, but --strokes is {places.strokes}; give the same file."
        )
    if places.strokes:
        digits = read_unipen(places.strokes, TRAINING_WRITERS)
        console.print(f"{places.strokes}: {len(digits):,} digits of pen strokes to train")
    if places.extra_data or settings.get("extra_data_sha256"):
        split = split._replace(train=add_corrections(split.train, run, settings, places, console))
    synthesis_config = SynthesisConfig(**settings["synthesis"])

    images = synthesis.count_images(len(split.train.labels), digits, synthesis_config)
    make_more = None
    if images > len(split.train.labels):  # otherwise there is nothing to start a process for
        make_more = partial(
            synthesis.synthesize, split.train, digits, synthesis_config, config.seed
        )
    initial = training.initial_progress(network_config, config, len(split.train.labels))
    pushes, pushed = BackgroundPush(warn), 0
    with checkpoint.open_states(run / STATES_FOLDER) as states, stopping(pushes):
        progress = checkpoint.restore_progress(states, initial)
        if progress.history:
            console.print(f"Continuing after epoch {len(progress.history)}")
        with progress_bar(console) as bar:
            task = bar.add_task(
                "",
                total=config.epochs * images,
                completed=len(progress.history) * images,
                status="compiling",
            )

            def show(report: training.ScanReport) -> None:
                if interrupted.is_set():
                    raise KeyboardInterrupt
                bar.update(
                    task,
                    description=f"epoch {report.epoch}/{config.epochs}",
                    advance=report.images,
                    status=f"loss {report.loss:.4f}  accuracy {100 * report.accuracy:.2f} %  "
                    f"{report.images_per_second:,.0f} images/s",
                )

            for latest in training.fit(
                split.train,
                split.validation,
                network_config,
                config,
                AugmentConfig(**settings["augmentation"]),
                progress,
                show,
                make_more,
                synthesis_config.refresh,
            ):
                progress = latest
                checkpoint.save_progress(states, progress)
                console.print(epoch_line(progress, config.epochs))
                best, epoch = progress.early_stopping.best_epoch, len(progress.history)
                if places.push_every and epoch % places.push_every == 0 and best > pushed:
                    push = partial(push_best, places.push_to_hub, settings, split, progress)
                    pushed = best if pushes.start(push) else pushed
    pushes.stop()  # before the final push, which it might undo otherwise
    finish(run, settings, split, progress, console)
    if places.push_to_hub:
        try:
            address = hub.push_model(run, places.push_to_hub)
        except HubError as error:
            raise HubError(
                f"The model is in {run}, but was not pushed ({str(error).rstrip('.')}); when that "
                f"is mended: python -m digitrec.hub push-model {run} {places.push_to_hub}"
            ) from error
        console.print(f"Pushed: {address}")


@contextmanager
def stopping(pushes: BackgroundPush):
    try:
        yield
    except BaseException:
        pushes.stop(timeout=5)
        raise


def push_best(
    repository: str, settings: dict, split: data.Split, progress: training.Progress, **pausing
) -> None:
    """Push the best epoch so far; the test images stay unread."""
    config, figures, _ = describe(settings, split, progress, ["validation"])
    with tempfile.TemporaryDirectory() as folder:
        pretrained.save_model(folder, best_state(progress), config, figures)
        hub.push_model(folder, repository, **pausing)


def add_corrections(
    train: data.Examples, run: Path, settings: dict, places: argparse.Namespace, console: Console
) -> data.Examples:
    digest = None
    if places.extra_data:
        extra, source, digest = read_corrections(places.extra_data)
    if digest != settings.get("extra_data_sha256"):
        raise DatasetUnavailableError(
            f"--resume {run} needs what the run was started with, --extra-data of SHA-256 "
            f"{settings.get('extra_data_sha256')}, but --extra-data is {places.extra_data}; give "
            "the same folder, or the same dataset at the same commit (USER/DATASET@COMMIT)."
        )
    console.print(f"{source}: {len(extra.labels):,} corrections to train")
    return data.concatenate([train, extra])


def finish(
    run: Path, settings: dict, split: data.Split, progress: training.Progress, console: Console
) -> None:
    """Publish the best epoch into the run folder; the only place that reads the test images."""
    config, figures, probabilities = describe(settings, split, progress, ["validation", "test"])
    history = list(progress.history)
    report.plot_curves(history, run / "training_curves.png")
    report.plot_test(split.test, probabilities["test"], figures["test"], run)
    pretrained.save_model(run, best_state(progress), config, figures)
    for name in ("validation", "test"):
        console.print(report.accuracy_table(figures[name], name))
    size = (run / pretrained.WEIGHTS_FILE).stat().st_size / 1e6
    console.print(
        f"Best epoch {progress.early_stopping.best_epoch} of {len(history)}, "
        f"{figures['training']['seconds']:.0f} s of training, "
        f"{figures['training']['images_per_second']:,.0f} images/s, {size:.2f} MB of weights\n"
        f"Model: {run}    to try it: python app.py --model {run}"
    )


def best_state(progress: training.Progress) -> nnx.State:
    return nnx.merge_state(progress.best_params, progress.best_batch_stats)


def describe(
    settings: dict, split: data.Split, progress: training.Progress, parts: list[str]
) -> tuple[dict, dict, dict]:
    """Calibrate the best epoch and measure it on parts of the data, "validation" among them.

    Returns: the contents of `config.json` and `metrics.json`, and the probabilities of each part.
    """
    network = Network(NetworkConfig.from_json(settings["network"]), rngs=nnx.Rngs(0))
    network.eval()
    logits = {
        name: np.asarray(
            training.compute_logits(
                progress.best_params,
                progress.best_batch_stats,
                getattr(split, name).images,
                graphdef=nnx.graphdef(network),
            )
        )
        for name in parts
    }
    temperature = metrics.fit_temperature(logits["validation"], split.validation.labels)
    probabilities = {
        name: metrics.calibrated_probabilities(part_logits, temperature)
        for name, part_logits in logits.items()
    }
    figures = {
        name: metrics.classification_metrics(getattr(split, name).labels, part_probabilities)
        for name, part_probabilities in probabilities.items()
    }
    history = list(progress.history)
    figures["training"] = {
        "protocol": settings["protocol"],
        "images": len(split.train.labels),
        "epochs": len(history),
        "best_epoch": progress.early_stopping.best_epoch,
        "seconds": sum(entry["seconds"] for entry in history),
        "images_per_second": float(np.median([entry["images_per_second"] for entry in history])),
        "history": history,
    }
    figures["model"] = {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(progress.best_params)),
    }
    config = {
        "model": settings["network"],
        "temperature": temperature,
        "digit_threshold": metrics.fit_digit_threshold(logits["validation"]),
        "training": {
            **{name: value for name, value in settings.items() if name != "network"},
            "data": f"tensorflow-datasets mnist {data.MNIST_VERSION}",
            "hardware": f"{cpu_count()} CPU core(s), {jax.devices()[0].device_kind} by JAX",
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("flax", "jax", "numpy", "optax")},
            },
        },
    }
    return config, figures, probabilities


def progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def epoch_line(progress: training.Progress, epochs: int) -> str:
    entry = progress.history[-1]
    best = progress.early_stopping
    return (
        f"epoch {len(progress.history):>3}/{epochs}  "
        f"train loss {entry['train_loss']:.4f} accuracy {100 * entry['train_accuracy']:.2f} %  "
        f"validation loss {entry['validation_loss']:.4f} "
        f"accuracy {100 * entry['validation_accuracy']:.2f} %  "
        f"best {100 * best.best_accuracy:.2f} % (epoch {best.best_epoch})  "
        f"{entry['images_per_second']:,.0f} images/s"
    )


def make_settings(options: argparse.Namespace, given: dict) -> dict:
    """Gather all that decides the outcome of a run, ready for JSON."""

    def chosen(config):
        return {
            field.name: getattr(options, field.name, field.default)
            for field in dataclasses.fields(config)
        }

    command = ["python", "train.py"]
    for name, value in given.items():
        if name not in PLACES:
            command += [f"--{name.replace('_', '-')}", str(value)]
    if options.strokes:
        command += ["--strokes", Path(options.strokes).name]
    extra_data = {}
    if options.extra_data:
        _, source, digest = read_corrections(options.extra_data)
        command += ["--extra-data", source if "@" in source else Path(source).name]
        extra_data = {"extra_data_sha256": digest}
    return {
        "command": shlex.join(command),
        "protocol": options.protocol,
        "validation_fraction": options.validation_fraction,
        "split_seed": options.split_seed,
        "network": chosen(NetworkConfig),
        "training": chosen(training.TrainingConfig),
        "augmentation": chosen(AugmentConfig),
        "synthesis": chosen(SynthesisConfig),
        "strokes_sha256": checksum(options.strokes),
        **extra_data,
    }


def checksum(path: str | None) -> str | None:
    """Give the SHA-256 of a file, None for none."""
    if path is None:
        return None
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetUnavailableError(
            f"--strokes {path} should be a file of pen strokes, but cannot be read "
            f"({error.strerror}); the README says where to find one."
        ) from error


def start_run(run: Path, settings: dict) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
        if any(run.iterdir()):
            raise BadCheckpointError(
                f"--output {run} should be a new or an empty folder, but holds files; choose "
                f"another, or continue that run with --resume {run}."
            )
        pretrained.write_json(run / OPTIONS_FILE, settings)
    except OSError as error:
        raise BadCheckpointError(
            f"--output {run} should be a folder to write to, but is not ({error.strerror}); "
            "choose another."
        ) from error


def read_settings(run: Path, given: dict) -> dict:
    if others := given.keys() - PLACES:
        raise BadCheckpointError(
            f"--resume {run} takes all options from the run, but --"
            f"{', --'.join(sorted(others)).replace('_', '-')} was given as well; leave it out."
        )
    if (run / pretrained.METRICS_FILE).exists():  # the last file that a run writes
        raise BadCheckpointError(
            f"--resume {run} should name an unfinished run, but this one is finished; "
            f"try it with: python app.py --model {run}"
        )
    try:
        settings = json.loads((run / OPTIONS_FILE).read_text())
        NetworkConfig.from_json(settings["network"])
        training.TrainingConfig(**settings["training"])
        AugmentConfig(**settings["augmentation"])
        SynthesisConfig(**settings["synthesis"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpointError(
            f"--resume {run} should name a run's folder, but its {OPTIONS_FILE} cannot be read "
            f"({error}); list the runs with: ls runs"
        ) from error
    return settings


def parse_options(arguments: list[str] | None) -> tuple[argparse.Namespace, dict]:
    """Return all options, and those among them that were given, in their order."""
    parser = argparse.ArgumentParser(
        description="Train the digit recogniser on MNIST and write a run folder: the best "
        "checkpoint, config.json, metrics.json, training curves and a confusion matrix."
    )

    def add(group, config, name, convert, text, **details):
        default = getattr(config, name)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=convert,
            default=default,
            help=f"{text} (default: {default})",
            **details,
        )

    run = parser.add_argument_group("run")
    run.add_argument(
        "--output", metavar="DIR", help="folder of the new run (default: runs/DATE-TIME)"
    )
    run.add_argument(
        "--resume",
        metavar="RUN",
        help="continue the run in this folder, with the options it was started with "
        "(default: start a new run)",
    )
    run.add_argument(
        "--preset",
        choices=PRESETS,
        default="best",
        help="what the other options default to: best, the shipped recipe, or fast, which takes "
        "2.5 minutes and makes no drawings (default: best)",
    )
    run.add_argument(
        "--push-to-hub",
        metavar="USER/NAME",
        help="publish the model on the Hugging Face Hub at the end (default: do not)",
    )
    run.add_argument(
        "--push-every",
        type=positive_whole_number,
        metavar="N",
        help="also publish the best epoch so far after every N epochs, beside the training "
        "(default: only at the end)",
    )
    config = training.TrainingConfig
    add(run, config, "seed", whole_number, "seed of the weights and of all randomness in training")
    source = parser.add_argument_group("data")
    source.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of tensorflow-datasets (default: $TFDS_DATA_DIR or ~/tensorflow_datasets)",
    )
    source.add_argument(
        "--manual-dir",
        metavar="DIR",
        help="folder with MNIST's four .gz files, instead of downloading them (default: download)",
    )
    source.add_argument(
        "--protocol",
        choices=data.PROTOCOLS,
        default="official",
        help="official: the 60,000 training images, tested on the 10,000; kaggle-42k: a "
        "stratified 42,000 of all 70,000, tested on the other 28,000 (default: official)",
    )
    source.add_argument(
        "--validation-fraction",
        type=fraction,
        default=0.1,
        help="share of the images that validates, between 0 and 1 (default: 0.1)",
    )
    source.add_argument(
        "--split-seed",
        type=whole_number,
        default=0,
        help="which images validate; runs compare only where these are the same (default: 0)",
    )
    learning = parser.add_argument_group("training")
    add(learning, config, "epochs", positive_whole_number, "passes over the training images")
    add(learning, config, "batch_size", positive_whole_number, "images per step")
    add(learning, config, "optimizer", str, "Optax optimiser", choices=training.OPTIMIZERS)
    add(learning, config, "learning_rate", positive, "peak learning rate, per step")
    add(learning, config, "weight_decay", share, "weight decay, 0 to below 1")
    add(
        learning,
        config,
        "schedule",
        str,
        "learning-rate schedule: cosine (after a warm-up) or plateau (reduced when the "
        "validation loss stops falling)",
        choices=training.SCHEDULES,
    )
    add(learning, config, "warmup_epochs", not_negative, "epochs of warm-up, for cosine")
    add(learning, config, "plateau_factor", fraction, "what plateau multiplies the rate by")
    add(
        learning,
        config,
        "plateau_patience",
        positive_whole_number,
        "epochs without a lower validation loss before plateau reduces the rate",
    )
    add(learning, config, "label_smoothing", share, "label smoothing, 0 to below 1")
    add(learning, config, "calm_epochs", whole_number, "last epochs, with ever less augmentation")
    add(
        learning,
        config,
        "patience",
        positive_whole_number,
        "epochs without a better validation accuracy before training stops",
    )
    network = parser.add_argument_group("network")
    add(network, NetworkConfig, "block_dropout", share, "dropout after each block, 0 to below 1")
    add(network, NetworkConfig, "head_dropout", share, "dropout in the head, 0 to below 1")
    more = parser.add_argument_group("drawings, made while training")
    add(more, SynthesisConfig, "non_digits", share, "images of no digit, as a share of MNIST's")
    add(more, SynthesisConfig, "redrawn", share, "MNIST's images redrawn, as a share of all")
    add(more, SynthesisConfig, "glyphs", share, "drawings of glyphs, as a share of MNIST's images")
    more.add_argument(
        "--strokes",
        metavar="FILE",
        help="digits as UNIPEN pen strokes, to be drawn in ever new ways; the README says where "
        "to find such a file (default: none)",
    )
    add(more, SynthesisConfig, "repetitions", positive_whole_number, "times that each is used")
    add(more, SynthesisConfig, "refresh", positive_whole_number, "epochs that drawings serve")
    changes = parser.add_argument_group("augmentation")
    add(changes, AugmentConfig, "rotation", not_negative, "largest rotation, degrees either way")
    add(changes, AugmentConfig, "zoom", share, "largest zoom, share of the size, 0 to below 1")
    add(changes, AugmentConfig, "stretch", share, "largest difference between width and height")
    add(changes, AugmentConfig, "shear", not_negative, "largest slant, columns per row either way")
    add(changes, AugmentConfig, "translation", not_negative, "largest shift, pixels either way")
    add(changes, AugmentConfig, "elasticity", not_negative, "bending, pixels, standard deviation")
    add(changes, AugmentConfig, "marks", share, "share of 0, 1 and 7 that get a mark")

    more.add_argument(
        "--extra-data",
        metavar="DIR_OR_DATASET",
        help="corrections that the app collected: a folder, or USER/DATASET[@REVISION] on the "
        "Hugging Face Hub (default: none)",
    )

    parser.set_defaults(**PRESETS[parser.parse_args(arguments).preset])
    options = parser.parse_args(arguments)
    if options.push_every and not options.push_to_hub:
        parser.error("--push-every needs --push-to-hub USER/NAME; give both.")
    nothing = argparse.Namespace(**dict.fromkeys(vars(options), _NOT_GIVEN))
    parsed = parser.parse_args(arguments, nothing)
    return options, {k: v for k, v in vars(parsed).items() if v is not _NOT_GIVEN}


_NOT_GIVEN = object()


def number(convert, accept, expected):
    def parse(text: str):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not accept(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
        return value

    return parse


whole_number = number(int, lambda value: 0 <= value < 2**32, "a whole number from 0 to 2^32 - 1")
positive_whole_number = number(int, lambda value: value >= 1, "a whole number above 0")
positive = number(float, lambda value: 0 < value < np.inf, "a number above 0")
not_negative = number(float, lambda value: 0 <= value < np.inf, "a number of 0 or more")
fraction = number(float, lambda value: 0 < value < 1, "a number between 0 and 1")
share = number(float, lambda value: 0 <= value < 1, "a number from 0 to below 1")


interrupted = threading.Event()


def interrupt(*_) -> None:
    """Answer Ctrl-C, and remember it: Python drops what is raised in a callback.

    Unlike Python's own answer it also keeps asyncio, by which Orbax saves, from making its own.
    """
    interrupted.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt)
    sys.exit(main())
