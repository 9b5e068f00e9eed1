"""The network that finds writing: its scenes, its training, and the weights that are shipped."""

import hashlib
import json

import numpy as np
import pytest
from conftest import ROOT, slow
from safetensors.numpy import load_file

from digitrec.network.finder import SHAPES, find_writing, fit_shape
from digitrec.training import finder
from digitrec.training.glyphs import GLYPHS
from digitrec.training.scenes import SIDE, make_scene

RECIPE = finder.FinderRecipe(steps=4, batch_size=2)


def test_scene_is_decided_by_its_seed(small_digits):
    first, again, other = (
        make_scene(GLYPHS, small_digits, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.writing, again.writing)
    assert not np.array_equal(first.picture, other.picture)


def test_some_scenes_are_blank_and_writing_is_a_small_part_of_the_others(small_digits):
    scenes = [make_scene(GLYPHS, small_digits, np.random.default_rng(seed)) for seed in range(60)]
    shares = np.array([scene.writing.mean() for scene in scenes])
    assert 0.05 < (shares == 0).mean() < 0.4 and shares.max() < 0.5
    for scene in scenes:
        assert max(scene.writing.shape) == SIDE and scene.picture.shape == (*scene.writing.shape, 3)


@pytest.mark.parametrize("shape", [(30, 20), (900, 1600), (100, 1600), (1600, 100), (1, 900)])
def test_any_picture_is_seen_as_large_as_it_fits(shape):
    seen = fit_shape(np.full((*shape, 3), 255, np.uint8)).shape[:2]
    assert any(seen[0] == rows or seen[1] == columns for rows, columns in SHAPES)
    probability = find_writing(np.full((*seen, 3), 255, np.uint8))
    assert probability.shape == seen and probability.max() < 0.5


def test_shipped_weights_are_those_that_the_configuration_names():
    folder = ROOT / "checkpoints" / "finder"
    config = json.loads((folder / "config.json").read_text())
    weights = (folder / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == config["weights_sha256"]
    assert config["training"]["writers"] == [1, 24]


@slow
def test_training_that_was_interrupted_continues_where_it_was(tmp_path, small_digits, monkeypatch):
    monkeypatch.setattr(finder, "HELD_OUT", 16)
    monkeypatch.setattr(finder, "SAVED_EVERY", 2)
    finder.train(GLYPHS, small_digits, RECIPE, tmp_path)
    whole = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    save = finder._save

    def save_and_stop(path, state, step):
        save(path, state, step)
        raise KeyboardInterrupt

    (tmp_path / "state.safetensors").unlink()
    monkeypatch.setattr(finder, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        finder.train(GLYPHS, small_digits, RECIPE, tmp_path)
    monkeypatch.setattr(finder, "_save", save)
    finder.train(GLYPHS, small_digits, RECIPE, tmp_path)
    resumed = load_file(tmp_path / "model.safetensors")
    for name, tensor in whole.items():  # threads add up in another order
        np.testing.assert_allclose(resumed[name], tensor, atol=1e-4, err_msg=name)
