"""The Gradio app: draw a digit and read the three best answers; upload one; about the model."""

import base64
import io
import os
from html import escape
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio_client.utils import decode_base64_to_binary
from PIL import Image

from digitrec.about import about_markdown, about_pictures
from digitrec.answer import NO_DIGIT, NOTHING_DRAWN, answer_html, message_html
from digitrec.errors import BadImageError
from digitrec.feedback import Feedback
from digitrec.recognizer import DigitRecognizer, Prediction
from digitrec.share import decode_drawing, encode_drawing

TITLE = "digitrec: draw a digit"
DESCRIPTION = "Draw a digit with the mouse or a finger and read the three best answers at once."
PAGE = Path(__file__).with_name("page")
PREVIEW = PAGE / "preview.png"
CANVAS = 400  # pixels a side
CONSENT = (
    "Was it read wrongly? Choose what it is. By sending it you agree that this picture of 28×28 "
    "pixels, your choice and the answer are stored in a data set to train with; nothing else is."
)
LONGEST_DRAWING = 1_000_000  # characters of a data URL; what the pad sends has about 7,000
MOST_PIXELS = 1_000_000  # of a drawing; the pad has 160,000
LARGEST_BATCH = 64

# What belongs into `launch`, for everyone who launches the demo.
LAUNCH_OPTIONS = {
    "css_paths": PAGE / "page.css",
    "footer_links": ["api", "gradio"],
    "max_file_size": "16mb",  # a photo of 12 megapixels has 2-7 MB
    "enable_monitoring": False,  # Gradio's page of usage figures is public unless switched off
    "run_history": False,  # it would keep each stroke in the visitor's browser
    "ssr_mode": False,  # a second server process, for nothing that this page needs
}


class Page(gr.Blocks):
    """Blocks whose page has a description and a picture for chats, which only gr.Interface has."""

    def get_config_file(self):
        host = os.environ.get("SPACE_HOST")
        preview = f"https://{host}/gradio_api/file={PREVIEW}" if host else ""
        config = {"simple_description": DESCRIPTION, "thumbnail": preview}
        return {**super().get_config_file(), **config}


class PictureInput(gr.Image):
    """Hands over an uploaded file as it is: `digitrec.picture` reads alpha, 16 bits and EXIF."""

    is_template = True  # to the browser, a plain gr.Image

    def preprocess(self, payload) -> Path | None:
        return None if payload is None else _uploaded_file(self, payload)


class PicturesInput(gr.File):
    """Hands over uploaded files, at most LARGEST_BATCH."""

    is_template = True

    def preprocess(self, payload) -> list[Path]:
        files = payload.root if payload else []
        if len(files) > LARGEST_BATCH:
            raise _error(
                f"A batch should hold at most {LARGEST_BATCH} pictures, but holds {len(files)}; "
                "send several."
            )
        return [_uploaded_file(self, file) for file in files]

    def example_payload(self):
        return [PictureInput().example_payload()]  # gr.File's own is a PDF


