"""Digits on ruled, squared and plain paper, scanned flat or photographed, for drawn_digits.py.

Lengths are in millimetres of the paper until it is drawn; `scale` is pixels for each of them.
"""

import io
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

from digitrec.training.scenes import find_perspective
from digitrec.training.strokes import PenDigit, draw_strokes, fit_strokes

INKS = ((20, 20, 24), (25, 45, 130), (30, 70, 190), (90, 90, 95), (170, 30, 35), (20, 95, 60))
PAPERS = ((255, 255, 255), (250, 246, 234), (238, 238, 236), (225, 232, 240))
LINES = ((60, 110, 200), (110, 150, 215), (120, 120, 125), (200, 70, 80), (90, 160, 120))
MARGIN = (215, 50, 60)
KINDS = ("flat", "photo", "cropped", "whole", "cropped_lined")
CROP = 8  # pixels beside the ink at which a photo is cropped closely


class Written(NamedTuple):
    picture: Image.Image  # RGB
    ink: Image.Image  # L; 255 where the pen was


def write(digit: PenDigit, lined: bool, side: int, size: float, random) -> Written:
    """Write a digit on a sheet that is scanned flat.

    Arguments:
        side: of the square picture, pixels.
        size: longer side of the digit, as a share of the picture's.
    """
    length = random.uniform(6, 20)  # of the digit, mm
    scale = size * side / length
    pen = max(0.4, random.uniform(0.03, 0.14) * length) * scale
    # A photo shows no more than the sheet's middle: `photograph` cuts off up to 0.13 of each side.
    room = max(0, side * (0.37 - size / 2) - pen / 2)
    center = side / 2 + np.clip(random.uniform(-1, 1, 2) * 0.25 * side, -room, room)
    strokes = fit_strokes(digit.strokes, size * side, tuple(center))
    mask = draw_strokes(strokes, side, pen)
    paper = np.array(PAPERS[random.integers(len(PAPERS))], float)
    sheet = np.broadcast_to(paper, (side, side, 3)).copy()
    if lined:
        bottom = max(stroke[:, 1].max() for stroke in strokes)
        rule(sheet, scale, (center[0], bottom), random)
    ink = np.array(INKS[random.integers(len(INKS))], float)
    if random.random() < 0.3:  # a pen that lets the lines through
        ink = ink / paper * sheet
    cover = np.asarray(mask)[..., None] / 255
    drawn = sheet * (1 - cover) + ink * cover
    return Written(Image.fromarray(np.rint(drawn).clip(0, 255).astype(np.uint8)), mask)


def rule(
    sheet: Float[np.ndarray, "side side 3"], scale: float, foot: tuple[float, float], random
) -> None:
    """Print lines on a sheet, in place: ruled or squared, turned by up to 4 degrees.

    Arguments:
        foot: x and y of the middle of the digit's lower end; half the digits stand on a line.
    """
    angle = np.radians(random.uniform(-4, 4))
    rows, columns = np.ogrid[: len(sheet), : len(sheet)]
    down = (rows - foot[1]) * np.cos(angle) - (columns - foot[0]) * np.sin(angle)
    right = (rows - foot[1]) * np.sin(angle) + (columns - foot[0]) * np.cos(angle)
    spacing = random.uniform(5, 10) * scale
    thickness = max(1.0, random.uniform(0.12, 0.4) * scale)
    paper = sheet[0, 0].copy()
    strength = random.uniform(0.2, 1.0)
    color = paper + strength * (np.array(LINES[random.integers(len(LINES))]) - paper)
    on_line = random.random() < 0.5
    offset = random.normal(0, 0.04) if on_line else random.uniform()
    families = [(down, offset)]
    if random.random() < 0.5:
        families.append((right, random.uniform()))
    for distance, start in families:
        phase = (distance / spacing + start + 0.5) % 1 - 0.5
        _print(sheet, phase * spacing, thickness, color)
    if len(families) == 1 and random.random() < 0.35:
        beside = random.uniform(0.15, 0.45) * len(sheet) * random.choice([-1, 1])
        _print(sheet, right - beside, thickness, np.array(MARGIN, float))


def _print(sheet, distance, thickness: float, color) -> None:
    cover = np.clip(thickness / 2 + 0.5 - np.abs(distance), 0, 1)[..., None]
    sheet *= 1 - cover
    sheet += color * cover


def photograph(written: Written, random) -> Written:
    """Take a photo by hand: from aside, in uneven light, not quite sharp, as JPEG."""
    side = written.picture.width
    # What of the sheet is at the photo's corners.
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) - 0.5
    angle = np.radians(random.uniform(-5, 5))
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    seen = 0.5 + 0.86 * corners @ turn + random.uniform(-0.025, 0.025, (4, 2))
    coefficients = find_perspective((corners + 0.5) * side, seen * side)
    picture, ink = (
        image.transform(
            (side, side), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
        )
        for image in written
    )
    picture = picture.filter(ImageFilter.GaussianBlur(side / 400 * random.uniform(0.1, 1.2)))
    rows, columns = np.ogrid[: 1 : side * 1j, : 1 : side * 1j]
    angle, fall = random.uniform(0, 2 * np.pi), random.uniform(0, 0.4)
    across = (rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle)
    light = random.uniform(0.6, 1.0) * (1 - fall * (across + 0.5))
    if random.random() < 0.4:  # the shadow of a hand or of the telephone
        angle, place = random.uniform(0, 2 * np.pi), random.uniform(-0.4, 0.4)
        edge = (rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle) - place
        light *= 1 - random.uniform(0.1, 0.4) / (1 + np.exp(edge / random.uniform(0.01, 0.08)))
    tint = random.uniform(0.88, 1.0, 3)
    pixels = np.asarray(picture) * light[..., None] * tint
    # Grain is the same in all channels, or each has its own.
    pixels += random.normal(0, random.uniform(0.5, 6), (side, side, random.choice([1, 3])))
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=int(random.integers(55, 93))
    )
    return Written(Image.open(file).convert("RGB"), ink)


def crop(written: Written) -> Written:
    """Cut out the ink and `CROP` pixels beside it."""
    rows, columns = np.nonzero(np.asarray(written.ink) > 64)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max()) + 1
    box = (
        *(max(0, left - CROP), max(0, top - CROP)),
        *(min(written.ink.width, right + CROP), min(written.ink.height, bottom + CROP)),
    )
    return Written(written.picture.crop(box), written.ink.crop(box))


def make(kind: str, digit: PenDigit, seed: int) -> Image.Image:
    """Make a picture of one of `KINDS`.

    flat and photo are of lined paper, whole and cropped are photos of plain paper, cropped_lined
    are photos of lined paper. A digit is a quarter to half as long as the picture, or fills it but
    for `CROP` pixels.
    """
    random = np.random.default_rng([77, seed])
    side = int(random.integers(320, 701))
    lined = kind in ("flat", "photo", "cropped_lined")
    written = write(digit, lined, side, random.uniform(0.25, 0.5), random)
    if kind == "flat":
        return written.picture
    photo = photograph(written, random)
    return crop(photo).picture if kind.startswith("cropped") else photo.picture
