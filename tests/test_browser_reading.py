"""The scripts by which a browser reads, run by Node: they are Python's twins."""

import importlib.util
import json
import os
import re
import subprocess
from dataclasses import asdict

import jax
import numpy as np
import pytest
from browser_reading import compare
from conftest import ROOT, slow
from drawn_digits import CANVASES, CELLS, Drawing, draw
from flax import nnx
from PIL import Image
from read_numbers import write_lines
from scipy.stats import spearmanr
from test_frames import DRAWN, SURROUNDED

from digitrec import DigitRecognizer
from digitrec.demo.browser import reading_files
from digitrec.network import pretrained
from digitrec.network.model import Network, NetworkConfig
from digitrec.network.normalization import average_pool, max_pool
from digitrec.training.numbers import write_number
from digitrec.training.strokes import MEASURING_WRITERS, read_unipen

READING = ROOT / "digitrec" / "demo" / "page" / "reading"
# Where Python keeps what a script's constants say, if not in the module of the script's name.
TWINS = {"explanation": "digitrec.recognizer", "convolution": "digitrec.network.normalization"}
ROOMS = ("digitrec.reading", "digitrec.network", "digitrec")


pytestmark = [pytest.mark.once, pytest.mark.usefixtures("node")]


@pytest.mark.parametrize("script", sorted(path.stem for path in READING.glob("*.js")))
def test_constants_are_those_of_python(script):
    if script == "worker":
        return  # it runs in a browser only, and has none
    address = json.dumps(f"{(READING / script).as_uri()}.js")
    program = f"""
        const found = Object.entries(await import({address}));
        const isConstant = ([name]) => name === name.toUpperCase();
        console.log(JSON.stringify(Object.fromEntries(found.filter(isConstant))));
    """
    result = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True
    )
    constants = json.loads(result.stdout)
    if not constants:
        return
    names = [TWINS[script]] if script in TWINS else [f"{room}.{script}" for room in ROOMS]
    twin = importlib.import_module(next(filter(importlib.util.find_spec, names)))
    for name, value in constants.items():
        expected = getattr(twin, name)
        assert value == (expected._asdict() if isinstance(value, dict) else expected), name


def test_drawings_of_all_kinds_are_read_as_by_python(recognizer, pen_digits):
    drawings = [
        Drawing(pen_digits[index % 10], cell, CANVASES[index % 2], index)
        for index, cell in enumerate(CELLS)
    ]
    pictures = [(str(drawing.digit.label), draw(drawing)) for drawing in drawings]
    nothing = Image.new("RGBA", (400, 400), "white")
    dot = nothing.copy()
    dot.paste("black", (200, 200, 203, 204))
    faint = Image.new("RGBA", (400, 400), (255, 255, 255, 255))
    faint.paste((235, 235, 235), (100, 100, 120, 300))
    figures = compare(recognizer, [*pictures, ("", nothing), ("", dot), ("", faint)])
    assert figures["same"] == figures["same_images"] == figures["same_probabilities"] == 1


def test_surroundings_are_left_out_as_by_python(recognizer):
    pictures = [("", picture) for picture in [*SURROUNDED.values(), *DRAWN.values()]]
    figures = compare(recognizer, pictures)
    assert figures["same"] == figures["same_images"] == figures["same_probabilities"] == 1


def test_numbers_with_peoples_habits_are_read_as_by_python(recognizer, pen_digits):
    numbers = [write_number(pen_digits, np.random.default_rng(seed)) for seed in range(40)]
    figures = compare(recognizer, numbers)
    assert figures["same"] == figures["same_images"] == figures["same_probabilities"] == 1


def test_answers_are_explained_as_by_python(recognizer, pen_digits):
    predictions = recognizer.predict_batch(
        draw(Drawing(digit, CELLS[0], 400, 0)) for digit in pen_digits
    )
    digits = [prediction.to_dict() for prediction in predictions]
    explained = run_node(EXPLAIN, recognizer, digits)
    for prediction, found in zip(predictions, explained, strict=True):
        ink = prediction.image > 0
        ours = recognizer.explain(prediction)
        # Where two of four pixels are largest, pooling's gradient may go to either.
        assert spearmanr(ours[ink], np.array(found)[ink]).statistic > 0.8
        assert np.array(found).sum() == pytest.approx(ours.sum(), rel=0.05, abs=0.2)


