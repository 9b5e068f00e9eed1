"""The training itself: states in, states out; nothing here prints or writes."""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice, repeat
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, Key, UInt8
from threadpoolctl import threadpool_limits

from digitrec.cores import count_cores
from digitrec.errors import TrainingError
from digitrec.network import pretrained
from digitrec.network.compilation import jit
from digitrec.network.model import Network, NetworkConfig, make_graphdef
from digitrec.training import gradients
from digitrec.training.augment import AugmentConfig, augment
from digitrec.training.data import Examples, concatenate
from digitrec.training.devices import agree, bring_back, make_mesh, replicate, share_out
from digitrec.training.evaluation import compute_logits
from digitrec.training.optimizer import TrainingConfig, augmentation_strength, make_optimizer
from digitrec.training.recipe import Recipe

REPORTS_PER_EPOCH = 10


class TrainState(NamedTuple):
    params: nnx.State
    batch_stats: nnx.State
    optimizer_state: optax.OptState
    key: Key[Array, ""]  # never consumed: each step folds its own number in
    step: Int[Array, ""]


class EarlyStopping(NamedTuple):
    patience: int
    best_accuracy: float = -1.0
    best_epoch: int = 0  # counted from 1; 0 before the first
    epochs_without_improvement: int = 0

    def update(self, accuracy: float, epoch: int) -> "EarlyStopping":
        """Count an epoch. Of equally accurate epochs the last is the best: it has trained longer,
        and on images that were augmented less.
        """
        return EarlyStopping(
            self.patience,
            max(accuracy, self.best_accuracy),
            epoch if accuracy >= self.best_accuracy else self.best_epoch,
            0 if accuracy > self.best_accuracy else self.epochs_without_improvement + 1,
        )

    @property
    def should_stop(self) -> bool:
        return self.epochs_without_improvement >= self.patience


class Progress(NamedTuple):
    """Everything about a run after some epochs; enough to continue it."""

    state: TrainState
    best_params: nnx.State
    best_batch_stats: nnx.State
    early_stopping: EarlyStopping
    history: tuple[dict[str, float], ...] = ()  # one entry an epoch


class ScanReport(NamedTuple):
    """What a progress bar shows: means over the steps since the previous report."""

    epoch: int  # counted from 1
    images: int  # trained on since the previous report
    loss: float
    accuracy: float
    images_per_second: float


@partial(jit, static_argnames=("graphdef", "optimizer", "augment_config", "label_smoothing"))
def train_epoch(
    state: TrainState,
    images: UInt8[Array, "count 28 28 1"],
    labels: Int[Array, " count"],
    batches: Int[Array, "steps batch"],
    validation_loss: Float[Array, ""],
    strength: Float[Array, ""],
    *,
    graphdef: nnx.GraphDef,
    optimizer: optax.GradientTransformationExtraArgs,
    augment_config: AugmentConfig | None,
    label_smoothing: float,
) -> tuple[TrainState, Float[Array, ""], Float[Array, ""]]:
    """Train for an epoch, or a part of one, as one `lax.scan` over batches.

    Arguments:
        images, labels: the whole training set, on the device; labels count the classes from 0; the
            number of classes is the label of what is none of them (NO_DIGIT).
        batches: indices of the images of each step.
        validation_loss: of the previous epoch, for the plateau schedule (infinite at first).
        strength: of the augmentation, 0-1.
        graphdef: the network's, in training mode.
        augment_config: None trains on the images as they are.

    Returns: the new state, the mean loss and the mean accuracy on the augmented images.
    """

    def step(state, batch):
        augment_key, dropout_key = jax.random.split(
            jax.random.fold_in(state.key, 2 * state.step)  # even numbers: steps; odd: epochs
        )
        pixels = images[batch]
        if augment_config:
            pixels = augment(pixels, labels[batch], augment_key, augment_config, strength)

        def loss_and_statistics(params):
            network = nnx.merge(graphdef, params, state.batch_stats, copy=True)
            # The logit of what is none of the classes is fixed at 0; the others are relative to it.
            logits = jnp.pad(network(pixels, dropout_key), ((0, 0), (0, 1)))
            one_hot = jax.nn.one_hot(labels[batch], logits.shape[1])
            targets = optax.smooth_labels(one_hot, label_smoothing)
            loss = optax.softmax_cross_entropy(logits, targets).mean()
            return loss, (logits, nnx.state(network, nnx.BatchStat))

        (loss, (logits, batch_stats)), gradients = jax.value_and_grad(
            loss_and_statistics, has_aux=True
        )(state.params)
        updates, optimizer_state = optimizer.update(
            gradients, state.optimizer_state, state.params, value=validation_loss
        )
        params = optax.apply_updates(state.params, updates)
        accuracy = (logits.argmax(-1) == labels[batch]).mean()
        new_state = TrainState(params, batch_stats, optimizer_state, state.key, state.step + 1)
        return new_state, (loss, accuracy)

    state, (losses, accuracies) = jax.lax.scan(step, state, batches)
    return state, losses.mean(), accuracies.mean()


