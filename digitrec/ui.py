"""The Gradio app: draw or upload a digit, read the top three answers."""

import os
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio_client.utils import decode_base64_to_binary

from digitrec.errors import BadImageError
from digitrec.picture import ImageLike
from digitrec.recognizer import DigitRecognizer

# Gradio 6.31 opens an empty Sketchpad with no tool chosen, also after "clear"; only a click on
# its brush makes it ready to draw.
_CHOOSE_BRUSH = """() => {
  const timer = setInterval(() => {
    const brush = document.querySelector('#pad button[aria-label="Brush"]');
    if (brush) { clearInterval(timer); setTimeout(() => brush.click(), 50); }
  }, 50);
}"""

NOTHING_DRAWN = "Nothing drawn yet"
NOT_A_DIGIT = "That does not look like a digit"
NO_DIGIT = "No digit found"

# What belongs into `launch`, for everyone who launches the demo.
LAUNCH_OPTIONS = {
    # A page as wide as what is on it; Gradio's own fills the window.
    "css": ".gradio-container { width: 100%; max-width: 60rem !important; margin: auto !important}",
    "footer_links": ["api", "gradio"],
    "max_file_size": "16mb",  # a photo of 12 megapixels has 2-7 MB
    "enable_monitoring": False,  # Gradio's page of usage figures is public unless switched off
    "run_history": False,  # it would keep each stroke in the visitor's browser
    "ssr_mode": False,  # a second server process, for nothing that this page needs
}


class PictureInput(gr.Image):
    """Hands over an uploaded file as it is: `digitrec.picture` reads alpha, 16 bits and EXIF."""

    is_template = True  # to the browser, a plain gr.Image

    def preprocess(self, payload) -> Path | None:
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            try:
                content, _ = decode_base64_to_binary(payload.url)
            except ValueError as error:
                raise gr.Error(
                    "The data URL should hold base64, but does not; encode the file again.",
                    print_exception=False,
                ) from error
            return Path(save_bytes_to_cache(content, "picture.bin", self.GRADIO_CACHE))
        path = Path(payload.path or "").resolve()
        if not path.is_relative_to(Path(self.GRADIO_CACHE).resolve()):
            raise gr.Error(
                "The picture should be an uploaded file, but is none; upload it first.",
                print_exception=False,
            )
        return path


def build_demo(recognizer: DigitRecognizer, notice: str = "") -> gr.Blocks:
    """Lay out the page around a recogniser; launch it with `**LAUNCH_OPTIONS`."""

    def label(image: ImageLike, when_empty: str, otherwise: str) -> dict[str, float] | str:
        try:
            prediction = recognizer.predict(image)
        except BadImageError as error:
            raise gr.Error(str(error), print_exception=False) from error
        if not prediction.is_digit:
            return otherwise if prediction.top() else when_empty
        return {str(digit): probability for digit, probability in prediction.top(10)}

    def read_drawing(drawing):
        return NOTHING_DRAWN if drawing is None else label(drawing, NOTHING_DRAWN, NOT_A_DIGIT)

    def read_picture(image):
        """Read the digit in a picture: the label and the three best answers with confidences."""
        return None if image is None else label(image, NO_DIGIT, NO_DIGIT)

    with gr.Blocks(title="digitrec", delete_cache=(3600, 3600)) as demo:
        gr.Markdown("# Draw a digit\nWith the mouse or a finger; the answer follows every stroke.")
        with gr.Tab("Draw"), gr.Row():
            with gr.Column(scale=3, min_width=340):
                pad = gr.Sketchpad(
                    elem_id="pad",
                    label="Your drawing",
                    height=480,
                    canvas_size=(400, 400),
                    fixed_canvas=True,
                    layers=False,
                    transforms=(),
                    # A radius: as thick for a digit of 300 pixels as MNIST's pen is.
                    brush=gr.Brush(default_size=12, colors=["#000000"], color_mode="fixed"),
                )
            with gr.Column(scale=2, min_width=240):
                drawn = gr.Label(value=NOTHING_DRAWN, num_top_classes=3, label="Answer")
        with gr.Tab("Upload"), gr.Row():
            with gr.Column(scale=3, min_width=340):
                picture = PictureInput(
                    label="Picture of a digit", sources=["upload", "clipboard"], height=480
                )
            with gr.Column(scale=2, min_width=240):
                read = gr.Label(num_top_classes=3, label="Answer")

        # `.change`, for `.input` loses the first stroke after the page has loaded (Gradio 6.31).
        pad.change(read_drawing, pad, drawn, show_progress="hidden", api_visibility="undocumented")
        pad.clear(None, js=_CHOOSE_BRUSH)
        demo.load(None, js=_CHOOSE_BRUSH)
        picture.change(read_picture, picture, read, show_progress="hidden", api_name="predict")
    return demo.queue(max_size=64, default_concurrency_limit=os.cpu_count())