def build_demo(
    recognizer: DigitRecognizer,
    *,
    revision: str = "",
    notice: str = "",
    feedback: Feedback | None = None,
) -> gr.Blocks:
    """Lay out the page around a recogniser; launch it with `**LAUNCH_OPTIONS`.

    Arguments:
        revision: which model it is, for the page and the answers (default: by its checksum).
        notice: a sentence for the foot of the page.
        feedback: where corrections go (default: none are asked for).
    """
    revision = revision or recognizer.revision

    def read_drawing(drawing: str, why: bool) -> str:
        if not drawing:
            return message_html(NOTHING_DRAWN)
        image = _decode_data_url(drawing)
        prediction = _predict(recognizer, image)
        return answer_html(
            prediction,
            contributions=recognizer.explain(prediction) if why and prediction.top() else None,
            code=encode_drawing(image) if prediction.top() else "",
        )

    def open_link(code: str):
        """Put the drawing of a link on the pad; as soon as it is there, page/pad.js sends it."""
        try:
            drawing = decode_drawing(code)
        except BadImageError as error:
            return gr.skip(), message_html(str(error))
        return drawing.resize((CANVAS, CANVAS), Image.LANCZOS).convert("RGB"), gr.skip()

    def correct(drawing: str, label: str | None):
        """Keep what was drawn, with what it is; take the choice back."""
        prediction = _predict(recognizer, _decode_data_url(drawing)) if drawing else None
        if label is None or not prediction or not prediction.top():
            return label, "Draw a digit and choose what it is first."
        kept = feedback.add(prediction.image, int(label), prediction, revision)
        return None, f"Thank you, kept as a {label}." if kept else "There is no room for more."

    def read_picture(image: Path | None) -> str:
        if image is None:
            return ""
        return answer_html(_predict(recognizer, image), empty=NO_DIGIT, other=NO_DIGIT)

    def predict(image: Path) -> dict:
        """Read the digit in a picture: a drawing or a photo of one digit, in any colours.

        Args:
            image: PNG, JPEG, WebP, BMP, GIF, TIFF or PPM, of at most 64 megapixels.

        Returns:
            label (the digit, or "No digit found"), confidences (the three best), is_digit,
            digit_score (higher is more like a digit) and revision (of the model that answered).
        """
        if image is None:
            raise _error("The picture should be an uploaded file, but is none; upload it first.")
        return _as_json(_predict(recognizer, image), revision)

    def predict_batch(images: list[Path]) -> list[dict]:
        """Read the digits in up to 64 pictures, each like /predict.

        Args:
            images: files, one digit in each.

        Returns:
            a list of what /predict returns, in the same order.
        """
        try:
            predictions = recognizer.predict_batch(images)
        except BadImageError as error:
            raise _error(str(error)) from error
        return [_as_json(prediction, revision) for prediction in predictions]

    def model_info() -> dict:
        """Say which model answers, and how accurate it is.

        Returns:
            revision, parameters, test_accuracy and drawing_accuracy (0-1, null if not measured).
        """
        metrics = recognizer.metrics
        return {
            "revision": revision,
            "parameters": metrics.get("model", {}).get("parameters"),
            "test_accuracy": metrics.get("test", {}).get("accuracy"),
            "drawing_accuracy": metrics.get("drawn_digits", {}).get("mean"),
        }

    live = {"show_progress": "hidden", "trigger_mode": "always_last", "api_visibility": "private"}
    gr.set_static_paths([PREVIEW])  # may be fetched by anyone
    with Page(title=TITLE, delete_cache=(3600, 3600)) as demo:
        gr.Markdown("# Draw a digit\nWith the mouse or a finger; the answer follows every stroke.")
        with gr.Tab("Draw"), gr.Row():
            with gr.Column(scale=3, min_width=300):
                pad = gr.Sketchpad(
                    elem_id="pad",
                    show_label=False,
                    interactive=True,  # Gradio guesses otherwise: it is an output only
                    canvas_size=(CANVAS, CANVAS),
                    fixed_canvas=True,
                    layers=False,
                    transforms=(),
                    # A radius: as thick for a digit of 300 pixels as MNIST's pen is.
                    brush=gr.Brush(default_size=12, colors=["#000000"], color_mode="fixed"),
                )
                # For the pad's own events, which are not used; anyone could fill memory by it.
                pad.accept_blobs = None
                # These two only carry texts to the server: a drawing, and one from a link. Their
                # empty templates show none of it, which would run what a link holds.
                code = gr.HTML(elem_id="code", html_template="", js_on_load=_script("link"))
                drawing = gr.HTML(
                    elem_id="drawing",
                    html_template="",
                    js_on_load=_script("pad"),
                )
            with gr.Column(scale=2, min_width=280):
                answer = _live_region(message_html(NOTHING_DRAWN), elem_id="answer")
                why = gr.Checkbox(label="Show why: what spoke for the answer")
                link = gr.Button("Copy link", size="sm")
                if feedback:
                    correction = gr.Radio([str(digit) for digit in range(10)], label="This is a …")
                    gr.Markdown(CONSENT)
                    send = gr.Button("Send the correction", size="sm")
                    thanks = _live_region("")
                    send.click(correct, [drawing, correction], [correction, thanks], **live)
        with gr.Tab("Upload a picture"), gr.Row():
            with gr.Column(scale=3, min_width=300):
                picture = PictureInput(
                    label="Picture of a digit", sources=["upload", "clipboard"], height=400
                )
                gr.Examples(sorted(map(str, PAGE.glob("examples/*"))), picture)
            with gr.Column(scale=2, min_width=280):
                read = _live_region("", elem_id="read")
        with gr.Tab("About the model"):
            gr.Markdown(about_markdown(recognizer))
            for caption, path in about_pictures(recognizer):
                gr.Image(path, label=caption, interactive=False, buttons=[])
        if os.environ.get("SPACE_ID"):
            gr.DuplicateButton(size="sm")
        gr.HTML(" ".join(["Model", escape(revision), escape(notice)]), elem_classes="footer")

        # One event, so that no answer overtakes another.
        gr.on([drawing.input, why.change], read_drawing, [drawing, why], answer, **live)
        link.click(None, None, link, js=_script("copy_link"))
        answer.change(None, None, link, js="() => 'Copy link'")
        picture.change(read_picture, picture, read, **live)
        opened = code.submit(open_link, code, [pad, answer], **live)
        opened.then(None, js="() => document.dispatchEvent(new Event('link-opened'))")

        # The three endpoints for programs; what they take and give is not on the page.
        with gr.Row(visible=False):
            image = PictureInput(label="image")
            images = PicturesInput(label="images", file_count="multiple")
            result = gr.JSON(label="answer")
            for function, inputs in ((predict, image), (predict_batch, images), (model_info, None)):
                gr.Button().click(function, inputs, result, api_name=function.__name__)
    return demo.queue(max_size=64, default_concurrency_limit=os.cpu_count())


