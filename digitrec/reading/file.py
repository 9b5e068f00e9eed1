"""A picture's file, on the disk or in memory, is opened within bounds and decoded."""

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from digitrec.errors import BadImageError, first_line
from digitrec.reading.encoded import trim
from digitrec.reading.pixels import MAXIMUM_SIDE, to_rgba, turned

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# Bytes that decoding takes for each pixel, by format or mode, where it is not 4.
BYTES_A_PIXEL = {"WEBP": 16, "HEIF": 12, "CMYK": 10, "1": 1, "L": 1, "P": 1, "I;16": 2}
PROGRESSIVE_BYTES = 6  # a pixel, in addition: all coefficients of a progressive JPEG
# Pillow decodes these pixel by pixel in Python, a megabyte in up to a second.
SLOW_DECODERS = ("bmp_rle", "ppm", "ppm_plain")
MOST_SLOW_BYTES = 500_000
LONGEST_NAME = 200  # characters of a name that a message shows


class Limits(NamedTuple):
    """What a file may cost."""

    file_bytes: int
    pixels: int
    memory: int  # bytes, the file's own among them
    ratio: float  # of the longer side to the shorter


# For a stranger's file, which then takes about a second of a core.
UPLOAD = Limits(file_bytes=32_000_000, pixels=64_000_000, memory=150_000_000, ratio=100)
# For one's own; above 89 megapixels Pillow warns of a bomb.
OWN = Limits(file_bytes=150_000_000, pixels=89_000_000, memory=1_000_000_000, ratio=math.inf)


class PictureFile(NamedTuple):
    """A file that is in memory, such as one of an archive's."""

    name: str
    content: bytes


class Opened(NamedTuple):
    """A picture before it is decoded."""

    image: Image.Image
    orientation: int  # by EXIF, 1-8; 1 is upright
    size: tuple[int, int]  # width and height as they are stored

    def decode(self) -> tuple[UInt8[np.ndarray, "rows columns 4"], tuple[int, int]]:
        """Give the pixels, RGBA and shrunk, and the size as it is seen."""
        return to_rgba(self.image, self.orientation), turned(self.size, self.orientation)


