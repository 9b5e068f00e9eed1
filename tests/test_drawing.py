import numpy as np
import pytest
from conftest import SLOW
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from digitrec.errors import BadImageError
from digitrec.reading.drawing import begin, center, cut_out, finish, fit_box, to_mnist


def draw(ink=(0, 0, 0, 255), paper=(255, 255, 255, 255)):
    """Draw a thick seven on 280x280 pixels."""
    image = Image.new("RGBA", (280, 280), paper)
    corners = [(84, 56), (196, 56), (126, 224)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=22, joint="curve")
    return image


def difference(first, second):
    """Mean difference of two 28x28 images, of 255."""
    return np.abs(first.astype(float) - second).mean()


REFERENCE = to_mnist(draw())


def test_ink_fills_twenty_pixels_and_its_mass_is_in_the_middle():
    rows, columns = np.nonzero(REFERENCE > 25)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert np.abs(np.array(ndimage.center_of_mass(REFERENCE)) - 14).max() <= 0.51
    assert REFERENCE.max() == 255 and REFERENCE[0, 0] == 0


@pytest.mark.parametrize(
    "ink, paper",
    [
        ((255, 255, 255, 255), (0, 0, 0, 255)),
        ((255, 255, 0, 255), (255, 255, 255, 255)),
        ((200, 30, 30, 255), (30, 120, 200, 255)),
        ((0, 0, 0, 255), (0, 0, 0, 0)),
        ((255, 255, 255, 255), (0, 0, 0, 0)),
        ((255, 0, 0, 128), (255, 255, 255, 0)),
    ],
    ids=["inverted", "yellow", "coloured", "transparent", "white-on-nothing", "half-transparent"],
)
def test_colours_and_background_do_not_matter(ink, paper):
    assert difference(to_mnist(draw(ink=ink, paper=paper)), REFERENCE) < 1


@settings(deadline=None, max_examples=50)
@given(st.integers(-40, 40), st.integers(-40, 40))
def test_position_does_not_matter(down, right):
    assert np.array_equal(to_mnist(np.roll(np.asarray(draw()), (down, right), (0, 1))), REFERENCE)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 300))
def test_size_and_margin_do_not_matter(times, margin):
    enlarged = np.kron(np.asarray(draw().convert("L")), np.ones((times, times), np.uint8))
    enlarged = np.pad(enlarged, margin, constant_values=255)
    assert difference(to_mnist(enlarged), REFERENCE) < 0.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_any_mode_of_pillow_reads_the_same(mode):
    flat = draw().convert("RGB")
    image = flat.convert("L").convert(mode) if mode in ("1", "L", "LA") else flat.convert(mode)
    assert difference(to_mnist(image), REFERENCE) < 3


@pytest.mark.parametrize("mode, top", [("I;16", 65535), ("I", 65535), ("F", 1.0), ("F", 1000.0)])
def test_more_than_eight_bits_are_scaled_not_clipped(mode, top):
    values = np.asarray(draw().convert("L")) / 255 * top
    dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    image = Image.fromarray(values.astype(dtype))
    assert image.mode == mode
    assert difference(to_mnist(image), REFERENCE) < 1


def test_palette_with_transparency_reads_the_same(tmp_path):
    image = draw(paper=(0, 0, 0, 0)).convert("P")
    image.save(tmp_path / "palette.png", transparency=image.getpixel((0, 0)))
    assert difference(to_mnist(tmp_path / "palette.png"), REFERENCE) < 2


def test_photo_taken_sideways_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 270 degrees
    draw().convert("RGB").rotate(90).save(tmp_path / "photo.jpg", exif=exif)
    assert difference(to_mnist(tmp_path / "photo.jpg"), REFERENCE) < 3


def test_arrays_of_every_documented_form_read_the_same():
    rgba = np.asarray(draw())
    gray = rgba[..., 0]
    for array in (rgba, rgba[..., :3], gray, gray[..., None], gray / 255, (gray / 255)[..., None]):
        assert difference(to_mnist(array), REFERENCE) < 1
    assert difference(to_mnist((rgba / 255).astype(np.float16)), REFERENCE) < 1