def initial_progress(
    recipe: Recipe, train_count: int, weights: dict[str, np.ndarray] | None = None
) -> Progress:
    """Give the start of a run: weights drawn with the recipe's seed.

    Arguments:
        weights: by their names, instead of those that are drawn; one of another shape is not taken.

    Raises: TrainingError when there are fewer training images than one batch.
    """
    config = recipe.training
    if train_count < config.batch_size:
        raise TrainingError(
            f"{train_count} training images do not fill one batch of {config.batch_size}. Give a "
            "smaller --batch-size."
        )
    params, batch_stats = _draw_weights(jax.random.key(config.seed), recipe.network)
    if weights is not None:
        params, batch_stats = (pretrained.replace(s, weights) for s in (params, batch_stats))
    optimizer, _ = make_optimizer(config, train_count // config.batch_size)
    state = TrainState(
        params,
        batch_stats,
        optimizer.init(params),
        jax.random.key(config.seed),
        jnp.zeros((), jnp.int32),
    )
    return Progress(state, params, batch_stats, EarlyStopping(config.patience))


@partial(jit, static_argnames="config")  # one compilation instead of one for each shape
def _draw_weights(key: Key[Array, ""], config: NetworkConfig) -> tuple[nnx.State, ...]:
    """Give the parameters and batch statistics of a network that has not been trained."""
    return nnx.state(Network(config, rngs=nnx.Rngs(key)), nnx.Param, nnx.BatchStat)


def fit(
    train: Examples,
    validation: Examples | None,
    recipe: Recipe,
    progress: Progress | None = None,
    on_report: Callable[[ScanReport], None] = lambda report: None,
    make_more: Callable[[int], Examples] | None = None,
    mesh: Mesh | None = None,
) -> Iterator[Progress]:
    """Train, yielding the progress after each epoch.

    Each epoch shuffles the training images and runs as about ten scans of equal length, so that
    `on_report` is called more often than once a minute. Images that do not fill a batch, or batches
    that do not fill a scan, are left out.

    Arguments:
        train, validation: uint8 images and int32 labels. Without any to validate on, no epoch is
            better than the last.
        progress: where to continue (default: from the start). All randomness is derived from the
            seed and the step, so a continued run ends with the same weights, bit for bit, as one
            that was never interrupted.
        make_more: makes additional training images, the same number each time. It is called with 0,
            1, ... ahead of time in other processes, so it must be picklable. The images of one call
            are used for as many epochs as the recipe's `refresh` says.
        mesh: the devices that share each batch evenly (default: the first one). Each of several
            joined processes calls with the same arguments and yields the same.

    Raises: TrainingError when the loss, a weight or the optimiser's state is no longer finite;
        everything that was yielded before is finite.
    """
    config = recipe.training
    mesh = mesh or make_mesh(1)
    progress = progress or initial_progress(recipe, len(train.labels))
    epochs = range(len(progress.history) + 1, config.epochs + 1)
    prepared = _prepare(train, make_more, epochs, recipe.synthesis.refresh)
    first = next(prepared, train)
    full_batches = len(first.labels) // config.batch_size
    scan_steps = max(1, round(full_batches / REPORTS_PER_EPOCH))
    scans = full_batches // scan_steps
    scan_images = scan_steps * config.batch_size
    epoch_images = scans * scan_images
    optimizer, schedule = make_optimizer(config, scans * scan_steps)
    train_graphdef = make_graphdef(recipe.network, gradients.OPERATIONS, training=True)
    evaluation_graphdef = make_graphdef(recipe.network, training=False)

    for epoch, examples in zip(epochs, chain([first], prepared), strict=False):
        if progress.early_stopping.should_stop:
            return
        started = time.perf_counter()
        history, key = progress.history, jax.random.fold_in(progress.state.key, 2 * epoch + 1)
        order = np.asarray(jax.random.permutation(key, len(examples.labels)))
        batches = order[:epoch_images].reshape(scans, scan_steps, config.batch_size)
        state, images, labels = replicate((progress.state, *examples), mesh)
        means = []
        for scan in range(scans):
            scan_started = time.perf_counter()
            state, loss, accuracy = train_epoch(
                state,
                images,
                labels,
                share_out(batches[scan], mesh),
                history[-1].get("validation_loss", np.inf) if history else np.inf,
                augmentation_strength(config, epoch),
                graphdef=train_graphdef,
                optimizer=optimizer,
                augment_config=recipe.augmentation,
                label_smoothing=config.label_smoothing,
            )
            loss, accuracy = float(loss), float(accuracy)
            if not np.isfinite(loss):
                raise _not_finite(epoch, f"the training loss is {loss}", config)
            means.append((loss, accuracy))
            speed = scan_images / (time.perf_counter() - scan_started)
            on_report(ScanReport(epoch, scan_images, loss, accuracy, speed))
        train_seconds = time.perf_counter() - started

        state = bring_back(state)
        validated = {}
        if validation is not None:
            logits = agree(
                compute_logits(
                    state.params, state.batch_stats, validation.images, graphdef=evaluation_graphdef
                )
            )
            validation_loss = optax.softmax_cross_entropy_with_integer_labels(
                logits, jnp.asarray(validation.labels)
            ).mean()
            validated = {
                "validation_loss": float(validation_loss),
                "validation_accuracy": float(np.mean(np.argmax(logits, -1) == validation.labels)),
            }
        if not _is_finite(state, list(validated.values())):
            raise _not_finite(epoch, "the weights or the optimiser are no longer finite", config)
        train_loss, train_accuracy = np.mean(means, 0)
        plateau = optax.tree_utils.tree_get(state.optimizer_state, "ReduceLROnPlateauState")
        rate_scale = 1.0 if plateau is None else plateau.scale
        early_stopping = progress.early_stopping
        if epoch == config.epochs - config.calm_epochs + 1:
            # Earlier epochs do not count: among thirty of them with about 20 (+-4) errors in 6,000
            # images, one would look better than the last by chance, with weights far from settled.
            early_stopping = EarlyStopping(config.patience)
        if validation is None:
            early_stopping = early_stopping._replace(best_epoch=epoch)
        else:
            early_stopping = early_stopping.update(validated["validation_accuracy"], epoch)
        improved = early_stopping.best_epoch == epoch
        progress = Progress(
            state,
            state.params if improved else progress.best_params,
            state.batch_stats if improved else progress.best_batch_stats,
            early_stopping,
            (
                *history,
                {
                    "train_loss": float(train_loss),
                    "train_accuracy": float(train_accuracy),
                    **validated,
                    "learning_rate": float(schedule(state.step) * rate_scale),
                    "images_per_second": epoch_images / train_seconds,
                    "seconds": time.perf_counter() - started,
                },
            ),
        )
        yield progress


def _is_finite(state: TrainState, figures: list[float]) -> bool:
    # Only arrays: the plateau schedule's best loss is a scalar that is infinite at first.
    arrays = [leaf for leaf in jax.tree.leaves(state.optimizer_state) if leaf.ndim]
    leaves = jax.tree.leaves((state.params, state.batch_stats, arrays, figures))
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in leaves)


