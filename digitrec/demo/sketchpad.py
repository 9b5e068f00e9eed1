"""The pad as a Gradio component: drawn on in the browser, read in Python like a `gr.Sketchpad`."""

import base64
import io
from typing import Any

import gradio as gr
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from digitrec.demo.uploads import PAGE, refusal

LONGEST_DRAWING = 1_000_000  # characters of a data URL; what the pad sends has about 7,000
LARGEST_DRAWING = 1_000_000  # pixels; the pad sends 160,000


class Sketchpad(gr.HTML):
    """A sheet of white paper with a round pen; `page/pad.js` draws on it.

    Its value in Python is that of `gr.Sketchpad`, with NumPy arrays:
    `{"background", "layers", "composite"}`, RGBA, dark ink on white paper; `composite` is None
    if nothing is drawn. Its event, `input`, says that the drawing has changed.
    """

    def __init__(self, **options: Any):
        early = "\n".join((PAGE / name).read_text() for name in EARLY_SCRIPTS)
        script = f"if (!window.tell) {{{early}}}\n{(PAGE / 'sketchpad.js').read_text()}"
        super().__init__(
            html_template='<div class="pad-place"></div>', js_on_load=script, **options
        )

    def preprocess(self, payload: Any) -> dict[str, Any]:
        """Read what the browser sent: a PNG as a data URL, or nothing."""
        if not payload:
            return {"background": None, "layers": [], "composite": None}
        composite = _decode_data_url(payload)
        paper = np.full_like(composite, 255)
        ink = np.zeros_like(composite)
        ink[..., 3] = 255 - composite[..., :3].max(-1)
        return {"background": paper, "layers": [ink], "composite": composite}

    def postprocess(self, value: None) -> None:
        if value is not None:
            raise ValueError("A Sketchpad is only an input. Show pictures with gr.Image.")

    def api_info(self) -> dict[str, Any]:
        return {"type": "string", "description": "a drawing: a PNG as a data URL"}

    def example_payload(self) -> str | None:
        return None

    def example_value(self) -> None:
        return None


# The scripts of the pad. They run before the rest of the page has arrived, where
# `first_screen.FirstScreen` puts them, and otherwise with the component; never twice.
EARLY_SCRIPTS = (
    *("page.js", "fit.js", "link.js", "pad.js", "answer.js", "actions.js", "why.js"),
    *("ten_digits_result.js", "ten_digits.js"),
)


def _decode_data_url(url: Any) -> UInt8[np.ndarray, "height width 4"]:
    try:
        start, _, content = url.partition(",")
        if start != "data:image/png;base64" or len(url) > LONGEST_DRAWING:
            raise ValueError(f"{len(url):,} characters that begin with {start[:30]!r}")
        image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"])
        if image.width * image.height > LARGEST_DRAWING:
            raise ValueError(f"{image.width}x{image.height} pixels")
        return np.asarray(image.convert("RGBA"))
    except Exception as error:  # Pillow raises errors of many kinds for bad pictures
        raise refusal("The drawing is not a PNG in a data URL. Reload the page.") from error