def test_sketchpad_is_read_with_and_without_its_composite():
    ink = np.asarray(draw(paper=(0, 0, 0, 0)))
    white = np.full_like(ink, 255)
    composed = {"background": white, "layers": [ink], "composite": np.asarray(draw())}
    for sketch in (
        composed,
        composed | {"composite": None},
        {"background": None, "layers": [ink], "composite": None},
    ):
        assert difference(to_mnist(sketch), REFERENCE) < 1


@pytest.mark.parametrize(
    "empty",
    [
        {"background": None, "layers": [], "composite": None},
        Image.new("RGBA", (400, 400)),
        Image.new("RGB", (400, 400), "white"),
        np.zeros((28, 28), np.uint8),
        np.full((1, 1, 3), 200, np.uint8),
        np.random.default_rng(0).integers(245, 256, (100, 100), np.uint8),
    ],
    ids=["cleared", "transparent", "white", "black", "one-pixel", "paper-noise"],
)
def test_no_ink_gives_no_image(empty):
    assert to_mnist(empty) is None


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (3, 1500), (2, 2)])
def test_odd_shapes_are_searched_like_any_other(shape):
    array = np.full(shape, 255, np.uint8)
    array.flat[0] = 0
    image = to_mnist(array)
    assert image is None or image.shape == (28, 28)


def test_mnist_images_pass_through_almost_unchanged(mnist):
    images = mnist[1].images[:: 1 if SLOW else 10, ..., 0]
    differences = np.array([difference(to_mnist(image), image) for image in images])
    # Identical, or its strongest ink of 254 became 255, or (0.7 %) moved by a pixel.
    assert (differences == 0).mean() > 0.7 and (differences < 0.5).mean() > 0.99


@pytest.mark.parametrize("content", [b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "file.png").write_bytes(content)
    with pytest.raises(BadImageError, match="file.png is"):
        to_mnist(tmp_path / "file.png")


def test_layers_of_several_sizes_are_refused():
    layers = [np.zeros((2, 2)), np.zeros((3, 3))]
    with pytest.raises(BadImageError, match="differ in size: 2x2 and 3x3"):
        to_mnist({"composite": None, "layers": layers})


def test_small_pictures_together_give_what_each_gives_alone(small_digits):
    """Bit for bit: of several sizes, colours and papers, see-through, noisy, faint and empty."""
    rng = np.random.default_rng(0)
    pictures: list = list(small_digits.images[:300, ..., 0])
    for index in range(60 if SLOW else 20):
        height, width = rng.integers(1, 45, 2)
        image = Image.fromarray(small_digits.images[index, ..., 0]).resize((width, height))
        gray = np.asarray(image)
        noisy = np.clip(gray.astype(int) + rng.integers(0, 30, gray.shape), 0, 255)
        pictures += [
            255 - gray,
            gray // 12,
            np.zeros_like(gray),
            noisy.astype(np.uint8),
            np.stack([gray, gray // 2, 255 - gray], axis=-1),
            np.stack([gray, gray, gray, gray], axis=-1),
        ]
    pictures.append({"composite": None, "background": None, "layers": []})
    together = finish([begin(picture) for picture in pictures])
    for picture, views in zip(pictures, together, strict=True):
        np.testing.assert_equal(views and views[0], to_mnist(picture))


def test_centre_of_mass_is_where_scipy_finds_it(small_digits):
    for image in small_digits.images[:200, ..., 0]:
        box = fit_box(cut_out(image, 25))
        top, left = (
            min(max(round(14 - at), 0), 28 - length)
            for at, length in zip(ndimage.center_of_mass(box.astype(float)), box.shape, strict=True)
        )
        placed = center(box)[top : top + box.shape[0], left : left + box.shape[1]]
        np.testing.assert_array_equal(placed, np.rint(box))
