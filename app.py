"""Serve the demo: python app.py [--model FOLDER_OR_HUB_ID] [--share] [--mcp]"""

import argparse
import socket
from pathlib import Path

from digitrec import DigitrecError, DigitRecognizer
from digitrec.ui import LAUNCH_OPTIONS, build_demo

parser = argparse.ArgumentParser(description="Serve the digit recogniser as a web page.")
parser.add_argument(
    "--model",
    default=Path(__file__).with_name("checkpoints"),
    help="a folder, or a Hugging Face Hub repository user/name (default: %(default)s)",
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

try:
    demo = build_demo(DigitRecognizer.from_pretrained(options.model))
    if __name__ == "__main__":
        if options.host:
            socket.getaddrinfo(options.host, None)  # Gradio would try it on 100 ports first
        demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            mcp_server=options.mcp,
            **LAUNCH_OPTIONS,
        )
except DigitrecError as error:
    parser.exit(2, f"app.py: {error}\n")
except OSError as error:
    parser.exit(2, f"app.py: cannot serve ({error}); choose another --host or --port.\n")
