"""One's own labelled pictures, as they are read."""

import shutil

import numpy as np
import pytest
from eastern_arabic import DIGITS, draw_eastern_arabic, write_folder
from PIL import Image

from digitrec import DigitrecError
from digitrec.training.own_data import read_own_data


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "pictures", 20)


def test_folder_of_any_pictures_is_read_as_all_pictures_are(folder):
    own = read_own_data(str(folder))
    assert own.classes == tuple(DIGITS) and own.name == "pictures"
    assert own.examples.images.shape == (20, 28, 28, 1) and own.examples.images.dtype == np.uint8
    assert own.count() == dict.fromkeys(DIGITS, 2)
    assert (own.examples.images[:, :2].max((1, 2, 3)) < 128).all()  # bright ink on black
    assert not own.unreadable and own.writers is None


def test_arrays_give_what_the_same_pictures_in_a_folder_give(tmp_path):
    pictures, labels = draw_eastern_arabic(20)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        (tmp_path / "folder" / label).mkdir(parents=True, exist_ok=True)
        pictures[number] = picture.resize((90, 90))
        pictures[number].save(tmp_path / "folder" / label / f"{number:02}.png")
    grey = np.stack([np.asarray(picture) for picture in pictures])
    values = [DIGITS.index(label) for label in labels]
    np.savez(tmp_path / "numbers.npz", images=grey, labels=np.array(values, np.int64))
    np.savez(tmp_path / "texts.npz", images=np.stack([grey] * 3, -1), labels=np.array(labels))
    numbers, texts, files = (
        read_own_data(str(tmp_path / name)) for name in ("numbers.npz", "texts.npz", "folder")
    )
    assert numbers.classes == tuple("0123456789")
    assert files.classes == texts.classes == tuple(DIGITS)
    by_label = np.argsort(texts.examples.labels, kind="stable")
    for one in (numbers, texts):
        assert (one.examples.images[by_label] == files.examples.images).all()
        assert (one.examples.labels[by_label] == files.examples.labels).all()
    assert numbers.sha256 != texts.sha256  # other names are other data


def test_broken_and_blank_pictures_are_named_and_the_others_go_on(folder):
    (folder / "٧" / "broken.png").write_bytes(b"no picture")
    Image.new("L", (50, 50), 255).save(folder / "١" / "blank.png")
    own = read_own_data(str(folder))
    assert len(own.examples.labels) == 20
    blank, broken = own.unreadable
    assert blank.startswith("١/blank.png is left out: nothing is drawn")
    assert broken.startswith("٧/broken.png is left out: broken.png is not a picture")


def test_parts_of_a_dataset_are_read_together(folder, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(folder, tmp_path / "dataset" / part)
    assert read_own_data(str(tmp_path / "dataset")).count() == dict.fromkeys(DIGITS, 4)


def test_folders_of_writers_keep_their_pictures_together(tmp_path):
    for writer in ("anna", "ben"):
        for label, pictures in zip(DIGITS, draw_eastern_arabic(10)[0], strict=True):
            place = tmp_path / label / writer
            place.mkdir(parents=True)
            pictures.save(place / "1.png")
    own = read_own_data(str(tmp_path))
    assert own.writers is not None and own.writers.tolist() == [0, 1] * 10


def write_nothing(folder):
    folder.mkdir()


def write_one_class(folder):
    write_folder(folder / "data", 11)
    for label in DIGITS[1:]:
        shutil.rmtree(folder / "data" / label)


def break_all_of_a_class(folder):
    write_folder(folder, 10)
    (folder / "٣" / "3.png").write_bytes(b"no picture")


def write_many_classes(folder):
    for number in range(65):
        (folder / f"class {number}").mkdir(parents=True)
        (folder / f"class {number}" / "one.png").touch()


def write_long_label(folder):
    write_folder(folder, 10)
    (folder / "٣").rename(folder / ("x" * 21))


@pytest.mark.parametrize(
    "write, message",
    [
        (write_nothing, "holds no labelled pictures. Give a folder with a folder of pictures"),
        (write_one_class, "pictures of one class only, '٠'"),
        (break_all_of_a_class, "no picture of '٣' can be read. ٣/3.png is left out: 3.png is not"),
        (write_many_classes, "has 65 classes, from 'class 0' to 'class 9'"),
        (write_long_label, "cannot be the name of a class. Use 1 to 20"),
        (lambda folder: None, "there is no such folder or file"),
    ],
)
def test_folder_that_cannot_train_says_why(tmp_path, write, message):
    write(tmp_path / "data")
    with pytest.raises(DigitrecError, match=message):
        read_own_data(str(tmp_path / "data"))


IMAGES = np.zeros((4, 28, 28), np.uint8)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x": IMAGES, "y": np.arange(4)}, "has the arrays x, y, not images and labels"),
        ({"images": IMAGES, "labels": np.arange(3)}, "Save one label for each image"),
        ({"images": IMAGES, "labels": np.arange(4) / 2}, "labels are float64, not whole numbers"),
        ({"images": IMAGES, "labels": np.array([{}] * 4)}, "cannot be read as an .npz file"),
    ],
)
def test_arrays_that_cannot_train_say_why(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(DigitrecError, match=message):
        read_own_data(str(tmp_path / "data.npz"))
