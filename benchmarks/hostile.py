"""Hostile input, counted: to the reader of pictures, and to the running app.

python benchmarks/hostile.py [--quick] [--manual-dir FOLDER] [--data-dir FOLDER]

The reader gets files that are damaged at random, digits in 12 encodings, and the most expensive
pictures that it accepts. The app gets 120 files, bodies of all kinds, crowds, and a long mixture of
these; meanwhile `watched_app.py` watches what it opens, connects to and starts. Everything must end
in an answer or in a plain message; whatever does not is printed. The last line is one JSON object.
The digits are MNIST's if a folder is given as for train.py, otherwise scikit-learn's.
"""

import argparse
import json
import random
import struct
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hostile_app import (
    App,
    Caller,
    make_digits,
    measure,
    running_app,
    try_bodies,
    try_calls,
    try_crowd,
    try_files,
)
from hostile_files import damage, encode, make_seeds, seven
from PIL import Image
from rich.console import Console

from digitrec import DigitRecognizer
from digitrec.errors import BadImageError
from digitrec.reading.encoded import MOST_SCANS
from digitrec.reading.file import UPLOAD
from digitrec.reading.picture import read_picture, read_uploads


class Sizes(NamedTuple):
    pictures: int = 200_000  # damaged
    digits: int = 1000  # in 12 encodings each
    batch: int = 64  # the costliest pictures
    bodies: int = 5000
    crowd_seconds: float = 60.0
    warm_calls: int = 2000  # before memory is first looked at
    calls: int = 20_000
    kept_seconds: float = 60.0  # uploads and unread answers, during these calls


QUICK = Sizes(2000, 50, 4, 200, 3.0, 100, 200, 3.0)


def try_pictures(count: int, seed: int = 0) -> tuple[list[str], float]:
    """Read damaged files; give what went wrong, and the seconds of the slowest."""
    chance, seeds, wrong, slowest = random.Random(seed), make_seeds(), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        for number in range(count):
            path.write_bytes(damage(chance.choice(seeds), chance))
            start = time.process_time()
            try:
                picture = read_picture(path, UPLOAD)
                pixels = picture and picture.pixels
                if pixels is None or pixels.dtype != np.uint8 or pixels.shape[2:] != (4,):
                    wrong.append(f"picture {number}: no pixels")
            except BadImageError as error:
                if "\n" in str(error) or not str(error).endswith("."):
                    wrong.append(f"picture {number}: {error}")
            except Exception as error:
                wrong.append(f"picture {number}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.process_time() - start)
    return wrong, slowest


def load_digits(count: int, data_dir: str | None, manual_dir: str | None) -> list[Image.Image]:
    """Digits in dark ink on white, of the whole range of greys."""
    if data_dir or manual_dir:
        from digitrec.training.data import load_mnist

        images = load_mnist(data_dir, manual_dir)[0].images[:count, ..., 0].astype(float)
    else:
        from sklearn import datasets

        images = datasets.load_digits().images[:count]
    side = 112  # pixels
    digits = []
    for image in images:
        grey = Image.fromarray(np.rint(255 * image / image.max()).astype(np.uint8))
        ink = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC)).astype(float)
        ink = (ink - ink.min()) / (ink.max() - ink.min())
        digits.append(Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8)))
    return digits


