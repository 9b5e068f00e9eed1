"""Whatever people hand over as an image becomes RGBA pixels, or one sentence that says why not."""

import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from digitrec.errors import BadImageError, first_line
from digitrec.reading.encoded import MOST_BYTES, trim

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAXIMUM_PIXELS = 16_000_000  # a phone's photo has 12 million
# Their decoders hold 16 bytes of memory for each pixel, and 10.
FEWER_PIXELS = {"WEBP": 7_000_000, "CMYK": 12_000_000}
MAXIMUM_BATCH_PIXELS = 64_000_000  # of all pictures that are handed over together
MAXIMUM_RATIO = 100  # of the longer side of a file's picture to the shorter
MAXIMUM_SIDE = 1600  # larger pictures are shrunk by a whole number first
STRIP = 1_000_000  # pixels of a large picture that are converted at a time
# Pillow decodes these pixel by pixel in Python, a megabyte in up to a second.
SLOW_DECODERS = ("bmp_rle", "ppm", "ppm_plain")
MOST_SLOW_BYTES = 500_000


class PictureFile(NamedTuple):
    """A file that is in memory, such as one of an archive's."""

    name: str
    content: bytes


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
        return (
            min(round(across * left), width - 1),
            min(round(down * top), height - 1),
            min(round(across * right), width),
            min(round(down * bottom), height),
        )


ImageLike = Any  # what `read_picture` documents, checks and names when it is something else


