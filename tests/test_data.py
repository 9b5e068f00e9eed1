import gzip
import shutil

import numpy as np
import pytest

from digitrec.errors import DatasetUnavailableError
from digitrec.training.data import FILES, Examples, SplitConfig, load_mnist, split_mnist


def numbered(count):
    """Examples whose pixels name them; labels in MNIST's own unequal shares."""
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, 0, :4, 0] = np.arange(count, dtype=np.uint32).view(np.uint8).reshape(count, 4)
    labels = np.random.default_rng(0).integers(0, 12, count) % 10
    return Examples(images, labels.astype(np.int32))


def names(examples):
    return np.ascontiguousarray(examples.images[:, 0, :4, 0]).view(np.uint32)[:, 0]


@pytest.mark.parametrize(
    "protocol, sizes",
    [("official", (54_000, 6_000, 10_000)), ("kaggle-42k", (37_800, 4_200, 28_000))],
)
def test_splits_have_their_sizes_are_disjoint_and_stratified(protocol, sizes):
    everything = numbered(70_000)
    train, test = (
        Examples(*(part[a:b] for part in everything)) for a, b in ((0, 60_000), (60_000, None))
    )
    split = split_mnist(train, test, SplitConfig(protocol))
    assert tuple(len(part.labels) for part in split) == sizes
    assert len(set(np.concatenate([names(part) for part in split]))) == 70_000
    shares = [np.bincount(part.labels) / len(part.labels) for part in split[:2]]
    np.testing.assert_allclose(*shares, atol=2e-4)
    for part in split:
        np.testing.assert_array_equal(part.labels, everything.labels[names(part)])
    if protocol == "official":
        assert names(split.test).min() == 60_000


def test_split_depends_on_the_seed_alone():
    examples = numbered(1000), numbered(100)
    first, same, other = (
        split_mnist(*examples, SplitConfig(split_seed=seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(names(first.validation), names(same.validation))
    assert set(names(first.validation)) != set(names(other.validation))


def test_mnist_arrives_through_tensorflow_datasets_complete(mnist_dir, mnist_data_dir):
    # Against the raw files; tensorflow-datasets shuffles, so the order is compared away.
    for examples, name in zip(load_mnist(mnist_data_dir), ("train", "t10k"), strict=True):
        images = gzip.decompress((mnist_dir / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((mnist_dir / f"{name}-labels-idx1-ubyte.gz").read_bytes())[8:]
        raw = np.frombuffer(images, np.uint8).reshape(-1, 784)
        expected = np.column_stack([raw, np.frombuffer(labels, np.uint8)])
        found = np.column_stack(
            [examples.images.reshape(-1, 784), examples.labels.astype(np.uint8)]
        )
        assert sorted(map(bytes, found)) == sorted(map(bytes, expected))


def test_manual_dir_without_a_file_is_named(mnist_dir, tmp_path):
    for path in list(mnist_dir.glob("*.gz"))[:3]:
        shutil.copy(path, tmp_path)
    with pytest.raises(DatasetUnavailableError, match="does not hold"):
        load_mnist(tmp_path / "data", tmp_path)


def test_manual_file_with_another_content_is_refused(mnist_dir, tmp_path):
    for path in mnist_dir.glob("*.gz"):
        shutil.copy(path, tmp_path)
    with (tmp_path / "t10k-labels-idx1-ubyte.gz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(DatasetUnavailableError, match="t10k-labels-idx1-ubyte.gz"):
        load_mnist(tmp_path / "data", tmp_path)
    assert not list((tmp_path / "data").rglob("*.npz"))


def test_damaged_arrays_are_named(tmp_path, small_data_dir):
    name = "mnist/mnist-3.0.1.npz"
    content = bytearray((small_data_dir / name).read_bytes())
    content[5000] ^= 1
    (tmp_path / "mnist").mkdir()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetUnavailableError, match="Delete the file"):
        load_mnist(tmp_path)


GOOD = {
    "train_images": np.zeros((20, 28, 28, 1), np.uint8),
    "train_labels": np.arange(20, dtype=np.int32) % 10,
    "test_images": np.zeros((10, 28, 28, 1), np.uint8),
    "test_labels": np.arange(10, dtype=np.int32),
}
BROKEN = {  # what replaces an array, and what is said
    "label 10": ("train_labels", np.arange(1, 21, dtype=np.int32) % 11, "found 0 to 10"),
    "label -1": ("test_labels", np.full(10, -1, np.int32), "found -1 to -1"),
    "labels as text": ("test_labels", np.array(list("0123456789")), "found .*<U1"),
    "labels as numbers of 64 bits": ("train_labels", np.zeros(20, np.int64), "int64"),
    "too few labels": ("train_labels", np.zeros(19, np.int32), r"\(19,\)"),
    "too few images": ("test_images", np.zeros((9, 28, 28, 1), np.uint8), r"\(9, 28, 28, 1\)"),
    "pixels as shares": ("train_images", np.zeros((20, 28, 28, 1), np.float32), "float32"),
    "no channel": ("train_images", np.zeros((20, 28, 28), np.uint8), r"\(20, 28, 28\)"),
    "three channels": ("test_images", np.zeros((10, 28, 28, 3), np.uint8), r"28, 3\)"),
    "flat images": ("test_images", np.zeros((10, 784), np.uint8), r"\(10, 784\)"),
    "a missing array": ("test_labels", None, "test_labels"),
    "objects": ("test_labels", np.array([None] * 10), "allow_pickle"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_arrays_of_another_kind_are_named_with_what_was_expected_and_found(name, tmp_path):
    array, value, said = BROKEN[name]
    (tmp_path / "mnist").mkdir()
    arrays = {**GOOD, array: value}
    np.savez(
        tmp_path / "mnist" / "mnist-3.0.1.npz",
        **{key: value for key, value in arrays.items() if value is not None},
    )
    with pytest.raises(DatasetUnavailableError, match=f"mnist-3.0.1.npz is damaged .*{said}"):
        load_mnist(tmp_path)


@pytest.mark.parametrize("damage", ["nothing in it", "half of it", "no zip", "a folder"])
def test_file_of_arrays_that_is_no_longer_one_is_named(damage, tmp_path, small_data_dir):
    file = tmp_path / "mnist" / "mnist-3.0.1.npz"
    file.parent.mkdir()
    content = (small_data_dir / "mnist" / file.name).read_bytes()
    if damage == "a folder":
        file.mkdir()
    else:
        content = {"nothing in it": b"", "half of it": content[: len(content) // 2]}.get(damage)
        file.write_bytes(b"PK\3\4" + bytes(99) if content is None else content)
    with pytest.raises(DatasetUnavailableError, match="mnist-3.0.1.npz is damaged .*Delete"):
        load_mnist(tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["shorter", "flipped"])
def test_damaged_manual_file_is_named_with_both_checksums(name, damage, mnist_dir, tmp_path):
    for path in mnist_dir.glob("*-ubyte.gz"):
        (tmp_path / path.name).symlink_to(path)
    content = bytearray((tmp_path / name).read_bytes())
    (tmp_path / name).unlink()
    content[100] ^= 1
    (tmp_path / name).write_bytes(content[:-1] if damage == "shorter" else content)
    with pytest.raises(
        DatasetUnavailableError, match=rf"{name} is not MNIST's .*SHA-256 is [0-9a-f]{{64}}, not"
    ):
        load_mnist(tmp_path / "data", tmp_path)