def run_node(program, recognizer, data):
    """Run a program that has the network of a model and what is on the standard input, parsed."""
    result = subprocess.run(
        ["node", "--input-type=module", "-e", LOAD + program, recognizer.folder, READING.as_uri()],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


LOAD = """
import { readFileSync } from "node:fs";
const [folder, scripts] = process.argv.slice(1);
const { Network } = await import(`${scripts}/model.js`);
const { parseTensors } = await import(`${scripts}/pretrained.js`);
const { model, temperature } = JSON.parse(readFileSync(`${folder}/config.json`));
const weights = new Uint8Array(readFileSync(`${folder}/model.safetensors`)).buffer;
const code = readFileSync(new URL(`${scripts}/convolution.wasm`));
const network = new Network(model, parseTensors(weights), code);
const data = JSON.parse(readFileSync(0));
"""
EXPLAIN = """
const { explain } = await import(`${scripts}/explanation.js`);
console.log(JSON.stringify(explain(network, data)));
"""
LOOK_INSIDE = """
const { answer } = await import(`${scripts}/inside.js`);
const asArrays = (_, value) => (value instanceof Float32Array ? [...value] : value);
const found = data.map((message) => answer({ network, temperature }, message));
console.log(JSON.stringify(found, asArrays));
"""


def look_inside(recognizer, **message):
    (found,) = run_node(LOOK_INSIDE, recognizer, [message])
    return found


def compute_layers(recognizer, image, off=((), (), ())):
    """Give the maps of each block before pooling, the hidden layer and the probabilities."""
    network = nnx.merge(recognizer._graphdef, recognizer._state)
    border = network.border
    inside = slice(border, 28 - border)
    images = jax.numpy.asarray(image, float)[None, inside, inside, None] / 255
    maps = []
    for block, filters in zip(network.blocks, off, strict=True):
        for convolution, normalization in zip(
            block.convolutions, block.normalizations, strict=True
        ):
            images = nnx.relu(normalization(convolution(images)))
        images = images.at[..., list(filters)].set(0)
        maps.append(images[0])
        images = (average_pool if block.pooling == "average" else max_pool)(images)
    features = nnx.relu(network.hidden(images.reshape(1, -1)))
    logits = network.logits(features)
    return maps, features[0], nnx.softmax(logits[0] / recognizer.config["temperature"])


@pytest.mark.parametrize("off", [([], [], []), ([3], [], [0, 127]), (list(range(32)), [], [])])
def test_each_layer_is_that_of_python(recognizer, pen_digits, off):
    pictures = [draw(Drawing(digit, CELLS[0], 400, 0)) for digit in pen_digits[:3]]
    images = [prediction.image.tolist() for prediction in recognizer.predict_batch(pictures)]
    messages = [{"ask": "activity", "image": image, "off": off} for image in images]
    for image, found in zip(images, run_node(LOOK_INSIDE, recognizer, messages), strict=True):
        maps, features, probabilities = compute_layers(recognizer, image, off)
        for expected, block in zip(maps, found["maps"], strict=True):
            ours = np.reshape(block["data"], (block["side"], block["side"], block["channels"]))
            np.testing.assert_allclose(ours, expected, atol=1e-3)
        np.testing.assert_allclose(found["features"], features, atol=1e-3)
        np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-3)
        whole = compute_layers(recognizer, image)[2]
        np.testing.assert_allclose(found["whole"], whole, atol=1e-3)


@slow
@pytest.mark.parametrize("border", [0, 2])
def test_a_place_of_a_map_sees_the_pixels_that_its_block_names(tmp_path, recognizer, border):
    if border:
        sizes = ((3, 3), (3,), (2,))
        save_untrained(recognizer, tmp_path, border=border, kernel_sizes=sizes)
        recognizer = DigitRecognizer.from_pretrained(tmp_path)
    image = np.random.default_rng(0).integers(1, 255, (28, 28)).astype(float)
    for index, block in enumerate(look_inside(recognizer, ask="anatomy")):
        gradient = jax.grad(
            lambda image, index=index: compute_layers(recognizer, image)[0][index][1, 2].sum()
        )(image)
        for axis, place in enumerate((1, 2)):
            seen = np.flatnonzero(np.abs(gradient).sum(1 - axis))
            first = block["offset"] + block["stride"] * place
            assert seen[0] == max(first, border)
            assert seen[-1] == min(first + block["size"], 28 - border) - 1


