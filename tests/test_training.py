import json
import multiprocessing
import os
import signal
from dataclasses import replace
from functools import cache, partial

import jax
import numpy as np
import optax
import pytest
from conftest import slow, wait_for
from flax import nnx
from scipy.special import logsumexp

from digitrec.errors import TrainingError
from digitrec.network.model import NetworkConfig, make_graphdef
from digitrec.training import loop
from digitrec.training.augment import AugmentConfig
from digitrec.training.checkpoint import restore_progress, save_progress
from digitrec.training.data import NO_DIGIT, Examples
from digitrec.training.evaluation import network_logits
from digitrec.training.loop import EarlyStopping, fit, initial_progress
from digitrec.training.optimizer import TrainingConfig, augmentation_strength, make_optimizer
from digitrec.training.recipe import Recipe
from digitrec.training.synthesis import SynthesisConfig

CONFIG = TrainingConfig(
    epochs=3, batch_size=32, warmup_epochs=0.5, optimizer="adamw", learning_rate=2e-3
)
TINY = NetworkConfig(filters=(4, 8, 8), kernel_sizes=((3,), (3,), (3,)), head_features=8)
# To compile the marks takes longer than these trainings.
RECIPE = Recipe(network=TINY, training=CONFIG, augmentation=AugmentConfig(marks=0.0))


@pytest.fixture(autouse=True, scope="module")
def steps_are_compiled_once():
    """Give one optimiser to all configurations that differ in nothing that it sees."""

    made_once = cache(make_optimizer)

    def make(config, steps_per_epoch):
        return made_once(replace(config, seed=0, calm_epochs=0, patience=30), steps_per_epoch)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(loop, "make_optimizer", make)
        yield


def part(examples, start, stop):
    return Examples(examples.images[start:stop], examples.labels[start:stop])


def run(small_digits, config=CONFIG, progress=None, network=TINY, refresh=1, **options):
    train, validation = part(small_digits, 0, 400), part(small_digits, 400, 500)
    synthesis = SynthesisConfig(refresh=refresh)
    recipe = replace(RECIPE, network=network, training=config, synthesis=synthesis)
    return fit(train, validation, recipe, progress, **options)


def assert_same(first, second):
    def same(a, b):
        if jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)

    jax.tree.map(same, first.state, second.state)
    jax.tree.map(same, first.best_params, second.best_params)
    assert first.early_stopping == second.early_stopping


@pytest.fixture(scope="module")
def epochs(small_digits):
    return list(run(small_digits))


def test_a_real_network_learns_real_digits(small_run):
    figures = json.loads((small_run / "metrics.json").read_text())
    assert figures["test"]["accuracy"] > 0.9


def test_same_seed_gives_the_same_weights_bit_for_bit(small_digits, epochs):
    assert_same(list(run(small_digits))[-1], epochs[-1])


def test_another_seed_gives_other_weights(small_digits, epochs):
    other = next(run(small_digits, replace(CONFIG, seed=1)))
    first = jax.tree.leaves(epochs[0].state.params)
    assert any(
        (a != b).any() for a, b in zip(first, jax.tree.leaves(other.state.params), strict=True)
    )


def test_continued_run_ends_bit_for_bit_as_an_unbroken_one(small_digits, epochs, tmp_path):
    save_progress(tmp_path, epochs[0])
    restored = restore_progress(tmp_path, initial_progress(RECIPE, 400))
    assert_same(restored, epochs[0])
    assert restored.history == epochs[0].history
    assert_same(list(run(small_digits, progress=restored))[-1], epochs[-1])


def test_nothing_saved_yet_means_from_the_start(tmp_path):
    initial = initial_progress(RECIPE, 400)
    assert restore_progress(tmp_path / "states", initial) is initial


def test_best_epoch_is_the_one_kept(epochs):
    last = epochs[-1]
    accuracies = [entry["validation_accuracy"] for entry in last.history]
    best = max(range(len(accuracies)), key=lambda epoch: (accuracies[epoch], epoch))
    assert last.early_stopping.best_epoch == best + 1
    jax.tree.map(np.testing.assert_array_equal, last.best_params, epochs[best].state.params)


@pytest.mark.parametrize("calm_epochs, best_epoch", [(0, 1), (1, 3), (2, 2)])
def test_calm_epochs_are_not_measured_against_those_before(
    small_digits, epochs, calm_epochs, best_epoch
):
    lucky = EarlyStopping(CONFIG.patience, best_accuracy=1.0, best_epoch=1)
    config = replace(CONFIG, calm_epochs=calm_epochs)
    last = list(run(small_digits, config, progress=epochs[0]._replace(early_stopping=lucky)))[-1]
    assert last.early_stopping.best_epoch >= best_epoch
    assert (last.early_stopping.best_accuracy == 1.0) == (calm_epochs == 0)


def test_early_stopping_counts_epochs_without_improvement_and_keeps_the_last_of_the_best():
    stopping = EarlyStopping(patience=2)
    seen = []
    for epoch, accuracy in enumerate([0.5, 0.7, 0.7, 0.8, 0.6, 0.8], 1):
        stopping = stopping.update(accuracy, epoch)
        seen.append(stopping.should_stop)
    assert seen == [False] * 5 + [True]
    assert (stopping.best_accuracy, stopping.best_epoch) == (0.8, 6)


