"""Additional training images, made during training: pen strokes drawn differently each time, and
images that show no digit.

All of them go through `to_mnist`, like drawings in the app.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

from digitrec.network.settings import COUNT, SHARE, setting
from digitrec.reading.drawing import IMAGE_SIZE, to_mnist
from digitrec.training.data import NO_DIGIT, Examples, concatenate
from digitrec.training.glyphs import HABITS, write_habit
from digitrec.training.strokes import PenDigit, Stroke, draw_strokes, fit_strokes

CANVAS = 200  # pixels per side
DRAWN = 130.0  # pixels of the canvas: length of the longer side of a drawing
BRUSHES = (0.06, 0.5)  # diameter, as a share of DRAWN: finer ones look the same after `to_mnist`
GLYPH_VARIATION = 1.5  # more than for a person's strokes: a habit is one of many writers
# Pixels: the longer side of a drawing on a canvas of 28x28. With its pen it stays within: what
# touches the border may be taken for something around the digit.
SMALL_SIZES = (12.0, 22.0)
SMALL_BRUSHES = (1, 1, 1, 2, 2, 3)  # pixels: diameters, equally likely
COARSE_CANVAS = 140  # pixels, of a drawing that a program shrinks to 28x28
MOST_VARIATION = {1: 1.0, 7: 1.0}  # varied more, a 1 with a flag looks like a narrow 7
# Mirrored or turned by 90 degrees, these are not digits. A mirrored 2 looks like a 5.
MIRRORED, TURNED = (3, 4, 6, 7, 9), (2, 3, 4, 5, 6, 7, 9)


@dataclass(frozen=True)
class SynthesisConfig:
    non_digits: float = setting(0.1, "images that show no digit", SHARE, "share of MNIST's")
    redrawn: float = setting(
        0.03, "MNIST's images redrawn with the pen of drawings", SHARE, "share of MNIST's"
    )
    glyphs: float = setting(
        0.1, "drawings of our own digits in many ways of writing", SHARE, "share of MNIST's"
    )
    small: float = setting(
        0.15, "drawings made on a canvas of 28x28 pixels, without smooth edges", SHARE
    )
    repetitions: int = setting(
        2, "how often an epoch uses each drawing, augmented differently each time", COUNT
    )
    refresh: int = setting(2, "epochs for which one set of drawings is reused", COUNT, "epochs")


def count_images(mnist: int, digits: Sequence[PenDigit], config: SynthesisConfig) -> int:
    """Count the training images of an epoch: MNIST's and those that `synthesize` adds."""
    drawn = round(config.redrawn * mnist) + len(digits) + 10 * round(config.glyphs * mnist / 10)
    return mnist + round(config.non_digits * mnist) + config.repetitions * drawn


def synthesize(
    mnist: Examples,
    digits: Sequence[PenDigit],
    config: SynthesisConfig,
    seed: int,
    turn: int,
) -> Examples:
    """Make the additional images of a few epochs; the same seed and turn give the same images."""
    random = np.random.default_rng((seed, turn))
    count = len(mnist.labels)
    non_digits = make_non_digits(mnist, round(config.non_digits * count), random)
    glyphs = write_glyphs(round(config.glyphs * count / 10), random)
    redrawn = redraw(mnist, round(config.redrawn * count), random)
    drawn = [
        redrawn,
        make_digits(digits, 1.0, random, config.small),
        make_digits(glyphs, GLYPH_VARIATION, random, config.small),
    ]
    return concatenate([non_digits, *drawn * config.repetitions])


def image_maker(
    mnist: Examples, digits: Sequence[PenDigit], config: SynthesisConfig, seed: int
) -> Callable[[int], Examples] | None:
    """Give `synthesize` with everything but the turn filled in; None if it would make no images."""
    if count_images(len(mnist.labels), digits, config) == len(mnist.labels):
        return None  # saves starting processes
    return partial(synthesize, mnist, digits, config, seed)


def write_glyphs(count: int, random: np.random.Generator) -> list[PenDigit]:
    """Write each digit `count` times, all its habits equally likely."""
    habits = [[habit for habit in HABITS if habit.label == label] for label in range(10)]
    return [
        write_habit(own[index], random)
        for own in habits
        for index in random.integers(len(own), size=count)
    ]


