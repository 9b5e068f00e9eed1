"""Serve the demo: python app.py [--model FOLDER_OR_HUB_ID] [--share] [--mcp]"""

import argparse
import importlib.util
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from digitrec import DigitrecError, DigitRecognizer
from digitrec.demo.feedback import open_feedback
from digitrec.demo.serving import ServedModel, load_served_model

if importlib.util.find_spec("spaces"):
    # A Space on ZeroGPU ends an app without such a function. JAX runs on the CPU all the same:
    # requirements.txt brings no CUDA.
    import spaces

    @spaces.GPU(duration=1)
    def unused():
        pass


COMPILE_SECONDS = 5.0  # after the start: the rest takes a core for a second

parser = argparse.ArgumentParser(description="Serve the digit recogniser as a web page.")
parser.add_argument(
    "--model",
    help="a folder, or a Hugging Face Hub repository user/name (default: the one that MODEL_REPO "
    "and MODEL_REVISION name, otherwise the one that came with digitrec)",
)
parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
parser.add_argument("--port", type=int, help="TCP port, 1 to 65535 (default: 7860 or above)")
parser.add_argument("--share", action="store_true", help="also serve a public link for 1 week")
parser.add_argument(
    "--mcp",
    action="store_true",
    help='also serve the three endpoints as MCP tools; needs pip install "gradio[mcp]"',
)
options = parser.parse_args(None if __name__ == "__main__" else [])
if options.port is not None and not 1 <= options.port <= 65535:
    parser.error(f"--port should be from 1 to 65535, but is {options.port}; choose another.")
if options.mcp and not importlib.util.find_spec("mcp"):
    parser.error('--mcp needs the package mcp, but it is missing; pip install "gradio[mcp]".')


def load_model() -> ServedModel:
    if options.model:
        return ServedModel(DigitRecognizer.from_pretrained(options.model), "", "")
    return load_served_model()


# Half of a start is Python reading Gradio's modules; meanwhile the network is compiled.
with ThreadPoolExecutor(1) as beside:
    loading = beside.submit(load_model)
    from digitrec.demo.layout import build_demo, launch_options
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
        if options.host:
            socket.getaddrinfo(options.host, None)  # Gradio would try it on 100 ports first
        demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            mcp_server=options.mcp,
            prevent_thread_lock=True,
            **launch_options(served.recognizer),
        )
    except OSError as error:
        parser.exit(2, f"app.py: cannot serve ({error}); choose another --host or --port.\n")
    # The page is up and answers one picture at a time; what is for many waits for a first visitor.
    rest = threading.Timer(COMPILE_SECONDS, served.recognizer.compile_rest)
    rest.daemon = True
    rest.start()
    demo.block_thread()
