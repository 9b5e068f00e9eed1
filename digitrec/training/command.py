"""Train the digit recogniser on MNIST and write a run folder.

digitrec train                      # the shipped recipe, without pen strokes
digitrec train --preset fast        # 1.5 minutes instead of half an hour
digitrec train --preset classic     # the published system that digitrec is compared with
digitrec train --data FOLDER        # your own labelled pictures instead of MNIST
digitrec train --resume runs/NAME   # continue a run that was interrupted
"""

import argparse
import sys
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path

import jax
from jax.sharding import Mesh
from rich.console import Console

from digitrec.errors import BadCheckpointError, DigitrecError, HubError, HubUnavailableError
from digitrec.hub import client
from digitrec.hub.background import BackgroundPush
from digitrec.output import ends_with_its_output
from digitrec.training import checkpoint, devices, display, loop, own_run, run, synthesis
from digitrec.training.data import OwnSplit, Split, concatenate, load_mnist, split_mnist
from digitrec.training.inputs import Inputs, read_inputs
from digitrec.training.interruption import answer_signals, exit_status, unless_interrupted
from digitrec.training.recipe import (
    OPTIONS,
    PRESETS,
    Recipe,
    add_inputs,
    count,
    make_recipe,
    name_and_value,
    require_same_inputs,
    settings,
)


def run_program(arguments: list[str] | None = None) -> int:
    """Train as a program of its own, which answers Ctrl-C and SIGTERM."""
    answer_signals()
    return main(arguments, "digitrec train")


@ends_with_its_output
def main(arguments: list[str] | None = None, program: str = "python train.py") -> int:
    """Run the command line; return its exit status.

    Arguments:
        program: the command that starts this program, for its messages.
    """
    name = program.removeprefix("python ")
    options = parse_options(arguments, program)
    folder = Path(options.resume or options.output or f"runs/{datetime.now():%Y%m%d-%H%M%S}")
    values = {name: text for name in OPTIONS if (text := getattr(options, name)) is not None}
    values |= dict(options.set)
    inputs = Inputs()
    # A run is the same whatever the environment says of JAX's numbers.
    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_disable_jit", False)
    try:
        devices.join(options.coordinator, options.processes, options.process_id)
        console = Console(highlight=False, soft_wrap=True, quiet=not devices.is_first())
        if options.resume:
            if devices.is_first():
                run.require_free(folder)
            recipe = run.read_recipe(folder)
        else:
            usual = "best" if not options.data else "tune" if options.start else "own"
            recipe = make_recipe(options.preset or usual, values)
        if options.show_recipe:
            print(*display.recipe_lines(recipe), sep="\n")
            return 0
        if not options.resume and devices.is_first():
            run.require_new_folder(folder)
        inputs = read_inputs(
            options.strokes, options.extra_data, data=options.data, start=options.start
        )
        if options.resume:
            require_same_inputs(inputs, recipe, folder)
        else:
            if inputs.own:
                recipe = own_run.complete(recipe, inputs, with_mnist=options.with_mnist)
            recipe = add_inputs(recipe, inputs)
        train(folder, recipe, inputs, options, console)
    except DigitrecError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if not (folder / run.RECIPE_FILE).exists():
            print(f"\n{name}: stopped before the training began", file=sys.stderr)
            return exit_status()
        command = run.command_to_continue(program, folder, options, inputs)
        print(f"\n{name}: stopped. To continue: {command}", file=sys.stderr)
        return exit_status()
    return 0


def train(
    folder: Path, recipe: Recipe, inputs: Inputs, options: argparse.Namespace, console: Console
) -> None:
    """Load, split, fit, save, report, push; the run's folder is made once all data is read."""
    if options.push_to_hub and devices.is_first():
        try:
            client.prepare_model(options.push_to_hub)  # fails now if the token is wrong
        except HubUnavailableError as error:
            display.show_warning(console, str(error))
    with_mnist = recipe.with_mnist or inputs.own is None
    mnist = load_mnist(options.data_dir, options.manual_dir) if with_mnist else None
    material = inputs.own and own_run.gather(recipe, inputs.own, mnist)
    if material:
        split = material.split
    else:
        assert mnist is not None
        split = split_mnist(*mnist, recipe.split)
    if inputs.corrections is not None:
        split = split._replace(train=concatenate([split.train, inputs.corrections]))
    mesh = devices.make_mesh(options.devices, recipe.training.batch_size)
    weights = inputs.base and inputs.base.weights
    initial = loop.initial_progress(recipe, len(split.train.labels), weights)
    console.print(f"Run folder: {folder}")
    console.print(*display.data_lines(recipe, inputs, split), sep="\n", markup=False)

    with run.locked(folder) if devices.is_first() else nullcontext():
        if not options.resume and devices.is_first():
            run.start_run(folder, recipe)
        if material:
            crossed = own_run.cross_validate(folder, recipe, material, initial, mesh, console)
        progress = fit(folder, recipe, inputs, split, initial, mesh, options, console)
        devices.leave()
        if not devices.is_first():
            return
        if material:
            figures = own_run.publish(folder, recipe, inputs, material, progress, crossed)
        else:
            assert isinstance(split, Split)
            figures = run.publish(folder, recipe, split, progress)
    display.print_result(console, folder, figures, recipe.network.classes)
    if options.push_to_hub:
        try:
            console.print(f"Pushed: {client.push_model(folder, options.push_to_hub)}")
        except HubError as error:
            raise HubError(
                f"The model is in {folder}, but was not pushed ({str(error).rstrip('.')}). Once "
                f"that is fixed: python -m digitrec.hub push-model {folder} {options.push_to_hub}"
            ) from error


