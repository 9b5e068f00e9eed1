"""How many pictures per second become rows of a table, and how much time each step takes.

python benchmarks/batch_read.py [--quick]

The pictures are scikit-learn's 1,797 digits, once fitted into 28x28 pixels like MNIST's and once
drawn on sheets of 400x400. Each set is a zip archive of PNGs, which one process per core reads into
CSV rows. Speeds are measured after every process has given its first answer, which takes some
seconds. The times of the steps are those in one process. `scaling` is the speed of two processes
divided by that of one. The last line is one JSON object.
"""

import argparse
import io
import json
import multiprocessing
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

from digitrec import BadImageError, DigitRecognizer
from digitrec.cores import count_cores
from digitrec.many.processes import Job, read_chunks
from digitrec.many.sources import Chunk, find_pictures, make_chunks
from digitrec.many.tables import as_row
from digitrec.many.worker import make_recognizer, read_chunk
from digitrec.network.pretrained import bundled_folder
from digitrec.reading.drawing import finish, to_mnist
from digitrec.reading.picture import read_picture

JOB = Job(str(bundled_folder()), table=".csv")
ROUNDS = 3  # the fastest counts


def draw(digit: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Draw a digit of 8x8 pixels somewhere on a sheet of 400x400, in black on white."""
    side = int(rng.integers(150, 350))
    large = Image.fromarray((255 / 16 * digit).astype(np.uint8)).resize((side, side))
    ink = Image.fromarray(np.where(np.asarray(large) > 110, 255, 0).astype(np.uint8))
    sheet = Image.new("RGB", (400, 400), "white")
    sheet.paste("black", tuple(rng.integers(10, 390 - side, 2).tolist()), ink)
    return sheet


def pack(path: Path, pictures: list[Image.Image], count: int) -> Path:
    contents = []
    for picture in pictures:
        content = io.BytesIO()
        picture.save(content, "PNG")
        contents.append(content.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number:06}.png", contents[number % len(contents)])
    return path


def measure_speed(archive: Path, processes: int) -> float:
    """Measure how many pictures are read per second."""
    chunks = list(make_chunks(find_pictures([archive])))
    first = [Chunk(chunks[0].paths[:1], chunks[0].images[:1])] * processes
    with closing(read_chunks(JOB, chain(first, chunks), processes)) as read:
        for _ in first:
            next(read)
        start = time.perf_counter()
        pictures = sum(len(rows) for _, rows in read)
    return pictures / (time.perf_counter() - start)


def measure_shares(chunk: Chunk) -> dict[str, float]:
    """Measure the microseconds that each step takes per picture, in one process."""
    recognizer = make_recognizer(JOB)
    images = [image for image in chunk.images if not isinstance(image, BadImageError)]
    decoded = [picture for picture in map(read_picture, images) if picture is not None]
    prepared = [image for image in map(to_mnist, images) if image is not None]
    answers = recognizer.predict_each(images)
    network_input = np.stack(prepared)
    small = max(max(picture.size) for picture in decoded) < 40

    def prepare():
        return finish(decoded) if small else [to_mnist(image) for image in decoded]

    steps: dict[str, Callable] = {
        "decoding": lambda: [read_picture(image) for image in images],
        "preprocessing": prepare,
        "network": lambda: recognizer._compute_logits(network_input),
        "rows": lambda: [as_row(JOB.table, "7.png", answer, numbers=False) for answer in answers],
        "all": lambda: read_chunk(recognizer, JOB, chunk),
    }
    seconds = {}
    for name, step in steps.items():
        step()
        times = []
        for _ in range(ROUNDS):
            start = time.process_time()
            step()
            times.append(time.process_time() - start)
        seconds[name] = 1e6 * min(times) / len(chunk.paths)
    return seconds


def measure_batch(pictures: list[Image.Image], count: int) -> float:
    """Measure how many 28x28 arrays `predict_batch` reads per second, in this one process."""
    recognizer = DigitRecognizer.from_pretrained()
    recognizer.compile_rest()
    images = [np.asarray(pictures[index % len(pictures)]) for index in range(count)]
    recognizer.predict_batch(images)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        recognizer.predict_batch(images)
        seconds.append(time.perf_counter() - start)
    return count / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the pictures")
    lot = 10 if parser.parse_args().quick else 1
    digits, rng = load_digits().images, np.random.default_rng(0)
    crops = [
        Image.fromarray(image) for digit in digits if (image := to_mnist(digit / 16)) is not None
    ]
    drawings = [draw(digit, rng) for digit in digits[: 2000 // lot]]
    figures: dict[str, Any] = {"cores": count_cores()}
    table = Table("", "28x28", "400x400")
    with tempfile.TemporaryDirectory() as folder:
        small = pack(Path(folder) / "crops.zip", crops, 20_000 // lot)
        large = pack(Path(folder) / "drawings.zip", drawings, 2_000 // lot)
        figures["images_per_second"] = measure_speed(small, count_cores())
        figures["drawings_per_second"] = measure_speed(large, count_cores())
        figures["scaling"] = measure_speed(small, 2) / measure_speed(small, 1)
        figures["predict_batch_per_second"] = measure_batch(crops, 5_000 // lot)
        chunks = [next(make_chunks(find_pictures([lot]))) for lot in (small, large)]
        os.environ["NPROC"] = "1"  # one thread for XLA, as in the processes of `digitrec read`
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            shares = pool.map(measure_shares, chunks)
    speeds = [f"{figures[name]:,.0f}" for name in ("images_per_second", "drawings_per_second")]
    table.add_row("pictures a second", *speeds)
    for step in shares[0]:
        table.add_row(f"{step}, µs each", *(f"{share[step]:,.0f}" for share in shares))
    table.add_row("two processes against one", f"{figures['scaling']:.2f}", "")
    table.add_row("predict_batch, a second", f"{figures['predict_batch_per_second']:,.0f}", "")
    Console().print(table)
    for name, share in zip(("crops", "drawings"), shares, strict=True):
        figures[f"{name}_microseconds"] = {step: round(value) for step, value in share.items()}
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
