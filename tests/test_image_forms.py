"""Every form of one picture gives one answer; where the meaning is not plain, the advice works."""

import io
import struct
from contextlib import suppress
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import PEN_DIGITS
from PIL import Image

from digitrec import BadImageError
from digitrec.reading.picture import read_picture
from digitrec.training.strokes import draw_strokes


def write(label, side=120):
    strokes = [8.0 * np.array(stroke, float) + 20 for stroke in PEN_DIGITS[label]]
    return draw_strokes(strokes, side, 9.0).convert("L")


SEVEN = np.asarray(write(7))  # bright ink on black, 0-255
MASK = SEVEN > 127
RGB = np.stack([SEVEN, SEVEN, SEVEN], axis=-1)
RGBA = np.concatenate([RGB, np.full((*SEVEN.shape, 1), 255, np.uint8)], axis=-1)

ARRAYS = {
    "uint8": SEVEN,
    "bool": MASK,
    "dark ink": ~MASK,
    "mask of 0 and 1": MASK.astype(np.uint8),
    "mask of 0 and 1, RGB": MASK[..., None].repeat(3, 2).astype(np.uint8),
    "signed mask": MASK.astype(np.int8),
    "int64, 0 to 255": SEVEN.astype(np.int64),
    "uint16, 0 to 65535": SEVEN.astype(np.uint16) * 257,
    "uint16, 0 to 255": SEVEN.astype(np.uint16),
    "int32, large": SEVEN.astype(np.int32) * 1000 - 7000,
    "float, 0 to 1": SEVEN / 255,
    "float, 0 to 255": SEVEN.astype(np.float32),
    "float, -1 to 1": SEVEN / 127.5 - 1,
    "standardised": (SEVEN - SEVEN.mean()) / SEVEN.std(),
    "float16": (SEVEN / 255).astype(np.float16),
    "overshooting": SEVEN / 255 * 1.02 - 0.01,
    "(1, H, W)": SEVEN[None],
    "(H, W, 1)": SEVEN[..., None],
    "(1, H, W, 1)": SEVEN[None, ..., None],
    "(1, 1, H, W)": SEVEN[None, None],
    "(H, W, 2)": np.stack([SEVEN, np.full_like(SEVEN, 255)], axis=-1),
    "(H, W, 3)": RGB,
    "(3, H, W)": np.moveaxis(RGB, -1, 0),
    "(1, 3, H, W)": np.moveaxis(RGB, -1, 0)[None],
    "(4, H, W)": np.moveaxis(RGBA, -1, 0),
    "(3, H, W), standardised": (np.moveaxis(RGB, -1, 0) - 40.0) / 90.0,
    "not in C order": np.asfortranarray(RGBA),
    "JAX": jnp.asarray(SEVEN),
    "JAX, bfloat16": jnp.asarray(SEVEN / 255, jnp.bfloat16),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_whose_meaning_is_plain_are_read(recognizer, array):
    assert recognizer.predict(array).digit == 7
    assert recognizer.read_number(array).text == "7"


def test_number_formats_of_one_picture_give_the_same_pixels():
    expected = read_picture(SEVEN).pixels
    for name in ("int64, 0 to 255", "uint16, 0 to 65535", "float, 0 to 1", "float, 0 to 255"):
        np.testing.assert_array_equal(read_picture(ARRAYS[name]).pixels, expected, name)
    in_pillow = Image.fromarray(ARRAYS["uint16, 0 to 65535"])
    np.testing.assert_array_equal(read_picture(in_pillow).pixels, expected)


def encode(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# A picture is stored turned, as its EXIF data says, so that it is seen as 72.
SEVENTY_TWO = Image.fromarray(255 - np.hstack([np.asarray(write(7)), np.asarray(write(2))]))
FILES = {
    "PNG": encode(SEVENTY_TWO, "PNG"),
    "PNG of 16 bits": encode(Image.fromarray(np.asarray(SEVENTY_TWO, np.uint16) * 257), "PNG"),
    "PNG of one bit": encode(SEVENTY_TWO.convert("1"), "PNG"),
    "PNG with a palette": encode(SEVENTY_TWO.convert("P"), "PNG"),
    "turned JPEG": encode(SEVENTY_TWO.rotate(90, expand=True), "JPEG", exif=turned(6)),
    "turned TIFF": encode(SEVENTY_TWO.rotate(90, expand=True), "TIFF", exif=turned(6)),
    "mirrored TIFF": encode(SEVENTY_TWO.transpose(0), "TIFF", exif=turned(2)),
    "large JPEG": encode(SEVENTY_TWO.resize((3840, 1920)), "JPEG"),
    "GIF": encode(SEVENTY_TWO, "GIF"),
    "BMP": encode(SEVENTY_TWO, "BMP"),
    "WebP": encode(SEVENTY_TWO, "WEBP"),
}


def all_forms(content, path):
    """Hand one file over in every way."""
    path.write_bytes(content)
    at_its_end = io.BytesIO()
    at_its_end.write(content)
    yield "path", path
    yield "text", str(path)
    yield "bytes", content
    yield "bytearray", bytearray(content)
    yield "memoryview", memoryview(content)
    yield "BytesIO", io.BytesIO(content)
    yield "BytesIO at its end", at_its_end
    yield "lazy PIL", Image.open(io.BytesIO(content))
    yield "lazy PIL of a file", Image.open(path)
    with path.open("rb") as opened:
        yield "open file", opened
    loaded = Image.open(io.BytesIO(content))
    with suppress(OSError):  # where it is damaged
        loaded.load()
    yield "loaded PIL", loaded


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_all_forms_of_a_file_give_one_answer(recognizer, tmp_path, content):
    for form, image in all_forms(content, tmp_path / "72"):
        for _ in range(2):  # reading changes nothing
            number = recognizer.read_number(image)
            assert number.text == "72", form
            (_, _, right, bottom), (left, top, *_) = number.boxes[1], number.boxes[0]
            width, height = read_picture(image).size
            assert width == 2 * height and left < right <= width and top < bottom <= height, form


def damaged():
    half = FILES["PNG"][: len(FILES["PNG"]) // 2]
    jpeg = FILES["large JPEG"][:9000]
    return {"PNG": half, "JPEG": jpeg}


@pytest.mark.parametrize("content", damaged().values(), ids=damaged())
def test_all_forms_of_a_damaged_file_give_a_sentence_in_their_place(recognizer, tmp_path, content):
    for form, image in all_forms(content, tmp_path / "72"):
        answers = recognizer.predict_each([SEVEN, image, SEVEN])
        assert [answers[0].digit, answers[2].digit] == [7, 7]
        assert isinstance(answers[1], BadImageError), form
        assert "damaged or incomplete" in str(answers[1])


def test_every_mode_of_pillow_is_read(recognizer):
    grey = Image.fromarray(SEVEN)
    with_alpha = grey.convert("LA")
    images = [grey.convert(mode) for mode in ("1", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I")]
    images += [grey.convert("F"), with_alpha, with_alpha.convert("La")]
    images += [grey.convert("RGBA").convert("RGBa"), Image.fromarray(SEVEN.astype(np.uint16) * 257)]
    for image in images:
        assert recognizer.predict(image).digit == 7, image.mode


def closed():
    image = Image.fromarray(SEVEN)
    image.close()
    return image


class NoArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse detach.")

    def detach(self):
        return SEVEN


def text_file():
    return io.StringIO("seven")


# What is handed over, what the message says, and what it advises to hand over.
ADVICE = {
    "list": (SEVEN.tolist(), r"Pass numpy.asarray\(image\)", np.asarray),
    "784 numbers": (
        np.asarray(write(7, 120).resize((28, 28))).ravel(),
        r"Pass array.reshape\(28, 28\)",
        lambda array: array.reshape(28, 28),
    ),
    "a row of 784": (
        np.asarray(write(7, 120).resize((28, 28))).reshape(1, 784),
        r"Pass array.reshape\(28, 28\)",
        lambda array: array.reshape(28, 28),
    ),
    "NaN": (
        np.where(MASK, np.nan, 1.0),
        r"numpy.nan_to_num\(array\)",
        np.nan_to_num,
    ),
    "infinite numbers": (
        np.where(MASK, np.inf, 0.0),
        r"numpy.nan_to_num\(array\)",
        np.nan_to_num,
    ),
    "complex numbers": (
        np.array(SEVEN.tolist(), object),
        r"array.astype\(float\)",
        lambda array: array.astype(float),
    ),
    "what NumPy cannot read": (
        NoArray(),
        r"requires grad.\). Convert it first, a tensor of PyTorch with image.detach\(\)",
        lambda tensor: tensor.detach(),
    ),
}


@pytest.mark.parametrize("image, said, follow", ADVICE.values(), ids=ADVICE)
def test_advice_works_when_it_is_followed(recognizer, image, said, follow):
    with pytest.raises(BadImageError, match=said) as caught:
        recognizer.predict(image)
    assert "\n" not in str(caught.value) and str(caught.value)[-1] in ".)"
    assert recognizer.predict(follow(image)).digit == 7


def test_several_images_and_one_are_told_apart(recognizer, seven):
    for one in (str(seven), seven.read_bytes(), SEVEN, {"composite": RGBA}):
        for read in (recognizer.predict_batch, recognizer.read_numbers, recognizer.predict_each):
            with pytest.raises(BadImageError, match="This is one image. Pass a list"):
                read(one)
        assert recognizer.predict_batch([one])[0].digit == 7
    batch = np.stack([SEVEN] * 5)
    with pytest.raises(BadImageError, match="looks like 5 pictures. Pass it to predict_batch"):
        recognizer.predict(batch)
    assert [prediction.digit for prediction in recognizer.predict_batch(batch)] == [7] * 5


def box(brand):
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(500)


OTHER_FILES = {
    "a.heic": (box(b"heic"), "a.heic is a HEIC picture. Save it as JPEG, or install pillow-heif"),
    "a.avif": (box(b"avif"), "a.avif is an AVIF picture. Save it as PNG or JPEG."),
    "a.mp4": (box(b"isom"), "a.mp4 is a video"),
    "a.svg": (b'<?xml version="1.0"?>\n<svg width="9">', "a.svg is an SVG drawing. Export it as"),
    "a.pdf": (b"%PDF-1.4", "a.pdf is a PDF. Save the page as PNG or JPEG."),
    "a.7z": (b"7z\xbc\xaf\x27\x1c", "a.7z is a 7z archive. Unpack it"),
    "a.zip": (b"PK\x03\x04", "a.zip is a zip archive. Read what it holds with digitrec read"),
    "a.npy": (b"\x93NUMPY\1\0", r"a.npy is a NumPy array. Pass numpy.load\(path\)"),
    "a.txt": (b"seven", "a.txt is not a picture that digitrec can read. Save it as PNG or JPEG."),
    "a.png": (b"", "a.png is empty. Save the picture again."),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_other_files_are_called_what_they_are(recognizer, tmp_path, monkeypatch, name):
    content, said = OTHER_FILES[name]
    monkeypatch.setattr("digitrec.reading.file.find_spec", lambda module: None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadImageError, match=said):
        recognizer.predict(tmp_path / name)
    with pytest.raises(BadImageError, match=said.replace(name, "This picture", 1)):
        recognizer.predict(content)


@pytest.mark.parametrize(
    "path, said",
    [
        ("https://example.org/7.png", "is a web address. Download the picture"),
        ("-", "does not read standard input"),
        ("x" * 300 + ".png", "There is no file 'x{200}…'. Check the path."),
        ("no\0such", "There is no file"),
        ("", "There is no file"),
    ],
)
def test_names_of_no_file_are_named(recognizer, path, said):
    with pytest.raises(BadImageError, match=said):
        recognizer.predict(path)


def test_folder_is_named_with_the_command_that_reads_it(recognizer, tmp_path):
    with pytest.raises(BadImageError, match=f"is a folder. Read what it holds .* {tmp_path}"):
        recognizer.predict(tmp_path)


def test_home_is_found(recognizer, tmp_path, monkeypatch, seven):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "seven.png").write_bytes(Path(seven).read_bytes())
    assert recognizer.predict("~/seven.png").digit == 7


def test_heic_is_read_where_pillow_heif_is_installed(recognizer):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    content = encode(SEVENTY_TWO.convert("RGB"), "HEIF")
    assert recognizer.read_number(content).text == "72"


@pytest.mark.parametrize(
    "image, said",
    [
        (None, "A NoneType is not a picture. Pass a path or an array."),
        (closed(), "was closed before it was read"),
        (text_file(), r'Open it with open\(path, "rb"\)'),
        (np.zeros((0, 5), np.uint8), r"empty: its shape is \(0, 5\)"),
        (Image.new("L", (0, 5)), "0x5"),
        (np.zeros((3, 4, 5, 6, 7)), r"\(3, 4, 5, 6, 7\)"),
        ({"image": None}, r"keys \['image'\]"),
    ],
)
def test_what_is_no_picture_is_named(recognizer, image, said):
    with pytest.raises(BadImageError, match=said):
        recognizer.predict(image)
