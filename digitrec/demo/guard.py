"""What stands between strangers and Gradio: what may be asked, how much, for how long.

`Guard` sees each request before Gradio does; `CheckedBlocks` sees each call's arguments before a
component does. A refusal is a status and one sentence, as JSON or as the error of the call.
"""

import asyncio
import inspect
import json
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder
from pydantic import ValidationError

from digitrec.demo.uploads import LARGEST_BATCH, PhotoInput, refusal

# Read by Gradio when it is imported or starts; what the environment sets goes first.
for name, value in {
    "GRADIO_ANALYTICS_ENABLED": "False",  # nothing is sent elsewhere
    # Gradio sums all calls up anew after each; nobody looks, since its monitoring page is off.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",
}.items():
    os.environ.setdefault(name, value)

LARGEST_FILE = 16 * 2**20  # bytes; a photo of 12 megapixels has 2 to 7 MB
KEPT_SESSIONS = 100  # each call through the API is one, and Gradio keeps 70 KB of each
_log = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Limits(NamedTuple):
    json: int = 64 * 2**10  # bytes, not counting data URLs
    data_urls: int = LARGEST_FILE * 4 // 3 + 100  # bytes of all data URLs of a body
    upload: int = LARGEST_FILE + 64 * 2**10  # bytes: one file, and what describes it
    patience: float = 15.0  # seconds that any body may take
    pace: float = 100_000.0  # bytes a second, for which it gets more time: a slow phone
    in_flight: int = 256 * 2**20  # bytes of all bodies that are being received
    streams: int = 1000  # answers and signs of life that are being sent
    stream_seconds: float = 300.0  # for an answer; the slowest batch takes 10
    drained: int = 128 * 2**20  # bytes of a refused body that are read, so that its sender listens


