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
SHAPES = (*[jax.ShapeDtypeStruct((), np.int32)] * 2, jax.ShapeDtypeStruct((), np.float32))
BATCHES, LOSSES, GRADIENTS = range(3)
NOWHERE = -1
plan = [np.int32(NOWHERE), np.int32(0), np.float32(0)]  # where, in which step, and what comes there


def spoil(array, step, place):
    """Put the planned number into a part of an array, if this is the planned place and step."""
    planned_place, planned_step, value = jax.pure_callback(lambda: tuple(plan), SHAPES)
    is_planned = (planned_place == place) & (planned_step == step)
    return array.at[..., 0].set(jnp.where(is_planned, value, array[..., 0]))


def step_of(key, place):
    """Give the step, of the first two epochs, whose key it is."""
    keys = [jax.random.fold_in(jax.random.key(CONFIG.seed), 2 * step) for step in range(2 * STEPS)]
    known = jnp.stack([jax.random.key_data(jax.random.split(key)[place]) for key in keys])
    return jnp.argmax((known == jax.random.key_data(key)).all(-1))


@pytest.fixture(autouse=True, scope="module")
def spoilt_steps():
    """Let every step spoil what is planned: one program, compiled once, for all that follows."""
    augment, call, make_optimizer = loop.augment, loop.Network.__call__, loop.make_optimizer

    def augment_and_spoil(images, labels, key, *options):
        return spoil(augment(images, labels, key, *options), step_of(key, 0), BATCHES)

    def call_and_spoil(network, pixels, dropout_key=None):
        logits = call(network, pixels, dropout_key)
        return logits if dropout_key is None else spoil(logits, step_of(dropout_key, 1), LOSSES)

    @cache
    def make_spoilt_optimizer(*arguments):
        optimizer, schedule = make_optimizer(*arguments)

        def update(gradients, state, params=None, **extra):
            step = optax.tree_utils.tree_get_all_with_path(state, "count")[0][1]
            gradients = jax.tree.map(partial(spoil, step=step, place=GRADIENTS), gradients)
            return optimizer.update(gradients, state, params, **extra)

        return optax.GradientTransformationExtraArgs(optimizer.init, update), schedule

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(loop, "augment", augment_and_spoil)
        monkeypatch.setattr(loop.Network, "__call__", call_and_spoil)
        monkeypatch.setattr(loop, "make_optimizer", make_spoilt_optimizer)
        yield


def begin(small_digits):
    """Give the epochs of a short training."""
    recipe = replace(RECIPE, training=replace(CONFIG, epochs=2))
    train, validation = part(small_digits, 0, 400), part(small_digits, 400, 500)
    return loop.fit(train, validation, recipe, loop.initial_progress(recipe, 400))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("step", [0, 7, STEPS - 1, STEPS, 2 * STEPS - 1])
@pytest.mark.parametrize("place", [BATCHES, LOSSES, GRADIENTS])
def test_number_that_is_not_finite_ends_the_run_before_its_epoch_is_yielded(
    small_digits, place, step, value
):
    plan[:] = np.int32(place), np.int32(step), np.float32(value)
    epochs = begin(small_digits)
    for _ in range(step // STEPS):
        next(epochs)
    with pytest.raises(TrainingError, match=f"Epoch {step // STEPS + 1}: .*--resume"):
        next(epochs)


def test_run_into_which_nothing_is_put_ends_as_it_should(small_digits):
    plan[0] = np.int32(NOWHERE)
    assert len(list(begin(small_digits))) == 2
