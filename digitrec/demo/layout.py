"""The page: draw a digit or a number, or show a picture of one, and see how it is read."""

import os
from html import escape
from typing import Any

import gradio as gr
from anyio import to_thread

from digitrec.cores import count_cores
from digitrec.demo.about import about_html, claim
from digitrec.demo.feedback import Feedback
from digitrec.demo.first_screen import DESCRIPTION, PREVIEW, TITLE, header_html
from digitrec.demo.handlers import Handlers
from digitrec.demo.sketchpad import Sketchpad
from digitrec.demo.uploads import PAGE, PhotoInput, PictureInput, PicturesInput
from digitrec.hub.files import MISREAD_DIGITS, PICTURES
from digitrec.recognizer import DigitRecognizer

CORRECTION = (
    "<details class='off'><summary>Wrong? Teach it</summary>"
    "<div class='choice'><p class='which'></p>"
    "<p class='by-browser'>Your browser learns how you write it. It keeps the digit to itself.</p>"
    "{consent}<div class='digits'>"
    + "".join(f"<button type='button'>{digit}</button>" for digit in range(10))
    + "</div></div></details><div class='learned'><p class='thanks' aria-live='polite'></p>"
    "<button type='button' class='forget' hidden aria-label='Forget my digits'>Forget</button>"
    "</div>"
)
CONSENT = (
    "<label class='consent'><input type='checkbox'> Also give it away for training: this picture "
    "of 28×28 pixels, your choice, the answer, the model's name and the day. Nothing else is "
    "stored.</label>"
)
# `page/reader.js` decides which of the two is shown.
READERS = (
    '<span class="by-browser">Your own browser reads what you draw.</span>'
    '<span class="by-server">The server reads what you draw.</span>'
)
ANSWERED = "() => tell('answered')"  # an event of `page/globals.d.ts`
# Events of the page: no spinner, the newest one last, no endpoint for programs.
LIVE: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}


class Page(gr.Blocks):
    """Blocks with a description, whose components read their arguments as they were sent."""

    def get_config_file(self):
        return {**super().get_config_file(), "simple_description": DESCRIPTION}

    async def preprocess_data(self, block_fn: Any, inputs, state, explicit_call=False):
        """Have each component read its argument.

        Gradio's own would first copy the files that an argument names, or download them.
        """
        return [
            await to_thread.run_sync(component.preprocess, value, limiter=self.limiter)
            for component, value in zip(block_fn.inputs, inputs, strict=True)
        ]


def build_demo(
    recognizer: DigitRecognizer,
    *,
    revision: str = "",
    notice: str = "",
    feedback: Feedback | None = None,
) -> gr.Blocks:
    """Lay out the page for a recogniser; launch it with `launch.launch_options(recognizer)`.

    Arguments:
        revision: the model's name, for the page and the answers (default: its checksum).
        notice: a message for the foot of the page.
        feedback: where corrections go (default: the page does not ask for any).
    """
    revision = revision or recognizer.revision
    if not recognizer.reads_numbers:
        feedback = None  # corrections are of digits
    handlers = Handlers(recognizer, revision, feedback)
    folder = recognizer.folder
    pictures = [folder / name for name in (MISREAD_DIGITS, *PICTURES)] if folder else []
    gr.set_static_paths([PREVIEW, PAGE / "examples", *pictures])  # anyone may fetch these
    with Page(title=TITLE) as demo:
        _html(header_html(claim(recognizer), recognizer.classes), elem_id="top")
        _stage(
            handlers,
            learns=recognizer.reads_numbers,
            asks_for_corrections=feedback is not None,
        )
        _html(about_html(recognizer), elem_id="about")
        if os.environ.get("SPACE_ID"):
            gr.DuplicateButton(size="sm")
        _html(f"{READERS} Model {escape(revision)} {escape(notice)}", elem_id="footer")
        with gr.Row(visible=False):
            _endpoints(handlers)
    return demo.queue(max_size=64, default_concurrency_limit=count_cores())


def _stage(handlers: Handlers, learns: bool, asks_for_corrections: bool) -> None:
    """Lay out the pad and the answer next to it; `page/answer.js` lays out the answer itself."""
    with gr.Row(elem_id="stage"):
        pad = Sketchpad(elem_id="pad")
        with gr.Column(elem_id="side"):
            answer = _html(
                elem_id="answer",
                html_template='<div class="answer-place"></div>',
                js_on_load=_script("served"),
            )
            explanation = _html(html_template="", js_on_load=_script("explained"))
            if learns:
                correction = _html(
                    elem_id="correction",
                    html_template=CORRECTION.format(consent=CONSENT * asks_for_corrections),
                    js_on_load=_script("correction"),
                )
    photo = PhotoInput(elem_id="photo")
    # The event says so, since an answer may be the same as the one before.
    for answered in (
        pad.input(handlers.read_drawing, pad, answer, **LIVE),
        photo.upload(handlers.read_photo, photo, answer, **LIVE),
    ):
        answered.success(None, js=ANSWERED)
    explanation.input(handlers.explain, explanation, explanation, **LIVE)
    # Last: a page that is open while the app restarts without it asks for the others by number.
    if learns and asks_for_corrections:
        correction.input(handlers.keep_correction, [pad, correction], correction, **LIVE)


def _endpoints(handlers: Handlers) -> None:
    """Make the endpoints for programs; their inputs and outputs are hidden on the page."""
    image = PictureInput(label="image")
    images = PicturesInput(label="images", file_count="multiple")
    result = gr.JSON(label="answer")
    for function, inputs in (
        (handlers.predict, image),
        (handlers.read_number, image),
        (handlers.read_lines, image),
        (handlers.predict_batch, images),
        (handlers.model_info, None),
    ):
        gr.Button().click(function, inputs, result, api_name=function.__name__)


def _html(value: Any = None, **options: Any) -> gr.HTML:
    """Make an element that only page/page.css styles."""
    return gr.HTML(value, apply_default_css=False, **options)


def _script(name: str) -> str:
    return (PAGE / f"{name}.js").read_text()
