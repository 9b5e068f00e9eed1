"""Hostile files: 120 with names, and any number that are damaged at random."""

import io
import json
import pickle
import random
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image, ImageDraw

ENCODINGS = [
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "1", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "L", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("BMP", "RGB", {}),
    ("GIF", "P", {}),
    ("TIFF", "L", {"compression": "tiff_lzw"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("PPM", "RGB", {}),
]


def seven(size: tuple[int, int] = (120, 100), mode: str = "RGB") -> Image.Image:
    """A picture of a seven, dark on white."""
    image = Image.new("RGB", size, "white")
    width, height = size
    corners = [
        (0.3 * width, 0.2 * height),
        (0.7 * width, 0.2 * height),
        (0.4 * width, 0.8 * height),
    ]
    ImageDraw.Draw(image).line(corners, fill=(20, 20, 20), width=max(1, min(size) // 12))
    return image.convert(mode)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """Give what the file would hold."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def make_files() -> dict[str, bytes]:
    """Name and content of each file; the same at each call."""
    files = {
        **_other_kinds(),
        **_damaged(),
        **_bombs(),
        **_many_parts(),
        **_odd_sizes(),
        **_odd_pixels(),
        **_odd_exif(),
        **_odd_names(),
    }
    assert len(files) == 120, len(files)
    return files


def _other_kinds() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("seven.png", encode(seven()))
        file.writestr("zeros", bytes(10**6))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99">'
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"
    return {
        "empty.png": b"",
        "one byte.png": b"\x89",
        "zeros.png": bytes(1000),
        "ones.jpg": b"\xff" * 1000,
        "noise.webp": np.random.default_rng(0).bytes(10_000),
        "text.txt": b"seven\n" * 50,
        "text.png": b"seven\n" * 50,
        "page.html": b"<html><script>alert(7)</script></html>",
        "page.png": b"<!doctype html><img src=x onerror=alert(7)>",
        "drawing.svg": svg + b'<path d="M30 20h40l-30 60"/></svg>',
        "script.svg": svg + b"<script>alert(7)</script></svg>",
        "entities.svg": b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>' + svg + b"&d;</svg>",
        "reference.svg": svg + b'<image href="file:///nothing/here.png"/></svg>',
        "paper.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "print.eps": postscript + b"newpath 30 80 moveto 70 80 lineto 40 20 lineto stroke\n",
        "print.png": postscript + b"showpage\n",
        "archive.zip": archive.getvalue(),
        "archive.png": archive.getvalue(),
        "object.pickle": pickle.dumps({"digit": 7}),
        "object.png": pickle.dumps([bytes(100)] * 9),
        "array.npy": b"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}",
        "numbers.json": json.dumps([[0] * 28] * 28).encode(),
        "program.exe": b"MZ" + bytes(500),
        "program": b"\x7fELF" + bytes(500),
        "command.sh": b"#!/bin/sh\nexit 7\n",
        "film.mp4": struct.pack(">I", 24) + b"ftypisom" + bytes(512),
        "photo.heic": struct.pack(">I", 24) + b"ftypheic" + bytes(512),
        "photo.avif": encode(seven(), "AVIF") if _can_write("AVIF") else b"\0\0\0\x1cftypavif",
        "old.pcx": encode(seven(), "PCX"),
        "old.tga": encode(seven(), "TGA"),
        "icon.ico": encode(seven((64, 64)), "ICO"),
        "frames.psd": b"8BPS\0\1" + bytes(600),
    }


def _can_write(kind: str) -> bool:
    Image.init()
    return kind in Image.SAVE


def _damaged() -> dict[str, bytes]:
    png, jpeg = encode(seven()), encode(seven(), "JPEG")
    webp, gif = encode(seven(), "WEBP"), encode(seven(mode="P"), "GIF")
    bmp, tiff = encode(seven(), "BMP"), encode(seven(), "TIFF", compression="tiff_lzw")
    data = png.index(b"IDAT") + 4
    return {
        "half.png": png[: len(png) // 2],
        "half.jpg": jpeg[: len(jpeg) // 2],
        "half.webp": webp[: len(webp) // 2],
        "half.gif": gif[: len(gif) // 2],
        "half.bmp": bmp[: len(bmp) // 2],
        "half.tif": tiff[: len(tiff) // 2],
        "header only.png": png[:33],
        "header only.jpg": jpeg[:20],
        "header only.gif": gif[:13],
        "last byte missing.png": png[:-1],
        "last byte missing.jpg": jpeg[:-1],
        "no end.png": png[: png.index(b"IEND") - 4],
        "damaged data.png": png[:data] + bytes(20) + png[data + 20 :],
        "wrong checksum.png": png[:29] + bytes(4) + png[33:],
        "no data.png": png[: data - 8] + png[png.index(b"IEND") - 4 :],
        "twice.jpg": jpeg + jpeg,
        "followed by text.png": png + b"text" * 1000,
        "preceded by text.jpg": b"text" + jpeg,
        "jpeg.png": jpeg,
        "png.jpg": png,
        "webp.gif": webp,
        "gif.bmp": gif,
    }


def chunk(kind: bytes, data: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *parts: bytes, bits: int = 8, colour: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(parts) + chunk(b"IEND", b"")


def _bombs() -> dict[str, bytes]:
    data = chunk(b"IDAT", zlib.compress(bytes(10**7)))
    declared = struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
    bitmap = encode(seven((8, 8)), "BMP")
    jpeg = bytearray(encode(seven((64, 64)), "JPEG"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", 65000, 65000)
    return {
        "16000 by 16000.png": encode(Image.new("1", (16_000, 16_000)), "PNG"),
        "4001 by 4000.png": encode(Image.new("1", (4001, 4000)), "PNG"),
        "4000 by 4000.png": encode(Image.new("1", (4000, 4000), 1), "PNG"),
        "declared large.png": _png(2**31 - 1, 2**31 - 1, data),
        "declared too large.png": _png(2**32 - 1, 2**32 - 1, data),
        "declared small.png": _png(10, 10, data),
        "declared large.gif": b"GIF89a" + declared + b"," + bytes(4) + declared[:4] + b"\0\2\0;",
        "declared large.bmp": bitmap[:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + bitmap[26:],
        "declared upside down.bmp": bitmap[:18] + struct.pack("<ii", 8, -(2**31)) + bitmap[26:],
        "declared large.jpg": bytes(jpeg),
        "declared large.ppm": b"P6 99999 99999 255\n" + bytes(99),
        "declared endless.ppm": b"P6 " + b"9" * 5000 + b" 9 255\n",
        "12 megapixels.webp": encode(Image.new("L", (4000, 3000), 255), "WEBP"),
    }


def _many_parts() -> dict[str, bytes]:
    png, gif = encode(seven((64, 64))), encode(seven((64, 64), "P"), "GIF")
    end, start = png.index(b"IEND") - 4, 13 + (3 << (gif[10] & 7) + 1)
    jpeg = encode(seven((64, 64), "L"), "JPEG", progressive=True)
    scan = jpeg.rindex(b"\xff\xda")
    frames = [seven((64, 64)), *(Image.new("RGB", (64, 64), (n, 0, 0)) for n in range(200))]

    def animated(kind, **options):
        return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    text = zlib.compress(bytes(10**7))
    return {
        "many scans.jpg": jpeg[:scan] + jpeg[scan:-2] * 5000 + b"\xff\xd9",
        "many segments.jpg": jpeg[:2] + b"\xff\xe5\0\4ab" * 20_000 + jpeg[2:],
        "long comment.jpg": jpeg[:2] + (b"\xff\xfe\xff\xff" + b"a" * 65533) * 20 + jpeg[2:],
        "many chunks.png": png[:end] + chunk(b"IDAT", b"") * 50_000 + png[end:],
        "long text.png": png[:33] + chunk(b"zTXt", b"a\0\0" + text) * 20 + png[33:],
        "long profile.png": png[:33] + chunk(b"iCCP", b"a\0\0" + text) + png[33:],
        "many blocks.gif": gif[:start] + b"!\xfe" + b"\1a" * 50_000 + b"\0" + gif[start:],
        "many frames.gif": animated("GIF"),
        "many frames.png": animated("PNG"),
        "many frames.webp": animated("WEBP"),
        "many pages.tif": animated("TIFF"),
    }


def _odd_sizes() -> dict[str, bytes]:
    def blank(*size):
        return encode(Image.new("L", size, 255))

    return {
        "1 by 1.png": blank(1, 1),
        "1 by 1000.png": blank(1, 1000),
        "1000 by 1.png": blank(1000, 1),
        "1 by 50000.png": blank(1, 50_000),
        "50000 by 1.png": blank(50_000, 1),
        "100 by 1.png": blank(100, 1),
        "0 by 5.png": _png(0, 5, chunk(b"IDAT", zlib.compress(b""))),
        "2 by 2.bmp": encode(seven((2, 2)), "BMP"),
    }


def _odd_pixels() -> dict[str, bytes]:
    grey = np.asarray(seven(mode="L"))
    clear = seven(mode="RGBA")
    clear.putalpha(0)
    floats = np.where(grey > 99, np.inf, np.nan).astype(np.float32)
    return {
        "16 bits.png": encode(Image.fromarray(grey.astype(np.uint16) * 257)),
        "16 faint bits.png": encode(Image.fromarray(grey.astype(np.uint16))),
        "32 bits.tif": encode(Image.fromarray(grey.astype(np.int32) * 8_000_000), "TIFF"),
        "no numbers.tif": encode(Image.fromarray(floats), "TIFF"),
        "palette.png": encode(seven(mode="P")),
        "transparent palette.png": encode(seven(mode="P"), transparency=0),
        "short palette.png": _png(
            9,
            9,
            chunk(b"PLTE", b"abc"),
            chunk(b"IDAT", zlib.compress(b"\0" + b"\xff" * 9)),
            colour=3,
        ),
        "no palette.png": _png(9, 9, chunk(b"IDAT", zlib.compress(bytes(90))), colour=3),
        "all transparent.png": encode(clear),
        "grey and alpha.png": encode(seven(mode="LA")),
        "one bit.png": encode(seven(mode="1")),
        "cmyk.jpg": encode(seven(mode="CMYK"), "JPEG"),
        "lab.tif": encode(seven(mode="LAB"), "TIFF"),
        "all black.png": encode(Image.new("RGB", (90, 90))),
        "noise.png": encode(
            Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300)).astype(np.uint8))
        ),
    }


def _odd_exif() -> dict[str, bytes]:
    jpeg = encode(seven(), "JPEG")

    def with_exif(exif: bytes) -> bytes:
        return (
            jpeg[:2]
            + b"\xff\xe1"
            + struct.pack(">H", len(exif) + 8)
            + b"Exif\0\0"
            + exif
            + jpeg[2:]
        )

    def entries(count: int, *rest: bytes) -> bytes:
        return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + b"".join(rest)

    turn = struct.pack("<HHII", 0x0112, 3, 1, 99)
    return {
        "exif of nothing.jpg": with_exif(b""),
        "exif of noise.jpg": with_exif(b"II*\0" + b"\xff" * 200),
        "exif with orientation 99.jpg": with_exif(entries(1, turn, bytes(4))),
        "exif that promises more.jpg": with_exif(entries(65535, turn)),
        "exif that points to itself.jpg": with_exif(
            entries(1, struct.pack("<HHII", 34665, 4, 1, 8), struct.pack("<I", 8))
        ),
    }


def _odd_names() -> dict[str, bytes]:
    content = encode(seven())
    names = [
        *["../../seven.png", "/nothing/seven.png", "..", ".png", "C:\\nothing\\seven.png"],
        *["seven.png/", "a\nb\r.png", "\u202egnp.seven.png", "7\ufe0f\u20e3 \u4e03 \u0667.png"],
        *["<img src=x onerror=alert(7)>.png", "'; --\".png", "$(exit).png", "%s%n{}.png"],
    ]
    return {**dict.fromkeys(names, content), f"{'long' * 500}.png": content}


def make_seeds() -> list[bytes]:
    """One small file of each encoding, with EXIF where it can have any."""
    image, exif = seven((48, 40)), Image.Exif()
    exif[0x0112] = 6
    seeds = []
    for kind, mode, options in ENCODINGS:
        seeds.append(encode(image.convert(mode), kind, exif=exif, **options))
    return seeds


def damage(seed: bytes, chance: random.Random) -> bytes:
    """Change, cut out, repeat or overwrite some of a file; lengths and counts are hit most."""
    content = bytearray(seed)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        if not content:
            break
        place = min(int(chance.expovariate(4 / len(content))), len(content) - 1)
        kind = chance.randrange(6)
        if kind == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[place : place + 4] = chance.choice(
                [b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", chance.randbytes(4)]
            )
        elif kind == 2:
            del content[place : place + chance.randrange(1, 200)]
        elif kind == 3:
            part = content[place : place + chance.randrange(1, 100)]
            content[place:place] = part * chance.randrange(1, 20)
        elif kind == 4:
            del content[place:]
        else:
            content[place:place] = chance.randbytes(chance.randrange(1, 50))
    return bytes(content)
