"""The picture at the top of a model card: drawings and photos, and how the model reads them."""

import io
from functools import partial
from pathlib import Path

import numpy as np
from flax import nnx
from PIL import Image, ImageDraw, ImageFont

from digitrec.network import backend
from digitrec.network.compilation import jit
from digitrec.network.model import Network
from digitrec.reading.drawing import to_mnist

EXAMPLES = Path(__file__).parents[1] / "demo" / "page" / "examples"  # those of the app's page
TILE, GAP, SEEN = 220, 20, 84  # pixels: a side of each example, between them, and of what was seen
# The page's colours.
GROUND, ANSWER, WORDS = "#2b2670", "#ffd166", "#ffffff"


def draw_answers(network: Network, config: dict) -> bytes | None:
    """Draw the app's examples, the 28x28 pixels that the network sees of each, and its answers.

    Arguments:
        network, config: what `pretrained.load_model` returns.

    Returns: a PNG; None for a model of other classes than the ten digits.
    """
    if list(config.get("classes") or "0123456789") != [*"0123456789"]:
        return None
    read = [(path, to_mnist(path)) for path in sorted(EXAMPLES.glob("*.*"))]
    examples = [(path, image) for path, image in read if image is not None]
    images = np.stack([image for _, image in examples])
    with backend.own_rules():
        logits = np.asarray(_compute_logits(*nnx.split(network), images))
    width = len(examples) * (TILE + GAP) + GAP
    sheet = Image.new("RGB", (width, TILE + SEEN + 3 * GAP), GROUND)
    for place, ((path, image), row) in enumerate(zip(examples, logits, strict=True)):
        left, top = GAP + place * (TILE + GAP), TILE + 2 * GAP
        with Image.open(path) as example:
            _paste(sheet, example.convert("RGB").resize((TILE, TILE)), (left, GAP))
        seen = Image.fromarray(image).resize((SEEN, SEEN), Image.Resampling.NEAREST)
        _paste(sheet, seen.convert("RGB"), (left, top))
        _write_answer(sheet, row, config, (left + SEEN + 14, top + SEEN // 2))
    content = io.BytesIO()
    sheet.quantize(128, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


@partial(jit, static_argnames="graphdef")
def _compute_logits(graphdef, state, images):
    return nnx.merge(graphdef, state)(images[..., None])


def _paste(sheet: Image.Image, picture: Image.Image, place: tuple[int, int]) -> None:
    """Put a picture with round corners in its place."""
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *(side - 1 for side in picture.size)), 8, 255)
    sheet.paste(picture, place, mask)


def _write_answer(
    sheet: Image.Image, logits: np.ndarray, config: dict, place: tuple[int, int]
) -> None:
    draw, (left, middle) = ImageDraw.Draw(sheet), place
    if np.logaddexp.reduce(logits) <= config["digit_threshold"]:
        draw.text(place, "no digit", WORDS, ImageFont.load_default(26), anchor="lm")
        return
    calibrated = logits / config["temperature"]
    share = np.exp(calibrated.max() - np.logaddexp.reduce(calibrated))
    draw.text(
        (left, middle - 2), str(logits.argmax()), ANSWER, ImageFont.load_default(84), anchor="lm"
    )
    # As everywhere, rounding never makes 100 % of it.
    percent = f"{min(np.floor(1000 * share), 999) / 10:.1f} %"
    draw.text((left + 56, middle), percent, WORDS, ImageFont.load_default(22), anchor="lm")
