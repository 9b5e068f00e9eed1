"""Draw the pictures to click on in the app, those that the README's examples read, and all habits.

python docs/examples.py

The strokes are our own, from digitrec/training/glyphs.py, varied as for training.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from digitrec.training.glyphs import GLYPHS, HABITS, write_habit
from digitrec.training.strokes import draw_strokes, fit_strokes
from digitrec.training.synthesis import vary

ROOT = Path(__file__).parent.parent
SIDE = 320  # pixels
LINES = np.arange(0.07, 1.1, 0.22)


def pen(label, size, place, brush, random):
    """Draw one of the glyphs of a digit; sizes and places are shares of the picture's side."""
    glyph = next(glyph for glyph in GLYPHS if glyph.label == label)
    center = (place[0] * SIDE, place[1] * SIDE)
    strokes = fit_strokes(vary(glyph.strokes, 1.0, random), size * SIDE, center)
    return draw_strokes(strokes, SIDE, brush * SIDE)


def picture(mask, ink, paper, lines=()):
    """Put ink on paper. `lines` are the rows of ruled lines at its left; they rise a little."""
    drawn = Image.new("RGB", (SIDE, SIDE), paper)
    for row in lines:
        ends = [(0, row * SIDE), (SIDE, (row - 0.03) * SIDE)]
        ImageDraw.Draw(drawn).line(ends, fill="#9db8dc", width=3)
    drawn.paste(Image.new("RGB", (SIDE, SIDE), ink), mask=mask)
    return drawn


def photograph(drawn, random):
    """Add what a camera does: uneven light, a soft focus, noise."""
    down, right = np.mgrid[:SIDE, :SIDE] / SIDE
    light = (0.95 - 0.35 * right - 0.15 * down)[..., None]
    pixels = np.asarray(drawn.filter(ImageFilter.GaussianBlur(1.2))) * light
    noisy = pixels + random.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def draw_habits(random, side=44, samples=6, columns=3):
    """Draw each habit several times, with its digit and name."""
    rows, width = -(-len(HABITS) // columns), 150 + samples * side
    sheet = Image.new("L", (columns * width, rows * side), 255)
    for place, habit in enumerate(HABITS):
        x, y = place // rows * width, place % rows * side
        name = f"{habit.label} {habit.name}"
        ImageDraw.Draw(sheet).text((x + 8, y + side / 2), name, fill=0, anchor="lm")
        for sample in range(samples):
            strokes = fit_strokes(write_habit(habit, random).strokes, 0.8 * side, (side / 2,) * 2)
            drawn = Image.eval(draw_strokes(strokes, side, 2.5), lambda ink: 255 - ink)
            sheet.paste(drawn, (x + 150 + sample * side, y))
    return sheet


folder = ROOT / "digitrec" / "demo" / "page" / "examples"
random = np.random.default_rng(5)
ballpoint = picture(pen(4, 0.5, (0.5, 0.52), 0.03, random), "#1d3a8a", "#f4efe2", LINES)
photograph(ballpoint, random).save(folder / "1-photo.jpg", quality=88)
chalk = picture(pen(5, 0.6, (0.5, 0.5), 0.05, random), "#f5f5f0", "#22543d")
chalk.save(folder / "2-chalk.png")
marker = picture(pen(2, 0.62, (0.5, 0.5), 0.14, random), "#c2185b", "white")
marker.save(folder / "3-marker.png")
corner = picture(pen(8, 0.25, (0.75, 0.72), 0.012, random), "black", "white")
corner.save(folder / "4-corner.png")
star = [np.array([(2, 2), (8, 8)]), np.array([(8, 2), (2, 8)]), np.array([(5, 1), (5, 9)])]
mask = draw_strokes(fit_strokes(star, 0.6 * SIDE, (SIDE / 2, SIDE / 2)), SIDE, 0.05 * SIDE)
Image.eval(mask, lambda ink: 255 - ink).save(folder / "5-no-digit.png")

folder = ROOT / "docs" / "images"
seven = picture(pen(7, 0.6, (0.5, 0.5), 0.05, random), "#1d3a8a", "white")
seven.save(folder / "seven.png", optimize=True)
four, two = (pen(label, 0.4, (x, 0.5), 0.04, random) for label, x in ((4, 0.3), (2, 0.7)))
number = picture(ImageChops.lighter(four, two), "black", "#f4efe2")
number.save(folder / "42.png", optimize=True)
draw_habits(random).save(folder / "habits.png", optimize=True)