@contextmanager
def open_file(file: str | os.PathLike | PictureFile, limits: Limits = OWN) -> Iterator[Opened]:
    """Open a picture, to be decoded within the context.

    Raises: BadImageError, also for what its decoder raises.
    """
    file = _load(file, limits)
    name = file.name or "This picture"
    if refused := _name_kind(file.content):
        raise BadImageError(f"{name} {refused}")
    try:
        content, orientation = trim(file.content)
        with Image.open(io.BytesIO(content), formats=_formats()) as image:
            size = image.size
            if image.format == "JPEG":
                # Its decoder halves a large photo on the way, in less time and memory.
                share = MAXIMUM_SIDE / max(size)
                image.draft(None, (math.ceil(size[0] * share), math.ceil(size[1] * share)))
            _require_cheap(image, size, len(content), limits)
            yield Opened(image, orientation, size)
    except BadImageError as error:
        raise BadImageError(f"{name}: {error}") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, at 179 megapixels
        raise BadImageError(
            f"{name}: It has more than {limits.pixels // 10**6} megapixels. Make it smaller."
        ) from error
    except UnidentifiedImageError as error:
        raise BadImageError(
            f"{name} is not a picture that digitrec can read. Save it as PNG or JPEG."
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files
        raise BadImageError(
            f"{name} is damaged or incomplete ({first_line(error)}). Save it again as PNG or JPEG."
        ) from error


def _load(file: str | os.PathLike | PictureFile, limits: Limits) -> PictureFile:
    if isinstance(file, PictureFile):
        name, content = file
    else:
        name, path = _find(os.fspath(file))
        try:
            with path.open("rb") as opened:
                content = opened.read(limits.file_bytes + 1)
        except OSError as error:
            raise BadImageError(
                f"{name} cannot be read ({error.strerror}). See who may read it."
            ) from error
    if len(content) > limits.file_bytes:
        raise BadImageError(
            f"{name or 'This picture'} has more than {limits.file_bytes / 1e6:g} MB. Make it "
            "smaller, or save it as JPEG."
        )
    return PictureFile(name, content)


def _find(path: str) -> tuple[str, Path]:
    """Give the name of a file for messages, and its path."""
    if path.startswith(("http://", "https://")):
        raise BadImageError(
            f"{_shorten(path)} is a web address. Download the picture, then pass its file."
        )
    name, found = _shorten(os.path.basename(path.rstrip("/"))), Path(os.path.expanduser(path))
    try:
        # A pipe or a device would block for ever.
        if found.is_file():
            return name, found
        is_folder = path != "" and found.is_dir()
    except OSError:  # a name that is too long
        is_folder = False
    if is_folder:
        raise BadImageError(f"{name} is a folder. Read what it holds with: digitrec read {path}")
    if path == "-":
        raise BadImageError("digitrec does not read standard input. Pass the name of a file.")
    raise BadImageError(f"There is no file {_shorten(path)!r}. Check the path.")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def _name_kind(content: bytes) -> str:
    """Say what a file is that is known, but no picture that can be read; otherwise ""."""
    if not content:
        return "is empty. Save the picture again."
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand in (b"avif", b"avis"):
            return "is an AVIF picture. Save it as PNG or JPEG."
        if brand not in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
            return "is a video. Save one picture of it as PNG or JPEG."
        if find_spec("pillow_heif"):
            return ""
        return "is a HEIC picture. Save it as JPEG, or install pillow-heif where digitrec runs."
    if b"<svg" in content[:1000].lower():
        return "is an SVG drawing. Export it as PNG."
    return next((said for start, said in _KINDS.items() if content.startswith(start)), "")


_KINDS = {
    b"%PDF": "is a PDF. Save the page as PNG or JPEG.",
    b"7z\xbc\xaf": "is a 7z archive. Unpack it, or pack its pictures as zip or tar.",
    b"Rar!": "is a RAR archive. Unpack it, or pack its pictures as zip or tar.",
    b"PK\x03\x04": "is a zip archive. Read what it holds with digitrec read, or unpack it.",
    b"\x93NUMPY": "is a NumPy array. Pass numpy.load(path).",
}


def _formats() -> tuple[str, ...]:
    if not find_spec("pillow_heif"):
        return FORMATS
    import_module("pillow_heif").register_heif_opener()
    return (*FORMATS, "HEIF")


def _require_cheap(
    image: Image.Image, size: tuple[int, int], file_bytes: int, limits: Limits
) -> None:
    """Raise BadImageError for a picture that would take too much to decode."""
    width, height = size
    if width * height > limits.pixels:
        raise BadImageError(
            f"It is {width}x{height}, more than {limits.pixels // 10**6} megapixels. Make it "
            "smaller."
        )
    if max(size) > limits.ratio * min(size):
        raise BadImageError(
            f"It is {width}x{height}, more than {limits.ratio:g} times as long as wide. Cut out "
            "what is to be read."
        )
    decoder = next(iter(getattr(image, "tile", ())), ("",))[0]
    if decoder in SLOW_DECODERS and file_bytes > MOST_SLOW_BYTES:
        raise BadImageError(
            f"A {image.format} of this kind with more than {MOST_SLOW_BYTES:,} bytes takes too "
            "long. Save it as PNG."
        )
    a_pixel = BYTES_A_PIXEL.get(str(image.format), BYTES_A_PIXEL.get(image.mode, 4))
    memory = file_bytes + image.width * image.height * a_pixel
    if image.info.get("progressive"):
        memory += width * height * PROGRESSIVE_BYTES
    if memory > limits.memory:
        raise BadImageError(
            f"It is {width}x{height}, which as {image.format} takes more than "
            f"{limits.memory / 1e6:g} MB of memory. Make it smaller, or save it as an ordinary "
            "JPEG."
        )
