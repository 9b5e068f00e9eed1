"""Serve the demo: digitrec serve [--model FOLDER_OR_HUB_ID] [--share] [--mcp]"""

import argparse
import importlib.util
import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from digitrec.demo.serving import ServedModel, load_served_model
from digitrec.errors import DigitrecError, needs_extra
from digitrec.recognizer import DigitRecognizer

if TYPE_CHECKING:
    import gradio as gr

COMPILE_SECONDS = 5.0  # after the start; it keeps a core busy for a second


def main(arguments: list[str] | None = None, program: str = "digitrec serve") -> int:
    """Serve the demo until it is stopped; return the exit status.

    Arguments:
        program: what messages call this program.
    """
    options = parse_options(arguments, program)

    def fail(message: str) -> int:
        print(f"{program}: {message}", file=sys.stderr)
        return 2

    try:
        served, demo = load_demo(options.model)
    except DigitrecError as error:
        return fail(str(error))
    for line in filter(None, (served.revision, served.notice)):
        print(f"{program}: {line}", flush=True)
    from digitrec.demo.launch import launch_options  # Gradio is imported by now

    try:
        if options.host:
            socket.getaddrinfo(options.host, None)  # Gradio would first try it with 100 ports
        demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            mcp_server=options.mcp,
            prevent_thread_lock=True,
            **launch_options(served.recognizer),
        )
    except OSError as error:
        return fail(f"cannot serve ({error}). Choose another --host or --port.")
    # The page is up and answers one picture at a time. Compile the rest after the first visits.
    rest = threading.Timer(COMPILE_SECONDS, served.recognizer.compile_rest)
    rest.daemon = True
    rest.start()
    demo.block_thread()
    return 0


def load_demo(model: str | None = None) -> tuple[ServedModel, "gr.Blocks"]:
    """Load a model, and build the page that it answers.

    Arguments:
        model: a folder or a repository on the Hub (default: what `load_served_model` chooses).

    Raises: DigitrecError.
    """
    if importlib.util.find_spec("spaces"):
        # A Space on ZeroGPU stops an app without such a function. JAX still runs on the CPU, since
        # requirements.txt installs no CUDA.
        import spaces

        spaces.GPU(duration=1)(unused)

    def load_model() -> ServedModel:
        if model:
            return ServedModel(DigitRecognizer.from_pretrained(model), "", "")
        return load_served_model()

    if model or os.environ.get("MODEL_REPO"):
        # Gradio imports huggingface_hub too; two threads must not import it at the same time.
        importlib.import_module("digitrec.hub.client")
    # Importing Gradio takes half of a start; the network is compiled in the background meanwhile.
    with ThreadPoolExecutor(1) as background:
        loading = background.submit(load_model)
        with needs_extra("demo"):
            importlib.import_module("digitrec.demo.launch")  # sets GRADIO_TEMP_DIR
            from digitrec.demo import feedback, layout, uploads
    try:
        uploads.require_upload_folder()
    except OSError as error:
        where = os.environ["GRADIO_TEMP_DIR"]
        raise DigitrecError(
            f"Uploads cannot be stored in {where} ({error.strerror}). Set GRADIO_TEMP_DIR to a "
            "folder that you may write to."
        ) from error
    served = loading.result()
    demo = layout.build_demo(
        served.recognizer,
        revision=served.revision,
        notice=served.notice,
        feedback=feedback.open_feedback(),
    )
    return served, demo


def unused() -> None:
    """Do nothing on a GPU."""


def parse_options(
    arguments: list[str] | None = None, program: str = "digitrec serve"
) -> argparse.Namespace:
    """Read the command line and what the environment says about the address."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Serve the digit recogniser as a web page.",
        epilog=f"Example: {program} --model runs/20250101-120000 --port 8000",
    )
    parser.add_argument(
        "--model",
        help="a folder, or a Hugging Face Hub repository user/name (default: the one named by "
        "MODEL_REPO and MODEL_REVISION, otherwise the bundled one)",
    )
    parser.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1; 0.0.0.0 where a host sets PORT)"
    )
    parser.add_argument(
        "--port",
        help="TCP port, 1 to 65535 (default: GRADIO_SERVER_PORT, then PORT, which Cloud Run and "
        "Render set, then the first free one from 7860)",
    )
    parser.add_argument("--share", action="store_true", help="also serve a public link for 1 week")
    parser.add_argument(
        "--mcp",
        action="store_true",
        help='also serve the four endpoints as MCP tools; needs pip install "gradio[mcp]"',
    )
    options = parser.parse_args(arguments)
    ports = {name: os.environ.get(name) for name in ("GRADIO_SERVER_PORT", "PORT")}
    ports = {"--port": options.port, **ports}
    for name, text in ports.items():
        if text and not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
            parser.error(f"{name} must be a TCP port from 1 to 65535, not {text!r}.")
    options.port = next((int(text) for text in ports.values() if text), None)
    # Whoever sets PORT forwards to it from outside the container.
    outside = "0.0.0.0" if os.environ.get("PORT") else None
    options.host = options.host or os.environ.get("GRADIO_SERVER_NAME") or outside
    if options.mcp and not importlib.util.find_spec("mcp"):
        parser.error('--mcp needs the package mcp. Install it: pip install "gradio[mcp]"')
    return options
