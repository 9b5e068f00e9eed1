"""The page: draw a digit, or show a picture of one, and read the three best answers."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Any

import gradio as gr
from gradio.themes import Base
from starlette.middleware import Middleware

from digitrec.demo.about import about_html, claim
from digitrec.demo.answer import BLANK
from digitrec.demo.browser import BrowserReading, reading_files, worker_address
from digitrec.demo.feedback import Feedback
from digitrec.demo.first_screen import DESCRIPTION, PREVIEW, TITLE, FirstScreen, header_html
from digitrec.demo.guard import SAFE_LAUNCH_OPTIONS, CheckedBlocks, Guard
from digitrec.demo.handlers import Handlers
from digitrec.demo.memory import give_back_memory
from digitrec.demo.sketchpad import Sketchpad
from digitrec.demo.uploads import PAGE, PhotoInput, PictureInput, PicturesInput, delete_old_uploads
from digitrec.hub.files import MISREAD_DIGITS, PICTURES
from digitrec.recognizer import DigitRecognizer

ACTIONS = (
    '<div class="actions"><button type="button" name="share">Share</button>'
    '<button type="button" name="save">Save picture</button>'
    '<button type="button" name="why" aria-pressed="false">Show why</button></div>'
)
CORRECTION = (
    "<details><summary>Wrong? It is a …</summary><p>Choose what it is. With that you agree that "
    "this picture of 28×28 pixels, your choice, the answer, the model's name and the day are "
    'stored in a data set to train with; nothing else is.</p><div class="digits">'
    + "".join(f'<button type="button">{digit}</button>' for digit in range(10))
    + "</div></details>"
)
# Which of them is shown, `page/reader.js` decides.
READERS = (
    '<span class="by-browser">Your own browser reads what you draw.</span>'
    '<span class="by-server">The server reads what you draw.</span>'
)
ANSWERED = "() => document.dispatchEvent(new CustomEvent('digitrec', { detail: 'answered' }))"
# Events of the page: no spinner, the newest one last, and no endpoint for programs.
LIVE: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}


@asynccontextmanager
async def clean_up(app: Any) -> AsyncIterator[None]:
    """Clear away what visitors leave behind, as long as a Gradio app runs."""
    async with delete_old_uploads(app), give_back_memory(app):
        yield


def launch_options(recognizer: DigitRecognizer) -> dict[str, Any]:
    """Give what belongs into `launch`, for everyone who launches the demo."""
    files = reading_files(recognizer)
    middleware = [
        Middleware(Guard),
        Middleware(FirstScreen, claim=claim(recognizer), worker=worker_address(files)),
        Middleware(BrowserReading, files=files),
    ]
    return {
        "footer_links": ["api", "gradio"],
        "theme": Base(font="system-ui", font_mono="monospace"),  # nothing to download
        **SAFE_LAUNCH_OPTIONS,
        "app_kwargs": {"middleware": middleware, "lifespan": clean_up},
    }


class Page(CheckedBlocks):
    """Blocks whose page has a description, which only gr.Interface has."""

    def get_config_file(self):
        return {**super().get_config_file(), "simple_description": DESCRIPTION}


def build_demo(
    recognizer: DigitRecognizer,
    *,
    revision: str = "",
    notice: str = "",
    feedback: Feedback | None = None,
) -> gr.Blocks:
    """Lay out the page around a recogniser; launch it with `**launch_options(recognizer)`.

    Arguments:
        revision: which model it is, for the page and the answers (default: by its checksum).
        notice: a sentence for the foot of the page.
        feedback: where corrections go (default: none are asked for).
    """
    revision = revision or recognizer.revision
    handlers = Handlers(recognizer, revision, feedback)
    folder = recognizer.folder
    pictures = [folder / name for name in (MISREAD_DIGITS, *PICTURES)] if folder else []
    gr.set_static_paths([PREVIEW, PAGE / "examples", *pictures])  # may be fetched by anyone
    with Page(title=TITLE) as demo:
        _html(header_html(claim(recognizer)), elem_id="top")
        with gr.Row(elem_id="stage"):
            _stage(handlers, asks_for_corrections=feedback is not None)
        _html(about_html(recognizer), elem_id="about")
        if os.environ.get("SPACE_ID"):
            gr.DuplicateButton(size="sm")
        _html(f"{READERS} Model {escape(revision)} {escape(notice)}", elem_id="footer")
        with gr.Row(visible=False):
            _endpoints(handlers)
    return demo.queue(max_size=64, default_concurrency_limit=os.cpu_count())


def _stage(handlers: Handlers, asks_for_corrections: bool) -> None:
    """Lay out the pad and the answer beside it."""
    pad = Sketchpad(elem_id="pad")
    with gr.Column(elem_id="side"):
        answer = _html(
            BLANK,
            elem_id="answer",
            html_template='<p class="status"></p><div aria-live="polite">${value}</div>',
            js_on_load=_script("answer"),
        )
        why = _html(
            elem_id="why",
            html_template='<div class="explanation">${value}</div>',
            js_on_load=_script("why"),
        )
        _html(ACTIONS, elem_id="actions", js_on_load=_script("actions"))
        if asks_for_corrections:
            label = _html(
                elem_id="correction", html_template=CORRECTION, js_on_load=_script("correction")
            )
            thanks = _html(
                elem_id="thanks",
                html_template='<p aria-live="polite">${value}</p>',
                js_on_load=_script("thanks"),
            )
            label.input(handlers.keep_correction, [pad, label], thanks, **LIVE)
    photo = PhotoInput(elem_id="photo")
    # Said by the event: an answer may be the same as the one before.
    for answered in (
        pad.input(handlers.read_drawing, pad, answer, **LIVE),
        photo.upload(handlers.read_photo, photo, answer, **LIVE),
    ):
        answered.success(None, js=ANSWERED)
    pad.why(handlers.explain_drawing, pad, why, **LIVE)


def _endpoints(handlers: Handlers) -> None:
    """Make the endpoints for programs; what they take and give is not on the page."""
    image = PictureInput(label="image")
    images = PicturesInput(label="images", file_count="multiple")
    result = gr.JSON(label="answer")
    for function, inputs in (
        (handlers.predict, image),
        (handlers.read_number, image),
        (handlers.predict_batch, images),
        (handlers.model_info, None),
    ):
        gr.Button().click(function, inputs, result, api_name=function.__name__)


def _html(value: str = "", **options: Any) -> gr.HTML:
    """Make an element whose looks page/page.css alone decides."""
    return gr.HTML(value, apply_default_css=False, **options)


def _script(name: str) -> str:
    return (PAGE / f"{name}.js").read_text()
