"""Files that the page fetches: for reading in the browser, and what it only needs later."""

import base64
import dataclasses
import gzip
import hashlib
import json
import mimetypes
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from digitrec.demo.uploads import PAGE
from digitrec.network.pretrained import network_config, read_files
from digitrec.recognizer import DigitRecognizer

SCRIPTS = PAGE / "reading"
FOLDER = "reading"  # in their addresses
# Fetched when they are first needed.
LATER = sorted(
    path for part in ("card", "guess", "inside", "replay") for path in PAGE.glob(f"{part}*")
)


class BrowserReading:
    """ASGI middleware that serves these files; an address changes with its file, for caches."""

    def __init__(self, app: ASGIApp, files: dict[str, bytes]):
        """Take what `reading_files` gives."""
        self.app = app
        self.files = {}
        for address, content in files.items():
            kind = mimetypes.guess_type(address)[0] or "application/octet-stream"
            packed = gzip.compress(content, mtime=0)
            headers = [
                (b"content-type", kind.encode()),
                (b"content-encoding", b"gzip"),
                (b"content-length", str(len(packed)).encode()),
                (b"cache-control", b"public, max-age=31536000, immutable"),
            ]
            self.files[f"/{address}"] = headers, packed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.files.get(scope.get("path"))
        if scope["type"] != "http" or scope["method"] != "GET" or found is None:
            await self.app(scope, receive, send)
            return
        headers, content = found
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def reading_files(recognizer: DigitRecognizer) -> dict[str, bytes]:
    """Give the files by their addresses.

    For a model that has no folder, or other classes than the digits, there is none to read with.
    """
    files = {f"page/{path.name}": path.read_bytes() for path in LATER}
    weights = {}
    if recognizer.folder is not None and recognizer.reads_numbers:
        config, content = read_files(recognizer.folder)
        weights = {f"{FOLDER}/{config['weights_sha256']}.safetensors": content}
        files |= {
            path.name: path.read_bytes()
            for path in sorted(SCRIPTS.iterdir())
            if path.suffix in (".js", ".wasm")
        }
        files["model.json"] = json.dumps(_describe_model(config)).encode()
    version = hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    return {f"{FOLDER}/{version}/{name}": content for name, content in files.items()} | weights


def _describe_model(config: dict[str, Any]) -> dict[str, Any]:
    """Give what the worker needs to know of a model beside its weights."""
    checksum = config["weights_sha256"]
    return {
        "weights": f"../{checksum}.safetensors",
        "integrity": f"sha256-{base64.b64encode(bytes.fromhex(checksum)).decode()}",
        "model": dataclasses.asdict(network_config(config)),
        "temperature": config["temperature"],
        "digit_threshold": config["digit_threshold"],
        "number_threshold": config["number_threshold"],
        "geometry": config["geometry"],
    }


def find_address(files: dict[str, bytes], name: str) -> str:
    """Give the address of one of these files, or "" if there is none."""
    return next((address for address in files if address.endswith(f"/{name}")), "")