def test_kernels_are_those_of_the_network(recognizer):
    network = nnx.merge(recognizer._graphdef, recognizer._state)
    first, *_, last = look_inside(recognizer, ask="anatomy")
    for block, layers in ((first, network.blocks[0]), (last, network.blocks[-1])):
        normalization = layers.normalizations[-1]
        factors = normalization.scale[...] / np.sqrt(normalization.var[...] + 1e-5)
        kernel = np.asarray(layers.convolutions[-1].kernel[...] * factors)
        inputs = kernel.shape[2]
        expected = np.linalg.norm(kernel, axis=(0, 1)) if inputs > 1 else kernel.reshape(-1, 32)
        np.testing.assert_allclose(np.transpose(block["kernels"]), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pooling", ["average", pytest.param("maximum", marks=slow)])
def test_pixels_for_the_second_answer_are_those_of_python(
    recognizer, pen_digits, pooling, tmp_path
):
    if pooling != recognizer.config["model"]["pooling"]:
        save_untrained(recognizer, tmp_path, pooling=pooling)
        recognizer = DigitRecognizer.from_pretrained(tmp_path)
    prediction = recognizer.predict(draw(Drawing(pen_digits[4], CELLS[0], 400, 0)))
    # Where two pixels of a pool are the same, Python gives each of them half of the gradient.
    noise = np.random.default_rng(0).uniform(0, 20, (28, 28))
    image = np.clip(prediction.image, 10, 235) + noise
    network = nnx.merge(recognizer._graphdef, recognizer._state)
    logits = network(image[None, ..., None])[0]
    second, best = np.argsort(logits)[-2:]
    found = look_inside(recognizer, ask="contrast", image=image.tolist())
    assert (found["best"], found["other"]) == (best, second)
    difference = jax.grad(lambda image: network(image[None, ..., None])[0] @ direction)
    direction = np.eye(10)[second] - np.eye(10)[best]
    gradient = np.asarray(difference(image))
    expected = gradient * np.where(gradient > 0, 255 - image, image)
    np.testing.assert_allclose(np.reshape(found["gains"], (28, 28)), expected, atol=1e-3)


def test_network_without_a_hidden_layer_is_not_looked_into(tmp_path, recognizer):
    save_untrained(recognizer, tmp_path, head_features=0)
    assert look_inside(DigitRecognizer.from_pretrained(tmp_path), ask="anatomy") is None


def test_what_looks_like_a_photo_is_left_to_the_server(recognizer):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    assert compare(recognizer, [("", Image.fromarray(noise))])["same"] == 0


@slow
@pytest.mark.skipif("DIGITREC_STROKES" not in os.environ, reason="needs DIGITREC_STROKES")
def test_peoples_drawings_and_numbers_are_read_as_by_python(recognizer):
    from drawn_digits import plan

    digits = read_unipen(os.environ["DIGITREC_STROKES"], MEASURING_WRITERS)
    drawings = plan(digits, 12 * len(CELLS))  # the benchmark's short form takes 2,016
    lines = write_lines(digits, 144, seed=0)
    pictures = {
        "digits": [(str(drawing.digit.label), draw(drawing)) for drawing in drawings],
        "numbers": [(line.text, line.picture) for line in lines],
    }
    for name, part in pictures.items():
        figures = compare(recognizer, part)
        recorded = recognizer.metrics["browser"][name]["python"]
        assert figures["python"] == pytest.approx(recorded, abs=0.01 if name == "digits" else 0.05)
        assert min(figures["same"], figures["same_images"]) >= 0.999
        assert figures["same_probabilities"] >= 0.99


OTHER_NETWORKS = [
    {"head_features": 0},
    {"border": 2, "kernel_sizes": ((3, 3), (3,), (2,)), "pooling": "maximum"},
    {"border": 3, "head_features": 32},
    pytest.param({"kernel_sizes": ((5,), (5,), (5,))}, marks=slow),
    {"kernel_sizes": ((7,), (1,), (2, 2)), "filters": (64, 32, 96)},
    pytest.param({"kernel_sizes": ((6,), (9,), (3,)), "border": 1}, marks=slow),
    pytest.param({"kernel_sizes": ((3,), (3,)), "filters": (32, 32)}, marks=slow),
]


def save_untrained(recognizer, folder, **settings):
    """Save a network with random weights."""
    config = NetworkConfig(**settings)
    state = nnx.jit(lambda: nnx.state(Network(config, rngs=nnx.Rngs(0))))()
    model = {**recognizer.config, "model": asdict(config)}
    pretrained.save_model(folder, state, model, metrics={})


@pytest.mark.parametrize("settings", OTHER_NETWORKS, ids=str)
def test_other_networks_are_read_as_by_python(tmp_path, recognizer, pen_digits, settings):
    """All that `NetworkConfig` offers."""
    save_untrained(recognizer, tmp_path, **settings)
    pictures = [("", draw(Drawing(digit, CELLS[0], 400, 0))) for digit in pen_digits]
    figures = compare(DigitRecognizer.from_pretrained(tmp_path), pictures)
    assert figures["same"] == figures["same_probabilities"] == 1


@pytest.mark.parametrize(
    "filters, change, said",
    [
        ((8, 16, 32), {}, "8 filters are not a multiple of 32"),
        ((32, 32, 32), {"pooling": "median"}, "does not know networks with pooling median"),
        ((32, 32, 32), {"attention": 8}, "does not know networks with attention"),
    ],
)
def test_network_that_the_browser_does_not_know_is_left_to_the_server(
    tmp_path, recognizer, filters, change, said
):
    save_untrained(recognizer, tmp_path, filters=filters)
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"] |= change
    result = subprocess.run(
        ["node", ROOT / "benchmarks" / "read_in_node.mjs", tmp_path, json.dumps(config)],
        input=b"",
        capture_output=True,
    )
    assert result.returncode != 0 and said in result.stderr.decode()


def test_first_visit_fetches_little(recognizer):
    import gzip

    files = reading_files(recognizer)
    sizes = {address: len(gzip.compress(content)) for address, content in files.items()}
    assert sum(sizes.values()) <= 1_000_000
    later = {address for address in sizes if re.search("/page/|inside|teaching", address)}
    scripts = {address for address in sizes if address.endswith(".js")} - later
    assert sum(sizes[address] for address in scripts) <= 32 * 1024
    for part, most in {"inside": 12 * 1024, "/(guess|replay)": 6 * 1024, "/card": 4 * 1024}.items():
        assert 0 < sum(sizes[address] for address in later if re.search(part, address)) <= most
