"""Files for reading in the visitor's browser: the scripts of `page/reading/` and the weights."""

import base64
import dataclasses
import gzip
import hashlib
import json
import mimetypes

from starlette.types import ASGIApp, Receive, Scope, Send

from digitrec.demo.uploads import PAGE
from digitrec.network.pretrained import network_config, read_files
from digitrec.recognizer import DigitRecognizer

SCRIPTS = PAGE / "reading"
FOLDER = "reading"  # in their addresses
INSIDE = sorted(PAGE.glob("inside*"))  # fetched when "Look inside" is first opened


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

    A model that has no folder, or other classes than the digits, has none: the server reads.
    """
    if recognizer.folder is None or not recognizer.reads_numbers:
        return {}
    config, weights = read_files(recognizer.folder)
    checksum = config["weights_sha256"]
    model = {
        "weights": f"../{checksum}.safetensors",
        "integrity": f"sha256-{base64.b64encode(bytes.fromhex(checksum)).decode()}",
        "model": dataclasses.asdict(network_config(config)),
        "temperature": config["temperature"],
        "digit_threshold": config["digit_threshold"],
        "number_threshold": config["number_threshold"],
        "geometry": config["geometry"],
    }
    files = {
        path.name: path.read_bytes()
        for path in sorted(SCRIPTS.iterdir())
        if path.suffix in (".js", ".wasm")
    }
    files |= {f"page/{path.name}": path.read_bytes() for path in INSIDE}
    files["model.json"] = json.dumps(model).encode()
    version = hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    addresses = {f"{FOLDER}/{version}/{name}": content for name, content in files.items()}
    return {**addresses, f"{FOLDER}/{checksum}.safetensors": weights}


def find_address(files: dict[str, bytes], name: str) -> str:
    """Give the address of one of these files, or "" if there is none."""
    return next((address for address in files if address.endswith(f"/{name}")), "")
