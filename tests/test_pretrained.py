import hashlib
import json
import pickle
import shutil

import jax
import numpy as np
import pytest
from conftest import ROOT
from flax import nnx
from safetensors.numpy import load_file, save_file

from digitrec import DigitRecognizer
from digitrec.errors import BadCheckpointError
from digitrec.network.model import Network, NetworkConfig
from digitrec.network.pretrained import GEOMETRY, load_model, network_config, save_model
from digitrec.reading.number import Geometry

SHIPPED = ROOT / "checkpoints"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "model")


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def change_weights(folder, change):
    """Rewrite the tensors, with the checksum to match: only their content can be at fault."""

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    checksum = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    change_config(folder, weights_sha256=checksum)


def test_saved_model_comes_back_the_same(tmp_path):
    network, config, metrics = load_model(SHIPPED)
    save_model(tmp_path, nnx.state(network), config, metrics)
    for name in ("model.safetensors", "config.json", "metrics.json"):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_array_not_in_c_order_is_saved_as_what_it_shows(tmp_path):
    # safetensors itself writes raw memory: a transposed array would come back silently wrong.
    network, config, _ = load_model(SHIPPED)
    state = jax.tree.map(lambda leaf: np.asfortranarray(leaf), nnx.state(network))
    save_model(tmp_path, state, config, {})
    assert (tmp_path / "model.safetensors").read_bytes() == (
        SHIPPED / "model.safetensors"
    ).read_bytes()


def test_weights_have_dotted_names_float32_and_at_most_the_promised_size():
    tensors = load_file(SHIPPED / "model.safetensors")
    assert (
        "blocks.0.convolutions.0.kernel" in tensors and "blocks.2.normalizations.1.mean" in tensors
    )
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float32)}
    assert (SHIPPED / "model.safetensors").stat().st_size <= 8.5e6


def test_shipped_network_is_the_one_that_training_builds():
    _, config, _ = load_model(SHIPPED)
    assert NetworkConfig.from_json(config["model"]) == NetworkConfig()
    Network(NetworkConfig(), rngs=nnx.Rngs(0))


def test_model_of_version_1_0_is_read_unless_it_squeezed(folder):
    model = json.loads((folder / "config.json").read_text())["model"]
    expected = network_config(load_model(folder)[1])
    change_config(folder, model=model | {"squeeze": 0})
    assert network_config(load_model(folder)[1]) == expected
    change_config(folder, model=model | {"squeeze": 4})
    with pytest.raises(BadCheckpointError, match="squeeze"):
        load_model(folder)


def test_older_model_reads_numbers_as_it_did(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["geometry"], config["number_threshold"]
    (folder / "config.json").write_text(json.dumps(config))
    loaded = load_model(folder)[1]
    assert loaded["geometry"] == GEOMETRY
    assert loaded["number_threshold"] == config["digit_threshold"]
    assert tuple(GEOMETRY) == Geometry._fields


def test_numbers_are_read_by_the_geometry_of_the_model(folder, forty_two):
    change_config(folder, geometry=GEOMETRY | {"digit": -50.0, "gap": 0.0, "wide": 0.0})
    # Each digit now costs so much that all ink is one.
    assert len(DigitRecognizer.from_pretrained(folder).read_number(forty_two).best_reading) == 1


def damage_a_bit(folder):
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 4
    (folder / "model.safetensors").write_bytes(content)


def replace_by_pickle(folder):

    content = pickle.dumps({"weights": [1.0]})
    (folder / "model.safetensors").write_bytes(content)
    change_config(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def drop_a_tensor(folder):
    change_weights(folder, lambda tensors: tensors.pop("logits.bias"))


def add_a_tensor(folder):
    change_weights(folder, lambda tensors: tensors.update(extra=np.zeros(3, np.float32)))


def change_a_shape(folder):
    change_weights(folder, lambda tensors: tensors.update({"logits.bias": np.zeros(9, np.float32)}))


def change_a_type(folder):
    change_weights(folder, lambda tensors: tensors.update({"logits.bias": np.zeros(10)}))


def spoil_a_number(folder):
    spoiled = np.full(10, np.nan, np.float32)
    change_weights(folder, lambda tensors: tensors.update({"logits.bias": spoiled}))


def change_the_network(folder):
    model = json.loads((folder / "config.json").read_text())["model"]
    change_config(folder, model=model | {"head_features": 64})


def describe_no_network(folder):
    change_config(folder, model={"filters": [1, 2]})


def leave_out_a_block(folder):
    model = json.loads((folder / "config.json").read_text())["model"]
    change_config(folder, model=model | {"filters": [32, 64]})


@pytest.mark.parametrize(
    "damage, said",
    [
        (damage_a_bit, "SHA-256"),
        (replace_by_pickle, "safetensors file"),
        (drop_a_tensor, "lacks a tensor .* logits.bias"),
        (add_a_tensor, "holds a tensor too many .* extra"),
        (change_a_shape, r"logits.bias is float32 \(9,\), .* needs float32 \(10,\)"),
        (change_a_type, "float64"),
        (spoil_a_number, "infinite numbers or NaN"),
        (change_the_network, r"needs float32 \(.*64"),
        (describe_no_network, "does not describe a network"),
        (leave_out_a_block, "does not describe a network"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "JSON object"),
        (lambda folder: (folder / "metrics.json").write_bytes(b"\xff"), "metrics.json"),
        (lambda folder: change_config(folder, more=1), "unknown entry 'more'"),
        (lambda folder: change_config(folder, temperature=0), "temperature"),
        (lambda folder: change_config(folder, temperature="hot"), "temperature"),
        (lambda folder: change_config(folder, digit_threshold=None), "digit_threshold"),
        (lambda folder: change_config(folder, digit_threshold=1e999), "digit_threshold"),
        (lambda folder: change_config(folder, preprocessing="other"), "preprocessing"),
        (lambda folder: change_config(folder, geometry={"gap": 1.0}), "geometry"),
        (lambda folder: change_config(folder, geometry=GEOMETRY | {"gap": None}), "geometry"),
        (shutil.rmtree, "There is no folder"),
    ],
)
def test_damage_is_named_in_one_line(folder, damage, said):
    damage(folder)
    with pytest.raises(BadCheckpointError, match=said) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_run_that_has_not_finished_is_called_so(tmp_path):
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(BadCheckpointError, match="has not finished. Continue it") as caught:
        load_model(tmp_path)
    assert str(caught.value).count("Fetch the model again") == 0


def test_missing_file_is_said_once(folder):
    (folder / "config.json").unlink()
    with pytest.raises(BadCheckpointError) as caught:
        load_model(folder)
    assert str(caught.value) == (
        f"{folder}/config.json cannot be read (No such file or directory). Give a folder with "
        "model.safetensors and config.json."
    )


def test_folder_has_no_revisions(folder):
    with pytest.raises(BadCheckpointError, match="Leave revision out"):
        DigitRecognizer.from_pretrained(folder, revision="main")


def test_app_ends_with_a_message_and_status_2_on_a_bad_model(folder, start_app):
    damage_a_bit(folder)
    for model, said in ((folder, "SHA-256"), ("no such folder", "There is no folder")):
        result = start_app("--model", model)
        assert result.returncode == 2 and said in result.stderr
        assert result.stderr.startswith("app.py: ") and len(result.stderr.splitlines()) == 1
