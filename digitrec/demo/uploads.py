"""Input components for pictures that are handed over as the files that they are.

`digitrec.picture` reads alpha, 16 bits and EXIF, which Gradio's own components lose.
"""

from pathlib import Path

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ImageData
from gradio.processing_utils import save_bytes_to_cache
from gradio_client.utils import decode_base64_to_binary

LARGEST_BATCH = 64  # pictures


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
