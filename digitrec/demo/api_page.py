"""What Gradio's page "Use via API" asks for, where it is switched off."""

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Without these answers the page writes two errors into the browser's console.
EMPTY: dict[str, Any] = {
    "/monitoring/summary": {"functions": {}},  # of calls
    "/gradio_api/mcp/schema": [],  # the tools of the MCP server
}


class ApiPage:
    """ASGI middleware that answers with nothing what Gradio refuses or does not find."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path not in EMPTY:
            return await self.app(scope, receive, send)
        is_empty = False

        async def send_or_replace(message: Message) -> None:
            nonlocal is_empty
            if message["type"] == "http.response.start":
                is_empty = message["status"] >= 400
                if is_empty:
                    headers = [(b"content-type", b"application/json")]
                    message = {**message, "status": 200, "headers": headers}
            elif is_empty:
                if message.get("more_body"):
                    return
                message = {**message, "body": json.dumps(EMPTY[path]).encode()}
            await send(message)

        await self.app(scope, receive, send_or_replace)
