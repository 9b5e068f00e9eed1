"""A recogniser that is taught a hand: in Python, by the command line, in the browser's scripts."""

import json
import pickle
import re

import numpy as np
import pytest
from drawn_digits import CELLS, Drawing, draw
from test_browser_reading import run_node

from digitrec.__main__ import main
from digitrec.errors import BadImageError, BadLabelsError


@pytest.fixture(scope="module")
def taught(recognizer, pen_digits):
    """Sevens that lean so far that they are refused: three to teach, and six by the same hand."""
    seven = pen_digits[7]
    hand = [
        seven._replace(strokes=[stroke @ [[1, 0], [shear, 1]] for stroke in seven.strokes])
        for shear in np.linspace(1.15, 1.5, 9)
    ]
    pictures = [draw(Drawing(digit, CELLS[12], 400, seed)) for seed, digit in enumerate(hand)]
    return pictures[::3], [one for place, one in enumerate(pictures) if place % 3]


def probability_of_seven(recognizer, pictures):
    return np.mean([one.probabilities[7] for one in recognizer.predict_batch(pictures)])


def test_taught_recogniser_reads_the_hand_better_and_all_else_as_before(
    recognizer, pen_digits, taught
):
    examples, others = taught
    mine = recognizer.teach(examples, ["7"] * len(examples))
    before, after = (probability_of_seven(one, others) for one in (recognizer, mine))
    assert after > before + 0.3 * (1 - before)
    plain = [draw(Drawing(digit, CELLS[12], 400, 0)) for digit in pen_digits]
    answers = [[one.digit for one in it.predict_batch(plain)] for it in (recognizer, mine)]
    assert answers[0] == answers[1] == list(range(10))


def test_taught_recogniser_is_a_model_of_its_own(recognizer, taught, tmp_path):
    examples, others = taught
    mine = recognizer.teach(examples, [7, 7, 7])
    assert mine.revision != recognizer.revision
    assert mine.config["training"]["taught"] == 3 and mine.metrics == {}
    mine.save_pretrained(tmp_path)
    for again in (type(mine).from_pretrained(tmp_path), pickle.loads(pickle.dumps(mine))):
        assert again.revision == mine.revision
        assert again.predict(others[0]).top() == mine.predict(others[0]).top()
    assert mine.teach(examples[:1], [7]).config["training"]["taught"] == 4


def test_what_cannot_be_taught_is_said(recognizer, seven, tmp_path):
    for images, labels, message in (
        ([], [], "There are 0 images and 0 labels"),
        ([seven], [], "There are 1 images and 0 labels"),
        ([seven], [10], "The label '10' is none of 0, 1"),
    ):
        with pytest.raises(BadLabelsError, match=message):
            recognizer.teach(images, labels)
    with pytest.raises(BadImageError, match=re.escape("images[1] shows nothing")):
        recognizer.teach([seven, np.zeros((28, 28))], [7, 7])


def test_command_line_learns_from_a_folder_before_it_reads(call, taught, tmp_path):
    examples, others = taught
    others[0].save(tmp_path / "one.png")
    (tmp_path / "hand" / "7").mkdir(parents=True)
    result = call(main, "read", "--taught", tmp_path / "hand", tmp_path / "one.png")
    assert result.returncode == 2 and f"such as {tmp_path / 'hand' / '9'}" in result.stderr
    for index, picture in enumerate(examples):
        picture.save(tmp_path / "hand" / "7" / f"{index}.png")
    shares = []
    for options in ([], ["--taught", tmp_path / "hand"]):
        result = call(main, "read", "--json", *options, tmp_path / "one.png")
        (line,) = result.stdout.splitlines()
        shares.append(json.loads(line)["probabilities"][7])
    assert shares[1] > shares[0]


TEACH = """
const { teach } = await import(`${scripts}/teaching.js`);
const recognizer = { network, seen: new Map() };
teach(recognizer, data.taught);
const answer = () => data.images.map((image) => [...network.computeLogits(image)]);
const answers = [answer()];
teach(recognizer, []);
console.log(JSON.stringify([...answers, answer()]));
"""


@pytest.mark.once
@pytest.mark.usefixtures("node")
def test_browser_learns_as_python_does_and_forgets(recognizer, taught):
    examples, others = taught
    images = [one.image.ravel().tolist() for one in recognizer.predict_batch([*examples, *others])]
    asked = {"taught": [{"image": image, "label": 7} for image in images[:3]], "images": images}
    after, forgotten = run_node(TEACH, recognizer, asked)
    mine = recognizer.teach(examples, [7] * 3)
    pixels = np.array(images, np.uint8).reshape(-1, 28, 28)
    assert np.array(after) == pytest.approx(mine._compute_logits(pixels), abs=1e-3)
    assert np.array(forgotten) == pytest.approx(recognizer._compute_logits(pixels), abs=1e-3)
