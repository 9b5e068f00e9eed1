"""Scenes: what people photograph, scan and screenshot, with digits in it, and where the digits are.

They train the network of `network.finder`. Lengths are in pixels, colours in 0-1.
"""

import io
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from digitrec.training.data import Examples
from digitrec.training.glyphs import GLYPHS
from digitrec.training.strokes import PenDigit, fit_strokes
from digitrec.training.synthesis import GLYPH_VARIATION, vary

SIDE = 256  # longer side of a scene
FINE = 3  # times finer that strokes are drawn, before they are shrunk
SEEN = 0.25  # of a pixel covered by ink: the pixel belongs to the writing
BLANK = 0.15  # share of scenes without writing
REPEATED = 0.15  # share of written rows in which most digits are the same, as in 1000
JOINED = 0.07  # share of written rows whose digits are joined at the top by a stroke

Colour = Float[np.ndarray, "3"]
Sheet = Float[np.ndarray, "height width 3"]
Cover = Float[np.ndarray, "height width"]  # 0-1, how much of a pixel something covers


class Scene(NamedTuple):
    picture: UInt8[np.ndarray, "height width 3"]
    writing: Bool[np.ndarray, "height width"]


def make_scene(digits: Sequence[PenDigit], mnist: Examples, random: np.random.Generator) -> Scene:
    """Make one scene.

    Arguments:
        digits: strokes to write with; `glyphs.GLYPHS` are used, too.
        mnist: images to write with.
    """
    height, width = _size(random)
    is_screen = random.random() < 0.3
    paper = _colour_of_paper(random)
    sheet = np.broadcast_to(paper, (height, width, 3)).astype(np.float32)
    sheet = _texture(sheet, is_screen, random)
    area = np.array([0, 0, width, height], float)
    for print_on in _choose_printing(random):
        sheet, area = print_on(sheet, area, random)
    blank = random.random() < BLANK
    pen = _Pen(area, sheet, digits, mnist, random)
    for clutter in _choose_clutter(blank, random):
        sheet = clutter(sheet, pen, random)
    writing = np.zeros((height, width), np.float32)
    if not blank:
        sheet, writing = pen.write(sheet)
    if random.random() < 0.1:
        sheet = _print_lines(sheet, area, random)[0]  # over the ink
    if not is_screen and random.random() < 0.3:
        sheet, writing = _lay_on_desk(sheet, writing, random)
    if not is_screen:
        sheet = _light(sheet, random)
    picture, writing = _photograph(sheet, is_screen, random), writing > SEEN
    if random.random() < 0.5:
        picture = picture[..., random.permutation(3)]
    if random.random() < 0.2:
        picture = 255 - picture
    turns = random.choice([0, 1, 2, 3], p=[0.85, 0.06, 0.03, 0.06])
    return Scene(*(np.ascontiguousarray(np.rot90(part, turns)) for part in (picture, writing)))


def _size(random) -> tuple[int, int]:
    share = random.choice([1.0, 0.75, 0.66, 0.56, 0.4, 0.25], p=[0.3, 0.25, 0.15, 0.15, 0.1, 0.05])
    shorter = round(SIDE * share)
    return (shorter, SIDE) if random.random() < 0.65 else (SIDE, shorter)


def _colour_of_paper(random) -> Colour:
    kind = random.random()
    if kind < 0.5:
        return random.uniform(0.75, 1.0) * (1 - random.uniform(0, 0.12, 3))
    if kind < 0.6:
        return np.ones(3)
    if kind < 0.75:
        return random.uniform(0, 0.2) + random.uniform(0, 0.08, 3)
    return random.uniform(0, 1, 3)


def _other_colour(paper: Colour, least: float, random) -> Colour:
    """Choose a colour that differs from the paper's by `least` in a channel."""
    bright = paper.mean() > 0.5
    usual = random.random() < 0.7
    while True:
        if not usual:
            colour = random.uniform(0, 1, 3)
        elif bright:
            colour = random.choice([0.1, 0.25, 0.45]) * random.uniform(0.2, 1.0, 3)
            if random.random() < 0.35:
                colour[random.integers(3)] += random.uniform(0.2, 0.5)
        else:
            colour = random.uniform(0.6, 1.0) * (1 - random.uniform(0, 0.3, 3))
        if np.abs(colour - paper).max() >= least:
            return colour.clip(0, 1)
        usual = False


