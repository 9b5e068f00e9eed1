"""Where many pictures come from: files, folders, patterns and archives, found one by one.

Nothing is read before it is asked for, and nothing is kept: a million pictures take no more memory
than ten.
"""

import glob
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from digitrec.errors import BadImageError, first_line
from digitrec.reading.file import OWN
from digitrec.reading.picture import PictureFile

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
READ_AT_ONCE = 1 << 20  # bytes of a tar archive, or of a zip archive's directory
MEMBERS_AT_ONCE = 1 << 16  # bytes of a zip archive, around the member that is read

Loaded = str | PictureFile | BadImageError  # a path, what an archive holds, or why it is neither


BROKEN = (OSError, EOFError, tarfile.TarError, zlib.error, struct.error)


class Found(NamedTuple):
    path: str  # within an archive, "scans.zip/7.png"
    read: Callable[[], Loaded]

    def load(self) -> Loaded:
        """Give the picture; to be called before the next one is asked for."""
        try:
            return self.read()
        except BROKEN as error:
            return _bad_archive(self.path, error)


def find_pictures(paths: Iterable[str | os.PathLike]) -> Iterator[Found]:
    """Find pictures, in the order of the paths.

    A folder gives its files by name, then its folders' files; an archive its members as they come.
    Both leave out hidden files, whose names begin with a dot. What is no picture is found all the
    same, so that nothing is lost without a word.

    Arguments:
        paths: of files, folders, zip and tar archives, or patterns such as "scans/**/*.png".
    """
    for path in (os.fspath(path) for path in paths):
        if glob.has_magic(path) and not os.path.exists(path):
            for match in sorted(glob.iglob(path, recursive=True)) or [path]:
                if not ("**" in path and os.path.isdir(match)):  # its files match as well
                    yield from _find(match)
        else:
            yield from _find(path)


def _find(path: str) -> Iterator[Found]:
    if os.path.isdir(path):
        yield from _find_in_folder(path)
    elif path.lower().endswith(ZIP + TAR) and os.path.isfile(path):
        find = _find_in_zip if path.lower().endswith(ZIP) else _find_in_tar
        try:
            yield from find(path)
        except BROKEN as error:
            yield Found(path, partial(_bad_archive, path, error))
    else:
        yield Found(path, lambda: path)


def _find_in_folder(folder: str) -> Iterator[Found]:
    errors: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield from _find(os.path.join(parent, name))
        while errors:
            closed = errors.pop().filename
            yield Found(closed, partial(_bad_folder, closed))


def _bad_folder(path: str) -> Loaded:
    return BadImageError(
        f"{Path(path).name} should be a folder that you may read, but is not; change its "
        "permissions."
    )


def _bad_archive(path: str, error: Exception) -> Loaded:
    return BadImageError(
        f"{Path(path).name} should be packed undamaged, but cannot be unpacked "
        f"({first_line(error)}); pack the archive again."
    )


def _is_hidden(member: str) -> bool:
    # macOS packs what it knows of a file beside it, as __MACOSX/._7.png.
    return os.path.basename(member).startswith(".")


def _find_in_tar(path: str) -> Iterator[Found]:
    with tarfile.open(path, "r|*", bufsize=READ_AT_ONCE) as archive:
        while (member := archive.next()) is not None:
            # Or it keeps what it knows of every file.
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
            if not member.isdir() and not _is_hidden(member.name):
                yield Found(f"{path}/{member.name}", partial(_load_from_tar, archive, member))


def _load_from_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Loaded:
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        return BadImageError(
            f"{Path(member.name).name} should be a file of its own, but is a link; pack the "
            "archive again with the files that its links lead to."
        )
    return PictureFile(member.name, file.read(OWN.file_bytes + 1))


class _Member(NamedTuple):
    """A file in a zip archive, as the archive's directory describes it."""

    name: str
    flags: int
    method: int
    checksum: int
    packed_bytes: int
    start: int


# Python's zipfile reads the whole directory first, which for a million files takes 650 MB. The form
# of a zip archive: PKWARE's APPNOTE.TXT, section 4.3.
_DIRECTORY_ENTRY = struct.Struct("<4x2x2xHH4xLLLHHH2x2x4xL")
_END, _END_64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_LONGEST_END = 22 + 65_535  # bytes, with the longest comment
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF_8 = 1, 0x800
_IN_ZIP_64 = 0xFFFFFFFF  # the number is in the entry's extra fields