def test_training_stops_early_when_nothing_improves(small_digits, epochs):
    unbeatable = EarlyStopping(patience=1, best_accuracy=1.0, best_epoch=1)
    (second,) = run(small_digits, progress=epochs[0]._replace(early_stopping=unbeatable))
    assert len(second.history) == 2 < CONFIG.epochs
    assert list(run(small_digits, progress=second)) == []


def test_patience_is_that_of_the_recipe():
    recipe = replace(RECIPE, training=replace(CONFIG, patience=7))
    assert initial_progress(recipe, 400).early_stopping == EarlyStopping(7)


def test_augmentation_grows_weaker_over_the_last_epochs_alone():
    config = TrainingConfig(epochs=10, calm_epochs=4)
    strengths = [augmentation_strength(config, epoch) for epoch in range(1, 11)]
    assert strengths == pytest.approx([1] * 6 + [0.75, 0.5, 0.25, 0])
    config = replace(config, calm_epochs=0)
    assert {augmentation_strength(config, epoch) for epoch in range(1, 11)} == {1}


def test_cosine_schedule_rises_to_the_peak_and_falls_to_nothing():
    config = TrainingConfig(epochs=10, warmup_epochs=2.0, learning_rate=0.1)
    _, schedule = make_optimizer(config, steps_per_epoch=100)
    rates = [float(schedule(step)) for step in (0, 100, 200, 600, 1000)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.05, 0], abs=1e-6)


def test_plateau_schedule_reduces_the_rate_once_the_validation_loss_stalls():
    config = TrainingConfig(
        schedule="plateau",
        plateau_factor=0.5,
        plateau_patience=2,
        optimizer="sgd",
        learning_rate=1.0,
    )
    optimizer, _ = make_optimizer(config, steps_per_epoch=3)
    state, params, scales = optimizer.init({"w": np.ones(1, np.float32)}), {"w": np.ones(1)}, []
    for validation_loss in (np.inf, 0.9, 0.5, 0.5, 0.5, 0.5):
        for _ in range(3):
            _, state = optimizer.update(
                {"w": np.ones(1, np.float32)}, state, params, value=validation_loss
            )
        scales.append(float(optax.tree_utils.tree_get(state, "ReduceLROnPlateauState").scale))
    assert scales == [1, 1, 1, 1, 0.5, 0.5]


def test_loss_that_is_not_finite_stops_training_with_advice(small_digits):
    config = replace(CONFIG, optimizer="sgd", learning_rate=1e30, warmup_epochs=0.0)
    with pytest.raises(TrainingError, match="--learning-rate"):
        list(run(small_digits, config))


def test_fewer_images_than_a_batch_are_refused():
    with pytest.raises(TrainingError, match="--batch-size"):
        initial_progress(RECIPE, 31)


def test_reports_cover_each_epoch(small_digits):
    reports = []
    next(run(small_digits, on_report=reports.append))
    assert sum(report.images for report in reports) == 384  # 12 batches of 32
    assert {report.epoch for report in reports} == {1} and len(reports) == 12


def noise(turn, count=96):
    images = np.random.default_rng(turn).integers(0, 256, (count, 28, 28, 1), np.uint8)
    return Examples(images, np.full(count, NO_DIGIT, np.int32))


def noted_noise(folder, turn):
    (folder / str(turn)).touch()
    return noise(turn)


@slow
def test_images_made_beside_training_teach_what_is_no_digit(small_digits, tmp_path):
    # Long enough for the moving averages of batch normalisation, which start at 0 and 1.
    config = replace(CONFIG, epochs=25, patience=25, learning_rate=5e-3)
    network_config = replace(TINY, head_features=16, block_dropout=0.0, head_dropout=0.0)
    make_more = partial(noted_noise, tmp_path)
    last = list(run(small_digits, config, network=network_config, make_more=make_more))[-1]
    assert {path.name for path in tmp_path.iterdir()} == set(map(str, range(25)))
    graphdef = make_graphdef(network_config, training=False)
    network = nnx.merge(graphdef, last.state.params, last.state.batch_stats)
    scores = [
        logsumexp(network_logits(network, images), axis=1)
        for images in (small_digits.images[400:500], noise(9).images)
    ]
    assert np.median(scores[0]) > np.median(scores[1]) + 1


@slow
def test_continued_run_makes_the_images_of_the_epochs_that_are_left(small_digits, tmp_path):
    config = replace(CONFIG, epochs=5)
    whole = list(run(small_digits, config, make_more=noise, refresh=2))
    make_more = partial(noted_noise, tmp_path)
    # Epochs 4 and 5: the second of those that the images of turn 1 serve, the first of turn 2.
    continued = list(run(small_digits, config, whole[2], make_more=make_more, refresh=2))
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2"}
    assert_same(continued[-1], whole[-1])
    assert list(run(small_digits, config, whole[-1], make_more=make_more)) == []


def end_process(turn):
    os.kill(os.getpid(), signal.SIGKILL)


def test_training_ends_when_a_process_that_draws_its_images_is_killed(small_digits):
    # As the system does when memory runs out; it used to wait for ever.
    with pytest.raises(TrainingError, match="continue the run with --resume"):
        next(loop._prepare(small_digits, end_process, range(1, 3), 1))
    # The pool's own thread may be the one that collects the process, a moment later.
    wait_for(lambda: not multiprocessing.active_children(), seconds=5)