def fit(
    folder: Path,
    recipe: Recipe,
    inputs: Inputs,
    split: Split | OwnSplit,
    initial: loop.Progress,
    mesh: Mesh,
    options: argparse.Namespace,
    console: Console,
) -> loop.Progress:
    """Continue from the newest state; save one after each epoch and push in the background."""
    warn, states = partial(display.show_warning, console), folder / run.STATES_FOLDER
    images = synthesis.count_images(len(split.train.labels), inputs.digits, recipe.synthesis)
    make_more = synthesis.image_maker(
        split.train, inputs.digits, recipe.synthesis, recipe.training.seed
    )
    progress = checkpoint.restore_progress(states, initial, warn)
    epochs, done, pushed, warned = recipe.training.epochs, len(progress.history), 0, False
    if done:
        console.print(f"Continuing after epoch {done}")
    with (
        BackgroundPush(warn) as pushes,
        display.progress_bar(console, epochs, images, done) as show,
    ):
        for latest in loop.fit(
            *(split.train, split.validation, recipe, progress),
            *(unless_interrupted(show), make_more, mesh),
        ):
            progress = latest
            if not devices.is_first():
                continue
            try:
                checkpoint.save_progress(states, progress)
            except BadCheckpointError as error:
                if not warned:
                    warn(f"{error} Training continues and tries again after each epoch.")
                warned = True
            best, epoch = progress.early_stopping.best_epoch, len(progress.history)
            console.print(display.epoch_line(progress.history, best, epochs))
            if isinstance(split, OwnSplit):
                continue  # cross-validation has measured it already
            if options.push_every and epoch % options.push_every == 0 and best > pushed:
                push = partial(run.push_best, options.push_to_hub, recipe, split, progress)
                pushed = best if pushes.start(push) else pushed
    return progress


def parse_options(arguments: list[str] | None, program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=program,
        epilog=f"Example: {program} --preset fast --output runs/fast",
        description="Train the digit recogniser on MNIST, or on your own labelled pictures, and "
        "write a run folder with the model, its figures and its plots.",
    )

    def add(name: str, help: str, metavar: str | None = None, **details) -> None:
        parser.add_argument(name, help=help, metavar=metavar, **details)

    add("--output", "folder of the new run (default: runs/DATE-TIME)", "DIR")
    add("--resume", "continue this run with its own recipe (default: start a new run)", "RUN")
    add(
        "--preset",
        "best: the recipe of the shipped model; fast: 1.5 minutes, MNIST only; classic: the "
        "published system that digitrec is compared with; own and tune: for your own pictures, "
        "beginning with random weights or with those of a model (default: best)",
        choices=PRESETS,
    )
    for _, field, value in settings(PRESETS["best"]):
        if field.name in OPTIONS:
            about = f"{field.metadata['meaning']} (default: the preset's; best: {value})"
            add(f"--{field.name.replace('_', '-')}", about, "VALUE")
    add(
        "--set",
        "change any setting of the recipe; may be repeated (default: the preset's)",
        "NAME=VALUE",
        action="append",
        type=name_and_value,
        default=[],
    )
    parser.add_argument("--show-recipe", action="store_true", help="print all settings and exit")
    add(
        "--data-dir",
        "folder of tensorflow-datasets (default: $TFDS_DATA_DIR or ~/tensorflow_datasets)",
        "DIR",
    )
    add("--manual-dir", "folder with MNIST's four .gz files (default: download them)", "DIR")
    add(
        "--data",
        "train on your own labelled pictures instead of MNIST: a folder with a folder of pictures "
        "for each label, such as 7/one.png; an .npz file with images and labels; or "
        "USER/DATASET[@REVISION] on the Hugging Face Hub (default: MNIST)",
        "PLACE",
    )
    parser.add_argument(
        "--with-mnist",
        action="store_true",
        help="beside your own pictures, also train on 5,000 of MNIST's training images",
    )
    add(
        "--from",
        "for your own pictures: start from a model's weights, in smaller steps: a folder, "
        "USER/NAME[@REVISION] on the Hub, or bundled for the model that came with digitrec "
        "(default: random weights)",
        "MODEL",
        dest="start",
    )
    add(
        "--strokes",
        "also train on these digits, UNIPEN pen strokes, drawn differently each time; "
        "docs/training.md says where to find such a file (default: none)",
        "FILE",
    )
    add(
        "--extra-data",
        "also train on corrections that the app collected: a folder, or USER/DATASET[@REVISION] "
        "on the Hugging Face Hub (default: none)",
        "DIR_OR_DATASET",
    )
    add("--push-to-hub", "publish the model on the Hugging Face Hub (default: do not)", "USER/NAME")
    add(
        "--push-every",
        "also publish the best epoch so far, every N epochs (default: only at the end)",
        "N",
        type=count,
    )
    devices.add_options(parser)
    options = parser.parse_args(arguments)
    devices.check_options(parser, options)
    if options.push_every and not options.push_to_hub:
        parser.error("--push-every needs --push-to-hub USER/NAME.")
    if not options.data and (options.start or options.with_mnist):
        parser.error("--from and --with-mnist need --data PLACE, your own labelled pictures.")
    others = ("strokes", "extra_data", "push_every", "coordinator")
    if options.data and (unfit := [name for name in others if getattr(options, name)]):
        parser.error(
            f"--data cannot be combined with --{unfit[0].replace('_', '-')}. Leave it out."
        )
    given = [name for name in ("output", "preset", *OPTIONS, "set") if getattr(options, name)]
    if options.resume and given:
        parser.error(
            f"--resume {options.resume} uses the settings of that run. Leave --"
            f"{', --'.join(sorted(given)).replace('_', '-')} out."
        )
    return options