TURNED = {  # by EXIF: how an upright picture is stored
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
LOSSY = {"JPEG of quality 60", "CMYK", "enlarged 4 times"}


def encodings(digit: Image.Image, number: int) -> dict[str, bytes]:
    """The same digit as 12 files."""
    grey = np.asarray(digit)
    palette = Image.fromarray(grey, "P")
    palette.putpalette([value for value in range(256) for _ in range(3)])
    ink = Image.merge("LA", [Image.new("L", digit.size), Image.fromarray(255 - grey)])
    orientation = 2 + number % 7
    exif = Image.Exif()
    exif[0x0112] = orientation
    side = 4 * digit.width
    return {
        "PNG": encode(digit),
        "JPEG of quality 60": encode(digit, "JPEG", quality=60),
        "WebP": encode(digit.convert("RGB"), "WEBP", lossless=True),
        "GIF": encode(digit, "GIF"),
        "palette with alpha": encode(palette, transparency=255),
        "RGBA on nothing": encode(ink.convert("RGBA")),
        "LA": encode(ink),
        "16 bits": encode(Image.fromarray(grey.astype(np.uint16) * 257)),
        "CMYK": encode(digit.convert("CMYK"), "JPEG", quality=95),
        "inverted": encode(Image.fromarray(255 - grey)),
        "EXIF orientations 2-8": encode(digit.transpose(TURNED[orientation]), exif=exif),
        "enlarged 4 times": encode(digit.resize((side, side), Image.Resampling.BICUBIC)),
    }


class Agreement(NamedTuple):
    wrong: list[str]  # lossless encodings that are read as other pixels or another label
    overall: float  # share of all files that get the label of the plain PNG
    lossless: float
    lowest: dict[str, float]  # of each encoding that is below 1


def try_encodings(digits: list[Image.Image], recognizer: DigitRecognizer) -> Agreement:
    """Read digits in 12 encodings, and compare with the plain PNG."""
    wrong, agreed = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for number, digit in enumerate(digits):
            expected, paths = np.asarray(digit).astype(int), []
            for name, content in encodings(digit, number).items():
                paths.append(Path(folder) / name)
                paths[-1].write_bytes(content)
                if name in LOSSY:
                    continue
                picture = read_picture(paths[-1])
                assert picture is not None
                pixels = picture.pixels
                alpha = pixels[..., 3] / 255  # over white paper
                seen = np.rint(pixels[..., 0] * alpha + 255 * (1 - alpha)).astype(int)
                if not np.array_equal(255 - seen if name == "inverted" else seen, expected):
                    wrong.append(f"digit {number} as {name}: other pixels")
            labels = [prediction.digit for prediction in recognizer.predict_batch(paths)]
            for path, label in zip(paths, labels, strict=True):
                agreed.setdefault(path.name, []).append(label == labels[0])
                if label != labels[0] and path.name not in LOSSY:
                    wrong.append(f"digit {number} as {path.name}: {label}, not {labels[0]}")
    shares = {name: float(np.mean(each)) for name, each in agreed.items()}
    return Agreement(
        wrong,
        float(np.mean(list(shares.values()))),
        float(np.mean([share for name, share in shares.items() if name not in LOSSY])),
        {name: share for name, share in shares.items() if share < 1},
    )


def costly_pictures(side: tuple[int, int]) -> dict[str, bytes]:
    """Pictures of a size that cost the most time, each in its own way."""
    noise = np.random.default_rng(0).integers(0, 256, (*side[::-1], 3), np.uint8)
    grey = Image.fromarray(noise[..., 0])
    strokes = seven(side, "L")
    few = Image.fromarray(noise // 64 * 64)  # colours, since a WebP may have 16 MB
    jpeg = encode(strokes, "JPEG", progressive=True)
    scan = jpeg.rindex(b"\xff\xda")
    scans = MOST_SCANS - jpeg.count(b"\xff\xda")
    pictures = {
        "JPEG of many scans": jpeg[:-2] + jpeg[scan:-2] * scans + b"\xff\xd9",
        "JPEG of noise": encode(grey, "JPEG", quality=50),
        "PNG of noise": encode(grey, compress_level=1),
        "PNG of 16 bits": encode(Image.fromarray(noise[..., 0].astype(np.uint16) * 257)),
        "PNG of a seven": encode(strokes, compress_level=1),
        "GIF of noise": encode(grey, "GIF"),
        "TIFF, LZW": encode(grey, "TIFF", compression="tiff_lzw"),
    }
    if side[0] * side[1] <= 7_000_000:
        pictures["lossless WebP"] = encode(few, "WEBP", lossless=True, method=0, quality=0)
    if side[0] * side[1] <= 500_000:
        pictures["plain PPM"] = b"P2 %d %d 100\n" % side + b"7 " * (side[0] * side[1])
        runs = (b"\1\0" * side[0] + b"\0\0") * side[1]  # each of one pixel
        head = struct.pack("<IiiHHIIiiII", 40, *side, 1, 8, 1, len(runs), 0, 0, 256, 0)
        table = bytes(1024)
        start = 14 + len(head) + len(table)
        pictures["BMP of short runs"] = (
            struct.pack("<2sIII", b"BM", start + len(runs), 0, start) + head + table + runs
        )
    return pictures


# 64 megapixels; noise that fills 32 MB; a WebP of 7; 64 of one fill a batch; half a megabyte of
# short runs.
SIDES = [(8000, 8000), (5600, 5600), (2640, 2640), (1000, 1000), (490, 490)]


def try_costly(
    sides: list[tuple[int, int]], count: int, recognizer: DigitRecognizer
) -> tuple[dict[str, float], float]:
    """Read the costliest pictures, alone and as batches of a count.

    Returns: the seconds of a core of the slowest of each kind alone, and of the slowest batch.
    """
    alone, slowest = {}, 0.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for side in sides:
            for name, content in costly_pictures(side).items():
                path = folder / "picture"
                path.write_bytes(content)
                start = time.process_time()
                try:
                    recognizer.predict(path)
                except BadImageError:
                    continue
                seconds = time.process_time() - start
                alone[name] = max(alone.get(name, 0.0), seconds)
                if side[0] * side[1] > 1_000_000:
                    continue
                paths = [folder / str(number) for number in range(count)]
                for path in paths:
                    path.write_bytes(content)
                start = time.process_time()
                recognizer.predict_batch(read_uploads(paths))
                slowest = max(slowest, time.process_time() - start)
    return alone, slowest


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer of each, in about a minute")
    parser.add_argument("--data-dir", help="where tensorflow-datasets keeps MNIST")
    parser.add_argument("--manual-dir", help="a folder with MNIST's four .gz files")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    console = Console()
    figures: dict[str, float] = {}
    failures = 0

    def report(name: str, wrong: list[str], **found: float) -> None:
        nonlocal failures
        failures += len(wrong)
        for line in wrong[:20]:
            console.print(line[:300], markup=False)
        figures[f"{name}_failures"] = len(wrong)
        figures.update(found)
        told = ", ".join(f"{key} {round(value, 4):,}" for key, value in found.items())
        console.print(f"{name}: {len(wrong)} failures; {told}")

    recognizer = DigitRecognizer.from_pretrained()
    recognizer.compile_rest()
    wrong, slowest = try_pictures(sizes.pictures)
    report("picture", wrong, pictures=sizes.pictures, slowest_picture_seconds=slowest)
    alone, batch = try_costly(SIDES[3:] if options.quick else SIDES, sizes.batch, recognizer)
    console.print({name: round(seconds, 2) for name, seconds in alone.items()})
    wrong = [f"{name} takes {took:.2f} s of a core" for name, took in alone.items() if took > 1]
    wrong += [f"a batch takes {batch:.1f} s of a core"] * (batch > 10)
    costliest = max(alone.values())
    report("costly", wrong, costliest_picture_seconds=costliest, costliest_batch_seconds=batch)
    digits = load_digits(sizes.digits, options.data_dir, options.manual_dir)
    agreement = try_encodings(digits, recognizer)
    console.print(agreement.lowest)
    wrong = agreement.wrong + ["labels agree too seldom"] * (agreement.overall < 0.995)
    agreements = {"agreement": agreement.overall, "lossless_agreement": agreement.lossless}
    report("encoding", wrong, encoded=12 * len(digits), **agreements)
    with running_app() as app:
        _report_requests(app, sizes, recognizer, report)
    with running_app(sizes.kept_seconds) as app:
        _report_long_run(app, sizes, recognizer, report)
    print(json.dumps({"failures": failures} | {key: round(figures[key], 4) for key in figures}))


def _report_requests(app: App, sizes: Sizes, recognizer: DigitRecognizer, report) -> None:
    wrong, read, slowest = try_files(app.url)
    report("file", wrong + app.seen(), files=120, files_read=read, slowest_file_seconds=slowest)
    wrong = try_bodies(app.url, sizes.bodies)
    report("body", wrong + app.seen(), bodies=sizes.bodies)
    digits = make_digits(256, recognizer)
    for clients in (32, 256):
        tally, seconds = try_crowd(app.url, digits, clients, sizes.crowd_seconds)
        time.sleep(5)
        start = time.monotonic()
        again = Caller(app.url).read("seven.png", encode(seven()))
        took = time.monotonic() - start
        if again.refused or took > 2:
            tally.wrong.append(f"5 s after {clients} clients: {again}, in {took:.1f} s")
        found = {
            "answers": len(tally.seconds),
            "answers_a_second": len(tally.seconds) / seconds,
            "p95_seconds": float(np.percentile(tally.seconds, 95)) if tally.seconds else 0.0,
            "busy": tally.busy,
            "longest_seconds": tally.longest,
        }
        name = f"crowd_of_{clients}"
        found = {f"{name}_{key}": value for key, value in found.items()}
        report(name, tally.wrong + app.seen(), **found)


def _report_long_run(app: App, sizes: Sizes, recognizer: DigitRecognizer, report) -> None:
    digits = make_digits(256, recognizer)
    clearing = 2 * sizes.kept_seconds + 5  # seconds, until what was left is old, and cleared away
    wrong = try_calls(app.url, digits, sizes.warm_calls, seed=0).wrong
    time.sleep(clearing)
    before = measure(app)
    tally = try_calls(app.url, digits, sizes.calls, seed=1)
    time.sleep(clearing)
    after = measure(app)
    wrong += tally.wrong + app.seen()
    if after.entries > 10 or after.files > before.files + 5:
        wrong.append(f"held at the end: {after}")
    report(
        "call",
        wrong,
        calls=sizes.warm_calls + sizes.calls,
        calls_refused=tally.refused,
        calls_abandoned=tally.left,
        memory_mib=after.memory,
        memory_growth_mib=after.memory - before.memory,
        open_files_growth=after.files - before.files,
        upload_entries_left=after.entries,
        upload_mib_left=after.size,
    )


if __name__ == "__main__":
    main()
