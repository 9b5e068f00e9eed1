"""Serve the demo: python app.py [--model FOLDER_OR_HUB_ID] [--share] [--mcp]"""

import argparse
import importlib.util
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from digitrec import DigitrecError, DigitRecognizer
from digitrec.demo.serving import ServedModel, load_served_model

if importlib.util.find_spec("spaces"):
    # A Space on ZeroGPU stops an app without such a function. JAX still runs on the CPU, since
    # requirements.txt installs no CUDA.
    import spaces

    @spaces.GPU(duration=1)
    def unused():
        pass


COMPILE_SECONDS = 5.0  # after the start; it keeps a core busy for a second

parser = argparse.ArgumentParser(description="Serve the digit recogniser as a web page.")
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
    help="TCP port, 1 to 65535 (default: GRADIO_SERVER_PORT, then PORT, which Cloud Run and Render "
    "set, then the first free one from 7860)",
)
parser.add_argument("--share", action="store_true", help="also serve a public link for 1 week")
parser.add_argument(
    "--mcp",
    action="store_true",
    help='also serve the four endpoints as MCP tools; needs pip install "gradio[mcp]"',
)
options = parser.parse_args(None if __name__ == "__main__" else [])
ports = {name: os.environ.get(name) for name in ("GRADIO_SERVER_PORT", "PORT")}
ports = {"--port": options.port, **ports}
for name, text in ports.items():
    if text and not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        parser.error(f"{name} must be a TCP port from 1 to 65535, not {text!r}.")
port = next((int(text) for text in ports.values() if text), None)
# Whoever sets PORT forwards to it from outside the container.
outside = "0.0.0.0" if os.environ.get("PORT") else None
host = options.host or os.environ.get("GRADIO_SERVER_NAME") or outside
if options.mcp and not importlib.util.find_spec("mcp"):
    parser.error('--mcp needs the package mcp. Install it: pip install "gradio[mcp]"')


def load_model() -> ServedModel:
    if options.model:
        return ServedModel(DigitRecognizer.from_pretrained(options.model), "", "")
    return load_served_model()


if options.model or os.environ.get("MODEL_REPO"):
    # Gradio imports huggingface_hub too; two threads must not import it at the same time.
    importlib.import_module("digitrec.hub.client")
# Importing Gradio takes half of a start; the network is compiled in the background meanwhile.
with ThreadPoolExecutor(1) as background:
    loading = background.submit(load_model)
    from digitrec.demo.feedback import open_feedback
    from digitrec.demo.launch import launch_options
    from digitrec.demo.layout import build_demo
    from digitrec.demo.uploads import require_upload_folder
try:
    require_upload_folder()
except OSError as error:
    where = os.environ["GRADIO_TEMP_DIR"]
    parser.exit(
        2,
        f"app.py: uploads cannot be stored in {where} ({error.strerror}). Set GRADIO_TEMP_DIR to a "
        "folder that you may write to.\n",
    )
try:
    served = loading.result()
except DigitrecError as error:
    parser.exit(2, f"app.py: {error}\n")
for line in filter(None, (served.revision, served.notice)):
    print(f"app.py: {line}", flush=True)
demo = build_demo(
    served.recognizer, revision=served.revision, notice=served.notice, feedback=open_feedback()
)
if __name__ == "__main__":
    try:
        if host:
            socket.getaddrinfo(host, None)  # Gradio would first try it with 100 ports
        demo.launch(
            server_name=host,
            server_port=port,
            share=options.share,
            mcp_server=options.mcp,
            prevent_thread_lock=True,
            **launch_options(served.recognizer),
        )
    except OSError as error:
        parser.exit(2, f"app.py: cannot serve ({error}). Choose another --host or --port.\n")
    # The page is up and answers one picture at a time. Compile the rest after the first visits.
    rest = threading.Timer(COMPILE_SECONDS, served.recognizer.compile_rest)
    rest.daemon = True
    rest.start()
    demo.block_thread()
