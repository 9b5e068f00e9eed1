"""Bounds on what reaches Gradio: which addresses, how much, for how long.

`Guard` sees each request before Gradio does. Whatever it or Gradio refuses is answered with a
status and a message of one or two sentences, as JSON.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitrec.demo.calls import CALL, Refusal, check_call, parse_json
from digitrec.demo.uploads import LARGEST_FILE

_log = logging.getLogger(__name__)


class Limits(NamedTuple):
    json: int = 64 * 2**10  # bytes, not counting data URLs
    data_urls: int = LARGEST_FILE * 4 // 3 + 100  # bytes of all data URLs in a body
    upload: int = LARGEST_FILE + 64 * 2**10  # bytes: one file and its description
    patience: float = 15.0  # seconds that any body may take
    pace: float = 100_000.0  # bytes a second; a body at this pace may take longer: a slow phone
    in_flight: int = 256 * 2**20  # bytes of all bodies whose requests are not answered yet
    streams: int = 1000  # open answers and heartbeats
    stream_seconds: float = 300.0  # for an answer; the slowest batch takes 10
    drained: int = 128 * 2**20  # bytes of a refused body that are read so that its sender listens


MESSAGES = {
    400: "The request does not have the form that the API page shows. Compare it with an example.",
    403: "This app does not serve that file.",
    404: "Not found: this app has no such address.",
    413: f"The file may have at most {LARGEST_FILE:,} bytes. Make it smaller.",
    500: "Something went wrong here. Try again; if it persists, report it.",
    507: "The server cannot store the file now. Try again later.",
    503: "The app is busy. Try again in a moment.",
    504: "Timed out. Please try again.",
}
# The addresses that the page, clients of the API and MCP need, in addition to `calls.CALL`.
PAGE = re.compile(
    r"/(config/?|theme\.css|favicon\.ico|manifest\.json|robots\.txt|openapi\.json)?"
    r"|/(assets|static|svelte|reading)/.*"
    r"|/gradio_api/(info/?|openapi\.json|theme\.css|startup-events|app_id/?|token/?|user/?"
    r"|login_check/?|upload_progress|mcp/?|mcp/(schema|sse|http/?)|file=[^/:]*/.*)"
)
STREAM = re.compile(
    r"/gradio_api/(queue/data|heartbeat/[\w-]{1,64}|call/(v2/)?\w{1,64}/[\w-]{1,64}|mcp/?|mcp/sse)"
)
LASTING = re.compile(r"/gradio_api/(heartbeat/.*|mcp.*)")  # open as long as a page or a client
UPLOAD = re.compile(r"/gradio_api/upload")
OTHER_JSON = re.compile(r"/gradio_api/(cancel|reset/?|queue/status|mcp/?|mcp/(messages|http)/?)")
_DATA_URL = re.compile(rb'"data:[^"\\]*"')


class Guard:
    """ASGI middleware that bounds what reaches Gradio."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None):
        self._app = app
        self._limits = limits or Limits()
        self._in_flight = 0
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        answer = _Answer(scope, receive, send)
        try:
            await self._pass_on(scope, receive, answer)
        except Refusal as reason:
            await answer.refuse(reason.status, str(reason))
        except Exception as error:
            # Gradio raises errors of many kinds for what anyone may send.
            _log.warning(
                "%s %r failed: %s: %.200s",
                *(scope["method"], scope["path"], type(error).__name__, error),
            )
            # No function of ours runs in a POST: calls are only queued. So its body is at fault,
            # unless the upload could not be written.
            status = 400 if scope["method"] == "POST" else 500
            await answer.refuse(507 if isinstance(error, OSError) else status)

    async def _pass_on(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        method, path, limits = scope["method"], scope["path"], self._limits
        if "\0" in path:
            raise Refusal(404)
        if method == "POST":
            call = CALL.fullmatch(path)
            if call or OTHER_JSON.fullmatch(path):
                async with self._received(scope, receive, limits.json + limits.data_urls) as body:
                    _check_size(body, limits.json)
                    value = parse_json(body)
                    if call:
                        check_call(call, value, scope["app"].get_blocks())
                    return await self._app(scope, _replay(body, receive), answer.send)
            if UPLOAD.fullmatch(path):
                async with self._received(scope, receive, limits.upload) as body:
                    return await self._app(scope, _replay(body, receive), answer.send)
        elif method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            receive = _replay(b"", receive)
            if method == "GET" and STREAM.fullmatch(path):
                return await self._stream(scope, receive, answer)
            if PAGE.fullmatch(path) or (method == "OPTIONS" and path.startswith("/gradio_api/")):
                return await self._app(scope, receive, answer.send)
        raise Refusal(404)

    async def _stream(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if self._streams >= self._limits.streams:
            raise Refusal(503)
        self._streams += 1
        seconds = None if LASTING.fullmatch(scope["path"]) else self._limits.stream_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            raise Refusal(504) from None
        finally:
            self._streams -= 1

    @asynccontextmanager
    async def _received(self, scope: Scope, receive: Receive, limit: int) -> AsyncIterator[bytes]:
        """Receive a whole body, which counts as in flight until its request is answered.

        Raises: Refusal for one that is too large or too slow, or if there are too many.
        """
        deadline = asyncio.get_running_loop().time() + self._limits.patience
        declared = Headers(scope=scope).get("content-length", "")
        parts, size, more = [], 0, True
        try:
            if declared.isdecimal() and int(declared) > limit:
                await self._drain(receive)
                raise _too_large(limit)
            while more:
                try:
                    async with asyncio.timeout_at(deadline + size / self._limits.pace):
                        message = await receive()
                except TimeoutError:
                    raise Refusal(
                        408,
                        f"The request did not arrive within {self._limits.patience:g} seconds. "
                        "Send it again.",
                    ) from None
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "The request ended early. Send it again.")
                part, more = message.get("body", b""), message.get("more_body", False)
                parts.append(part)
                size += len(part)
                self._in_flight += len(part)
                if size > limit or self._in_flight > self._limits.in_flight:
                    await self._drain(receive)
                    raise _too_large(limit) if size > limit else Refusal(503)
            body = b"".join(parts)
            parts.clear()
            yield body
        finally:
            self._in_flight -= size

    async def _drain(self, receive: Receive) -> None:
        """Read on for a while, keeping nothing: a sender that is cut off sees no answer."""
        size, more = 0, True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.patience):
                while more and size <= self._limits.drained:
                    message = await receive()
                    size += len(message.get("body", b""))
                    more = message.get("more_body", False)