def _not_finite(epoch: int, found: str, config: TrainingConfig) -> TrainingError:
    return TrainingError(
        f"Epoch {epoch}: {found}. Start again with a --learning-rate below "
        f"{config.learning_rate:g}, or, if the machine is to blame, continue from the previous "
        "epoch with --resume."
    )


def _prepare(
    train: Examples,
    make_more: Callable[[int], Examples] | None,
    epochs: range,
    refresh: int,
) -> Iterator[Examples]:
    """Yield each epoch's images; other processes run `make_more` ahead of time."""
    if not make_more or not epochs:
        yield from repeat(train, len(epochs))
        return
    turns = iter(range((epochs.start - 1) // refresh, (epochs[-1] - 1) // refresh + 1))
    workers = max(1, count_cores() - 1)
    # Not forked: JAX's threads would be missing. Not a `multiprocessing.Pool`: it waits for ever
    # for the images of a process that was killed.
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)
    try:
        upcoming = deque(pool.submit(make_more, turn) for turn in islice(turns, workers))
        for epoch in epochs:
            if epoch == epochs.start or (epoch - 1) % refresh == 0:
                examples = concatenate([train, upcoming.popleft().result()])
                upcoming.extend(pool.submit(make_more, turn) for turn in islice(turns, 1))
            yield examples
    except BrokenProcessPool as error:
        raise TrainingError(
            "A process that draws training images was ended, perhaps because memory ran out. Free "
            "memory and continue the run with --resume."
        ) from error
    finally:
        started = set(multiprocessing.active_children()) - others
        pool.shutdown(wait=False, cancel_futures=True)
        for process in started:  # or they would draw their images to the end
            process.terminate()
            process.join()


def _start_worker() -> None:
    """Leave Ctrl-C to the main process, and give it priority for the processors."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
