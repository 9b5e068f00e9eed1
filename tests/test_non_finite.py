"""Numbers that are not finite, anywhere in a step, end the run before it yields any of them."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from test_training import CONFIG, RECIPE, part

from digitrec.errors import TrainingError
from digitrec.training import loop

STEPS = 12  # in an epoch
SHAPES = (jax.ShapeDtypeStruct((), np.int32), jax.ShapeDtypeStruct((), np.float32))
plan = [np.int32(-1), np.float32(0)]  # which step, and what comes into it


def spoil(array, step):
    """Put the planned number into a part of an array, in the planned step."""
    planned_step, value = jax.pure_callback(lambda: tuple(plan), SHAPES)
    return array.at[..., 0].set(jnp.where(step == planned_step, value, array[..., 0]))


def step_of(key, place):
    """Give the step, of the first two epochs, whose key it is."""
    keys = [jax.random.fold_in(jax.random.key(CONFIG.seed), 2 * step) for step in range(2 * STEPS)]
    known = jnp.stack([jax.random.key_data(jax.random.split(key)[place]) for key in keys])
    return jnp.argmax((known == jax.random.key_data(key)).all(-1))


def spoil_batches(monkeypatch):
    def augment(images, labels, key, *options):
        return spoil(original(images, labels, key, *options), step_of(key, 0))

    original = loop.augment
    monkeypatch.setattr(loop, "augment", augment)


def spoil_losses(monkeypatch):
    def call(network, pixels, dropout_key=None):
        logits = original(network, pixels, dropout_key)
        return logits if dropout_key is None else spoil(logits, step_of(dropout_key, 1))

    original = loop.Network.__call__
    monkeypatch.setattr(loop.Network, "__call__", call)


def spoil_gradients(monkeypatch):
    def make_optimizer(*arguments):
        optimizer, schedule = original(*arguments)

        def update(gradients, state, params=None, **extra):
            step = optax.tree_utils.tree_get_all_with_path(state, "count")[0][1]
            gradients = jax.tree.map(partial(spoil, step=step), gradients)
            return optimizer.update(gradients, state, params, **extra)

        return optax.GradientTransformationExtraArgs(optimizer.init, update), schedule

    original = loop.make_optimizer
    monkeypatch.setattr(loop, "make_optimizer", make_optimizer)


@pytest.mark.parametrize("spoil_some", [spoil_batches, spoil_losses, spoil_gradients])
def test_number_that_is_not_finite_ends_the_run_before_its_epoch_is_yielded(
    small_digits, monkeypatch, spoil_some
):
    spoil_some(monkeypatch)
    monkeypatch.setattr(loop, "make_optimizer", cache(loop.make_optimizer))  # compiles once
    jax.clear_caches()
    recipe = replace(RECIPE, training=replace(CONFIG, epochs=2))
    train, validation = part(small_digits, 0, 400), part(small_digits, 400, 500)
    initial = loop.initial_progress(recipe, 400)
    for step in (0, 7, STEPS - 1, STEPS, 2 * STEPS - 1):
        for value in (np.nan, np.inf):
            plan[:] = np.int32(step), np.float32(value)
            epochs = loop.fit(train, validation, recipe, initial)
            for _ in range(step // STEPS):
                next(epochs)
            with pytest.raises(TrainingError, match=f"Epoch {step // STEPS + 1}: .*--resume"):
                next(epochs)
    plan[:] = np.int32(-1), np.float32(0)
    assert len(list(loop.fit(train, validation, recipe, initial))) == 2