def make_digits(
    digits: Sequence[PenDigit], variation: float, random: np.random.Generator, small: float = 0.0
) -> Examples:
    """Draw each digit once, with its own random brush, slant, proportions and tremor.

    Arguments:
        small: share that is drawn on a canvas of 28x28 pixels.
    """
    images = []
    for digit in digits:
        draw = _draw_small if random.random() < small else _draw
        images.append(draw(vary_digit(digit, variation, random), random))
    return _examples(images, [digit.label for digit in digits])


def redraw(mnist: Examples, count: int, random: np.random.Generator) -> Examples:
    """Enlarge some of MNIST's images, so that `to_mnist` treats them as drawings."""
    chosen = random.integers(len(mnist.labels), size=count)
    sides = random.integers(4 * IMAGE_SIZE, 8 * IMAGE_SIZE, count)
    pictures = [
        np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
        for image, side in zip(mnist.images[chosen, ..., 0], sides.tolist(), strict=True)
    ]
    return _examples(pictures, mnist.labels[chosen].tolist())


def make_non_digits(mnist: Examples, count: int, random: np.random.Generator) -> Examples:
    """Make images without a digit: doodles, and MNIST's digits mirrored, turned or in pairs."""
    doodles = draw_doodles(count - count // 3, random)
    spoiled = [spoil(mnist, random) for _ in range(count // 3)]
    return _examples([*doodles, *spoiled], [NO_DIGIT] * count)


def draw_doodles(
    count: int, random: np.random.Generator
) -> list[UInt8[np.ndarray, "height width"]]:
    """Draw what is not a digit, bright ink on black."""
    doodles = []
    while len(doodles) < count:
        strokes = doodle(random)
        if not _could_be_digit(strokes):
            doodles.append(_draw(strokes, random))
    return doodles


def vary_digit(digit: PenDigit, variation: float, random: np.random.Generator) -> list[Stroke]:
    """Change a digit's strokes as `vary` does, those of some digits less."""
    most = MOST_VARIATION.get(digit.label, variation)
    return vary(digit.strokes, min(variation, most), random)


def vary(strokes: Sequence[Stroke], variation: float, random: np.random.Generator) -> list[Stroke]:
    """Change strokes as another writer or another device would.

    `variation` scales the changes; with 1, they are as between two similar writers.
    """
    strokes = fit_strokes(strokes, 1.0, (0.0, 0.0))
    # Turned only a little: a turned 7 looks like a 1 with a flag.
    angle, slant = variation * random.normal(0, [0.05, 0.15])
    stretch = np.exp(variation * random.normal(0, 0.1))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turned @ [[1, slant], [0, 1]] @ np.diag([stretch, 1 / stretch])
    # Three long waves bend the plane by a few percent of the digit's size.
    waves = random.normal(0, 2.5, (3, 2))
    phases = random.uniform(0, 2 * np.pi, 3)
    bends = variation * random.normal(0, 0.025, (3, 2))
    tremor = random.uniform(0, 0.012) * (random.random() < 0.5)
    every = random.integers(2, 5) if random.random() < 0.3 else 1  # a slow mouse skips points
    varied = []
    for stroke in strokes:
        points = np.concatenate([stroke[:-1:every], stroke[-1:]])
        points = points @ matrix.T + np.sin(points @ waves.T + phases) @ bends
        varied.append(points + random.normal(0, tremor, points.shape))
    longest = max(range(len(varied)), key=lambda index: len(varied[index]))
    if random.random() < 0.1 and len(varied[longest]) > 5:  # the pen lifts for a moment
        stroke = varied.pop(longest)
        cut = random.integers(1, len(stroke) - 2)
        varied += [stroke[:cut], stroke[cut + 2 :]]
    return varied


def doodle(random: np.random.Generator) -> list[Stroke]:
    """Draw lines and curves that are not a digit, except by rare accident."""
    kinds = ["curves", "lines", "sign", "scribble", "dot"]
    kind = random.choice(kinds, p=[0.3, 0.2, 0.4, 0.05, 0.05])
    if kind == "dot":
        return [random.uniform(0, 0.02, (random.integers(2, 5), 2))]
    if kind == "scribble":
        return [_curve(random.uniform(size=(random.integers(12, 50), 2)))]
    if kind == "sign":
        return [_part_of_sign(random) for _ in range(random.integers(3, 6))]
    strokes = []
    for _ in range(random.integers(1, 4)):
        corners = random.uniform(size=(random.integers(3, 7), 2))
        strokes.append(_curve(corners) if kind == "curves" else corners)
    return strokes


def spoil(mnist: Examples, random: np.random.Generator) -> UInt8[np.ndarray, "height width"]:
    """Mirror or turn a digit, or put another next to it; bright ink on black."""
    index, other = random.integers(len(mnist.labels), size=2)
    image, label = mnist.images[index, ..., 0], mnist.labels[index]
    if label in MIRRORED and random.random() < 0.4:
        return image[:, ::-1]
    if label in TURNED and random.random() < 0.4:
        return np.rot90(image, random.choice([1, 3]))
    return np.concatenate([image[:, 4:-4], mnist.images[other, :, 4:-4, 0]], axis=1)


def _part_of_sign(random: np.random.Generator) -> Stroke:
    """Draw a line between two of nine points, or a part of a circle, as letters are made of."""
    if random.random() < 0.7:
        places = random.choice(9, 2, replace=False)
        return np.stack([places % 3, places // 3], 1) / 2 + random.normal(0, 0.05, (2, 2))
    start, extent = random.uniform(0, 2 * np.pi), random.uniform(np.pi / 2, 2 * np.pi)
    angles = start + np.linspace(0, extent, 30)
    radius = random.uniform(0.15, 0.5)
    return random.uniform(0.2, 0.8, 2) + radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _could_be_digit(strokes: Sequence[Stroke]) -> bool:
    """Find narrow drawings, which may look like a 1, and lines with one corner, like a 7."""
    points = np.concatenate(strokes)
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    major, minor = spread / np.sqrt(len(points) - 1)
    narrow = minor < 0.25 * major or (len(strokes) == 1 and len(strokes[0]) == 3)
    return bool(major > 0.05 and narrow)


def _curve(corners: Stroke) -> Stroke:
    places = np.linspace(0, 1, len(corners))
    return CubicSpline(places, corners)(np.linspace(0, 1, 10 * len(corners)))


def _draw(
    strokes: Sequence[Stroke], random: np.random.Generator
) -> UInt8[np.ndarray, "height width"]:
    brush = DRAWN * np.exp(random.uniform(*np.log(BRUSHES)))
    middle = CANVAS / 2 + random.uniform(-0.5, 0.5, 2)  # at random between pixels
    return np.asarray(draw_strokes(fit_strokes(strokes, DRAWN, tuple(middle)), CANVAS, brush))


def _draw_small(
    strokes: Sequence[Stroke], random: np.random.Generator
) -> UInt8[np.ndarray, "28 28"]:
    """Draw as small canvases and paint programs do: edges of pixels, thin pens."""
    scale = 1 if random.random() < 0.5 else COARSE_CANVAS // IMAGE_SIZE
    size, brush = random.uniform(*SMALL_SIZES), random.choice(SMALL_BRUSHES)
    middle = IMAGE_SIZE / 2 + random.uniform(-0.5, 0.5, 2)
    canvas = Image.new("L", (scale * IMAGE_SIZE, scale * IMAGE_SIZE))
    pen = ImageDraw.Draw(canvas)
    for stroke in fit_strokes(strokes, scale * size, tuple(scale * middle)):
        pen.line(stroke.ravel().tolist(), fill=255, width=int(scale * brush), joint="curve")
        if brush > 1:
            for x, y in stroke:
                pen.circle((x, y), scale * brush / 2 - 0.5, fill=255)
    how = random.choice([Image.Resampling.NEAREST, Image.Resampling.BILINEAR])
    return np.asarray(canvas.resize((IMAGE_SIZE, IMAGE_SIZE), how))


def _examples(pictures: Sequence[np.ndarray], labels: Sequence[int]) -> Examples:
    images = np.array([to_mnist(picture) for picture in pictures], np.uint8)
    return Examples(images.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1), np.array(labels, np.int32))
