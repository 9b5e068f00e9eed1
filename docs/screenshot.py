"""Draw a seven in the running app and take the README's picture.

python app.py &
python docs/screenshot.py http://127.0.0.1:7860 docs/images/app.png
"""

import re
import shutil
import sys

from playwright.sync_api import expect, sync_playwright

url, path = sys.argv[1:]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    page = browser.new_page(viewport={"width": 1100, "height": 720})
    page.goto(url)
    brush = page.locator('#pad button[aria-label="Brush"]')
    expect(brush).to_have_class(re.compile("highlight"), timeout=30_000)
    canvas = page.locator("#pad canvas").first.bounding_box()
    corners = [(0.36, 0.25), (0.62, 0.24), (0.58, 0.4), (0.47, 0.78)]
    for index, (right, down) in enumerate(corners):
        x, y = canvas["x"] + right * canvas["width"], canvas["y"] + down * canvas["height"]
        page.mouse.move(x, y, steps=10)
        if index == 0:
            page.mouse.down()
    page.mouse.up()
    page.mouse.move(5, 5)
    expect(page.get_by_test_id("label-output-value").first).to_have_text("7", timeout=30_000)
    page.wait_for_timeout(1000)  # until the bars have grown
    page.screenshot(path=path)
    browser.close()