class Refusal(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


_SENTENCES = {
    400: "The request should be of the form that the API page describes, but is not; correct it.",
    403: "The file should be one of this app's, but is none.",
    404: "The address should be one of this app's, but is none.",
    413: f"The file should have at most {LARGEST_FILE:,} bytes, but has more; make it smaller.",
    500: "The app should answer this, but failed; try again, or report it.",
    503: "The app should have room for this, but is busy; try again soon.",
    504: "The answer should be there by now, but is not; ask again.",
}
PAGE = re.compile(
    r"/(config/?|theme\.css|favicon\.ico|manifest\.json|robots\.txt|openapi\.json)?"
    r"|/(assets|static|svelte|reading)/.*"
    r"|/gradio_api/(info/?|openapi\.json|theme\.css|startup-events|app_id/?|token/?|user/?"
    r"|login_check/?|upload_progress|mcp/?|mcp/(schema|sse|http/?)|file=/.*|file=[^/:]*/.*)"
)
STREAM = re.compile(
    r"/gradio_api/(queue/data|heartbeat/[\w-]{1,64}|call/(v2/)?\w{1,64}/[\w-]{1,64}|mcp/?|mcp/sse)"
)
LASTING = re.compile(r"/gradio_api/(heartbeat/.*|mcp.*)")  # as long as a page or program is there
CALL = re.compile(
    r"/gradio_api/(queue/join|(?P<run>run|api|call)/(?P<v2>v2/)?(?P<name>\w{1,64}))/?"
)
OTHER_JSON = re.compile(r"/gradio_api/(cancel|reset/?|queue/status|mcp/?|mcp/(messages|http)/?)")
UPLOAD = re.compile(r"/gradio_api/upload")
_DATA_URL = re.compile(rb'"data:[^"\\]*"')
DEEPEST = 50  # brackets within brackets; a batch has 4


class Guard:
    """ASGI middleware that bounds what reaches Gradio."""

    def __init__(self, app, limits: Limits | None = None):
        self._app = app
        self._limits = limits or Limits()
        self._in_flight = 0
        self._streams = 0

    async def __call__(self, scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        answer = _Answer(send)
        try:
            await self._pass_on(scope, receive, answer)
            if answer.refused:
                raise Refusal(answer.refused, _SENTENCES.get(answer.refused, _SENTENCES[400]))
        except Refusal as reason:
            await _refuse(reason, send)
        except Exception as error:
            # Gradio raises errors of many kinds for what anyone may ask.
            _log.warning(
                "%s %r failed: %s: %.200s",
                *(scope["method"], scope["path"], type(error).__name__, error),
            )
            # Neither an upload nor these run a function of ours: their body is at fault.
            path = scope["path"]
            status = 400 if UPLOAD.fullmatch(path) or OTHER_JSON.fullmatch(path) else 500
            await answer.end_with(Refusal(status, _SENTENCES[status]))

    async def _pass_on(self, scope, receive: Receive, answer: "_Answer") -> None:
        method, path = scope["method"], scope["path"]
        if "\x00" in path:
            raise Refusal(404, _SENTENCES[404])
        if method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            receive = _without_body(receive)
            if STREAM.fullmatch(path) and method == "GET":
                return await self._stream(scope, receive, answer)
            if PAGE.fullmatch(path) or (method == "OPTIONS" and path.startswith("/gradio_api/")):
                return await self._app(scope, receive, answer.send)
        elif method == "POST":
            if UPLOAD.fullmatch(path):
                limit, check = self._limits.upload, None
            elif CALL.fullmatch(path):
                limit, check = self._limits.json + self._limits.data_urls, self._check_call
            elif OTHER_JSON.fullmatch(path):
                limit, check = self._limits.json + self._limits.data_urls, self._check_json
            else:
                raise Refusal(404, _SENTENCES[404])
            body = b""
            try:
                body = await self._receive(scope, receive, limit)
                if check:
                    check(scope, body)
                return await self._app(scope, _replay(body, receive), answer.send)
            finally:
                self._in_flight -= len(body)
        raise Refusal(404, _SENTENCES[404])

    async def _stream(self, scope, receive: Receive, answer: "_Answer") -> None:
        if self._streams >= self._limits.streams:
            raise Refusal(503, _SENTENCES[503])
        self._streams += 1
        seconds = None if LASTING.fullmatch(scope["path"]) else self._limits.stream_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            await answer.end_with(Refusal(504, _SENTENCES[504]))
        finally:
            self._streams -= 1

    async def _receive(self, scope, receive: Receive, limit: int) -> bytes:
        """Read a whole body, and count it as in flight.

        Raises: Refusal for one that is too large or too slow, or when there are too many.
        """
        declared = _content_length(scope)
        if declared > limit:
            await self._drain(receive)
            raise _too_large(limit)
        parts, size, start = [], 0, time.monotonic()
        try:
            while True:
                left = self._limits.patience + size / self._limits.pace + start - time.monotonic()
                try:
                    async with asyncio.timeout(max(0, left)):
                        message = await receive()
                except TimeoutError:
                    raise Refusal(
                        408,
                        f"The request should arrive within {self._limits.patience:g} seconds, but "
                        "did not; send it again.",
                    ) from None
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "The request should be complete, but ended early.")
                part = message.get("body", b"")
                size += len(part)
                self._in_flight += len(part)
                if size > limit:
                    await self._drain(receive)
                    raise _too_large(limit)
                if self._in_flight > self._limits.in_flight:
                    await self._drain(receive)
                    raise Refusal(503, _SENTENCES[503])
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
        except BaseException:
            self._in_flight -= size
            raise

    async def _drain(self, receive: Receive) -> None:
        """Read on for a while, keeping nothing: a sender that is cut off hears no reason."""
        size = 0
        try:
            async with asyncio.timeout(self._limits.patience):
                while size <= self._limits.drained:
                    message = await receive()
                    size += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            pass

    def _check_json(self, scope, body: bytes) -> Any:
        """Parse a body that is to be passed on.

        Raises: Refusal.
        """
        if len(body) > self._limits.json:
            plain = sum(len(found) for found in _DATA_URL.findall(body))
            if len(body) - plain > self._limits.json:
                raise _too_large(self._limits.json)
        if not body:
            return None
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
            _check_depth(value)
        except (ValueError, RecursionError):
            raise Refusal(
                400, "The body should be JSON of ordinary depth, but is not; encode it again."
            ) from None
        return value

    def _check_call(self, scope, body: bytes) -> None:
        value = self._check_json(scope, body)
        found = CALL.fullmatch(scope["path"])
        assert found is not None
        blocks = scope["app"].get_blocks()
        name = found["name"]
        names = {
            fn.api_name: fn
            for fn in blocks.fns.values()
            if isinstance(fn.api_name, str) and fn.api_visibility == "public"
        }
        if name and (found["run"] == "call" or name != "predict") and name not in names:
            known = ", ".join(f"/{known}" for known in names)
            raise Refusal(404, f"The endpoint should be one of {known}, but is /{name}.")
        if not isinstance(value, dict):
            raise Refusal(422, "The body should be a JSON object, but is none; encode it again.")
        if found["v2"]:
            parameters = set(inspect.signature(names[name].fn).parameters)
            if set(value) - {"oauth_token"} != parameters:
                raise Refusal(
                    422,
                    f"The body should have the keys {sorted(parameters)}, but has "
                    f"{sorted(value)[:10]}; give these.",
                )
            return
        if not isinstance(value.get("data"), list):
            raise Refusal(422, 'The body should have a list "data", but has none; give one.')
        number = value.get("fn_index")
        if found["run"] == "call":
            expected = len(names[name].inputs)
        elif type(number) is int and number in blocks.fns:
            expected = len(blocks.fns[number].inputs)
        else:
            raise Refusal(422, "fn_index should be one of the page's, but is not; reload the page.")
        if len(value["data"]) != expected:
            raise Refusal(
                422,
                f"data should hold the {expected} arguments of the call, but holds "
                f"{len(value['data'])}; give {expected}.",
            )
        for key, kind in (("session_hash", str), ("event_id", str), ("trigger_id", int)):
            given = value.get(key)
            if given is not None and (type(given) is not kind or not 1 <= len(str(given)) <= 64):
                raise Refusal(422, f"{key} should be a short {kind.__name__}, but is not.")
        if found["run"] is None and not value.get("session_hash"):
            raise Refusal(422, "session_hash should be a short str, but is missing; give one.")


class _Answer:
    """Passes an answer on; an error of Gradio's own is held back, to be put as a sentence."""

    def __init__(self, send: Send):
        self._send = send
        self._started = False
        self.refused = 0  # the status that was held back

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= 400:
                self.refused = message["status"]
            else:
                self._started = True
        if not self.refused:
            await self._send(message)

    async def end_with(self, reason: Refusal) -> None:
        """Refuse; or, in the middle of an answer, make this its last event."""
        if not self._started:
            return await _refuse(reason, self._send)
        event = f"event: error\ndata: {json.dumps({'error': str(reason)})}\n\n".encode()
        await self._send({"type": "http.response.body", "body": event, "more_body": False})


class CheckedBlocks(gr.Blocks):
    """Blocks whose calls get a sentence for each argument that is none."""

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        if len(inputs) != len(block_fn.inputs):
            raise refusal(
                f"The call should have {len(block_fn.inputs)} arguments, but has {len(inputs)}; "
                f"give {len(block_fn.inputs)}."
            )
        for component, value in zip(block_fn.inputs, inputs, strict=True):
            _check_argument(component, value)
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error:
            raise
        except Exception as error:  # Gradio raises errors of many kinds for what anyone may send
            _log.warning("an argument could not be read: %s", type(error).__name__)
            raise refusal(
                "The arguments should be as the page describes them, but are not; look at them "
                "again."
            ) from error


# What a value of a component without a model of its own is; the most special first.
_PLAIN = {
    PhotoInput: dict,
    gr.HTML: str,
}


def _check_argument(component, value) -> None:
    name = component.label or type(component).__name__
    if value is None:
        return
    model = getattr(component, "data_model", None)
    if model is None:
        kind = next((kind for of, kind in _PLAIN.items() if isinstance(component, of)), object)
        if not isinstance(value, kind):
            raise refusal(
                f"{name} should be a {kind.__name__}, but is a {type(value).__name__}; give one."
            )
        return
    try:
        model.model_validate(value)
    except (ValidationError, ValueError, RecursionError):
        found = type(value).__name__
        several = isinstance(component, gr.File) and component.file_count == "multiple"
        expected = "a list of uploaded files" if several else "an uploaded file"
        raise refusal(
            f"{name} should be {expected}, but is a {found} of another form; upload it first, "
            "in Python by gradio_client.handle_file."
        ) from None
    if isinstance(value, list) and len(value) > LARGEST_BATCH:
        raise refusal(
            f"A batch should hold at most {LARGEST_BATCH} pictures, but holds {len(value)}; "
            "send several."
        )
    for file in value if isinstance(value, list) else [value]:
        _check_file(file, [component.GRADIO_CACHE, get_upload_folder()])


def _check_file(file: Any, folders: list[str]) -> None:
    """See that a file is an upload, or that its content is here; nothing else is opened."""
    if not isinstance(file, dict):
        return
    if str(file.get("url") or "").startswith("data:"):
        return
    path = file.get("path")
    try:
        resolved = Path(path or "").resolve()
        inside = any(resolved.is_relative_to(Path(folder).resolve()) for folder in folders)
        is_upload = bool(path) and inside and resolved.is_file()
    except (OSError, ValueError, RuntimeError):
        is_upload = False
    if path and not is_upload:
        raise refusal("The picture should be an uploaded file, but is none; upload it first.")


def _check_depth(value: Any) -> None:
    values, depth = [value], 0
    while values:
        depth += 1
        if depth > DEEPEST:
            raise ValueError("too deep")
        inner = []
        for container in values:
            if isinstance(container, dict):
                inner += container.values()
            elif isinstance(container, list):
                inner += container
        values = [part for part in inner if isinstance(part, dict | list)]


def _refuse_constant(name: str):
    raise ValueError(f"{name} is no JSON")


def _content_length(scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413, f"The request should have at most {limit:,} bytes, but has more; make it smaller."
    )


def _without_body(receive: Receive) -> Receive:
    """Leave out a body that nobody reads, and pass on that the client has gone."""
    first = True

    async def replaced() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message

    return replaced


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replayed


async def _refuse(reason: Refusal, send: Send) -> None:
    content = json.dumps({"error": str(reason)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if reason.status in (408, 413, 503):
        headers.append((b"connection", b"close"))
    if reason.status == 503:
        headers.append((b"retry-after", b"2"))
    await send({"type": "http.response.start", "status": reason.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


# What belongs into `launch`, beside how the page looks: each for a reason.
SAFE_LAUNCH_OPTIONS: dict[str, Any] = {
    "max_file_size": LARGEST_FILE,
    "state_session_capacity": KEPT_SESSIONS,
    "enable_monitoring": False,  # Gradio's page of usage figures is public unless switched off
    "run_history": False,  # it would keep each stroke in the visitor's browser
    "ssr_mode": False,  # a second server process, for nothing that this page needs
    "show_error": False,  # the text of an error that nobody foresaw may tell of the server
    "pwa": False,  # more addresses, for an icon
    "strict_cors": True,
    "allowed_paths": [],
}
