"""`digitrec export`: the network as an ONNX model, run by ONNX Runtime."""

import json
import re
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import FAST_NETWORK, ROOT, make_recognizer

from digitrec import export
from digitrec.__main__ import main

CONFIG = json.loads((ROOT / "checkpoints" / "config.json").read_text())


def run(model, images):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["probabilities", "digit_score"], {"images": images})


def require_same_answers(recognizer, pictures):
    """Compare with JAX what ONNX Runtime computes of the images that the network saw."""
    model = export.to_onnx(recognizer)
    onnx.checker.check_model(model, full_check=True)
    predictions = recognizer.predict_batch(pictures)
    probabilities, scores = run(model, np.stack([answer.image for answer in predictions]))
    expected = np.stack([answer.probabilities for answer in predictions])
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(scores, [answer.digit_score for answer in predictions], rtol=1e-5)
    assert expected.std(0).max() > 0.01  # they are not all the same


def test_shipped_model_answers_as_in_jax(recognizer, small_digits):
    require_same_answers(recognizer, small_digits.images[:300, ..., 0])


@pytest.mark.parametrize(
    "settings",
    [
        FAST_NETWORK,
        {"kernel_sizes": ((3,), (3,), (3,)), "pooling": "maximum"},
    ],
)
def test_other_networks_answer_as_in_jax(settings, small_digits):
    recognizer = make_recognizer(**settings)
    require_same_answers(recognizer, small_digits.images[:50, ..., 0])


@pytest.fixture
def write(call):
    return partial(call, main, "export")


def test_file_says_what_goes_in_and_comes_out(write, recognizer, seven, tmp_path):
    result = write("--onnx", tmp_path / "digits.onnx", "--model", ROOT / "checkpoints")
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'digits.onnx'}\n")
    session = onnxruntime.InferenceSession(tmp_path / "digits.onnx")
    (images,) = session.get_inputs()
    assert (images.name, images.type, images.shape[1:]) == ("images", "tensor(uint8)", [28, 28])
    prediction = recognizer.predict(seven)
    probabilities, (score,) = session.run(None, {"images": prediction.image[None]})
    assert probabilities[0].argmax() == 7 and score == pytest.approx(prediction.digit_score, 1e-5)
    metadata = session.get_modelmeta()
    said = metadata.custom_metadata_map
    assert said["weights_sha256"] == CONFIG["weights_sha256"]
    assert json.loads(said["classes"])[7] == "7" and said["license"] == "CC BY-SA 3.0"
    assert float(said["digit_threshold"]) == CONFIG["digit_threshold"] < score
    assert "bright ink on black" in metadata.description


def test_documented_program_reads_images(recognizer, seven, tmp_path, monkeypatch):
    export.write_onnx(recognizer, tmp_path / "digits.onnx")
    np.save(tmp_path / "images.npy", recognizer.predict(seven).image[None])
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "onnx.md").read_text(), re.S)
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(program, found)
    assert found["probabilities"].argmax() == 7 and found["scores"].shape == (1,)


def test_file_that_cannot_be_written_gives_a_message(write, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere" / "digits.onnx", tmp_path, tmp_path / "file" / "digits.onnx"):
        result = write("--onnx", path)
        assert result.returncode == 2
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"digitrec: {path} cannot be written (")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert write("--onnx", tmp_path / "file").returncode == 0  # one that exists is replaced
