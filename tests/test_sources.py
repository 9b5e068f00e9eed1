"""Pictures in files, folders, patterns and archives."""

import io
import os
import tarfile
import zipfile
from copy import copy

import psutil
import pytest
from PIL import Image

from digitrec.errors import BadImageError
from digitrec.many.sources import CHUNK, CHUNK_BYTES, Found, find_pictures, make_chunks
from digitrec.many.tables import Row, TableFile
from digitrec.reading.file import OWN, PictureFile
from digitrec.reading.picture import read_picture


def png(grey=0) -> bytes:
    content = io.BytesIO()
    Image.new("L", (28, 28), grey).save(content, "PNG")
    return content.getvalue()


def make_files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png())


def names(*paths):
    return [found.path for found in find_pictures(paths)]


def load(*paths):
    return [found.load() for found in find_pictures(paths)]


def test_folder_gives_its_files_by_name_then_those_of_its_folders(tmp_path):
    make_files(tmp_path, "b.png", "a/2.png", "a/10.png", "c.PNG", ".hidden.png", ".git/x.png")
    assert names(tmp_path) == [
        f"{tmp_path}/{name}" for name in ("b.png", "c.PNG", "a/10.png", "a/2.png")
    ]


def test_paths_keep_their_order(tmp_path):
    make_files(tmp_path, "1.png", "2.png")
    paths = [str(tmp_path / "2.png"), str(tmp_path / "1.png")]
    assert names(*paths) == paths


def test_pattern_gives_each_file_once(tmp_path):
    make_files(tmp_path, "1.png", "a/2.png", "a/b/3.png", "a/b/4.jpg")
    found = names(f"{tmp_path}/**/*.png")
    assert found == sorted(f"{tmp_path}/{name}" for name in ("1.png", "a/2.png", "a/b/3.png"))
    assert len(names(f"{tmp_path}/**")) == 4


def test_pattern_that_matches_folders_gives_what_they_hold(tmp_path):
    make_files(tmp_path, "a/digits/1.png", "a/2.png", "b/digits/c/3.png", "b/digits-4.png")
    found = [f"{tmp_path}/a/digits/1.png", f"{tmp_path}/b/digits/c/3.png"]
    assert names(f"{tmp_path}/**/digits") == found
    assert sorted(names(f"{tmp_path}/**/*")) == sorted(names(tmp_path))


def test_pattern_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    make_files(tmp_path, "1.png", "a/2.png")
    monkeypatch.chdir(tmp_path)
    assert names("**/*.png") == ["1.png", "a/2.png"] and names("**") == ["1.png", "a/2.png"]
    assert names("./**/2.png") == ["./a/2.png"]


def test_linked_folders_and_files_are_read_under_each_name(tmp_path):
    make_files(tmp_path, "shared/1.png", "scans/2.png")
    (tmp_path / "scans" / "link").symlink_to("../shared")
    (tmp_path / "scans" / "3.png").symlink_to("2.png")
    (tmp_path / "scans" / "copy").symlink_to("link")
    found = [f"{tmp_path}/scans/{name}" for name in ("2.png", "3.png", "copy/1.png", "link/1.png")]
    assert names(tmp_path / "scans") == found
    assert names(f"{tmp_path}/scans/**/*.png") == names(f"{tmp_path}/scans/**") == found


@pytest.mark.parametrize("pattern", ["", "/**/*.png", "/**"])
@pytest.mark.parametrize("start", ["", "/", "/a"])
def test_links_that_lead_back_are_followed_no_further(tmp_path, start, pattern):
    """Each folder links to itself, to the one above and to the other; glob would not come back."""
    make_files(tmp_path, "root/a/1.png", "root/b/2.png")
    root = tmp_path / "root"
    for name in "ab":
        (root / name / "self").symlink_to(".")
        (root / name / "up").symlink_to("..")
        (root / name / "to-a").symlink_to("../a")
        (root / name / "to-b").symlink_to("../b")
    found = names(f"{root}{start}{pattern}")
    assert len(found) == len(set(found)) < 20
    assert {os.path.basename(path) for path in found} == {"1.png", "2.png"}


