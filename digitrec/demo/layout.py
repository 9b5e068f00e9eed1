"""The page: draw a digit and read the three best answers; upload one; about the model."""

import os
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from digitrec.demo.about import about_markdown, about_pictures
from digitrec.demo.answer import NOTHING_DRAWN, message_html
from digitrec.demo.feedback import Feedback
from digitrec.demo.guard import SAFE_LAUNCH_OPTIONS, CheckedBlocks
from digitrec.demo.handlers import CANVAS, Handlers
from digitrec.demo.uploads import PictureInput, PicturesInput
from digitrec.recognizer import DigitRecognizer

TITLE = "digitrec: draw a digit"
DESCRIPTION = "Draw a digit with the mouse or a finger and read the three best answers at once."
PAGE = Path(__file__).with_name("page")
PREVIEW = PAGE / "preview.png"
CONSENT = (
    "Was it read wrongly? Choose what it is. By sending it you agree that this picture of 28×28 "
    "pixels, your choice and the answer are stored in a data set to train with; nothing else is."
)

# What belongs into `launch`, for everyone who launches the demo.
LAUNCH_OPTIONS: dict[str, Any] = {
    "css_paths": PAGE / "page.css",
    "footer_links": ["api", "gradio"],
    **SAFE_LAUNCH_OPTIONS,
}
# Events of the page: no spinner, the newest one last, and no endpoint for programs.
LIVE: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}


class Page(CheckedBlocks):
    """Blocks whose page has a description and a picture for chats, which only gr.Interface has."""

    def get_config_file(self):
        host = os.environ.get("SPACE_HOST")
        preview = f"https://{host}/gradio_api/file={PREVIEW}" if host else ""
        config = {"simple_description": DESCRIPTION, "thumbnail": preview}
        return {**super().get_config_file(), **config}


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
    handlers = Handlers(recognizer, revision, feedback)
    gr.set_static_paths([PREVIEW])  # may be fetched by anyone
    with Page(title=TITLE, delete_cache=(3600, 3600)) as demo:
        gr.Markdown("# Draw a digit\nWith the mouse or a finger; the answer follows every stroke.")
        with gr.Tab("Draw"), gr.Row():
            _draw_tab(handlers, asks_for_corrections=feedback is not None)
        with gr.Tab("Upload a picture"), gr.Row():
            _upload_tab(handlers)
        with gr.Tab("About the model"):
            _about_tab(recognizer)
        if os.environ.get("SPACE_ID"):
            gr.DuplicateButton(size="sm")
        gr.HTML(" ".join(["Model", escape(revision), escape(notice)]), elem_classes="footer")
        with gr.Row(visible=False):
            _endpoints(handlers)
    return demo.queue(max_size=64, default_concurrency_limit=os.cpu_count())


def _draw_tab(handlers: Handlers, asks_for_corrections: bool) -> None:
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
        # Disable the pad's own upload endpoint: it is not used, and could exhaust memory.
        pad.accept_blobs = None  # pyright: ignore[reportAttributeAccessIssue]
        # These two only carry texts to the server: a drawing, and one from a link. Their empty
        # templates show none of it, which would run what a link holds.
        code = gr.HTML(elem_id="code", html_template="", js_on_load=_script("link"))
        drawing = gr.HTML(elem_id="drawing", html_template="", js_on_load=_script("pad"))
    with gr.Column(scale=2, min_width=280):
        answer = _live_region(message_html(NOTHING_DRAWN), elem_id="answer")
        why = gr.Checkbox(label="Show why: what spoke for the answer")
        link = gr.Button("Copy link", size="sm")
        if asks_for_corrections:
            _correction(handlers, drawing)
    # One event, so that no answer overtakes another.
    gr.on([drawing.input, why.change], handlers.read_drawing, [drawing, why], answer, **LIVE)
    link.click(None, None, link, js=_script("copy_link"))
    answer.change(None, None, link, js="() => 'Copy link'")
    opened = code.submit(handlers.open_link, code, [pad, answer], **LIVE)
    opened.then(None, js="() => document.dispatchEvent(new Event('link-opened'))")


def _correction(handlers: Handlers, drawing: gr.HTML) -> None:
    label = gr.Radio([str(digit) for digit in range(10)], label="This is a …")
    gr.Markdown(CONSENT)
    send = gr.Button("Send the correction", size="sm")
    thanks = _live_region("")
    send.click(handlers.keep_correction, [drawing, label], [label, thanks], **LIVE)


def _upload_tab(handlers: Handlers) -> None:
    with gr.Column(scale=3, min_width=300):
        picture = PictureInput(
            label="Picture of a digit", sources=["upload", "clipboard"], height=400
        )
        gr.Examples(sorted(map(str, PAGE.glob("examples/*"))), picture)
    with gr.Column(scale=2, min_width=280):
        answer = _live_region("", elem_id="read")
    picture.change(handlers.read_picture, picture, answer, **LIVE)


def _about_tab(recognizer: DigitRecognizer) -> None:
    gr.Markdown(about_markdown(recognizer))
    for caption, path in about_pictures(recognizer):
        gr.Image(str(path), label=caption, interactive=False, buttons=[])


def _endpoints(handlers: Handlers) -> None:
    """Make the three endpoints for programs; what they take and give is not on the page."""
    image = PictureInput(label="image")
    images = PicturesInput(label="images", file_count="multiple")
    result = gr.JSON(label="answer")
    for function, inputs in (
        (handlers.predict, image),
        (handlers.predict_batch, images),
        (handlers.model_info, None),
    ):
        gr.Button().click(function, inputs, result, api_name=function.__name__)


def _script(name: str) -> str:
    return (PAGE / f"{name}.js").read_text()


def _live_region(value: str, **options) -> gr.HTML:
    """Make an element whose changes a screen reader reads out."""
    return gr.HTML(value, html_template='<div aria-live="polite">${value}</div>', **options)
