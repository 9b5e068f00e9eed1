"""Many pictures on a cluster of Ray.

Ray Data reads the files, passes them to actors that hold the network, and writes the answers. It
reads again what is lost with a machine.
"""

import os
import tempfile
from pathlib import Path

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from digitrec.errors import TableError, WorkerError, first_line
from digitrec.many.parquet import DIGITS, NUMBERS
from digitrec.many.processes import Job
from digitrec.many.sources import CHUNK, Chunk, Loaded
from digitrec.many.tables import row_values
from digitrec.many.worker import make_recognizer, read_chunk
from digitrec.reading.file import PictureFile


def read_on_cluster(
    address: str, folder: Path, paths: list[str], output: str, *, numbers: bool = False
) -> None:
    """Read pictures and write a folder of Parquet files, in no particular order.

    Arguments:
        address: of the cluster, as `ray.init` takes it: "auto", or "host:6379".
        folder: of the model; its files are sent to the cluster.
        paths: of files and folders: local ones that all machines see, or remote as "s3://…".
        output: the folder, local or remote in the same way; there must be none yet.

    Raises: TableError where the output exists; WorkerError when the cluster cannot be reached or
        gives up.
    """
    if os.path.exists(output):
        raise TableError(f"{output} exists already. Delete it, or choose another name.")
    model = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    try:
        if not ray.is_initialized():
            ray.init(address, log_to_driver=False)
        pictures = ray.data.read_binary_files([_locate(path) for path in paths], include_paths=True)
        rows = pictures.map_batches(
            _Reader,
            fn_constructor_args=(model, numbers),
            batch_size=CHUNK,
            batch_format="pyarrow",
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1),  # as many as there is room for
        )
        rows.write_parquet(_locate(output), mode=ray.data.SaveMode.ERROR)  # otherwise Ray adds
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise WorkerError(
            f"The cluster at {address} could not read {', '.join(paths)} into {output} "
            f"({first_line(error)}). Look at its dashboard, and check that all its machines see "
            "these paths."
        ) from error


def _locate(path: str) -> str:
    """Make a local path absolute, since Ray's processes have other working directories."""
    return path if "://" in path else os.path.abspath(path)


class _Reader:
    """An actor that holds the network."""

    def __init__(self, model: dict[str, bytes], numbers: bool):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in model.items():
                (Path(folder) / name).write_bytes(content)
            self._job = Job(folder, numbers)
            self._recognizer = make_recognizer(self._job)

    def __call__(self, batch: pa.Table) -> pa.Table:
        paths, contents = batch["path"].to_pylist(), batch["bytes"].to_pylist()
        images: list[Loaded] = [
            PictureFile(*picture) for picture in zip(paths, contents, strict=True)
        ]
        answers = read_chunk(self._recognizer, self._job, Chunk(paths, images))
        numbers = self._job.numbers
        rows = [
            row_values(path, answer, numbers=numbers)
            for path, answer in zip(paths, answers, strict=True)
        ]
        return pa.Table.from_pylist(rows, NUMBERS if numbers else DIGITS)
