"""Make the pictures to click on in the app: python docs/examples.py digitrec/demo/page/examples

The strokes are our own, of digitrec/training/glyphs.py, varied as for training.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from digitrec.training.glyphs import GLYPHS
from digitrec.training.strokes import draw_strokes, fit_strokes
from digitrec.training.synthesis import vary

SIDE = 320  # pixels
LINES = np.arange(0.07, 1.1, 0.22)


def picture(label, size, place, brush, ink, paper, random, lines=()):
    """Draw one of the glyphs of a digit; sizes and places are shares of the picture's side.

    `lines` are the rows of ruled lines at the picture's left side; they rise a little.
    """
    glyph = next(glyph for glyph in GLYPHS if glyph.label == label)
    center = (place[0] * SIDE, place[1] * SIDE)
    strokes = fit_strokes(vary(glyph.strokes, 1.0, random), size * SIDE, center)
    mask = draw_strokes(strokes, SIDE, brush * SIDE)
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


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(5)
ballpoint = picture(4, 0.5, (0.5, 0.52), 0.03, "#1d3a8a", "#f4efe2", random, LINES)
photograph(ballpoint, random).save(folder / "1-photo.jpg", quality=88)
picture(5, 0.6, (0.5, 0.5), 0.05, "#f5f5f0", "#22543d", random).save(folder / "2-chalk.png")
picture(2, 0.62, (0.5, 0.5), 0.14, "#c2185b", "white", random).save(folder / "3-marker.png")
picture(8, 0.25, (0.75, 0.72), 0.012, "black", "white", random).save(folder / "4-corner.png")
star = [np.array([(2, 2), (8, 8)]), np.array([(8, 2), (2, 8)]), np.array([(5, 1), (5, 9)])]
mask = draw_strokes(fit_strokes(star, 0.6 * SIDE, (SIDE / 2, SIDE / 2)), SIDE, 0.05 * SIDE)
Image.eval(mask, lambda ink: 255 - ink).save(folder / "5-no-digit.png")
