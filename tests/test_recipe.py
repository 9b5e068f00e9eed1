import json
from dataclasses import replace

import pytest
from conftest import ROOT

from digitrec.errors import BadCheckpointError, TrainingError
from digitrec.network.model import NOT_RECORDED
from digitrec.training.inputs import Inputs
from digitrec.training.recipe import (
    PRESETS,
    Recipe,
    add_inputs,
    change,
    differences,
    make_recipe,
    recipe_of_model,
    settings,
)


@pytest.mark.parametrize("preset", PRESETS)
def test_recipe_comes_back_from_json_the_same(preset):
    recipe = replace(PRESETS[preset], strokes_sha256="ab", command="python train.py")
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())), "run")
    assert again == recipe and again.command == recipe.command


def test_the_shipped_model_was_trained_by_the_default_recipe():
    config = json.loads((ROOT / "checkpoints" / "config.json").read_text())
    recipe = recipe_of_model(config, ROOT / "checkpoints")
    assert set(differences(recipe, Recipe())) <= {"seed", "strokes_sha256"}


def test_recipe_of_an_older_model_is_read_though_it_lacks_newer_settings():
    config = json.loads((ROOT / "checkpoints" / "config.json").read_text())
    config["training"]["synthesis"]["small"] = config["training"]["augmentation"]["sharpness"] = 0.0
    config["model"]["pooling"] = "maximum"
    whole = recipe_of_model(config, ROOT / "checkpoints")
    del config["training"]["extra_data_sha256"]
    del config["training"]["synthesis"]["small"], config["training"]["augmentation"]["sharpness"]
    for name in NOT_RECORDED:
        del config["model"][name]
    assert recipe_of_model(config, ROOT / "checkpoints") == whole


def test_every_setting_of_a_preset_may_be_what_it_is():
    for preset in PRESETS.values():
        values = {field.name: json.dumps(value) for _, field, value in settings(preset)}
        texts = {name: text.strip('"') for name, text in values.items()}
        assert change(Recipe(), texts) == preset


def test_change_reads_each_kind_of_value():
    recipe = change(
        Recipe(), {"zoom": "0", "filters": "[8, 8]", "schedule": "plateau", "refresh": "3"}
    )
    assert recipe.augmentation.zoom == 0.0 and isinstance(recipe.augmentation.zoom, float)
    assert recipe.network.filters == (8, 8) and recipe.training.schedule == "plateau"
    assert set(differences(recipe, Recipe())) == {"zoom", "filters", "schedule", "refresh"}


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("zoom", "1", "expected a number from 0 to below 1, found '1'"),
        ("zoom", "NaN", "expected a number from 0 to below 1, found 'NaN'"),
        ("zoom", "true", "expected a number from 0 to below 1"),
        ("epochs", "2.5", "expected a whole number above 0"),
        ("seed", str(2**32), "from 0 to 2^32 - 1"),
        ("filters", "[]", "expected a list of whole numbers above 0"),
        ("kernel_sizes", "[3, 3]", "expected a list of lists"),
        ("optimizer", "adam", "expected one of adamw, muon, sgd"),
        ("zom", "1", "Choose one of batch_size, "),
    ],
)
def test_message_about_a_wrong_value_says_what_is_allowed(name, text, said):
    with pytest.raises(TrainingError) as caught:
        change(Recipe(), {name: text})
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_command_makes_the_recipe_again():
    values = {"seed": "3", "zoom": "0.1"}
    inputs = Inputs(strokes="some/where/pens.tra", strokes_sha256="ab")
    recipe = add_inputs(make_recipe("fast", values), inputs)
    expected = "python train.py --preset fast --seed 3 --set zoom=0.1 --strokes pens.tra"
    assert recipe.command == expected and recipe.strokes_sha256 == "ab"


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda values: values.pop("protocol"), "protocol is missing"),
        (lambda values: values["training"].pop("seed"), "seed is missing"),
        (
            lambda values: values["training"].update(epochs=-1),
            "epochs: expected a whole number above 0, found -1",
        ),
        (lambda values: values.update(network={"filters": [8]}), "border"),
    ],
)
def test_record_that_is_not_a_recipe_is_refused(damage, said):
    values = json.loads(json.dumps(Recipe().to_json()))
    damage(values)
    with pytest.raises(BadCheckpointError, match=said) as caught:
        Recipe.from_json(values, "runs/one")
    assert str(caught.value).startswith("runs/one does not record a complete recipe")
