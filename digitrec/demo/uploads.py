"""Input components for pictures, which are handed over as the files that they are.

`digitrec.reading.picture` reads alpha, 16 bits and EXIF, which Gradio's own components lose.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ImageData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from gradio_client.utils import decode_base64_to_binary

PAGE = Path(__file__).with_name("page")
LARGEST_BATCH = 64  # pictures
KEPT_SECONDS = 3600.0  # uploads that are as old are deleted; once in as long


def refusal(sentence: str) -> gr.Error:
    """Make the error that shows a visitor a sentence, and leaves the log alone."""
    return gr.Error(sentence, print_exception=False)


class PictureInput(gr.Image):
    """Hands over an uploaded file."""

    is_template = True  # to the browser, a plain gr.Image

    def preprocess(self, payload) -> Path | None:
        return None if payload is None else _uploaded_file(self, payload)


class PicturesInput(gr.File):
    """Hands over uploaded files, at most LARGEST_BATCH."""

    is_template = True

    def preprocess(self, payload) -> list[Path]:
        files = payload.root if payload else []  # pyright: ignore[reportAttributeAccessIssue]
        if len(files) > LARGEST_BATCH:
            raise refusal(
                f"A batch should hold at most {LARGEST_BATCH} pictures, but holds {len(files)}; "
                "send several."
            )
        return [_uploaded_file(self, file) for file in files]

    def example_payload(self):
        return [PictureInput().example_payload()]  # gr.File's own is a PDF


class PhotoInput(gr.HTML):
    """A button and examples; takes pictures that are chosen, photographed, pasted or dropped.

    The browser shows the picture on the pad and sends what Gradio's upload gives, or the name of
    an example. Event: `upload`.
    """

    def __init__(self, **options):
        examples = sorted((PAGE / "examples").iterdir())
        pictures = "".join(
            f'<button type="button" class="example" data-name="{path.name}">'
            f'<img src="gradio_api/file={path}" alt="Example {number}" loading="lazy"></button>'
            for number, path in enumerate(examples, 1)
        )
        super().__init__(
            html_template='<p><label class="choose"><input type="file" accept="image/*">'
            '<span></span></label> <span class="by-mouse">paste or drop one anywhere,</span> '
            "or try one of these:</p>"
            f'<div class="examples">{pictures}</div>',
            js_on_load=(PAGE / "photo.js").read_text(),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: dict | None) -> Path | None:
        if not payload:
            return None
        if name := payload.get("example"):
            path = PAGE / "examples" / Path(name).name
            return path if path.is_file() else None
        return _uploaded_file(self, gr.FileData(path=payload.get("path") or ""))

    def api_info(self):
        return {"type": "object", "description": "the path of an upload"}


def _uploaded_file(component: Component, file: gr.FileData | ImageData) -> Path:
    """Give the path of an upload, and of nothing else that the server could read."""
    cache = component.GRADIO_CACHE
    if file.url and file.url.startswith("data:"):
        try:
            content, _ = decode_base64_to_binary(file.url)
        except ValueError as error:
            raise refusal(
                "The data URL should hold base64, but does not; encode the file again."
            ) from error
        path = save_bytes_to_cache(content, "picture.bin", cache)
        component.temp_files.add(str(path))  # what `delete_cache` deletes
        return Path(path)
    path = Path(file.path or "").resolve()
    if not path.is_relative_to(Path(cache).resolve()):
        raise refusal("The picture should be an uploaded file, but is none; upload it first.")
    return path


@asynccontextmanager
async def delete_old_uploads(app: Any) -> AsyncIterator[None]:
    """Delete old uploads as long as a Gradio app runs, and all of them at its end.

    Gradio's own `delete_cache` leaves a folder for each, and ends for good when a file is uploaded
    while it looks.
    """

    async def repeat():
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            await asyncio.to_thread(delete_uploads, app.get_blocks(), KEPT_SECONDS)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        delete_uploads(app.get_blocks(), 0.0)


def delete_uploads(blocks: gr.Blocks, seconds: float) -> None:
    """Delete the uploads of an app that are some seconds old, and their folders."""
    now = time.time()
    for uploads in blocks.temp_file_sets:
        for upload in list(uploads):  # others are added meanwhile
            path = Path(upload)
            with suppress(OSError):
                if path.exists() and path.lstat().st_ctime > now - seconds:
                    continue
                path.unlink(missing_ok=True)
                uploads.discard(upload)
                path.parent.rmdir()  # fails where the folder holds an upload of another name
    for path in Path(get_upload_folder()).glob("tmp*"):  # what is left of uploads that broke off
        with suppress(OSError):
            if path.lstat().st_ctime < now - KEPT_SECONDS:  # another app's may be arriving
                path.unlink()
