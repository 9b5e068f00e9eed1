"""A Hub on the loopback interface, just large enough for the unmodified huggingface_hub.

It keeps repositories in memory, takes *.safetensors by LFS and all else within the commit, and
fails when it is told to.
"""

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_loopback"
READ_TOKEN = "hf_loopback_read"  # one that may not write


@dataclass
class Fault:
    """What goes wrong with the next `times` requests for an address with `address` in it."""

    address: str
    times: int = 10**9
    method: str | None = None
    status: int | None = None  # the answer, instead of what was asked for
    cut: bool = False  # the connection ends half-way through the body, up or down
    damage: Callable[[bytes], bytes] | None = None  # of a file that is downloaded
    delay: float = 0  # seconds
    held: threading.Event | None = None  # goes on only when this is set
    answered: threading.Event = field(default_factory=threading.Event)


@dataclass
class Repository:
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)  # oldest first
    request: dict = field(default_factory=dict)  # what it was created with

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def commit(self, files: dict[str, bytes]) -> str:
        digest = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode())
        self.commits.append((digest.hexdigest(), files))
        return digest.hexdigest()

    def find(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)


class LoopbackHub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        # "user/name", "datasets/user/name" or "spaces/user/name"
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}  # LFS, by SHA-256
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []  # method and address

    def fail(self, address: str, **fault) -> Fault:
        self.faults.append(Fault(address, **fault))
        return self.faults[-1]

    def create(self, name: str, files: dict[str, bytes]) -> str:
        """Make a repository with one commit; return the commit."""
        self.repositories[name] = Repository()
        return self.repositories[name].commit(files)

    def take_fault(self, method: str, address: str) -> Fault | None:
        for fault in self.faults:
            if fault.address in address and fault.method in (None, method) and fault.times:
                fault.times -= 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def answer_request(self):
        address = unquote(urlsplit(self.path).path)
        hub = self.server
        hub.requests.append((self.command, address))
        self.fault = fault = hub.take_fault(self.command, address)
        length = int(self.headers.get("Content-Length", 0))
        if fault:
            time.sleep(fault.delay)
            if fault.held:
                fault.held.wait()
            if fault.cut and length:
                self.rfile.read(length // 2)
                return self.hang_up()
        body = self.rfile.read(length)
        if fault and fault.status:
            return self.answer(fault.status, {"error": "as the test wants"})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if address.startswith("/lfs/") and self.command == "PUT":  # its address is the permission
            return self.receive_object(address.removeprefix("/lfs/"), body)
        if token not in ("", TOKEN, READ_TOKEN) or (self.command == "POST" and not token):
            message = "Invalid credentials in Authorization header"
            return self.answer(401, {"error": message}, {"X-Error-Message": message})
        if self.command == "POST" and token == READ_TOKEN:
            return self.answer(403, {"error": "no"}, {"X-Error-Message": "no write permission"})
        parts = address.strip("/").split("/")
        if parts[0] != "api":
            prefix = parts.pop(0) + "/" if parts[0] in ("datasets", "spaces") else ""
            if self.command == "POST":  # {name}.git/info/lfs/objects/batch
                return self.offer_uploads(json.loads(body))
            return self.serve_file(f"{prefix}{parts[0]}/{parts[1]}", parts[3], "/".join(parts[4:]))
        if address == "/api/repos/create":
            return self.create_repository(json.loads(body))
        if address == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if len(parts) < 4 or parts[1] not in ("models", "datasets", "spaces"):
            return self.answer(404, {"error": "no such page"})
        name = "/".join(parts[2:4] if parts[1] == "models" else parts[1:4])
        repository = hub.repositories.get(name)
        if repository is None:
            return self.answer(404, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"})
        action, revision = (*parts[4:6], "main")[:2] if len(parts) > 5 else ("revision", "main")
        if action == "preupload":
            return self.choose_uploads(repository, json.loads(body))
        if action == "commit":
            return self.make_commit(name, repository, body)
        commit = repository.find(revision)
        if commit is None:
            missing = {"X-Error-Code": "RevisionNotFound"}
            return self.answer(404, {"error": "no such revision"}, missing)
        if action == "tree":
            return self.answer(200, [_entry(*file) for file in commit[1].items()])
        siblings = [{"rfilename": path} for path in commit[1]]
        information = {"id": "/".join(parts[2:4]), "sha": commit[0], "siblings": siblings}
        return self.answer(200, {"_id": "1", "private": False, "tags": [], **information})

    do_GET = do_HEAD = do_POST = do_PUT = answer_request

    def create_repository(self, request):
        kind = request.get("type", "model")
        name = f"{request['organization']}/{request['name']}"
        key = name if kind == "model" else f"{kind}s/{name}"
        new = key not in self.server.repositories
        if new:
            self.server.create(key, {})
            self.server.repositories[key].request = request
        path = name if kind == "model" else f"{kind}s/{name}"
        return self.answer(200 if new else 409, {"url": f"{self.server.url}/{path}"})

    def choose_uploads(self, repository, request):
        files = []
        for file in request["files"]:
            present = repository.files.get(file["path"])
            files.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if _is_large(file["path"]) else "regular",
                    "shouldIgnore": False,
                    "oid": None if present is None else _identify(file["path"], present),
                }
            )
        return self.answer(200, {"files": files})

    def offer_uploads(self, request):
        objects = []
        for wanted in request["objects"]:
            upload = {"upload": {"href": f"{self.server.url}/lfs/{wanted['oid']}"}}
            there = wanted["oid"] in self.server.objects
            objects.append(wanted | ({} if there else {"actions": upload}))
        return self.answer(200, {"transfer": "basic", "objects": objects})

    def receive_object(self, identifier, content):
        if hashlib.sha256(content).hexdigest() != identifier:
            return self.answer(400, {"error": "damaged on the way"})
        self.server.objects[identifier] = content
        return self.answer(200, {})

    def make_commit(self, name, repository, body):
        files = dict(repository.files)
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if value.get("parentCommit") not in (None, repository.commits[-1][0]):
                return self.answer(412, {"error": "another commit came first"})
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                if value["oid"] not in self.server.objects:
                    return self.answer(400, {"error": "no such LFS object"})
                files[value["path"]] = self.server.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        commit = repository.commit(files)
        address = f"{self.server.url}/{name}/commit/{commit}"
        return self.answer(200, {"commitOid": commit, "commitUrl": address})

    def serve_file(self, name, revision, path):
        repository = self.server.repositories.get(name)
        commit = repository and repository.find(revision)
        content = commit and commit[1].get(path)
        if content is None:
            code = (
                "EntryNotFound" if commit else "RevisionNotFound" if repository else "RepoNotFound"
            )
            return self.answer(404, {"error": "nothing here"}, {"X-Error-Code": code})
        headers = {"ETag": f'"{_identify(path, content)}"', "X-Repo-Commit": commit[0]}
        if self.fault and self.fault.damage:
            content = self.fault.damage(content)
        return self.answer(200, content, headers)

    def answer(self, status, body, headers=()):
        try:
            self.send_answer(status, body, headers)
        finally:
            if self.fault:
                self.fault.answered.set()

    def send_answer(self, status, body, headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for header in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(*header)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault and self.fault.cut:
            self.wfile.write(content[: len(content) // 2])
            return self.hang_up()
        self.wfile.write(content)

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _is_large(path: str) -> bool:
    return path.endswith(".safetensors")


def _identify(path: str, content: bytes) -> str:
    if _is_large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict:
    entry = {"type": "file", "path": path, "size": len(content), "oid": _identify(path, content)}
    if _is_large(path):
        entry["lfs"] = {"oid": entry["oid"], "size": len(content), "pointerSize": 130}
    return entry


@contextmanager
def loopback_hub():
    hub = LoopbackHub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