def _find_in_zip(path: str) -> Iterator[Found]:
    # Members mostly lie in the directory's order, so that the next one is in the buffer already.
    with (
        open(path, "rb", buffering=MEMBERS_AT_ONCE) as file,
        open(path, "rb", buffering=READ_AT_ONCE) as directory,
    ):
        for member in _read_directory(directory):
            if not member.name.endswith("/") and not _is_hidden(member.name):
                yield Found(f"{path}/{member.name}", partial(_load_from_zip, file, member))


def _read_directory(file: BinaryIO) -> Iterator[_Member]:
    start, stop, before = _find_directory(file)
    file.seek(start)
    while start < stop:
        entry = file.read(_DIRECTORY_ENTRY.size)
        if entry[:4] != b"PK\x01\x02":
            raise OSError("its directory is damaged")
        (flags, method, checksum, packed, unpacked, *lengths, offset) = _DIRECTORY_ENTRY.unpack(
            entry
        )
        name, extra, _ = (file.read(length) for length in lengths)
        start += len(entry) + sum(lengths)
        if _IN_ZIP_64 in (packed, unpacked, offset):
            packed, offset = _read_zip_64(extra, packed, unpacked, offset)
        name = name.decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
        yield _Member(name, flags, method, checksum, packed, before + offset)


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Find where the directory starts and stops, and how many bytes come before the archive."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_END - 20))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0:
        raise OSError("it has no directory")
    length, offset = struct.unpack_from("<LL", tail, end + 12)
    stop = size - len(tail) + end
    if tail[max(0, end - 20) :].startswith(_END_64_LOCATOR):
        (stop,) = struct.unpack_from("<Q", tail, end - 12)
        file.seek(stop)
        length, offset = struct.unpack_from("<QQ", file.read(56), 40)
    return stop - length, stop, stop - length - offset


def _read_zip_64(extra: bytes, packed: int, unpacked: int, offset: int) -> tuple[int, int]:
    """Read those of an entry's numbers that do not fit into 32 bits."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind == 1:
            large = iter(struct.unpack_from(f"<{length // 8}Q", extra, place + 4))
            _, packed, offset = (
                next(large, number) if number == _IN_ZIP_64 else number
                for number in (unpacked, packed, offset)
            )
        place += 4 + length
    return packed, offset


def _load_from_zip(file: BinaryIO, member: _Member) -> Loaded:
    name = Path(member.name).name
    if member.flags & _ENCRYPTED or member.method not in (_STORED, _DEFLATED):
        found = "is encrypted" if member.flags & _ENCRYPTED else f"by method {member.method}"
        return BadImageError(
            f"{name} should be packed by Deflate or not at all, but {found}; pack the archive "
            "again."
        )
    file.seek(member.start)
    header = file.read(30)
    if not header.startswith(b"PK\x03\x04"):
        raise OSError("it is not where the directory says")
    file.seek(sum(struct.unpack_from("<HH", header, 26)), os.SEEK_CUR)
    content = file.read(min(member.packed_bytes, OWN.file_bytes + 1))
    if member.method == _DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, OWN.file_bytes + 1)
    if len(content) <= OWN.file_bytes and zlib.crc32(content) != member.checksum:
        raise OSError("its checksum is another")
    return PictureFile(member.name, content)


class Chunk(NamedTuple):
    """Pictures that are read together."""

    paths: list[str]
    images: list[Loaded]


CHUNK = 128  # pictures at most: a few hundredths of a second, or seconds for drawings
CHUNK_BYTES = 8_000_000  # three photos: what waits to be read stays small


def make_chunks(found: Iterable[Found]) -> Iterator[Chunk]:
    """Load pictures, and put them together in chunks of bounded size."""
    chunk, weight = Chunk([], []), 0
    for picture in found:
        image = picture.load()
        chunk.paths.append(picture.path)
        chunk.images.append(image)
        weight += _count_bytes(image)
        if len(chunk.paths) == CHUNK or weight >= CHUNK_BYTES:
            yield chunk
            chunk, weight = Chunk([], []), 0
    if chunk.paths:
        yield chunk


def _count_bytes(image: Loaded) -> int:
    if isinstance(image, PictureFile):
        return len(image.content)
    return os.path.getsize(image) if isinstance(image, str) and os.path.exists(image) else 0