def test_home_is_found(tmp_path, monkeypatch):
    make_files(tmp_path, "scans/1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names("~/scans") == names("~/scans/*") == [f"{tmp_path}/scans/1.png"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_tables_of_digitrec_are_left_out(tmp_path, ending):
    """Half done, done, and with what a killed run leaves; but not somebody else's."""
    make_files(tmp_path, "1.png", "other.csv", "other.csv.new")
    row = Row("bad", b"{}\n")
    for name in ("half", "done"):
        with TableFile(tmp_path / f"{name}.{ending}", {"numbers": False}, resume=False) as table:
            table.append([row], "")
            if name == "done":
                table.finish()
    for name in (f"half.{ending}.new", f"half.{ending}.progress.new"):
        (tmp_path / name).touch()
    found = [f"{tmp_path}/{name}" for name in ("1.png", "other.csv", "other.csv.new")]
    assert names(tmp_path) == names(f"{tmp_path}/*") == names(f"{tmp_path}/**") == found


def test_name_that_looks_like_a_pattern_is_a_file_where_there_is_one(tmp_path):
    make_files(tmp_path, "[1].png")
    assert names(tmp_path / "[1].png") == [f"{tmp_path}/[1].png"]


def test_path_without_files_is_one_error_that_says_why(tmp_path):
    (tmp_path / "empty" / "emptier").mkdir(parents=True)
    make_files(tmp_path, "hidden/.1.png", "1.png")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    tarfile.open(tmp_path / "empty.tar.gz", "w:gz").close()
    for name, why in (
        ("empty", "There are no files in "),
        ("hidden", "There are no files in "),
        ("empty.zip", "There are no files in "),
        ("empty.tar.gz", "There are no files in "),
        ("*.jpg", "No file matches "),
        ("**/*.jpg", "No file matches "),
        ("2.png", "There is no file "),
    ):
        path = str(tmp_path / name)
        first, second = find_pictures([path, tmp_path / "1.png"])
        assert (first.path, first.is_there, second.is_there) == (path, False, True)
        error = first.load()
        assert (
            isinstance(error, BadImageError) and str(error).startswith(why) and name in str(error)
        )


def test_web_address_that_looks_like_a_pattern_is_a_web_address():
    (image,) = load("https://example.org/7.png?size=1")
    assert "is a web address" in str(image)


