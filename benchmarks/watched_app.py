"""Run a program and report what it opens, connects to or starts that it should not.

python benchmarks/watched_app.py REPORT KEPT_SECONDS PROGRAM [ARGUMENTS]

Each such thing becomes a line in the file REPORT. The program may open files of Python and of the
app, and uploads, which are below GRADIO_TEMP_DIR; it may connect to this machine. Uploads and
unread answers are kept for KEPT_SECONDS (0: as long as the app keeps them).
"""

import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [
    *[sys.prefix, sys.base_prefix, *filter(None, sys.path[1:]), os.environ["GRADIO_TEMP_DIR"]],
    *[ROOT / "digitrec", ROOT / "checkpoints"],
    *filter(None, [os.environ.get("JAX_COMPILATION_CACHE_DIR")]),  # read 5 seconds after the start
]
ALLOWED = tuple(os.path.realpath(folder) for folder in FOLDERS)
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"}


def watch(report: Path) -> None:
    """From now on, write a line into the report for each thing that should not happen."""
    file = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path = arguments[0]
            if not isinstance(path, str | bytes | os.PathLike):
                return  # a file that is open already
            told = os.path.realpath(os.fsdecode(path))
            if any(told == folder or told.startswith(folder + os.sep) for folder in ALLOWED):
                return
        elif event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else str(address)
            if host in ("127.0.0.1", "::1", "localhost"):
                return
            told = str(host)
        elif event in STARTS:
            told = str(arguments[0]) if arguments else ""
        else:
            return
        os.write(file, f"{event}: {told!r}\n".encode())

    sys.addaudithook(hook)


if __name__ == "__main__":
    report, kept_seconds, program = sys.argv[1:4]
    if float(kept_seconds):
        from digitrec.demo import memory, uploads

        memory.KEPT_SECONDS = uploads.KEPT_SECONDS = float(kept_seconds)
    sys.argv = sys.argv[3:]
    sys.path[0] = str(Path(program).resolve().parent)
    watch(Path(report))
    runpy.run_path(program, run_name="__main__")
