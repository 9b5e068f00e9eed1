"""Draw a seven in the running app and take the README's pictures.

python app.py &
python docs/screenshot.py http://127.0.0.1:7860 docs/images [NAME...]

The preview for chats is then moved to digitrec/demo/page/.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

SEVEN = [(0.3, 0.26), (0.68, 0.24), (0.6, 0.44), (0.44, 0.8)]  # shares of the paper's side
DESKTOP = {"viewport": {"width": 1100, "height": 760}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
PICTURES = {
    "desktop-light.png": {**DESKTOP, "color_scheme": "light"},
    "desktop-dark.png": {**DESKTOP, "color_scheme": "dark"},
    "phone-light.png": {**PHONE, "color_scheme": "light"},
    "phone-dark.png": {**PHONE, "color_scheme": "dark"},
    "drawing.gif": {"viewport": {"width": 900, "height": 560}, "color_scheme": "light"},
}
STEPS = 8  # of the pen between two corners


def draw(page, after_each_step=lambda: None):
    """Draw the seven and wait for its answer."""
    box = page.locator("digit-pad canvas").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for (x, y), (u, v) in zip(places, places[1:], strict=False):
        for step in range(1, STEPS + 1):
            page.mouse.move(x + (u - x) * step / STEPS, y + (v - y) * step / STEPS)
            after_each_step()
    page.mouse.up()
    page.mouse.move(5, 5)
    expect(page.locator("#answer .numeral")).to_have_text("7", timeout=30_000)
    page.wait_for_timeout(500)  # until the bars have grown


def record(page, path):
    """Save an animated picture of drawing and answer."""
    frames = []

    def shoot():
        frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))

    shoot()
    draw(page, shoot)
    shoot()
    milliseconds = [700, *[60] * (len(frames) - 2), 2500]
    small = [
        frame.resize((720, 448), Image.Resampling.LANCZOS).quantize(48, dither=Image.Dither.NONE)
        for frame in frames
    ]
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=milliseconds, loop=0, optimize=True
    )


url, folder, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or list(PICTURES)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    for name in names:
        page = browser.new_page(**PICTURES[name])
        page.goto(url)
        expect(page.locator("#answer .answer")).to_be_visible(timeout=30_000)
        page.wait_for_timeout(3000)  # until the ghost has been drawn
        if name.endswith(".gif"):
            record(page, folder / name)
        else:
            draw(page)
            page.screenshot(path=folder / name)
        page.close()
    browser.close()
if "desktop-light.png" in names:
    with Image.open(folder / "desktop-light.png") as picture:
        preview = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
    preview.save(folder / "preview.png", optimize=True)
