"""Draw a seven in the running app and take the README's pictures.

python app.py &
python docs/screenshot.py http://127.0.0.1:7860 docs/images [NAME...]

The preview for chats is then moved to digitrec/demo/page/.
"""

import re
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

SEVEN = [(0.34, 0.24), (0.65, 0.22), (0.58, 0.42), (0.47, 0.78)]  # shares of the paper's side
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
}

url, folder, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or list(PICTURES)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    for name in names:
        page = browser.new_page(**PICTURES[name])
        page.goto(url)
        brush = page.locator('#pad button[aria-label="Brush"]')
        expect(brush).to_have_class(re.compile("highlight"), timeout=30_000)
        expect(page.locator("#pad canvas[role=img]")).to_be_visible(timeout=30_000)
        canvas = page.locator("#pad canvas").first.bounding_box()
        side = min(canvas["width"], canvas["height"])
        for index, (right, down) in enumerate(SEVEN):
            x = canvas["x"] + canvas["width"] / 2 + (right - 0.5) * side
            y = canvas["y"] + canvas["height"] / 2 + (down - 0.5) * side
            page.mouse.move(x, y, steps=10)
            if index == 0:
                page.mouse.down()
        page.mouse.up()
        page.mouse.move(5, 5)
        expect(page.locator("#answer .digit").first).to_have_text("7", timeout=30_000)
        page.wait_for_timeout(1000)  # until the bars have grown
        page.screenshot(path=folder / name)
        page.close()
    browser.close()
if "desktop-light.png" in names:
    with Image.open(folder / "desktop-light.png") as picture:
        preview = picture.convert("P", palette=Image.ADAPTIVE, colors=64)
    preview.save(folder / "preview.png", optimize=True)
