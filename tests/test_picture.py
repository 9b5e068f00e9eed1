"""Pictures are bounded before they are decoded, and read alike in every format that is named."""

import io
import struct
import zlib

import numpy as np
import pytest
from hostile_files import encode, seven
from PIL import Image, ImageOps, PngImagePlugin

from digitrec import BadImageError
from digitrec.reading.encoded import MOST_PARTS, MOST_SCANS, trim
from digitrec.reading.file import OWN, UPLOAD
from digitrec.reading.picture import MAXIMUM_BATCH_PIXELS, read_picture, read_uploads


def digit(size=(300, 240), mode="RGB"):
    return seven(size, mode)


def read(folder, content, name="picture", limits=OWN):
    (folder / name).write_bytes(content)
    return read_picture(folder / name, limits)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


EVERY_FORMAT = {
    "PNG": ("PNG", "RGB", {}),
    "PNG of 16 bits": ("PNG", "I;16", {}),
    "PNG with a palette": ("PNG", "P", {}),
    "PNG with transparency": ("PNG", "RGBA", {}),
    "JPEG": ("JPEG", "RGB", {"quality": 95}),
    "progressive JPEG": ("JPEG", "RGB", {"quality": 95, "progressive": True}),
    "grey JPEG": ("JPEG", "L", {"quality": 95}),
    "CMYK JPEG": ("JPEG", "CMYK", {"quality": 95}),
    "WebP": ("WEBP", "RGB", {"lossless": True}),
    "BMP": ("BMP", "RGB", {}),
    "GIF": ("GIF", "P", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "TIFF, LZW": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "TIFF, Deflate": ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
    "TIFF, fax": ("TIFF", "1", {"compression": "group4"}),
    "PPM": ("PPM", "RGB", {}),
    "PGM": ("PPM", "L", {}),
}


@pytest.mark.parametrize("kind, mode, options", EVERY_FORMAT.values(), ids=EVERY_FORMAT)
def test_every_format_that_is_named_is_read(tmp_path, kind, mode, options):
    image = digit(mode="L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    pixels = read(tmp_path, encode(image, kind, **options)).pixels
    difference = np.abs(pixels[..., :3].astype(int) - np.asarray(digit()).astype(int))
    assert difference.mean() < 8 and pixels[..., 3].min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_photo_of_12_megapixels_is_read(tmp_path, kind):
    pixels = read(tmp_path, encode(digit((4032, 3024), "L"), kind)).pixels
    assert max(pixels.shape) <= 1600 and 0.7 < pixels.shape[0] / pixels.shape[1] < 0.8
    assert pixels[..., 0].min() < 30 and pixels[..., 0].max() > 240


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_followed_in_every_format_that_has_it(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(digit(), kind, exif=exif, **options)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    np.testing.assert_array_equal(read(tmp_path, content).pixels, expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
@pytest.mark.parametrize("size", [(1601, 900), (3000, 4999)])
def test_large_picture_is_shrunk_as_if_it_were_converted_at_once(mode, size):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (*size[::-1], 4)).astype(np.uint8)).convert(mode)
    times = -(-max(size) // 1600)
    expected = np.asarray(image.convert("RGBA").reduce(times))
    np.testing.assert_array_equal(read_picture(image).pixels, expected)


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_array_is_read_as_the_same_picture_of_pillow(channels):
    array = np.random.default_rng(0).integers(0, 256, (40, 30, *channels)).astype(np.uint8)
    image = Image.fromarray(array[..., 0] if channels == (1,) else array)
    np.testing.assert_array_equal(read_picture(array).pixels, read_picture(image).pixels)


def too_much_memory():
    return encode(Image.new("RGB", (6200, 6200)), "PNG")


def progressive():
    return encode(Image.new("RGB", (5000, 5000)), "JPEG", progressive=True)


def too_many_scans():
    content = encode(digit((64, 64), "L"), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * (MOST_SCANS + 1) + b"\xff\xd9"


def too_many_chunks():
    content = encode(digit((64, 64)), "PNG")
    end = content.index(b"IEND") - 4
    return content[:end] + chunk(b"IDAT", b"") * (MOST_PARTS + 1) + content[end:]


def too_many_blocks():
    content = encode(digit((64, 64), "P"), "GIF")
    start = 13 + 3 * 2 ** ((content[10] & 7) + 1)
    return content[:start] + b"!\xfe" + b"\1a" * (MOST_PARTS + 1) + b"\0" + content[start:]


def slow_ppm():
    return b"P5 1000 1000 100\n" + bytes(1_000_000)


def tiff_of_long_entries():
    content = encode(digit((64, 64), "L"), "TIFF")
    (start,) = struct.unpack_from("<I", content, 4)
    entry = struct.pack("<HHII", 315, 2, 2_000_000, 8)
    (count,) = struct.unpack_from("<H", content, start)
    entries = content[start + 2 : start + 2 + 12 * count] + entry
    directory = struct.pack("<H", count + 1) + entries + bytes(4)
    return content[:4] + struct.pack("<I", len(content)) + content[8:] + directory


REFUSED = {
    "too many pixels": (
        lambda: encode(Image.new("1", (8001, 8000)), "PNG"),
        "It is 8001x8000, more than 64 megapixels. Make it smaller.",
    ),
    "far too many pixels": (
        lambda: encode(Image.new("1", (16_000, 16_000)), "PNG"),
        "more than 64 megapixels. Make it smaller.",
    ),
    "too much memory": (too_much_memory, "as PNG takes more than 150 MB of memory"),
    "a large progressive JPEG": (progressive, "as JPEG takes more than 150 MB of memory"),
    "too large a WebP": (
        lambda: encode(Image.new("L", (4000, 3000)), "WEBP"),
        "as WEBP takes more than 150 MB of memory",
    ),
    "too narrow": (
        lambda: encode(Image.new("L", (1010, 10)), "PNG"),
        "It is 1010x10, more than 100 times as long as wide. Cut out",
    ),
    "too many scans": (too_many_scans, f"more than {MOST_SCANS} scans"),
    "too many chunks": (too_many_chunks, "more than 10,000 chunks"),
    "too many blocks": (too_many_blocks, "more than 10,000 blocks"),
    "slow PPM": (slow_ppm, "more than 500,000 bytes"),
    "TIFF of long entries": (tiff_of_long_entries, "more than 200 entries of ordinary length"),
    "TIFF that holds a JPEG": (
        lambda: encode(digit(), "TIFF", compression="jpeg"),
        "only LZW, Deflate",
    ),
    "too many bytes": (lambda: b"BM" + bytes(UPLOAD.file_bytes), "file has more than 32 MB"),
}


@pytest.mark.parametrize("make, said", REFUSED.values(), ids=REFUSED)
def test_picture_that_would_cost_too_much_is_refused(tmp_path, make, said):
    with pytest.raises(BadImageError, match=said) as caught:
        read(tmp_path, make(), "file", UPLOAD)
    message = str(caught.value)
    assert message.startswith("file") and message.endswith(".") and "\n" not in message


# A phone's photos, a page scanned at 300 dpi, and a strip: of a stranger, and of one's own.
LARGE = {
    "24 megapixels": (lambda: encode(digit((5712, 4284)), "JPEG"), UPLOAD),
    "64 megapixels": (lambda: encode(digit((9248, 6920)), "JPEG"), UPLOAD),
    "a page as JPEG": (lambda: encode(digit((4962, 7014)), "JPEG"), UPLOAD),
    "a page as PNG": (lambda: encode(digit((4962, 7014)), "PNG"), UPLOAD),
    "a page of greys as TIFF": (
        lambda: encode(digit((4962, 7014), "L"), "TIFF", compression="tiff_lzw"),
        UPLOAD,
    ),
    "80 megapixels": (lambda: encode(digit((10_000, 8000), "L"), "PNG"), OWN),
}


@pytest.mark.parametrize("make, limits", LARGE.values(), ids=LARGE)
def test_large_pictures_of_phones_and_scanners_are_read(recognizer, tmp_path, make, limits):
    picture = read(tmp_path, make(), "large", limits)
    assert max(picture.pixels.shape) <= 1600 and max(picture.size) > 5000
    assert recognizer.read_number(picture).text == "7"


def test_strip_of_ones_own_may_be_long(tmp_path):
    strip = read(tmp_path, encode(digit((6000, 50)), "PNG"))
    assert strip.size == (6000, 50) and strip.pixels.shape == (13, 1500, 4)


def test_batch_is_bounded_in_all_before_the_file_too_many_is_decoded(tmp_path):
    side = 4000
    content = encode(Image.new("1", (side, side)), "PNG")
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path in paths:
        path.write_bytes(content)
    paths[-1].write_bytes(content[: len(content) // 2])  # decoding it would fail
    pictures = read_uploads(paths)
    for _ in range(MAXIMUM_BATCH_PIXELS // side**2):
        assert next(pictures).size == (side, side)
    with pytest.raises(BadImageError, match="more than 64 megapixels together"):
        next(pictures)


def test_picture_knows_its_size_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "turned.jpg").write_bytes(encode(digit((3000, 2000)), "JPEG", exif=exif))
    picture = read_picture(tmp_path / "turned.jpg")
    assert picture.size == (2000, 3000) and max(picture.pixels.shape) <= 1600
    rows, columns = picture.pixels.shape[:2]
    assert picture.locate((0.0, 0.0, float(columns), float(rows))) == (0, 0, 2000, 3000)
    assert read_picture(picture) is picture


def test_only_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [digit((60, 60)), Image.new("RGB", (60, 60), "red")]
    for kind in ("PNG", "WEBP", "GIF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        pixels = read(tmp_path, content).pixels
        difference = np.abs(pixels[..., :3].astype(int) - np.asarray(frames[0]).astype(int))
        assert difference.mean() < 2, kind


def test_descriptions_are_left_out_before_anything_reads_them(tmp_path):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", "a" * 100_000)
    content = encode(digit(), "PNG", pnginfo=notes, icc_profile=bytes(50_000))
    assert len(trim(content).content) < len(content) - 100_000
    photo = encode(digit(), "JPEG", comment=b"a" * 9_000, icc_profile=bytes(9_000))
    assert len(trim(photo).content) < len(photo) - 18_000
    np.testing.assert_array_equal(
        read(tmp_path, photo).pixels, read(tmp_path, encode(digit(), "JPEG")).pixels
    )


def test_video_behind_a_photo_is_no_reason_to_refuse_it(tmp_path):
    # Some phones append one; it holds what looks like the beginning of a scan by chance.
    photo = encode(digit(), "JPEG")
    video = np.random.default_rng(0).bytes(10_000) + b"\xff\xda" * 100
    np.testing.assert_array_equal(
        read(tmp_path, photo + video).pixels, read(tmp_path, photo).pixels
    )
