"""A picture's file is cut down to what shows its first frame, before anything decodes it.

Descriptions, colour profiles, thumbnails and further frames are left out: they change no digit,
and reading them can cost more than the picture itself. What is left is bounded.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from digitrec.errors import BadImageError

MOST_SCANS = 20  # of a JPEG: a progressive photo has 10; one of 16 megapixels takes up to 50 ms
MOST_PARTS = 10_000  # chunks, segments or blocks: encoders make one of about 8 KB
MOST_TIFF_ENTRIES = 200  # an ordinary file has 10 to 30
MOST_TILE_SIDE = 4096  # pixels
MOST_TIFF_BYTES = 1_000_000  # of an entry: a table of strips has 8 bytes for each

_KEPT_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
# In JPEG data, 0xff before 0 is a byte of the picture; RST (0xd0-0xd7) and TEM (1) stand alone.
_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
_SOI, _EOI, _SOS, _COMMENT, _EXIF = 0xD8, 0xD9, 0xDA, 0xFE, 0xE1
_KEPT_APPLICATIONS = {0xE0, 0xEE}  # JFIF and Adobe, which say what the channels are
_ORIENTATION = 0x0112
_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_SHORT = 3
_TIFF_COMPRESSION, _TIFF_TILE_WIDTH, _TIFF_TILE_LENGTH = 259, 322, 323
_TIFF_POINTERS = {330, 34665, 34853, 37500, 40965}  # to further directories
# Uncompressed, fax, LZW, Deflate and PackBits. JPEG and others could nest what is bounded here.
_TIFF_COMPRESSIONS = {1, 2, 3, 4, 5, 8, 32773, 32946}


class Encoded(NamedTuple):
    content: bytes  # what is to be decoded
    orientation: int = 1  # by EXIF, 1-8; 1 is upright


def trim(content: bytes) -> Encoded:
    """Cut a file down to its first frame; one of an unknown format stays as it is.

    Raises: BadImageError for a file that would take too long.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _trim_png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _trim_jpeg(content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Encoded(_trim_gif(content))
    if content.startswith((b"II", b"MM")):
        return _cut_tiff(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _trim_webp(content)
    return Encoded(content)


def _too_many(what: str, most: int) -> BadImageError:
    return BadImageError(
        f"It has more than {most:,} {what}. Save it again as an ordinary PNG or JPEG."
    )


def _trim_png(content: bytes) -> Encoded:
    kept, orientation = [content[:8]], 1
    for kind, start, end in _chunks(content, 8, ">", kind_first=False, around=12):
        if kind in _KEPT_CHUNKS:
            kept.append(content[start:end])
        elif kind == b"eXIf":
            orientation = _read_orientation(content[start + 8 : end - 4])
    return Encoded(b"".join(kept), orientation)


def _trim_webp(content: bytes) -> Encoded:
    kept, orientation = [], 1
    for kind, start, end in _chunks(content, 12, "<", kind_first=True, around=8):
        if kind == b"EXIF":
            orientation = _read_orientation(content[start + 8 : end].removeprefix(b"Exif\0\0"))
        elif kind in (b"XMP ", b"ICCP"):
            continue
        elif kind != b"ANMF" or not any(frame[:4] == b"ANMF" for frame in kept):
            kept.append(content[start:end])
    length = struct.pack("<I", 4 + sum(map(len, kept)))
    return Encoded(b"".join([b"RIFF", length, b"WEBP", *kept]), orientation)


def _chunks(
    content: bytes, start: int, order: str, *, kind_first: bool, around: int
) -> Iterator[tuple[bytes, int, int]]:
    """Give the kind, start and end of each chunk; `around` bytes of a chunk are not its data."""
    for _ in range(MOST_PARTS):
        if start + 8 > len(content):
            return
        if kind_first:
            kind, length = struct.unpack_from(f"{order}4sI", content, start)
            end = start + around + length + length % 2
        else:
            length, kind = struct.unpack_from(f"{order}I4s", content, start)
            end = start + around + length
        yield kind, start, end
        if kind == b"IEND":
            return
        start = end
    raise _too_many("chunks", MOST_PARTS)


def _trim_jpeg(content: bytes) -> Encoded:
    kept, position, orientation, scans = [content[:2]], 2, 0, 0
    for _ in range(MOST_PARTS):
        marker = _MARKER.search(content, position)
        if marker is None:  # cut off: the decoder says so
            kept.append(content[position:])
            break
        kind, start = marker[1][0], marker.end()
        kept.append(content[position : marker.start()])  # of the picture, if this ends a scan
        if kind == _EOI:
            kept.append(b"\xff\xd9")
            break
        # Only what has a length is passed over by it; anything else is the decoder's to refuse.
        if kind == _SOI or not 0xC0 <= kind <= _COMMENT:
            end = start
        else:
            end = start + max(2, int.from_bytes(content[start : start + 2], "big"))
        scans += kind == _SOS
        if scans > MOST_SCANS:
            raise _too_many("scans", MOST_SCANS)
        if kind == _EXIF and content[start + 2 : start + 8] == b"Exif\0\0":
            orientation = orientation or _read_orientation(content[start + 8 : end])
        described = 0xE0 <= kind <= 0xEF and kind not in _KEPT_APPLICATIONS
        if not described and kind != _COMMENT:
            kept.append(b"\xff" + content[start - 1 : end])
        position = end
    else:
        raise _too_many("segments", MOST_PARTS)
    return Encoded(b"".join(kept), orientation or 1)


def _trim_gif(content: bytes) -> bytes:
    flags = content[10] if len(content) > 12 else 0
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [content[:position]]
    parts = 0
    while content[position : position + 1] == b"!":
        start, label, position = position, content[position + 1 : position + 2], position + 2
        while position < len(content) and content[position]:
            position += 1 + content[position]
            parts += 1
            if parts > MOST_PARTS:
                raise _too_many("blocks before its picture", MOST_PARTS)
        position += 1
        parts += 1
        if label == b"\xf9":  # says which colour is transparent
            kept.append(content[start:position])
    return b"".join([*kept, content[position:]])


def _cut_tiff(content: bytes) -> Encoded:
    if content[2:4] not in (b"*\0", b"\0*"):
        raise BadImageError(
            "It is a TIFF of a kind that digitrec does not read. Save it as PNG or JPEG."
        )
    cut, numbers = bytearray(content), {}
    for index, entry in enumerate(_directory(content)):
        if index >= MOST_TIFF_ENTRIES or entry.length > MOST_TIFF_BYTES:
            raise _too_many("entries of ordinary length", MOST_TIFF_ENTRIES)
        if entry.tag in _TIFF_POINTERS:  # Pillow would follow them, however much they point to
            cut[entry.place : entry.place + 2] = b"\xff\xff"  # a tag of no meaning
        numbers[entry.tag] = entry.number
    compression = numbers.get(_TIFF_COMPRESSION, 1)
    if compression not in _TIFF_COMPRESSIONS:
        raise BadImageError(
            f"It is a TIFF with compression {compression}; only LZW, Deflate, PackBits and fax are "
            "read. Save it as PNG or JPEG."
        )
    tile = numbers.get(_TIFF_TILE_WIDTH, 0), numbers.get(_TIFF_TILE_LENGTH, 0)
    if max(tile) > MOST_TILE_SIDE:
        raise BadImageError(
            f"It is a TIFF with tiles of {tile[0]}x{tile[1]} pixels; at most {MOST_TILE_SIDE} a "
            "side are read. Save it as PNG or JPEG."
        )
    return Encoded(bytes(cut))  # Pillow turns a TIFF upright itself


def _read_orientation(exif: bytes) -> int:
    """Read the orientation alone: whole EXIF data may describe itself without end."""
    for entry in _directory(exif):
        if entry.tag == _ORIENTATION and 1 <= entry.number <= 8:
            return entry.number
    return 1


class _Entry(NamedTuple):
    place: int
    tag: int
    length: int  # of its value, in bytes
    number: int  # the value, where it is one whole number


def _directory(content: bytes) -> Iterator[_Entry]:
    """Give what the first directory of a TIFF holds; EXIF data has the same form."""
    order = "<" if content.startswith(b"II") else ">"
    if len(content) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    if start + 2 > len(content):
        return
    (entries,) = struct.unpack_from(f"{order}H", content, start)
    for place in range(start + 2, min(start + 2 + 12 * entries, len(content) - 11), 12):
        tag, kind, count, number = struct.unpack_from(f"{order}HHII", content, place)
        if kind == _TIFF_SHORT:
            (number,) = struct.unpack_from(f"{order}H", content, place + 8)
        yield _Entry(place, tag, count * _TIFF_TYPE_BYTES.get(kind, 8), number)
