"""How well a model reads a digit when something else is in the picture, and what it reads in none.

python benchmarks/surroundings.py (--manual-dir DIR | --data-dir DIR) [--model FOLDER] [--quick]
  [--faults FILE]

MNIST's validation images, in several sizes and colours, get margins, boxes, lines, a sheet, a plot,
a window or a form around them. A kind is read right where the digit is accepted and true, wrong
where it is accepted and false. Blank scenes, of paper, cloth, wood and the like, should not be
accepted. The last line is one JSON object.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from model_figures import add_model_option
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from rich.console import Console
from rich.progress import track
from rich.table import Table

from digitrec import DigitRecognizer
from digitrec.training.data import Examples, SplitConfig, load_mnist, split_mnist

IMAGES, QUICK_IMAGES = 300, 40  # of each kind
BLANKS, QUICK_BLANKS = 1_000, 130
FAULTS = 3  # of each kind that are drawn
SIZES = (28, 56, 84, 140, 280, 400)  # pixels a side of the MNIST image within the picture

Color = tuple[int, int, int]
Pixels = UInt8[np.ndarray, "height width 3"]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Digit(NamedTuple):
    cover: Float[np.ndarray, "side side"]  # 1 where the ink is
    ink: Color
    paper: Color

    @property
    def side(self) -> int:
        return len(self.cover)

    @property
    def other(self) -> Color:
        """Black or white, whichever differs more from the paper."""
        return WHITE if sum(self.paper) < 384 else BLACK

    def paint(self) -> Image.Image:
        return Image.fromarray(mix(self.cover, self.ink, self.paper))


Surround = Callable[[Digit, np.random.Generator], Image.Image]


def main() -> None:
    options = parse_options()
    recognizer = DigitRecognizer.from_pretrained(options.model)
    mnist = split_mnist(*load_mnist(options.data_dir, options.manual_dir), SplitConfig()).validation
    faults: list[tuple[str, Image.Image]] = []
    figures = measure(recognizer, mnist, QUICK_IMAGES if options.quick else IMAGES, faults)
    blanks = measure_blanks(recognizer, QUICK_BLANKS if options.quick else BLANKS, faults)
    show(figures, blanks)
    if options.faults:
        save_faults(faults, options.faults)
    print(
        json.dumps(
            {
                "kinds": figures,
                "blank_accepted": round(float(np.mean(list(blanks.values()))), 4),
                "blank_by_kind": blanks,
                "worst_right": min(kind["right"] for kind in figures.values()),
                "worst_wrong": max(kind["wrong"] for kind in figures.values()),
            }
        )
    )


def measure(
    recognizer: DigitRecognizer, mnist: Examples, count: int, faults: list[tuple[str, Image.Image]]
) -> dict[str, dict]:
    """Give the shares of each kind that are accepted and right, and accepted and wrong.

    Some of the others are added to `faults`, with a caption.
    """
    labels = mnist.labels[:count]
    figures = {}
    for kind in track(KINDS, "surroundings", transient=True):
        predictions = recognizer.predict_batch(make_pictures(kind, mnist, count))
        accepted = np.array([prediction.is_digit for prediction in predictions])
        answers = np.array([prediction.probabilities.argmax() for prediction in predictions])
        figures[kind] = {
            "right": round(float(np.mean(accepted & (answers == labels))), 4),
            "wrong": round(float(np.mean(accepted & (answers != labels))), 4),
        }
        failed = np.flatnonzero(~accepted | (answers != labels))[:FAULTS].tolist()
        for index, picture in enumerate(make_pictures(kind, mnist, count) if failed else ()):
            if index in failed:
                answer = answers[index] if accepted[index] else "-"
                faults.append((f"{kind}\n{labels[index]} read as {answer}", picture))
    return figures


def make_pictures(kind: str, mnist: Examples, count: int) -> Iterator[Image.Image]:
    """Give the first `count` images what a kind puts around them."""
    for index in range(count):
        random = np.random.default_rng([list(KINDS).index(kind), index])
        yield KINDS[kind](choose_look(mnist.images[index, ..., 0], random), random)


def measure_blanks(
    recognizer: DigitRecognizer, count: int, faults: list[tuple[str, Image.Image]]
) -> dict[str, float]:
    """Give the share of each kind of blank scene that is accepted as a digit."""
    shares = {}
    for kind in track(BLANK_KINDS, "blank scenes", transient=True):
        seeds = range(count // len(BLANK_KINDS))
        predictions = recognizer.predict_batch(make_blank(kind, seed) for seed in seeds)
        shares[kind] = round(float(np.mean([prediction.is_digit for prediction in predictions])), 4)
        failed = [seed for seed in seeds if predictions[seed].is_digit][:FAULTS]
        faults += [
            (f"{kind}\nread as {predictions[seed].digit}", make_blank(kind, seed))
            for seed in failed
        ]
    return shares


def make_blank(kind: str, seed: int) -> Image.Image:
    return BLANK_KINDS[kind](np.random.default_rng([1000 + list(BLANK_KINDS).index(kind), seed]))


def choose_look(image: UInt8[np.ndarray, "28 28"], random: np.random.Generator) -> Digit:
    """Enlarge an image, and choose its colours: a third has others than black and white."""
    side = int(random.choice(SIZES))
    enlarged = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    ink, paper = [(WHITE, BLACK), (BLACK, WHITE), (BLACK, WHITE)][random.integers(3)]
    if random.random() < 1 / 3:
        dark, bright = random.integers(0, 90, 3), random.integers(190, 256, 3)
        ink, paper = (dark, bright) if ink == BLACK else (bright, dark)
        ink, paper = tuple(ink.tolist()), tuple(paper.tolist())
    return Digit(np.asarray(enlarged) / 255, ink, paper)


# Margins and lines


def margin(pixels: int) -> Surround:
    def surround(digit, random):
        return put(digit.paint(), digit.other, pixels)

    return surround


def box(thick: bool, around: bool) -> Surround:
    """Draw a box of the digit's ink at the edge of the picture, or with paper around it."""

    def surround(digit, random):
        share = random.uniform(0.06, 0.12) if thick else random.uniform(0.008, 0.03)
        picture = put(digit.paint(), digit.paper, max(2, digit.side // 20))
        framed = put(picture, digit.ink, max(1, round(share * digit.side)))
        return (
            put(framed, digit.paper, random.integers(2, 5 + digit.side // 5)) if around else framed
        )

    return surround


def lines_at_left_and_top(digit, random):
    picture = digit.paint()
    width = max(1, round(random.uniform(0.008, 0.03) * digit.side))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, digit.side, width - 1), digit.ink)
    pen.rectangle((0, 0, width - 1, digit.side), digit.ink)
    return picture


def line_below(digit, random):
    """Draw a line, half of the time from side to side of the picture."""
    picture = put(digit.paint(), digit.paper, digit.side // 5)
    side, inset = picture.width, random.choice([0, digit.side // 6])
    top = side - digit.side // 6
    width = max(1, round(random.uniform(0.008, 0.03) * digit.side))
    ImageDraw.Draw(picture).rectangle((inset, top, side - inset - 1, top + width - 1), digit.ink)
    return picture


def squared_paper(digit, random):
    """Cut squared paper along its lines, which a digit of one or two squares covers."""
    squares, width = int(random.integers(1, 4)), max(1, digit.side // 60)
    step = (digit.side - width) / squares
    color = mix_colors(digit.paper, digit.ink, random.uniform(0.25, 0.6))
    sheet = Image.new("RGB", (digit.side, digit.side), digit.paper)
    pen = ImageDraw.Draw(sheet)
    for index in range(squares + 1):
        at = round(index * step)
        pen.rectangle((at, 0, at + width - 1, digit.side), color)
        pen.rectangle((0, at, digit.side, at + width - 1), color)
    sheet.paste(digit.ink, mask=mask_of(digit.cover))
    return sheet


# Sheets, plots, windows, forms


def sheet_on_desk(turned: bool) -> Surround:
    def surround(digit, random):
        side = digit.side
        bright = random.integers(200, 250)
        paper = (bright, bright, max(0, bright - random.integers(0, 20)))
        sheet = mix(digit.cover, tuple(random.integers(0, 70, 3).tolist()), paper)
        sheet = put(Image.fromarray(sheet), paper, side // 4)
        desk = tuple(random.integers(20, 90, 3).tolist())
        if turned:
            sheet = sheet.convert("RGBA").rotate(
                random.uniform(-8, 8), Image.Resampling.BICUBIC, expand=True
            )
            ground = Image.new("RGBA", sheet.size, desk)
            ground.alpha_composite(sheet)
            sheet = ground.convert("RGB")
        return add_noise(put(sheet, desk, side // 4), random.uniform(1, 4), random)

    return surround


def plot(dark_panel: bool) -> Surround:
    """Draw axes, ticks, labels and a title around a digit, as Matplotlib does."""

    def surround(digit, random):
        side = digit.side if digit.side >= 84 else 140
        look = digit._replace(cover=resize(digit.cover, side), ink=BLACK, paper=WHITE)
        if dark_panel:
            look = look._replace(ink=(253, 231, 37), paper=(68, 1, 84))  # Viridis
            if random.random() < 0.5:
                look = look._replace(ink=WHITE, paper=BLACK)
        text = max(9, side // 14)
        left, top = 3 * text, 2 * text
        sheet = Image.new("RGB", (side + left + text, side + top + 2 * text), WHITE)
        sheet.paste(look.paint(), (left, top))
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(text)
        pen.rectangle((left - 1, top - 1, left + side, top + side), outline=BLACK)
        for share in np.arange(0, 1, 0.2):
            across, down = left + round(share * side), top + round(share * side)
            pen.line((across, top + side + 1, across, top + side + text // 4), BLACK)
            pen.line((left - text // 4, down, left - 2, down), BLACK)
            label = str(round(28 * share))
            pen.text((across, top + side + text // 3), label, BLACK, font, "ma")
            pen.text((left - text // 2, down), label, BLACK, font, "rm")
        pen.text((left + side // 2, text // 3), "Prediction", BLACK, font, "ma")
        return sheet

    return surround


def window(digit, random):
    """Draw a window with a title bar and buttons around a canvas."""
    side = max(digit.side, 112)
    canvas = digit._replace(cover=resize(digit.cover, side)).paint()
    bar = max(16, side // 9)
    frame = tuple(random.integers(215, 245, 1).repeat(3).tolist())
    sheet = Image.new("RGB", (side + bar, side + 3 * bar), frame)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(bar // 2)
    pen.rectangle((0, 0, sheet.width, bar - 1), mix_colors(frame, BLACK, random.uniform(0, 0.8)))
    pen.text((bar // 3, bar // 5), "Digits", (128, 128, 128), font)
    for index, color in enumerate(((237, 106, 94), (245, 191, 79), (98, 197, 84))):
        right = sheet.width - (index + 0.2) * bar
        pen.ellipse((right - 0.6 * bar, 0.2 * bar, right, 0.8 * bar), color)
    sheet.paste(canvas, (bar // 2, round(1.4 * bar)))
    for index, label in enumerate(("Clear", "Read")):
        left, top = bar // 2 + index * 3 * bar, side + round(1.8 * bar)
        pen.rounded_rectangle(
            (left, top, left + 2.5 * bar, top + 0.9 * bar), bar // 5, WHITE, (150, 150, 150)
        )
        pen.text((left + 1.25 * bar, top + 0.45 * bar), label, BLACK, font, "mm")
    return sheet


def drawn_around(shape: str) -> Surround:
    """Draw a circle or a box around the digit by hand."""

    def surround(digit, random):
        side = digit.side
        room = round(side * random.uniform(0.3, 0.45))
        picture = put(digit.paint(), digit.paper, room)
        angles = np.linspace(0, 2 * np.pi + random.uniform(0.05, 0.3), 90) + random.uniform(0, 6)
        radius = np.ones_like(angles)
        if shape == "box":
            radius = 0.95 / np.maximum(abs(np.cos(angles)), abs(np.sin(angles)))
        radius = radius * (
            1 + 0.03 * np.sin(angles * random.uniform(1.5, 3) + random.uniform(0, 6))
        )
        radius *= side * random.uniform(0.6, 0.68)
        points = picture.width / 2 + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
        points = np.clip(points, 0.05 * side, picture.width - 0.05 * side)
        cover = Image.new("L", (4 * picture.width, 4 * picture.width))
        width = max(4, round(4 * side * random.uniform(0.02, 0.06)))
        ImageDraw.Draw(cover).line([tuple(4 * p) for p in points], 255, width, "curve")
        picture.paste(digit.ink, mask=cover.resize(picture.size, Image.Resampling.BOX))
        return picture

    return surround


def cell_of_form(digit, random):
    """Cut a cell out of a form, with parts of its neighbours' boxes and digits."""
    side = digit.side
    width = max(1, round(random.uniform(0.01, 0.03) * side))
    cell = put(put(digit.paint(), digit.paper, side // 20 + 1), digit.ink, width)
    step = cell.width + int(random.choice([-width, side // 8]))
    neighbour = put(
        Image.fromarray(mix(np.roll(digit.cover[:, ::-1], 1, 0), digit.ink, digit.paper)),
        digit.paper,
        side // 20 + 1,
    )
    neighbour = put(neighbour, digit.ink, width)
    sheet = Image.new("RGB", (3 * cell.width, cell.width + side // 2), digit.paper)
    left, top = cell.width, side // 4
    for place, part in ((left - step, neighbour), (left + step, neighbour), (left, cell)):
        sheet.paste(part, (place, top))
    reach = random.uniform(0.15, 0.35, 2) * side
    return sheet.crop((left - int(reach[0]), 0, left + cell.width + int(reach[1]), sheet.height))


def black_corners(digit, random):
    """Round off the corners of a screenshot, on black."""
    side = max(digit.side, 84)
    look = digit._replace(cover=resize(digit.cover, side))
    if random.random() < 0.7:
        look = look._replace(ink=BLACK, paper=WHITE)
    picture = put(look.paint(), look.paper, side // 4)
    shape = Image.new("L", picture.size)
    corner = (0, 0, picture.width - 1, picture.height - 1)
    ImageDraw.Draw(shape).rounded_rectangle(corner, side // random.integers(6, 16), 255)
    return Image.composite(picture, Image.new("RGB", picture.size), shape)


KINDS: dict[str, Surround] = {
    "nothing": lambda digit, random: digit.paint(),
    "one pixel around": margin(1),
    "ten pixels around": margin(10),
    "thin box at the edge": box(thick=False, around=False),
    "thick box at the edge": box(thick=True, around=False),
    "thin box in paper": box(thick=False, around=True),
    "thick box in paper": box(thick=True, around=True),
    "lines at left and top": lines_at_left_and_top,
    "line below": line_below,
    "squared paper": squared_paper,
    "sheet on a desk": sheet_on_desk(turned=False),
    "turned sheet on a desk": sheet_on_desk(turned=True),
    "plot": plot(dark_panel=False),
    "plot of an image": plot(dark_panel=True),
    "window": window,
    "circle by hand": drawn_around("circle"),
    "box by hand": drawn_around("box"),
    "cell of a form": cell_of_form,
    "black corners": black_corners,
}


# Blank scenes


def paper_sheet(light: str) -> Callable[[np.random.Generator], Image.Image]:
    """Give plain paper in even light, in light that falls off, or with a shadow's edge."""

    def make(random):
        height, width = random.integers(150, 500, 2)
        down, across = np.mgrid[:height, :width]
        angle = random.uniform(0, 2 * np.pi)
        slope = (np.cos(angle) * across + np.sin(angle) * down) / max(height, width)
        brightness = np.full((height, width), random.uniform(150, 250))
        if light == "uneven":
            brightness *= 1 - random.uniform(0.1, 0.5) * (slope - slope.min())
        if light in ("soft shadow", "hard shadow"):
            width_of_edge = random.uniform(0.05, 0.3) if light == "soft shadow" else 0.004
            bend = 0.1 * np.sin(down / height * random.uniform(1, 6))
            edge = (slope - np.median(slope) + bend) / width_of_edge
            brightness *= 1 - random.uniform(0.15, 0.5) / (1 + np.exp(-edge.clip(-50, 50)))
        if light == "fold":
            for _ in range(random.integers(1, 4)):
                angle = random.choice([0, np.pi / 2]) + random.normal(0, 0.05)
                line = np.cos(angle) * across + np.sin(angle) * down
                far = (
                    line - line.min() - random.uniform(0.2, 0.8) * np.ptp(line)
                ) / random.uniform(1, 6)
                brightness += random.uniform(-40, -10) * np.exp(-(far**2))
                brightness += random.uniform(-15, 15) * np.tanh(far)
        return add_noise(gray(brightness), random.uniform(0, 4), random)

    return make


def cloth(random):
    side = int(random.integers(150, 400))
    down, across = np.mgrid[:side, :side]
    thread = random.uniform(3, 8)
    weave = np.sin(2 * np.pi * across / thread) * np.sin(2 * np.pi * down / thread)
    waves = smooth_noise(side, side / 5, random)
    return add_noise(gray(random.uniform(60, 200) + 12 * weave + 20 * waves), 5, random)


def wood(random):
    side = int(random.integers(150, 400))
    down = np.mgrid[:side, :side][0] / side
    rings = np.sin(
        2 * np.pi * (random.uniform(4, 12) * down + 0.6 * smooth_noise(side, side / 3, random))
    )
    tint = np.array([1.0, 0.75, 0.5])
    return add_noise((random.uniform(90, 180) + 18 * rings)[..., None] * tint, 4, random)


def wall(random):
    side = int(random.integers(150, 400))
    rough = smooth_noise(side, random.uniform(1, 4), random)
    return add_noise(gray(random.uniform(90, 230) + 8 * rough), 2, random)


def sky(random):
    side = int(random.integers(100, 400))
    low, high = random.integers(80, 256, (2, 3))
    share = np.linspace(0, 1, side)[:, None, None] * np.ones((1, side, 1))
    clouds = 25 * smooth_noise(side, side / 6, random).clip(0, None)[..., None]
    return add_noise(low * share + high * (1 - share) + clouds, 1, random)


def ruled(squared: bool) -> Callable[[np.random.Generator], Image.Image]:
    def make(random):
        width, height = random.integers(150, 500, 2).tolist()
        sheet = Image.new("RGB", (width, height), (250, 250, 246))
        pen = ImageDraw.Draw(sheet)
        step = random.uniform(15, 60)
        for at in np.arange(random.uniform(0, step), height, step):
            pen.line((0, at, width, at), (140, 165, 215), 1 + int(step / 30))
        for at in np.arange(random.uniform(0, step), width, step) if squared else ():
            pen.line((at, 0, at, height), (140, 165, 215), 1 + int(step / 30))
        return add_noise(sheet, random.choice([0, 2]), random)

    return make


def empty(surround: Surround) -> Callable[[np.random.Generator], Image.Image]:
    return lambda random: surround(choose_look(np.zeros((28, 28), np.uint8), random), random)


BLANK_KINDS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "even light": paper_sheet("even"),
    "uneven light": paper_sheet("uneven"),
    "soft shadow": paper_sheet("soft shadow"),
    "hard shadow": paper_sheet("hard shadow"),
    "fold": paper_sheet("fold"),
    "cloth": cloth,
    "wood": wood,
    "wall": wall,
    "sky": sky,
    "squared paper": ruled(squared=True),
    "ruled paper": ruled(squared=False),
    "empty box": empty(box(thick=False, around=True)),
    "empty plot": empty(plot(dark_panel=False)),
}


# Pixels


def mix(cover: Float[np.ndarray, "height width"], ink: Color, paper: Color) -> Pixels:
    share = cover[..., None]
    return np.rint(share * np.array(ink) + (1 - share) * np.array(paper)).astype(np.uint8)


def mix_colors(color: Color, other: Color, share: float) -> Color:
    """Give `share` of the other colour, and the rest of the first."""
    red, green, blue = np.rint((1 - share) * np.array(color) + share * np.array(other)).astype(int)
    return int(red), int(green), int(blue)


def put(picture: Image.Image, color: Color, by: int) -> Image.Image:
    """Put a margin of a colour around a picture, `by` pixels on each side."""
    sheet = Image.new("RGB", (picture.width + 2 * int(by), picture.height + 2 * int(by)), color)
    sheet.paste(picture, (int(by), int(by)))
    return sheet


def mask_of(cover: Float[np.ndarray, "height width"]) -> Image.Image:
    return Image.fromarray(np.rint(255 * cover).astype(np.uint8))


def resize(cover: Float[np.ndarray, "height width"], side: int) -> Float[np.ndarray, "side side"]:
    return np.asarray(mask_of(cover).resize((side, side), Image.Resampling.BICUBIC)) / 255


def gray(brightness: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width 3"]:
    return np.repeat(brightness[..., None], 3, 2)


def smooth_noise(side: int, reach: float, random: np.random.Generator) -> np.ndarray:
    """Give noise of variance 1 that changes over `reach` pixels."""
    coarse = max(2, round(side / reach))
    noise = Image.fromarray(random.normal(size=(coarse, coarse)).astype(np.float32))
    return np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC))


def add_noise(picture, deviation: float, random: np.random.Generator) -> Image.Image:
    """Add what a camera adds: noise, a little blur."""
    pixels = np.asarray(picture, float)
    noisy = pixels + random.normal(0, deviation, (*pixels.shape[:2], 1))
    blurred = Image.fromarray(np.rint(noisy).clip(0, 255).astype(np.uint8))
    return blurred.filter(ImageFilter.GaussianBlur(0.5)) if deviation else blurred


def show(figures: dict[str, dict], blanks: dict[str, float]) -> None:
    console = Console(width=110, highlight=False)
    table = Table("kind", title="a digit and its surroundings, %")
    for column in ("right", "wrong"):
        table.add_column(column, justify="right")
    for kind, part in figures.items():
        table.add_row(kind, *[f"{100 * part[name]:.1f}" for name in ("right", "wrong")])
    console.print(table)
    table = Table("scene", title="blank scenes, %")
    table.add_column("accepted", justify="right")
    for kind, share in blanks.items():
        table.add_row(kind, f"{100 * share:.1f}")
    console.print(table)


def save_faults(faults: list[tuple[str, Image.Image]], path: Path) -> None:
    """Draw pictures that are not read right side by side, with captions."""
    columns, side, line = 8, 130, 30
    sheet = Image.new("RGB", (columns * side, -(-len(faults) // columns) * (side + line)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (caption, picture) in enumerate(faults):
        left, top = place % columns * side, place // columns * (side + line)
        shown = ImageOps.contain(picture.convert("RGB"), (side - 8, side - 8))
        sheet.paste(ImageOps.expand(shown, 1, "gray"), (left, top + line))
        pen.text((left, top), caption, fill="black")
    sheet.save(path, optimize=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--manual-dir", type=Path, metavar="DIR", help="MNIST's four .gz files")
    source.add_argument("--data-dir", type=Path, metavar="DIR", help="of tensorflow-datasets")
    add_model_option(parser)
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_IMAGES} images of each kind and {QUICK_BLANKS} blank scenes only",
    )
    parser.add_argument(
        "--faults", type=Path, metavar="FILE", help="draw some that are not read right, as PNG"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