def _clouds(height: int, width: int, cells: float, random) -> Cover:
    """Smooth noise with about `cells` bumps along the longer side, standard deviation 1."""
    scale = cells / max(height, width)
    small = random.normal(0, 1, (2 + round(height * scale), 2 + round(width * scale)))
    image = Image.fromarray(small.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _texture(sheet: Sheet, is_screen: bool, random) -> Sheet:
    height, width = sheet.shape[:2]
    kind = random.random()
    if kind > 0.95:  # clouds, plaster, cloth in folds
        change = np.sum(
            [_clouds(height, width, cells, random) / cells for cells in (2, 5, 12, 30)], 0
        )
        return sheet + random.uniform(0.1, 0.6) * change[..., None] * random.uniform(0.5, 1, 3)
    if is_screen:
        if kind < 0.7:
            return sheet
        other = random.uniform(0, 1, 3)  # a gradient or a broad stripe of another colour
        share = _ramp(height, width, random)
        if kind > 0.83:
            share = np.exp(-(((share - 0.5) / random.uniform(0.03, 0.15)) ** 2))
        return sheet + share[..., None] * (other - sheet)
    if kind < 0.5:  # grain of paper
        return sheet + random.uniform(0, 0.02) * _clouds(height, width, 150, random)[..., None]
    if kind < 0.78:  # stains, or a sheet that is not flat
        grain = _clouds(height, width, random.uniform(2, 30), random)
        return sheet * (1 + random.uniform(0, 0.05) * grain[..., None])
    if kind < 0.84:
        return sheet * (1 + random.uniform(0.02, 0.15) * _weave(height, width, random)[..., None])
    if kind < 0.9:
        return sheet * (1 + random.uniform(0.05, 0.2) * _wood(height, width, random)[..., None])
    return sheet


def _ramp(height: int, width: int, random) -> Cover:
    """0 on one side to 1 on the other, in any direction."""
    rows, columns = np.ogrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    across = rows * np.sin(angle) + columns * np.cos(angle)
    return ((across - across.min()) / np.ptp(across)).astype(np.float32)


def _weave(height: int, width: int, random) -> Cover:
    rows, columns = np.ogrid[:height, :width]
    periods = random.uniform(3, 12, 2)
    threads = np.sin(2 * np.pi * rows / periods[0]) * np.sin(2 * np.pi * columns / periods[1])
    return threads + 0.5 * _clouds(height, width, 60, random)


def _wood(height: int, width: int, random) -> Cover:
    grain = _clouds(height, 8, 40, random)
    stretched = Image.fromarray(np.ascontiguousarray(grain)).resize((width, height))
    return np.asarray(stretched) + 0.3 * _clouds(height, width, 20, random)


def _blend(sheet: Sheet, cover: Cover, colour: Colour) -> Sheet:
    return sheet + cover[..., None] * (colour.astype(np.float32) - sheet)


def _draw(shape: tuple[int, ...], paint) -> Cover:
    """Let `paint(pen, scale)` draw on a canvas that is `FINE` times finer."""
    height, width = shape[:2]
    canvas = Image.new("L", (FINE * width, FINE * height))
    paint(ImageDraw.Draw(canvas), FINE)
    return np.asarray(canvas.reduce(FINE), np.float32) / 255


def _draw_polylines(shape, lines: Sequence[np.ndarray], brush: float) -> Cover:
    """Draw lines with a round brush; one finer than a pixel is paler."""
    width = max(1, round(FINE * brush))

    def paint(pen, scale):
        for line in lines:
            points = scale * np.asarray(line, float)
            pen.line(points.ravel().tolist(), fill=255, width=width)
            if width > 2:
                for x, y in points:
                    pen.circle((x, y), width / 2 - 0.5, fill=255)

    return _draw(shape, paint)


# What is printed: each takes the sheet and the area in which one may write, and gives both back.


def _choose_printing(random) -> list:
    kind = random.random()
    if kind < 0.42:
        return []
    choices = [
        ([_print_lines], 0.25),
        ([_print_cell], 0.2),
        ([_print_frame], 0.15),
        ([_print_axes], 0.12),
        ([_print_window], 0.1),
        ([_print_text], 0.1),
        ([_print_text, _print_cell], 0.08),
    ]
    chances = np.array([chance for _, chance in choices])
    return choices[random.choice(len(choices), p=chances / chances.sum())][0]


def _print_lines(sheet, area, random):
    """Ruled, squared or dotted paper, turned a little."""
    height, width = sheet.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    angle = np.radians(random.normal(0, 3))
    down = rows * np.cos(angle) - columns * np.sin(angle)
    right = rows * np.sin(angle) + columns * np.cos(angle)
    spacing = random.uniform(8, 90)
    thickness = random.uniform(0.3, max(0.6, min(3.0, spacing / 12)))
    covers = [
        np.clip(
            thickness / 2 + 0.5 - np.abs((distance / spacing + start) % 1 - 0.5) * spacing, 0, 1
        )
        * min(1.0, thickness)
        for distance, start in ((down, random.uniform()), (right, random.uniform()))
    ]
    kind = random.choice(["ruled", "squared", "dotted", "upright"], p=[0.4, 0.4, 0.12, 0.08])
    if kind == "ruled":
        cover = covers[0]
    elif kind == "squared":
        cover = np.maximum(*covers)
    elif kind == "dotted":
        cover = covers[0] * covers[1]
    else:
        cover = covers[1]
    colour = _other_colour(sheet[height // 2, width // 2], 0.1, random)
    strength = random.uniform(0.15, 1.0)
    return _blend(sheet, (strength * cover).astype(np.float32), colour), area


def _print_cell(sheet, area, random):
    """Boxes of a form in a row, of which one is seen whole; one writes in it."""
    height, width = sheet.shape[:2]
    side = random.uniform(0.35, 1.05) * min(height, width)
    broad = side * random.choice([1, 1, 1.4, 2.5])
    left = random.uniform(-0.05 * broad, max(1.0, width - 0.95 * broad))
    top = random.uniform(-0.05 * side, max(1.0, height - 0.95 * side))
    gap = random.choice([0, 0, random.uniform(0.05, 0.4) * side])
    count = random.integers(0, 4)
    angle = np.radians(random.normal(0, 2))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = np.array([left + broad / 2, top + side / 2])
    boxes = []
    for place in range(-count, count + 1):
        x = left + place * (broad + gap)
        corners = np.array([(x, top), (x + broad, top), (x + broad, top + side), (x, top + side)])
        boxes.append((corners[[0, 1, 2, 3, 0]] - middle) @ turn + middle)
    colour = _other_colour(sheet[height // 2, width // 2], 0.2, random)
    cover = _draw_polylines(sheet.shape, boxes, np.exp(random.uniform(np.log(0.5), np.log(9))))
    inner = np.array([left, top, left + broad, top + side])
    inner[:2] += 0.08 * side
    inner[2:] -= 0.08 * side
    return _blend(sheet, random.uniform(0.5, 1) * cover, colour), _within(inner, area)


def _print_frame(sheet, area, random):
    """Margins, black corners, lines along some edges."""
    height, width = sheet.shape[:2]
    colour = _other_colour(sheet[0, 0], 0.2, random)
    kind = random.random()
    inner = area.copy()
    if kind < 0.5:  # on all sides, or some
        sides = random.random(4) < random.choice([0.4, 1.0, 1.0])
        margin = sides * np.exp(random.uniform(0, np.log(0.2 * min(height, width)), 4))
        if random.random() < 0.5:
            margin = sides * margin[0]
        if random.random() < 0.4:  # a line with paper around
            outer = random.uniform(0.02, 0.1) * min(height, width)
        else:
            outer = 0.0
        left, top, right, bottom = margin + outer
        cover = np.zeros((height, width), np.float32)
        cover[round(outer) : round(height - outer), round(outer) : round(width - outer)] = 1
        cover[round(top) : round(height - bottom), round(left) : round(width - right)] = 0
        inner = np.array([left, top, width - right, height - bottom])
        inner += 0.03 * min(height, width) * np.array([1, 1, -1, -1])
    elif kind < 0.75:  # rounded or cut-off corners
        reach = random.uniform(0.04, 0.25) * min(height, width)
        rows = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
        columns = np.minimum(np.arange(width), np.arange(width)[::-1])
        if random.random() < 0.5:
            cover = (rows + columns < reach).astype(np.float32)
        else:
            away = np.hypot((reach - rows).clip(0), (reach - columns).clip(0))
            cover = (away > reach).astype(np.float32)
        inner += 0.3 * reach * np.array([1, 1, -1, -1])
    else:  # something dark or bright that comes in from an edge: a finger, a pen, another sheet
        start = random.uniform(0, 1, 2) * [width, height]
        side = random.integers(4)
        edge = [(start[0], 0), (start[0], height), (0, start[1]), (width, start[1])][side]
        length = random.uniform(0.1, 0.3) * min(height, width)
        inwards = length * np.array([(0, 1), (0, -1), (1, 0), (-1, 0)][side])
        inwards += random.normal(0, 0.3 * length, 2)
        line = [edge - inwards, edge, edge + inwards]
        cover = _draw_polylines(sheet.shape, [np.array(line)], random.uniform(0.05, 0.25) * height)
        inner[[1, 3, 0, 2][side]] += length * [1, -1, 1, -1][side]
    return _blend(sheet, random.uniform(0.6, 1) * cover, colour), _within(inner, area)


def _print_axes(sheet, area, random):
    """A plot: a frame or two axes, ticks, labels, a title; one writes, or sees an image, inside."""
    height, width = sheet.shape[:2]
    left, right = width * random.uniform(0.08, 0.3), width * random.uniform(0.7, 0.97)
    top, bottom = height * random.uniform(0.05, 0.25), height * random.uniform(0.75, 0.93)
    paper = sheet[0, 0].copy()
    colour = _other_colour(paper, 0.4, random)
    if random.random() < 0.4:  # a panel of another colour
        panel = _other_colour(paper, 0.4, random)
        sheet = sheet.copy()
        sheet[round(top) : round(bottom), round(left) : round(right)] = panel
    corners = np.array([(left, top), (left, bottom), (right, bottom), (right, top), (left, top)])
    lines = [corners] if random.random() < 0.7 else [corners[:3]]
    xs = np.linspace(left, right, random.integers(3, 8))
    ys = np.linspace(top, bottom, random.integers(3, 8))
    tick = random.uniform(0.008, 0.02) * width
    lines += [np.array([(x, bottom), (x, bottom + tick)]) for x in xs]
    lines += [np.array([(left - tick, y), (left, y)]) for y in ys]
    cover = _draw_polylines(sheet.shape, lines, random.uniform(0.4, 1.6))
    font = _font(random, max(6, 0.035 * height * random.uniform(0.7, 1.5)))
    labels = random.integers(1, 20)

    def paint(pen, scale):
        for index, x in enumerate(xs[:-1]):
            _say(pen, scale, (x, bottom + 2 * tick), str(labels * index), font, "ma")
        for index, y in enumerate(ys[:-1]):
            _say(pen, scale, (left - 1.5 * tick, y), str(labels * index), font, "rm")
        if random.random() < 0.5:
            title = (
                f"{random.choice(['Label', 'Digit', 'Prediction', 'y ='])}: {random.integers(10)}"
            )
            _say(pen, scale, ((left + right) / 2, top - tick), title, font, "md")

    cover = np.maximum(cover, _draw(sheet.shape, paint))
    inset = 0.06 * min(right - left, bottom - top)
    inner = np.array([left + inset, top + inset, right - inset, bottom - inset])
    return _blend(sheet, cover, colour), _within(inner, area)


def _print_window(sheet, area, random):
    """An application: a title bar, buttons, text, and a canvas to draw on."""
    height, width = sheet.shape[:2]
    sheet = sheet.copy()
    bar = round(random.uniform(0.05, 0.15) * height)
    foot = round(random.uniform(0, 0.3) * height)
    aside = round(random.choice([0, 0, random.uniform(0.1, 0.35)]) * width)
    body = (
        random.uniform(0, 1, 3) if random.random() < 0.4 else random.uniform(0.85, 1) * np.ones(3)
    )
    canvas = sheet[bar + 2 : height - foot - 2, aside + 2 : width - 2].copy()
    sheet[:] = body
    sheet[:bar] = random.uniform(0, 1, 3)
    sheet[bar + 2 : height - foot - 2, aside + 2 : width - 2] = canvas
    dark = _other_colour(body, 0.4, random)
    font = _font(random, max(6, 0.5 * bar))
    words = ["Predict", "Clear", "Draw a digit", "Save", "Digit Recognizer", "Result: 7", "98.2%"]

    def paint(pen, scale):
        _say(pen, scale, (4, bar / 2), str(random.choice(words)), font, "lm")
        for place in range(random.integers(0, 4)):
            x, y = width - (place + 0.6) * bar, bar / 2
            pen.circle((scale * x, scale * y), scale * bar * 0.2, fill=255)
        for place in range(random.integers(0, 4) if foot > 10 else 0):
            x, y = (0.15 + 0.3 * place) * width, height - foot / 2
            box = [scale * (x - 0.1 * width), scale * (y - 0.3 * foot)]
            box += [scale * (x + 0.1 * width), scale * (y + 0.3 * foot)]
            pen.rectangle(box, outline=255, width=scale)
            _say(pen, scale, (x, y), str(random.choice(words)), font, "mm")
        if aside > 20:
            for y in np.arange(bar + 10, height - foot, max(8, 0.08 * height)):
                _say(pen, scale, (3, y), str(random.integers(1000)), font, "lm")

    inner = np.array([aside + 4, bar + 4, width - 4, height - foot - 4])
    return _blend(sheet, _draw(sheet.shape, paint), dark), _within(inner, area)


def _print_text(sheet, area, random):
    """Printed lines of text or numbers above or below, or all over; one writes elsewhere."""
    height, width = sheet.shape[:2]
    size = random.uniform(0.02, 0.09) * height
    font = _font(random, size)
    where = random.choice(["above", "below", "all"], p=[0.4, 0.4, 0.2])
    share = random.uniform(0.1, 0.4) * height
    start, stop = {"above": (0, share), "below": (height - share, height), "all": (0, height)}[
        where
    ]
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz      0123456789ABCDEFGH.,"))
    if random.random() < 0.3:
        letters = np.array(list("0123456789  "))

    def paint(pen, scale):
        y = start + size
        while y < stop - 0.5 * size:
            count = random.integers(2, 60)
            _say(pen, scale, (0.05 * width, y), "".join(random.choice(letters, count)), font, "ls")
            y += size * random.uniform(1.2, 2)

    colour = _other_colour(sheet[height // 2, width // 2], 0.3, random)
    inner = area.copy()
    if where == "above":
        inner[1] = max(inner[1], stop)
    elif where == "below":
        inner[3] = min(inner[3], start)
    elif random.random() < 0.8:
        inner[3] = inner[1]  # no room
    return _blend(sheet, _draw(sheet.shape, paint), colour), inner


def _say(pen, scale, place, text, font, anchor):
    font = font.font_variant(size=scale * font.size)
    pen.text((scale * place[0], scale * place[1]), text, fill=255, font=font, anchor=anchor)


@cache
def _font_files() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    wanted = ("DejaVuSans*", "DejaVuSerif*", "STIXGeneral*", "cmr10*", "cmss10*", "cmtt10*")
    files = [path for name in wanted for path in sorted(folder.glob(name + ".ttf"))]
    return [path for path in files if "Display" not in path.name]


def _font(random, size: float) -> ImageFont.FreeTypeFont:
    files = _font_files()
    return ImageFont.truetype(str(files[random.integers(len(files))]), max(5, round(size)))


def _within(inner, area):
    low, high = np.maximum(inner[:2], area[:2]), np.minimum(inner[2:], area[2:])
    return np.concatenate([low, high])


# What else is on a sheet.


def _choose_clutter(blank: bool, random) -> list:
    kinds = [_scribble, _cross, _scribble, _cross, _dash, _fold, _dirt, _salt, _impression]
    if not blank:
        kinds += [_underline, _neighbours, _circle]
    return [kind for kind in kinds if random.random() < 0.07]


def _scribble(sheet, pen, random):
    """Curves of a second colour, under the digits."""
    height, width = sheet.shape[:2]
    colour = _other_colour(sheet[height // 2, width // 2], 0.15, random)
    for _ in range(20):
        if np.abs(colour - pen.colour).max() > 0.35:
            break
        colour = random.uniform(0, 1, 3)
    lines = []
    for _ in range(random.integers(1, 7)):
        corners = random.uniform(-0.1, 1.1, (random.integers(2, 5), 2)) * [width, height]
        places = np.linspace(0, len(corners) - 1, 30)
        lines.append(
            np.stack([np.interp(places, range(len(corners)), side) for side in corners.T], 1)
            + 0.03 * width * np.sin(places * random.uniform(1, 4))[:, None]
        )
    cover = _draw_polylines(sheet.shape, lines, random.uniform(0.3, 1.3) * pen.brush)
    return _blend(sheet, random.uniform(0.5, 1) * cover, colour)


def _cross(sheet, pen, random):
    """Thin straight lines, often of the digits' colour."""
    height, width = sheet.shape[:2]
    lines = [
        random.uniform(-0.2, 1.2, (2, 2)) * [width, height] for _ in range(random.integers(1, 6))
    ]
    colour = pen.colour if random.random() < 0.6 else random.uniform(0, 1, 3)
    brush = min(pen.brush * random.uniform(0.15, 0.45), 4)
    return _blend(sheet, _draw_polylines(sheet.shape, lines, brush), colour)


def _dash(sheet, pen, random):
    """A dash or a point before, after or between, as of a negative number."""
    x, y, length = pen.beside()
    line = np.array(
        [(x - length / 2, y), (x, y + random.normal(0, 0.05 * length)), (x + length / 2, y)]
    )
    if random.random() < 0.3:
        line = line[1:2].repeat(2, 0)
    return _blend(sheet, _draw_polylines(sheet.shape, [line], pen.brush), pen.colour)


def _underline(sheet, pen, random):
    """A line under the digits, often of their colour."""
    left, right, bottom = pen.left, pen.right, pen.bottom
    y = bottom + random.uniform(0, 0.2) * pen.height
    slope = random.normal(0, 0.03) * (right - left)
    spread = random.uniform(-0.1, 0.6) * pen.height
    if random.random() < 0.4:  # from edge to edge
        left, right, slope = 0, sheet.shape[1], random.normal(0, 0.02) * sheet.shape[1]
    line = np.array([(left - spread, y), (right + spread, y + slope)])
    colour = pen.colour if random.random() < 0.5 else random.uniform(0, 0.7, 3)
    return _blend(
        sheet, _draw_polylines(sheet.shape, [line], random.uniform(0.3, 1) * pen.brush), colour
    )


def _circle(sheet, pen, random):
    """A circle or a box around the digits, by hand."""
    middle = np.array([(pen.left + pen.right) / 2, (pen.top + pen.bottom) / 2])
    reach = np.array([pen.right - pen.left, pen.height]) * random.uniform(0.75, 1.0, 2)
    angles = np.linspace(0, random.uniform(6, 7), 40) + random.uniform(0, 6)
    line = np.stack([np.cos(angles), np.sin(angles)], 1)
    if random.random() < 0.4:
        line = (1.6 * line).clip(-0.9, 0.9)
    line = middle + reach * line * (1 + 0.05 * np.sin(angles * 2.3)[:, None])
    colour = pen.colour if random.random() < 0.6 else random.uniform(0, 1, 3)
    return _blend(sheet, _draw_polylines(sheet.shape, [line], pen.brush), colour)


def _fold(sheet, pen, random):
    height, width = sheet.shape[:2]
    line = random.uniform(-0.2, 1.2, (2, 2)) * [width, height]
    cover = _draw_polylines(sheet.shape, [line], random.uniform(0.5, 4))
    soft = ndimage.gaussian_filter(cover, random.uniform(0.3, 2.5))
    return sheet * (1 + random.uniform(-0.35, 0.3) * soft[..., None])


def _impression(sheet, pen, random):
    """What a pen without ink, or on the sheet before, left in the paper; or shows through."""
    height, width = sheet.shape[:2]
    lines = []
    for _ in range(random.integers(1, 4)):
        place = random.uniform(0, 1, 2) * [width, height]
        lines += fit_strokes(pen.any_digit(), pen.height * random.uniform(0.7, 1.3), tuple(place))
    cover = _draw_polylines(sheet.shape, lines, max(1.0, pen.brush * random.uniform(0.5, 1.2)))
    if random.random() < 0.6:
        cover = cover - np.roll(cover, random.integers(-2, 3, 2), (0, 1))
    return sheet * (1 - random.uniform(0.03, 0.2) * cover[..., None])


def _dirt(sheet, pen, random):
    height, width = sheet.shape[:2]
    spots = [
        np.repeat(random.uniform(0, 1, (1, 2)) * [width, height], 2, 0)
        for _ in range(random.integers(1, 12))
    ]
    brush = np.exp(random.uniform(np.log(0.5), np.log(14)))
    return _blend(sheet, _draw_polylines(sheet.shape, spots, brush), random.uniform(0, 1, 3))


def _salt(sheet, pen, random):
    noisy = sheet.copy()
    share = random.uniform(0.002, 0.05)
    where = random.random(sheet.shape[:2])
    noisy[where < share] = 0
    noisy[where > 1 - share] = 1
    return noisy


def _neighbours(sheet, pen, random):
    """Parts of other digits at the edges, cut off."""
    height, width = sheet.shape[:2]
    covers = []
    for _ in range(random.integers(1, 4)):
        side = random.integers(4)
        length = pen.height * random.uniform(0.7, 1.3)
        out = random.uniform(0.2, 0.4) * length
        along = random.uniform(0, 1)
        place = [(-out, along * height), (width + out, along * height)]
        place += [(along * width, -out), (along * width, height + out)]
        if random.random() < 0.6:
            side = random.integers(2)
        strokes = fit_strokes(pen.any_digit(), length, place[side])
        covers.append(_draw_polylines(sheet.shape, strokes, pen.brush))
    return _blend(sheet, np.max(covers, 0), pen.colour)


class _Pen:
    """What is to be written where: planned first, so that clutter can refer to it."""

    def __init__(self, area, sheet, digits, mnist, random):
        self.random, self.digits, self.mnist = random, digits, mnist
        left, top, right, bottom = area
        self.has_room = right - left > 10 and bottom - top > 10
        if not self.has_room:
            left, top, right, bottom = 0, 0, sheet.shape[1], sheet.shape[0]
        broad, high = right - left, bottom - top
        self.rows = random.choice([1, 2, 3], p=[0.86, 0.09, 0.05])
        self.count = 1 if random.random() < 0.45 else random.integers(2, 9)
        largest = min(high / (1.1 * self.rows), broad / (0.75 * self.count))
        if random.random() < 0.1:  # cropped closely
            largest *= 1.15
        size = np.exp(random.uniform(np.log(0.25), 0.0)) if random.random() < 0.7 else 1.0
        self.height = max(largest * size, min(12.0, largest))
        self.brush = self.height * np.exp(random.uniform(np.log(0.008), np.log(0.22)))
        self.brush = max(self.brush, 0.45)
        length = 0.75 * self.count * self.height
        rowed = 1.3 * self.rows * self.height
        self.left = left + random.uniform(0, 1) * max(0, broad - length)
        self.right = self.left + length
        self.top = top + random.uniform(0, 1) * max(0, high - rowed)
        self.bottom = self.top + self.height
        y, x = (
            int(np.clip(self.top + self.height / 2, 0, sheet.shape[0] - 1)),
            int(np.clip((self.left + self.right) / 2, 0, sheet.shape[1] - 1)),
        )
        faint = random.random() < 0.25
        self.colour = _other_colour(sheet[y, x], 0.12 if faint else 0.3, random)

    def beside(self):
        """Give x, y and the length of a dash next to the digits, at half their height."""
        length = self.height * self.random.uniform(0.1, 0.5)
        away = 0.3 * self.height + length / 2
        x = self.left - away if self.random.random() < 0.8 else self.right + away
        return x, self.top + self.height * self.random.uniform(0.35, 1.0), length

    def any_digit(self):
        random = self.random
        if self.digits and random.random() < 0.6:
            return vary(self.digits[random.integers(len(self.digits))].strokes, 1.0, random)
        return vary(GLYPHS[random.integers(len(GLYPHS))].strokes, GLYPH_VARIATION, random)

    def write(self, sheet) -> tuple[Sheet, Cover]:
        random = self.random
        if not self.has_room:
            return sheet, np.zeros(sheet.shape[:2], np.float32)
        angle = np.radians(
            random.normal(0, 4) if random.random() < 0.8 else random.uniform(-18, 18)
        )
        covers = []
        for row in range(self.rows):
            top = self.top + 1.3 * row * self.height
            if random.random() < 0.4:
                covers.append(self._stamp(sheet.shape, top, angle))
            else:
                covers.append(self._stroke(sheet.shape, top, angle))
        cover = np.max(covers, 0)
        writing = cover
        if random.random() < 0.2:  # pencil, a dry marker, chalk
            grain = 1 + random.uniform(0, 0.4) * _clouds(
                sheet.shape[0], sheet.shape[1], 180, random
            )
            cover = (cover * grain).clip(0, 1)
        return _blend(sheet, random.uniform(0.75, 1) * cover, self.colour), writing

    def _places(self, top, angle):
        """Give the middle and the size of each digit of a row."""
        random = self.random
        gap = random.uniform(0.85, 1.15) if random.random() < 0.7 else random.uniform(0.8, 1.3)
        pitch = 0.75 * self.height * (1 if self.count == 1 else min(gap, 1.3))
        start = self.left + 0.375 * self.height
        lowest = 0.75 if random.random() < 0.7 else 0.4
        for index in range(self.count):
            along = index * pitch
            x = start + along * np.cos(angle)
            y = top + self.height / 2 + along * np.sin(angle) + random.normal(0, 0.05) * self.height
            yield x, y, self.height * random.uniform(lowest, 1.0)

    def _stroke(self, shape, top, angle) -> Cover:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        lines, tops = [], []
        again = self.any_digit() if self.random.random() < REPEATED else None
        for x, y, length in self._places(top, angle):
            digit = self.any_digit() if again is None or self.random.random() < 0.3 else again
            strokes = fit_strokes(digit, length - min(self.brush, 0.3 * length), (0, 0))
            lines += [stroke @ turn + [x, y] for stroke in strokes]
            tops.append(
                min((point for line in lines[-len(strokes) :] for point in line), key=itemgetter(1))
            )
        if self.random.random() < JOINED:
            lines += [np.array(pair) for pair in pairwise(tops)]
        return _draw_polylines(shape, lines, self.brush)

    def _stamp(self, shape, top, angle) -> Cover:
        """Write with MNIST's images: smooth, or as the large pixels that a plot shows."""
        random = self.random
        sheet = np.zeros(shape[:2], np.float32)
        coarse = random.random() < 0.12
        for x, y, length in self._places(top, angle):
            image = Image.fromarray(
                self.mnist.images[random.integers(len(self.mnist.labels)), ..., 0]
            )
            side = max(8, round(1.4 * length))
            how = Image.Resampling.NEAREST if coarse else Image.Resampling.BICUBIC
            image = image.resize((side, side), how)
            if not coarse:
                image = image.rotate(-np.degrees(angle), Image.Resampling.BICUBIC)
            stamp = np.asarray(image, np.float32) / 255
            if not coarse and random.random() < 0.8:  # sharp edges
                level = random.uniform(0.3, 0.7)
                stamp = ((stamp - level) * max(1.0, side / 28) + 0.5).clip(0, 1)
            left, upper = round(x - side / 2), round(y - side / 2)
            top_, left_ = max(0, -upper), max(0, -left)
            where = sheet[max(0, upper) : max(0, upper + side), max(0, left) : max(0, left + side)]
            if where.size:
                part = stamp[top_ : top_ + where.shape[0], left_ : left_ + where.shape[1]]
                np.maximum(where, part, out=where)
        return sheet


# The sheet becomes a picture.


def _lay_on_desk(sheet, writing, random) -> tuple[Sheet, Cover]:
    """Put the sheet on a desk, seen from aside; a corner or an edge of it may be outside."""
    height, width = sheet.shape[:2]
    desk = np.broadcast_to(random.uniform(0, 1, 3) * random.uniform(0.1, 1), sheet.shape)
    make = _wood if random.random() < 0.5 else _weave
    desk = desk * (1 + random.uniform(0, 0.3) * make(height, width, random)[..., None])
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)], float) - 0.5
    angle = np.radians(random.normal(0, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = corners @ turn * random.uniform(1.05, 1.6) + random.uniform(-0.08, 0.08, (4, 2))
    seen += 0.5 + random.uniform(-0.15, 0.15, 2)
    size = np.array([width, height])
    coefficients = find_perspective((corners + 0.5) * size, seen * size)

    def see(image, fill):
        return np.asarray(
            Image.fromarray(image).transform(
                (width, height),
                Image.Transform.PERSPECTIVE,
                coefficients,
                Image.Resampling.BILINEAR,
                fillcolor=fill,
            )
        )

    cover = see(np.ones((height, width), np.float32), 0.0)[..., None]
    channels = [see(np.ascontiguousarray(sheet[..., index]), 0.0) for index in range(3)]
    laid = np.stack(channels, -1) * (cover > 0.5) + desk * (cover <= 0.5)
    if random.random() < 0.5:  # the sheet's shadow
        edge = ndimage.gaussian_filter(cover[..., 0], random.uniform(1, 6))
        laid = laid * (1 - 0.5 * edge[..., None] * (cover <= 0.5))
    return laid.astype(np.float32), see(writing.astype(np.float32), 0.0)


def find_perspective(places, sources) -> tuple[float, ...]:
    """Give Pillow's eight coefficients that take these four places to those four sources."""
    rows, values = [], []
    for (x, y), (u, v) in zip(places, sources, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)))


def _light(sheet, random) -> Sheet:
    """Light that falls off, and shadows with soft or hard edges."""
    height, width = sheet.shape[:2]
    light = 1 - random.uniform(0, 0.7) * random.random() * _ramp(height, width, random)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    if random.random() < 0.3:  # a lamp, a vignette
        place = random.uniform(-1, 1, 2)
        away = np.hypot(rows - place[0], columns - place[1])
        light = light * (1 - random.uniform(0, 0.3) * away)
    for _ in range(random.choice([0, 1, 2, 3], p=[0.45, 0.3, 0.15, 0.1])):
        corners = random.normal(0, 1.0, (random.integers(3, 6), 2)) + random.uniform(-1, 1, 2)
        points = (corners * 0.5 + 0.5) * [width, height]
        middle = points.mean(0)
        order = np.argsort(np.arctan2(*(points - middle).T))

        def paint(pen, scale, outline=points[order]):
            pen.polygon((scale * outline).ravel().tolist(), fill=255)

        soft = np.exp(random.uniform(np.log(0.5), np.log(20)))
        shade = ndimage.gaussian_filter(_draw(sheet.shape, paint), soft)
        light = light * (1 - random.uniform(0.05, 0.55) * shade)
    tint = random.uniform(0.85, 1.0, 3) if random.random() < 0.5 else np.ones(3)
    return sheet * light.clip(0.05, None)[..., None] * tint


def _photograph(sheet, is_screen: bool, random) -> UInt8[np.ndarray, "height width 3"]:
    """Blur, noise, exposure, JPEG."""
    pixels = sheet
    if not is_screen:
        pixels = pixels * random.uniform(0.5, 1.1)
        if random.random() < 0.2:
            pixels = pixels * random.uniform(0.4, 0.9) + random.uniform(0, 0.2)  # low contrast
    if random.random() < (0.2 if is_screen else 0.7):
        radius = random.uniform(0.2, 1.2) if random.random() < 0.85 else random.uniform(1, 2.5)
        pixels = ndimage.gaussian_filter(pixels, (radius, radius, 0))
    if not is_screen or random.random() < 0.2:
        noise = np.exp(random.uniform(np.log(0.002), np.log(0.035)))
        pixels = pixels + random.normal(0, noise, (*pixels.shape[:2], random.choice([1, 3])))
    if random.random() < 0.12:
        pixels = np.repeat(pixels.mean(-1, keepdims=True), 3, -1)
    picture = (255 * pixels).clip(0, 255).astype(np.uint8)
    if random.random() < 0.5:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=int(random.integers(30, 95)))
        picture = np.asarray(Image.open(file))
    return picture
