"""Where many pictures come from: files, folders, patterns and archives, found one by one.

A picture is loaded when its turn comes and is not kept afterwards, so a million pictures take no
more memory than ten. Only names add up: those in one folder, the matches of a pattern, and the
members of a zip archive, about 650 bytes each.
"""

import glob
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from digitrec.errors import BadImageError, first_line
from digitrec.many.tables import belongs_to_table
from digitrec.reading.file import OWN, PictureFile, open_file

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
    is_there: bool = True  # False for a path that leads to no file

    def load(self) -> Loaded:
        """Give the picture. Call this before asking for the next one."""
        try:
            return self.read()
        except BROKEN as error:
            return _bad_archive(self.path, error)


def find_pictures(paths: Iterable[str | os.PathLike]) -> Iterator[Found]:
    """Find pictures, in the order of the paths.

    A folder gives its files by name, then those of its folders; an archive gives its members in the
    order in which they were packed. Links are followed, but not back to a folder that they lie in.
    Hidden files and folders, whose names begin with a dot, are left out, and so are the tables that
    digitrec wrote. Other files that are not pictures are found, so that each can get an error. A
    path that leads to no file gives one error.

    Arguments:
        paths: of files, folders, zip and tar archives, or patterns such as "scans/**/*.png".
    """
    for path in (os.path.expanduser(os.fspath(path)) for path in paths):
        is_there = False
        for picture in _find_given(path):
            is_there = True
            yield picture
        if not is_there:
            yield Found(path, partial(_explain_missing, path), is_there=False)


def _find_given(path: str) -> Iterator[Found]:
    if os.path.exists(path):
        yield from _find(path)
    elif glob.has_magic(path):
        folder = None
        # By the parts of their paths, so that what is in a folder comes right after it.
        for match in sorted(set(_match(path)), key=lambda match: match.split("/")):
            if folder and match.startswith(folder):
                continue  # it was found with its folder
            if os.path.isdir(match):
                folder = f"{match}/"
            if not belongs_to_table(match):
                yield from _find(match)


def _match(pattern: str) -> Iterator[str]:
    """Give the files and folders that match a pattern.

    glob itself would follow links round and round.
    """
    parts = re.fullmatch(r"((?:.*?/)?)\*\*(?:/+(.*))?", pattern)
    if parts is None:
        yield from glob.iglob(pattern)
        return
    before, after = parts.groups()
    for start in glob.iglob(before) if glob.has_magic(before) else [before]:
        for parent, files in _walk(start or "."):
            folder = parent if start else parent[2:]  # without "./"
            if after:
                yield from _match(os.path.join(glob.escape(folder), after))
            else:
                yield from (os.path.join(folder, name) for name in files)


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
    for parent, files in _walk(folder, errors.append):
        for path in (os.path.join(parent, name) for name in files):
            if not belongs_to_table(path):
                yield from _find(path)
        while errors:
            closed = errors.pop().filename
            yield Found(closed, partial(_bad_folder, closed))


def _walk(
    start: str, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Give each folder and the names of its files; a folder comes before those in it."""
    for parent, folders, files in os.walk(start, onerror=onerror, followlinks=True):
        folders[:] = sorted(
            name
            for name in folders
            if not _is_hidden(name) and not _leads_back(os.path.join(parent, name), start)
        )
        yield parent, sorted(name for name in files if not _is_hidden(name))


def _leads_back(path: str, start: str) -> bool:
    """Say whether a link leads to a folder that it lies in, from `start` on."""
    if not os.path.islink(path):
        return False
    parent = path
    while len(parent) > len(start):
        parent = os.path.dirname(parent)
        if os.path.samefile(parent, path):
            return True
    return False


def _explain_missing(path: str) -> Loaded:
    if os.path.exists(path):
        return BadImageError(
            f"There are no files in {path}. Check the path; hidden files are left out."
        )
    if glob.has_magic(path) and "://" not in path:
        return BadImageError(f"No file matches {path}. Check the pattern.")
    try:
        with open_file(path):
            return path  # it is there now
    except BadImageError as error:
        return error


def _bad_folder(path: str) -> Loaded:
    return BadImageError(
        f"{Path(path).name} is a folder that you may not read. Change its permissions."
    )


def _bad_archive(path: str, error: Exception) -> Loaded:
    return BadImageError(
        f"{Path(path).name} cannot be unpacked ({first_line(error)}). Pack the archive again."
    )


def _is_hidden(path: str) -> bool:
    # macOS packs what it knows about a file as another, __MACOSX/._7.png.
    return any(
        part == "__MACOSX" or (part.startswith(".") and part not in (".", ".."))
        for part in path.split("/")
    )


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