def _script(name: str) -> str:
    return (PAGE / f"{name}.js").read_text()


def _live_region(value: str, **options) -> gr.HTML:
    """Make an element whose changes a screen reader reads out."""
    return gr.HTML(value, html_template='<div aria-live="polite">${value}</div>', **options)


def _predict(recognizer: DigitRecognizer, image: Image.Image | Path) -> Prediction:
    try:
        return recognizer.predict(image)
    except BadImageError as error:
        raise _error(str(error)) from error


def _as_json(prediction: Prediction, revision: str) -> dict:
    best = prediction.top() if prediction.is_digit else []
    return {
        "label": str(prediction.digit) if best else NO_DIGIT,
        "confidences": [{"label": str(digit), "confidence": share} for digit, share in best],
        "is_digit": prediction.is_digit,
        "digit_score": prediction.digit_score if prediction.top() else None,  # JSON has no -inf
        "revision": revision,
    }


def _error(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)


def _decode_data_url(text: str) -> Image.Image:
    start, _, content = text.partition(",")
    try:
        if start != "data:image/png;base64" or len(text) > LONGEST_DRAWING:
            raise ValueError(f"{len(text):,} characters that begin with {start[:30]!r}")
        image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"])
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels")
        image.load()
    except Exception as error:  # Pillow raises errors of many kinds, for what anyone may send
        raise _error(
            f"The drawing should be a PNG as a data URL, but is not ({error}); reload the page."
        ) from error
    return image


def _uploaded_file(component: gr.components.Component, file: gr.FileData) -> Path:
    """Give the path of an upload, and of nothing else that the server could read."""
    cache = component.GRADIO_CACHE
    if file.url and file.url.startswith("data:"):
        try:
            content, _ = decode_base64_to_binary(file.url)
        except ValueError as error:
            raise _error(
                "The data URL should hold base64, but does not; encode the file again."
            ) from error
        path = save_bytes_to_cache(content, "picture.bin", cache)
        component.temp_files.add(str(path))  # what `delete_cache` deletes
        return Path(path)
    path = Path(file.path or "").resolve()
    if not path.is_relative_to(Path(cache).resolve()):
        raise _error("The picture should be an uploaded file, but is none; upload it first.")
    return path
