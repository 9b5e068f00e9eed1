"""A Hub on the loopback interface, just large enough for the unmodified huggingface_hub.

It keeps one revision per repository in memory, and asks for every file by the plain upload path.
"""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_loopback"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.strip("/").split("/")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid credentials in Authorization header"})
        if self.path == "/api/repos/create":
            request = json.loads(body)
            name = f"{request.get('organization') or 'me'}/{request['name']}"
            new = name not in self.server.repositories
            self.server.repositories.setdefault(name, {})
            return self.answer(200 if new else 409, {"url": f"{self.server.url}/{name}"})
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        name = "/".join(parts[2:4])
        if parts[4] == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": files})
        self.server.commits.append(name)
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                content = base64.b64decode(entry["value"]["content"])
                self.server.repositories[name][entry["value"]["path"]] = content
        commit = self.server.commit(name)
        return self.answer(
            200, {"commitOid": commit, "commitUrl": f"{self.server.url}/{name}/commit/{commit}"}
        )

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        in_api = parts[0] == "api"
        name = "/".join(parts[2:4] if in_api else parts[:2])
        files = self.server.repositories.get(name)
        if files is None:
            return self.answer(404, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"})
        if in_api and "tree" in parts:
            entries = [
                {"type": "file", "path": path, "size": len(content), "oid": _digest(content)}
                for path, content in files.items()
            ]
            return self.answer(200, entries)
        if in_api:
            commit = self.server.commit(name)
            if len(parts) > 4 and parts[5] not in ("main", commit):
                missing = {"X-Error-Code": "RevisionNotFound"}
                return self.answer(404, {"error": "no such revision"}, missing)
            siblings = [{"rfilename": path} for path in files]
            information = {"id": name, "modelId": name, "sha": commit, "siblings": siblings}
            return self.answer(200, {"_id": "1", "private": False, "tags": [], **information})
        content = files.get("/".join(parts[4:]))
        if content is None:
            return self.answer(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
        headers = {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": self.server.commit(name)}
        return self.answer(200, content, headers)

    do_HEAD = do_GET

    def answer(self, status, body, headers=()):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for header in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class LoopbackHub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.commits: list[str] = []  # the repository of each

    def commit(self, name: str) -> str:
        return _digest(repr(sorted(self.repositories[name].items())).encode())


@contextmanager
def loopback_hub():
    hub = LoopbackHub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
