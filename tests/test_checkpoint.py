"""Saved states: each is whole and as it was written, or it is not used."""

import json
import shutil

import jax
import numpy as np
import pytest
from test_training import RECIPE, assert_same, part

from digitrec.errors import BadCheckpointError
from digitrec.training.checkpoint import restore_progress, save_progress
from digitrec.training.loop import fit, initial_progress


@pytest.fixture(scope="module")
def epochs(small_digits):
    return list(fit(part(small_digits, 0, 400), part(small_digits, 400, 500), RECIPE))


@pytest.fixture(scope="module")
def initial():
    return initial_progress(RECIPE, 400)


@pytest.fixture
def states(epochs, tmp_path):
    for progress in epochs:
        save_progress(tmp_path, progress)
    return tmp_path


def files_of(state):
    return sorted(path for path in state.rglob("*") if path.is_file())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_newest_two_states_are_kept_and_nothing_else(states, epochs, initial):
    assert names(states) == ["2", "3"]
    assert_same(restore_progress(states, initial), epochs[2])


def test_any_flipped_bit_is_found_and_the_state_before_used(states, epochs, initial):
    random = np.random.default_rng(0)
    files = files_of(states / "3")
    assert len(files) > 8
    for file in [*files, *random.choice(files, 30)]:
        content = file.read_bytes()
        flipped = bytearray(content)
        flipped[random.integers(len(content))] ^= 1 << int(random.integers(8))
        file.write_bytes(flipped)
        warnings = []
        assert_same(restore_progress(states, initial, warnings.append), epochs[1])
        assert len(warnings) == 1 and warnings[0].endswith("Continuing from epoch 2 instead.")
        file.write_bytes(content)
    assert_same(restore_progress(states, initial), epochs[2])


@pytest.mark.parametrize("damage", ["truncated", "deleted", "added"])
def test_files_that_are_short_missing_or_foreign_are_found(states, epochs, initial, damage):
    for file in files_of(states / "3"):
        content = file.read_bytes()
        if damage == "truncated":
            file.write_bytes(content[:-1])
        elif damage == "deleted":
            file.unlink()
        else:
            file.with_name("foreign").touch()
        assert_same(restore_progress(states, initial), epochs[1])
        file.with_name("foreign").unlink(missing_ok=True)
        file.write_bytes(content)


def test_without_any_good_state_one_sentence_names_the_files(states, initial):
    for epoch in ("2", "3"):
        (states / epoch / "epochs.json").write_text("{")
    with pytest.raises(
        BadCheckpointError, match=r"3 is damaged.*epochs.json.*2 is damaged.*Start a new"
    ):
        restore_progress(states, initial)


def test_state_that_could_not_be_read_is_replaced_by_the_next_save(states, epochs, initial):
    (states / "3" / "epochs.json").write_text("{")
    save_progress(states, epochs[2])
    assert names(states) == ["2", "3"]
    assert_same(restore_progress(states, initial), epochs[2])


def test_what_a_killed_run_left_is_removed_by_the_next_save(states, epochs, initial):
    shutil.copytree(states / "2", states / ".partial-3")
    shutil.copytree(states / "2", states / ".removed-1")
    assert_same(restore_progress(states, initial), epochs[2])
    save_progress(states, epochs[2])
    assert names(states) == ["2", "3"]


@pytest.mark.parametrize("when", ["before", "while"])
def test_disk_without_room_keeps_the_states_before_and_no_rest(
    states, epochs, initial, monkeypatch, when
):
    if when == "before":
        full = shutil.disk_usage(states)._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    else:

        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(json, "dumps", fail)
    later = epochs[2]._replace(history=(*epochs[2].history, epochs[2].history[-1]))
    with pytest.raises(BadCheckpointError, match="epoch 4.*Free some space"):
        save_progress(states, later)
    monkeypatch.undo()
    assert names(states) == ["2", "3"]
    assert_same(restore_progress(states, initial), epochs[2])


def test_restored_arrays_are_those_that_were_saved_to_the_last_bit(epochs, initial, tmp_path):
    # Numbers that a detour through text or another type would change.
    odd = jax.tree.map(
        lambda leaf: np.nextafter(leaf, np.float32(1)) if leaf.dtype == np.float32 else leaf,
        epochs[0].best_params,
    )
    save_progress(tmp_path, epochs[0]._replace(best_params=odd))
    restored = restore_progress(tmp_path, initial)
    jax.tree.map(np.testing.assert_array_equal, restored.best_params, odd)