@pytest.fixture
def contents():
    return {"a/1.png": png(1), "a/2.png": png(2), "é.png": png(3)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh: an archive that unpacks itself\n"])
def test_zip_gives_what_was_packed(tmp_path, contents, method, large, before):
    path = tmp_path / "scans.zip"
    path.write_bytes(before)
    with zipfile.ZipFile(path, "a" if before else "w", method) as archive:
        archive.mkdir("a")
        for name, content in contents.items():
            with archive.open(name, "w", force_zip64=large) as member:
                member.write(content)
        archive.writestr("a/.DS_Store", b"")
        archive.comment = b"a comment"
    assert names(path) == [f"{path}/{name}" for name in contents]
    assert [image.content for image in load(path)] == list(contents.values())


def pack_one_file_under_many_names(path, count):
    """Make an archive with a large directory, in a third of the time that many files would take."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scans/000000.png", b"")
        (member,) = archive.filelist
        for number in range(1, count):
            archive.filelist.append(copy(member))
            archive.filelist[-1].filename = f"scans/{number:06}.png"


def test_zip_of_100_000_files_gives_them_all_in_bounded_memory(tmp_path):
    """zipfile keeps the whole directory, here 60 MB; the docs advise no larger archive."""
    process = psutil.Process()
    before, most = process.memory_info().rss, 0
    pack_one_file_under_many_names(tmp_path / "scans.zip", 100_000)
    for count, _ in enumerate(find_pictures([tmp_path / "scans.zip"]), 1):
        if count % 10_000 == 0:
            most = max(most, process.memory_info().rss)
    assert count == 100_000
    assert most < before + 100_000_000


def test_zip_beyond_4_gigabytes_is_read(tmp_path):
    """The numbers of its last member are in the extra fields."""
    path = tmp_path / "scans.zip"
    with path.open("wb") as file:
        file.truncate(2**32 + 1)  # takes no room: the file has a hole
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("1.png", png(1))
    (image,) = load(path)
    assert image == PictureFile("1.png", png(1))


@pytest.mark.parametrize(
    "ending, packer",
    [("tar", ""), ("tar.gz", "gz"), ("tgz", "gz"), ("tar.bz2", "bz2"), ("tar.xz", "xz")],
)
def test_tar_gives_what_was_packed(tmp_path, contents, ending, packer):
    path = tmp_path / f"scans.{ending}"
    with tarfile.open(path, f"w:{packer}") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert names(path) == [f"{path}/{name}" for name in contents]
    assert [image.content for image in load(path)] == list(contents.values())


def test_hidden_files_and_folders_are_left_out_everywhere(tmp_path):
    hidden = [".1.png", ".git/2.png", "a/.cache/b/3.png", "__MACOSX/a/4.png", "__MACOSX/._5.png"]
    make_files(tmp_path / "disk", "a/6.png", *hidden)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for name in [*hidden, "a/6.png"]:
            archive.writestr(name, png())
    with tarfile.open(tmp_path / "scans.tar", "w") as archive:
        archive.add(tmp_path / "disk", "../.")  # as "tar c ." and some programs write it
    (tmp_path / ".link").symlink_to("disk")
    for path in ("disk", "scans.zip", "scans.tar"):
        (found,) = names(tmp_path / path)
        assert found.endswith("/a/6.png"), path
    assert names(f"{tmp_path}/disk/**") == [f"{tmp_path}/disk/a/6.png"]
    assert names(tmp_path / ".link") == [f"{tmp_path}/.link/a/6.png"]  # it was asked for


def test_archives_in_a_folder_are_read(tmp_path, contents):
    make_files(tmp_path, "a.png", "c.png")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("1.png", png())
    assert names(tmp_path) == [f"{tmp_path}/{name}" for name in ("a.png", "b.zip/1.png", "c.png")]


def test_link_in_a_tar_is_an_error(tmp_path):
    with tarfile.open(tmp_path / "scans.tar", "w") as archive:
        link = tarfile.TarInfo("7.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (image,) = load(tmp_path / "scans.tar")
    assert isinstance(image, BadImageError) and "7.png is a link" in str(image)


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_file_that_is_not_an_archive_is_an_error_and_the_next_path_is_found(tmp_path, ending):
    (tmp_path / f"scans.{ending}").write_bytes(b"no archive" * 100)
    make_files(tmp_path, "z.png")
    bad, good = load(tmp_path)
    assert isinstance(bad, BadImageError) and f"scans.{ending} cannot be unpacked (" in str(bad)
    assert good == str(tmp_path / "z.png")


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_archive_that_is_cut_off_raises_nothing(tmp_path, ending, kept):
    path = tmp_path / f"scans.{ending}"
    noise = [os.urandom(5000) for _ in range(20)]
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number, content in enumerate(noise):
                archive.writestr(f"{number}.png", content)
    else:
        with tarfile.open(path, f"w:{ending[4:]}") as archive:
            for number, content in enumerate(noise):
                member = tarfile.TarInfo(f"{number}.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    images = load(path)
    assert any(isinstance(image, BadImageError) for image in images)
    read = [image.content for image in images if isinstance(image, PictureFile)]
    assert read == noise[: len(read)]


def test_damaged_member_of_a_zip_is_an_error_and_the_others_are_read(tmp_path):
    path = tmp_path / "scans.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", png(number))
        place = archive.infolist()[1].header_offset + 60
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    first, second, third = load(path)
    assert first.content == png(0) and third.content == png(2)
    assert isinstance(second, BadImageError) and "1.png cannot be unpacked (" in str(second)


def test_encrypted_member_is_an_error_and_the_others_are_read(tmp_path):
    path = tmp_path / "scans.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            archive.writestr(f"{number}.png", png(number))
        directory = archive.start_dir
    content = bytearray(path.read_bytes())
    content[directory + 8] |= 1  # the flag of the first entry; Python cannot encrypt
    path.write_bytes(content)
    first, second = load(path)
    assert isinstance(first, BadImageError) and "0.png is encrypted" in str(first)
    assert second.content == png(1)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_member_packed_by_an_unusual_method_is_an_error(tmp_path, method):
    """zipfile could unpack these, but not only up to a limit."""
    with zipfile.ZipFile(tmp_path / "scans.zip", "w", method) as archive:
        archive.writestr("1.png", png())
    (image,) = load(tmp_path / "scans.zip")
    assert isinstance(image, BadImageError) and f"1.png uses zip method {method};" in str(image)


def test_member_that_swells_is_unpacked_only_up_to_the_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "scans.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(200_000_000))
    (image,) = load(tmp_path / "scans.zip")
    assert len(image.content) == OWN.file_bytes + 1
    with pytest.raises(BadImageError, match="has more than 150 MB"):
        read_picture(image)


def test_chunks_are_bounded_by_count_and_by_bytes():
    small = [Found(str(n), lambda: PictureFile("", b"")) for n in range(2 * CHUNK + 1)]
    assert [len(chunk.paths) for chunk in make_chunks(small)] == [CHUNK, CHUNK, 1]
    large = [Found(str(n), lambda: PictureFile("", bytes(CHUNK_BYTES // 2))) for n in range(5)]
    assert [len(chunk.paths) for chunk in make_chunks(large)] == [2, 2, 1]
