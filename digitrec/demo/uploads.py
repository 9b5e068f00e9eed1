"""Pictures that visitors upload: the components that take them, and when they are deleted.

A component hands a picture over as the file that it is: `digitrec.reading.picture` reads alpha,
16 bits and EXIF, which Gradio's own components lose.
"""

import asyncio
import base64
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from digitrec.reading.file import UPLOAD

PAGE = Path(__file__).with_name("page")
LARGEST_FILE = UPLOAD.file_bytes
LARGEST_BATCH = 64  # pictures
KEPT_SECONDS = 3600.0  # uploads older than this are deleted, once in as long
_HOW = "in Python with gradio_client.handle_file."


def refusal(message: str) -> gr.Error:
    """Make the error that shows a message to a visitor and leaves no traceback in the log."""
    return gr.Error(message, print_exception=False)


def require_upload_folder() -> None:
    """Raise OSError if uploads cannot be stored."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


class PictureInput(gr.Image):
    """Hands over an uploaded file."""

    is_template = True  # to the browser, a plain gr.Image

    def preprocess(self, payload: Any) -> Path:
        return _uploaded_file(self, payload)

    def example_payload(self):
        # For "Use via API"; gr.Image's own is a picture of a bus.
        return {"path": "seven.png", "meta": {"_type": "gradio.FileData"}}

    def example_value(self):
        return "seven.png"


class PicturesInput(gr.File):
    """Hands over at most LARGEST_BATCH uploaded files."""

    is_template = True

    def preprocess(self, payload: Any) -> list[Path]:
        files = [] if payload is None else payload
        if not isinstance(files, list):
            raise refusal(f"A batch must be a list of uploaded files. Upload them first, {_HOW}")
        if len(files) > LARGEST_BATCH:
            raise refusal(
                f"A batch may have at most {LARGEST_BATCH} pictures, and this one has "
                f"{len(files)}. Send several batches."
            )
        return [_uploaded_file(self, file) for file in files]

    def example_payload(self):
        return [PictureInput().example_payload()]  # gr.File's own is a PDF


class PhotoInput(gr.HTML):
    """A button and examples; takes pictures that are chosen, photographed, pasted or dropped.

    The browser shows the picture on the pad and sends what Gradio's upload returns, or the name of
    an example. Event: `upload`.
    """

    def __init__(self, **options):
        self._examples = {path.name: path for path in sorted((PAGE / "examples").iterdir())}
        pictures = "".join(
            f'<button type="button" class="example" data-name="{name}">'
            f'<img src="gradio_api/file={path}" alt="Example {number}" loading="lazy"></button>'
            for number, (name, path) in enumerate(self._examples.items(), 1)
        )
        super().__init__(
            html_template='<label class="choose"><input type="file" accept="image/*">'
            '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h4l1.5-2.5h5L16 '
            '8h4v11H4zM12 10a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4z"/></svg><span><b></b>'
            '<small class="by-mouse">or drop or paste one anywhere</small></span></label>'
            f'<div class="examples">{pictures}</div>',
            js_on_load=(PAGE / "photo.js").read_text(),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> Path | None:
        match payload or None:
            case None:
                return None
            case {"example": str(name)} if name in self._examples:
                return self._examples[name]
            case file:
                return _uploaded_file(self, file)

    def api_info(self):
        return {"type": "object", "description": "the path of an upload"}


def _uploaded_file(component: Component, file: Any) -> Path:
    """Give the path of an upload, and of nothing else that the server could read.

    Arguments:
        file: what the browser or a client sent, if all is well {"path"} or {"url": a data URL}.
    """
    match file:
        case {"url": str(url)} if url.startswith("data:"):
            try:
                content = base64.b64decode(url.partition(",")[2])
            except ValueError as error:
                raise refusal("The data URL is not valid base64. Encode the file again.") from error
            try:
                saved = save_bytes_to_cache(content, "picture.bin", component.GRADIO_CACHE)
            except OSError as error:
                raise refusal("The server cannot store this now. Try again later.") from error
            component.temp_files.add(saved)  # for `delete_uploads`
            return Path(saved)
        case {"path": str(name)}:
            with suppress(OSError, ValueError, RuntimeError):  # such as a loop of links
                path = Path(name).resolve()
                if path.is_relative_to(Path(get_upload_folder()).resolve()) and path.is_file():
                    return path
    raise refusal(f"The picture is not an uploaded file. Upload it first, {_HOW}")


async def delete_old_uploads(app: Any) -> None:
    """Delete old uploads of a Gradio app, again and again.

    Gradio's own `delete_cache` leaves a folder for each, and stops for good when a file is uploaded
    while it looks.
    """
    while True:
        await asyncio.sleep(KEPT_SECONDS)
        await asyncio.to_thread(delete_uploads, app.get_blocks(), KEPT_SECONDS)


def delete_uploads(blocks: gr.Blocks, seconds: float) -> None:
    """Delete the uploads of an app that are older than some seconds, and their folders."""
    now = time.time()
    for uploads in blocks.temp_file_sets:
        for upload in list(uploads):  # others are added meanwhile
            path = Path(upload)
            with suppress(OSError):
                if path.exists() and path.lstat().st_ctime > now - seconds:
                    continue
                path.unlink(missing_ok=True)
                uploads.discard(upload)
                path.parent.rmdir()  # fails if the folder holds an upload of another name
    for path in Path(get_upload_folder()).glob("tmp*"):  # left over from interrupted uploads
        with suppress(OSError):
            if path.lstat().st_ctime < now - KEPT_SECONDS:  # another app's may be arriving
                path.unlink()