def read_picture(image: ImageLike) -> Picture | None:
    """Read an image as RGBA.

    Arguments:
        image: a path, a `PictureFile`, a `PIL.Image` of any mode, a NumPy array (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or float in [0, 1], the dictionary of a
            Gradio Sketchpad, or a `Picture`, which is given back.

    Returns: the picture, or None for a Sketchpad that holds nothing.
    Raises: BadImageError.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, Mapping):
        return _read_sketchpad(image)
    if isinstance(image, str | os.PathLike | PictureFile):
        return _read_file(image)
    if isinstance(image, Image.Image):
        return _from_pillow(image, _orientation(image))
    if isinstance(image, np.ndarray):
        return Picture(_from_array(image), image.shape[1::-1])
    raise BadImageError(
        "The image should be a path, a PIL image, a NumPy array or a Sketchpad's dictionary, but "
        f"is a {type(image).__name__}; convert it to one of these."
    )


def _read_sketchpad(drawing: Mapping) -> Picture | None:
    if not {"background", "layers", "composite"} & set(drawing):
        raise BadImageError(
            "A Sketchpad's dictionary should have the keys background, layers and composite, but "
            f"has {sorted(map(str, drawing))}; pass the value that gr.Sketchpad gives."
        )
    sheets = [drawing.get("background"), *(drawing.get("layers") or [])]
    if drawing.get("composite") is not None:
        sheets = [drawing["composite"]]
    read = [read_picture(sheet) for sheet in sheets if sheet is not None]
    pictures = [picture for picture in read if picture is not None]
    if not pictures:
        return None
    if len({picture.size for picture in pictures}) > 1:
        sizes = " and ".join(f"{width}x{height}" for width, height in {p.size for p in pictures})
        raise BadImageError(
            f"The layers of a Sketchpad differ in size: {sizes}. Pass the value that gr.Sketchpad "
            "gives, unchanged."
        )
    drawn = reduce(Image.alpha_composite, [Image.fromarray(picture.pixels) for picture in pictures])
    return Picture(np.asarray(drawn), pictures[0].size, on_pad=True)


def read_batch(paths: Iterable[str | os.PathLike]) -> Iterator[Picture | None]:
    """Read files one by one, as long as they do not hold too many pixels together.

    Raises: BadImageError; for too many pixels before the file that brings them is decoded.
    """
    left = MAXIMUM_BATCH_PIXELS
    for path in paths:
        with _open(path) as (image, orientation):
            left -= image.width * image.height
            if left < 0:
                raise BadImageError(
                    f"These pictures have more than {MAXIMUM_BATCH_PIXELS:,} pixels together. "
                    "Send fewer at a time, or smaller ones."
                )
            picture = _decode(image, orientation)
        yield picture


def _read_file(file: str | os.PathLike | PictureFile) -> Picture:
    with _open(file) as (image, orientation):
        return _decode(image, orientation)


def _decode(image: Image.Image, orientation: int) -> Picture:
    size = image.size
    if image.format == "JPEG":
        # Its decoder halves a large photo on the way, in less time and memory.
        share = MAXIMUM_SIDE / max(size)
        image.draft(None, (math.ceil(image.width * share), math.ceil(image.height * share)))
    picture = _from_pillow(image, orientation)
    return picture._replace(size=_turned(size, orientation))


@contextmanager
def _open(file: str | os.PathLike | PictureFile) -> Iterator[tuple[Image.Image, int]]:
    """Open an image file, bounded and not decoded yet; also give its orientation."""
    name = os.path.basename(file.name if isinstance(file, PictureFile) else file)
    # A pipe or a device would block for ever.
    if not isinstance(file, PictureFile) and not Path(file).is_file():
        raise BadImageError(f"{name} should be an image file, but there is no such file.")
    try:
        content, orientation = trim(_read_content(file))
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.tile and image.tile[0][0] in SLOW_DECODERS and len(content) > MOST_SLOW_BYTES:
                raise BadImageError(
                    f"A {image.format} of this kind should have at most {MOST_SLOW_BYTES:,} bytes, "
                    f"but has {len(content):,}; save it as PNG."
                )
            _check_size(image)
            width, height = image.size
            if max(width, height) > MAXIMUM_RATIO * min(width, height):
                raise BadImageError(
                    f"The image should be at most {MAXIMUM_RATIO} times as long as broad, but is "
                    f"{width}x{height}; cut out the digit."
                )
            yield image, orientation
    except BadImageError as error:
        raise BadImageError(f"{name}: {error}") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, at 179 megapixels
        raise BadImageError(
            f"{name}: The image should have 1 to {MAXIMUM_PIXELS:,} pixels, but has far more; "
            "make it smaller."
        ) from error
    except UnidentifiedImageError as error:
        raise BadImageError(
            f"{name} should be an image ({', '.join(FORMATS)}), but is none; save it as PNG "
            "or JPEG."
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds on damaged files
        raise BadImageError(
            f"{name} should be an undamaged image, but cannot be read "
            f"({first_line(error)}); save it again as PNG or JPEG."
        ) from error


def _read_content(file: str | os.PathLike | PictureFile) -> bytes:
    if isinstance(file, PictureFile):
        return file.content
    with Path(file).open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    most = min(FEWER_PIXELS.get(str(kind), MAXIMUM_PIXELS) for kind in (image.format, image.mode))
    if width * height == 0 or width * height > most:
        raise BadImageError(
            f"The image should have 1 to {most:,} pixels, but is {width}x{height}; make it smaller."
        )


def _from_pillow(image: Image.Image, orientation: int = 1) -> Picture:
    _check_size(image)
    size = _turned(image.size, orientation)
    shrink = math.ceil(max(image.size) / MAXIMUM_SIDE)
    if image.mode[0] in "IF":  # 16 or 32 bits a pixel: Pillow would clip them to 255
        image = _to_8_bits(image)
    if image.mode == "LAB":
        image = image.getchannel("L")
    if shrink > 1:
        image = _shrink(image, shrink)
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    return Picture(np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")), size)


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _strips(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Cut across, so that no second copy of a large picture is made: give top and strip."""
    rows = max(1, STRIP // image.width // multiple) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Spread 16 or 32 bits a pixel over 0-255."""
    lowest, highest = np.float32(np.inf), np.float32(-np.inf)
    for _, strip in _strips(image):
        values = np.asarray(strip).astype(np.float32)
        if not np.isfinite(values).all():
            raise BadImageError("The image should hold finite numbers only, but does not.")
        lowest, highest = min(lowest, values.min()), max(highest, values.max())
    span = max(highest - lowest, np.finfo(np.float32).tiny)
    result = Image.new("L", image.size)
    for top, strip in _strips(image):
        values = (np.asarray(strip).astype(np.float32) - lowest) / span
        result.paste(Image.fromarray(np.rint(255 * values).astype(np.uint8)), (0, top))
    return result


def _shrink(image: Image.Image, times: int) -> Image.Image:
    """Do what `.convert("RGBA").reduce(times)` does, in less memory."""
    size = math.ceil(image.width / times), math.ceil(image.height / times)
    result = Image.new("RGBA", size)
    for top, strip in _strips(image, times):
        result.paste(strip.convert("RGBA").reduce(times), (0, top // times))
    return result


def _from_array(array: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "height width 4"]:
    channels = array.shape[2:]
    if array.ndim not in (2, 3) or channels not in ((), (1,), (3,), (4,)) or array.size == 0:
        raise BadImageError(
            "The array should have the shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and at "
            f"least one pixel, but has {array.shape}; reshape it."
        )
    if np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):  # also false where there is a NaN
            raise BadImageError(
                "A float array should hold numbers in [0, 1], but holds "
                f"{array.min():g} to {array.max():g}; divide by the largest value that its "
                "pixels can have."
            )
        array = np.rint(array.astype(np.float32) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise BadImageError(
            f"The array should hold uint8 or float numbers, but holds {array.dtype}; convert it "
            "with .astype(numpy.uint8)."
        )
    if channels == (1,):
        array = array[..., 0]
    if max(array.shape[:2]) > MAXIMUM_SIDE:
        return _from_pillow(Image.fromarray(array)).pixels
    if channels == (4,):
        return np.ascontiguousarray(array)
    # What Pillow's convert("RGBA") gives, in a third of the time or less.
    if array.ndim == 2:
        return np.take(_GREYS, array).view(np.uint8).reshape(*array.shape, 4)
    picture = np.full((*array.shape[:2], 4), 255, np.uint8)
    for channel in range(3):  # one by one: together they take four times as long
        picture[..., channel] = array[..., channel]
    return picture


_GREYS = np.array([(grey, grey, grey, 255) for grey in range(256)], np.uint8).view(np.uint32)
