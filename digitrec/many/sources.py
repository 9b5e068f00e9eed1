"""Where many pictures come from: files, folders, patterns and archives, found one by one.

A picture is loaded when its turn comes and is not kept afterwards, so a million pictures take no
more memory than ten. Only names add up: those in one folder, the matches of a pattern, and the
members of a zip archive, about 650 bytes each.
"""

import glob
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from digitrec.errors import BadImageError, first_line
from digitrec.reading.file import OWN, PictureFile

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
READ_AT_ONCE = 1 << 20  # bytes of a tar archive
ENCRYPTED = 1  # flag of a zip archive's member

Loaded = str | PictureFile | BadImageError  # a path, a member of an archive, or what is wrong

# What zipfile and tarfile raise for damaged archives. A name that is not UTF-8 and an offset beyond
# the end of any file are ValueErrors.
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error),
    *(EOFError, NotImplementedError, OSError, ValueError),
)


class Found(NamedTuple):
    path: str  # within an archive, "scans.zip/7.png"
    read: Callable[[], Loaded]

    def load(self) -> Loaded:
        """Give the picture. Call this before asking for the next one."""
        try:
            return self.read()
        except BROKEN as error:
            return _bad_archive(self.path, error)


def find_pictures(paths: Iterable[str | os.PathLike]) -> Iterator[Found]:
    """Find pictures, in the order of the paths.

    A folder gives its files by name, then those of its folders; an archive gives its members in the
    order in which they were packed. Hidden files, whose names begin with a dot, are left out. Files
    that are not pictures are found as well, so that each can get an error.

    Arguments:
        paths: of files, folders, zip and tar archives, or patterns such as "scans/**/*.png".
    """
    for path in (os.fspath(path) for path in paths):
        if glob.has_magic(path) and not os.path.exists(path):
            for match in sorted(glob.iglob(path, recursive=True)) or [path]:
                if not ("**" in path and os.path.isdir(match)):  # its files match too
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
        f"{Path(path).name} is a folder that you may not read. Change its permissions."
    )


def _bad_archive(path: str, error: Exception) -> Loaded:
    return BadImageError(
        f"{Path(path).name} cannot be unpacked ({first_line(error)}). Pack the archive again."
    )


def _is_hidden(member: str) -> bool:
    # macOS adds what it knows about a file as another member, __MACOSX/._7.png.
    return os.path.basename(member).startswith(".")


def _find_in_tar(path: str) -> Iterator[Found]:
    with tarfile.open(path, "r|*", bufsize=READ_AT_ONCE) as archive:
        while (member := archive.next()) is not None:
            # TarFile would keep every member's TarInfo.
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
            if not member.isdir() and not _is_hidden(member.name):
                yield Found(f"{path}/{member.name}", partial(_load_from_tar, archive, member))


def _load_from_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Loaded:
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        return BadImageError(
            f"{Path(member.name).name} is a link. Pack the archive again with the files that its "
            "links point to."
        )
    return PictureFile(member.name, file.read(OWN.file_bytes + 1))


def _find_in_zip(path: str) -> Iterator[Found]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and not _is_hidden(member.filename):
                yield Found(f"{path}/{member.filename}", partial(_load_from_zip, archive, member))


def _load_from_zip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Loaded:
    name = Path(member.filename).name
    if member.flag_bits & ENCRYPTED:
        return BadImageError(f"{name} is encrypted. Pack the archive again without a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile unpacks other methods whole, however large the result is.
        return BadImageError(
            f"{name} uses zip method {member.compress_type}; only stored and Deflate are "
            "supported. Pack the archive again."
        )
    with archive.open(member) as file:
        return PictureFile(member.filename, file.read(OWN.file_bytes + 1))


class Chunk(NamedTuple):
    """Pictures that are sent to a process together."""

    paths: list[str]
    images: list[Loaded]


CHUNK = 128  # pictures at most; a process takes 0.05 s for small ones, 0.5 s for drawings
CHUNK_BYTES = 8_000_000  # about three photos, so that the chunks that wait take little memory


def make_chunks(found: Iterable[Found]) -> Iterator[Chunk]:
    """Load pictures, and group them in chunks of at most CHUNK pictures or about CHUNK_BYTES."""
    chunk, weight = Chunk([], []), 0
    for picture in found:
        image = picture.load()
        chunk.paths.append(picture.path)
        chunk.images.append(image)
        weight += _count_bytes(image)
        del picture  # or its archive's directory stays while that of the next archive is read
        if len(chunk.paths) == CHUNK or weight >= CHUNK_BYTES:
            yield chunk
            chunk, weight = Chunk([], []), 0
    if chunk.paths:
        yield chunk


def _count_bytes(image: Loaded) -> int:
    if isinstance(image, PictureFile):
        return len(image.content)
    return os.path.getsize(image) if isinstance(image, str) and os.path.exists(image) else 0
