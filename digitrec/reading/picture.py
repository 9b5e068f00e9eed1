"""Whatever people hand over as an image becomes a picture, or an error that says why not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from digitrec.errors import BadImageError, first_line
from digitrec.reading.file import OWN, UPLOAD, Limits, PictureFile, open_file
from digitrec.reading.pixels import from_array, from_pillow

MAXIMUM_BATCH_PIXELS = 64_000_000  # of all files that a stranger sends together


class Picture(NamedTuple):
    """An image that has been read."""

    pixels: UInt8[np.ndarray, "rows columns 4"]  # RGBA; a large image is shrunk
    size: tuple[int, int]  # width and height of the image as it is seen, not shrunk
    on_pad: bool = False  # drawn on a Sketchpad: no printed lines, but strokes that leave it

    def locate(self, box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        """Turn a box (left, top, right, bottom) of `pixels` into one of the image as given."""
        rows, columns = self.pixels.shape[:2]
        (width, height), (left, top, right, bottom) = self.size, box
        across, down = width / columns, height / rows
        x = min(max(round(across * left), 0), width - 1)
        y = min(max(round(down * top), 0), height - 1)
        return (
            *(x, y),
            min(max(round(across * right), x + 1), width),
            min(max(round(down * bottom), y + 1), height),
        )


if TYPE_CHECKING:

    class OpenFile(Protocol):
        def seekable(self) -> bool: ...
        def seek(self, offset: int, /) -> int: ...
        def read(self, size: int, /) -> bytes: ...

    class ConvertsToArray(Protocol):
        def __array__(self) -> np.ndarray: ...

    ImageLike = (
        str
        | os.PathLike[str]
        | bytes
        | bytearray
        | memoryview
        | OpenFile
        | Image.Image
        | np.ndarray
        | ConvertsToArray
        | Mapping[str, Any]
        | PictureFile
        | Picture
    )
else:
    ImageLike = Any  # `read_picture` itself refuses the rest, and says what to pass instead


def read_picture(image: ImageLike, limits: Limits = OWN) -> Picture | None:
    """Read an image; all forms of one give the same picture.

    Arguments:
        image: a path; an encoded file as `bytes`, as an open binary file or as a `PictureFile`; a
            `PIL.Image` of any mode, loaded or not; a NumPy array, or what NumPy makes one of (JAX
            arrays, tensors), as `pixels.from_array` describes; the dictionary of a Gradio
            Sketchpad; or a `Picture`, which is given back.
        limits: of what a file may cost.

    Returns: the picture, or None for a Sketchpad that holds nothing.
    Raises: BadImageError.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, Mapping):
        return _read_sketchpad(image)
    if isinstance(image, str | os.PathLike | PictureFile):
        return _read_file(image, limits)
    if isinstance(image, bytes | bytearray | memoryview):
        return _read_file(PictureFile("", bytes(image)), limits)
    if isinstance(image, Image.Image):
        return Picture(*from_pillow(image))
    if isinstance(image, np.ndarray):
        return Picture(*from_array(image))
    if hasattr(image, "__array__"):
        return Picture(*from_array(_to_array(image)))
    if hasattr(image, "read"):
        return _read_file(_read_open_file(image, limits), limits)
    kind = type(image).__name__
    advice = "numpy.asarray(image)" if isinstance(image, list | tuple) else "a path or an array"
    raise BadImageError(f"A {kind} is not a picture. Pass {advice}.")


def read_uploads(paths: Iterable[str | os.PathLike]) -> Iterator[Picture]:
    """Read files of a stranger one by one, as long as they do not hold too many pixels together.

    Raises: BadImageError; for too many pixels before the file that brings them is decoded.
    """
    left = MAXIMUM_BATCH_PIXELS
    for path in paths:
        with open_file(path, UPLOAD) as opened:
            width, height = opened.size
            left -= width * height
            if left < 0:
                raise BadImageError(
                    f"These pictures have more than {MAXIMUM_BATCH_PIXELS // 10**6} megapixels "
                    "together. Send fewer at a time, or smaller ones."
                )
            picture = Picture(*opened.decode())
        yield picture


def _read_file(file: str | os.PathLike | PictureFile, limits: Limits) -> Picture:
    with open_file(file, limits) as opened:
        return Picture(*opened.decode())


def _read_open_file(file: Any, limits: Limits) -> PictureFile:
    """Read an open file from its beginning, where it may have been left at its end."""
    try:
        if file.seekable():
            file.seek(0)
        content = file.read(limits.file_bytes + 1)
    except (OSError, ValueError) as error:  # a closed one is a ValueError
        raise BadImageError(
            f"The open file cannot be read ({first_line(error)}). Pass its path."
        ) from error
    if not isinstance(content, bytes):
        raise BadImageError('The file is open as text. Open it with open(path, "rb").')
    name = getattr(file, "name", "")
    return PictureFile(os.path.basename(name) if isinstance(name, str) else "", content)


def _to_array(image: Any) -> np.ndarray:
    try:
        return np.asarray(image)
    except Exception as error:  # each library raises its own
        raise BadImageError(
            f"NumPy cannot read this {type(image).__name__} ({first_line(error)}). Convert it "
            "first, a tensor of PyTorch with image.detach().cpu().numpy()."
        ) from error


def _read_sketchpad(drawing: Mapping) -> Picture | None:
    if not {"background", "layers", "composite"} & set(drawing):
        raise BadImageError(
            f"This dictionary has the keys {sorted(map(str, drawing))}, and none of background, "
            "layers and composite. Pass the value that gr.Sketchpad gives."
        )
    sheets = [drawing.get("background"), *(drawing.get("layers") or [])]
    if drawing.get("composite") is not None:
        sheets = [drawing["composite"]]
    read = [read_picture(sheet) for sheet in sheets if sheet is not None]
    pictures = [picture for picture in read if picture is not None]
    if not pictures:
        return None
    if len(sizes := {picture.size for picture in pictures}) > 1:
        found = " and ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise BadImageError(
            f"The layers of this Sketchpad differ in size: {found}. Pass the value that "
            "gr.Sketchpad gives."
        )
    drawn = reduce(Image.alpha_composite, [Image.fromarray(picture.pixels) for picture in pictures])
    return Picture(np.asarray(drawn), pictures[0].size, on_pad=True)