class _Answer:
    """Passes an answer on, but replaces an error of Gradio's own by a message of ours."""

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self._scope, self._receive, self._send = scope, receive, send
        self._started = self._ended = False

    async def send(self, message: Message) -> None:
        if self._ended:
            return
        if message["type"] == "http.response.start" and message["status"] >= 400:
            return await self.refuse(message["status"])
        self._started = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def refuse(self, status: int, message: str = "") -> None:
        """Answer with a message (default: that of the status), or end a begun stream with it."""
        if self._ended:
            return
        self._ended = True
        content = {"error": message or MESSAGES.get(status, MESSAGES[400])}
        if self._started:
            event = f"event: error\ndata: {json.dumps(content)}\n\n".encode()
            return await self._send({"type": "http.response.body", "body": event})
        headers = {"cache-control": "no-store"}
        if status in (408, 413, 503):
            headers["connection"] = "close"
        if status == 503:
            headers["retry-after"] = "2"
        await JSONResponse(content, status, headers)(self._scope, self._receive, self._send)


def _check_size(body: bytes, limit: int) -> None:
    """See that a body of JSON is small apart from its data URLs."""
    if len(body) > limit and len(_DATA_URL.sub(b"", body)) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The request may have at most {limit:,} bytes. Make it smaller.")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a whole body; what arrives after it is skipped, until the client has gone."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message

    return replayed
