"""The first screen: in the page itself, so that people can draw before Gradio's scripts arrive.

It also describes the page for link previews, ahead of Gradio's own description.
"""

import json
from collections.abc import Sequence
from html import escape

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitrec.demo.sketchpad import EARLY_SCRIPTS
from digitrec.demo.uploads import PAGE
from digitrec.network.model import DIGITS

TITLE = "digitrec: draw a digit or a number"
DESCRIPTION = "Draw a digit or a number with the mouse or a finger and read the answer at once."
PREVIEW = PAGE / "preview.png"


def header_html(claim: str, classes: Sequence[str] = DIGITS) -> str:
    """Lay out the top of the page.

    Arguments:
        claim: one sentence with figures of the model.
        classes: what the model tells apart.
    """
    is_digits = tuple(classes) == DIGITS
    what = "a digit or a number" if is_digits else f"one of {classes[0]} to {classes[-1]}"
    return (
        f"<h1>Draw {escape(what)}</h1>"
        f'<p class="claim">{escape(claim)}</p>'
        '<p class="greeting">Someone drew this. What do you see? '
        '<button type="button" class="own">Draw your own</button></p>'
        '<p class="task" aria-live="assertive"></p><p class="clock"></p>'
        '<button type="button" class="skip" hidden>Skip</button>'
        '<button type="button" class="play"><span class="start">Play'
        '<span class="wide">: ten digits</span></span><span class="stop">Stop</span></button>'
    )


class FirstScreen:
    """ASGI middleware that puts the first screen into Gradio's page."""

    def __init__(
        self,
        app: ASGIApp,
        claim: str,
        worker: str = "",
        later: str = "",
        classes: Sequence[str] = DIGITS,
    ):
        """Take claim and classes for `header_html`, and two addresses ("": none).

        Arguments:
            worker: of the worker that reads.
            later: of the folder of the scripts that the page fetches when it needs them.
        """
        self.app = app
        self.page = GZipMiddleware(self.send_page, compresslevel=6)  # 66 KB instead of 250
        names = json.dumps(classes, ensure_ascii=False)
        scripts = "".join(f"<script>{(PAGE / name).read_text()}</script>" for name in EARLY_SCRIPTS)
        style = "".join((PAGE / name).read_text() for name in ("page.css", "ten_digits.css"))
        self.head = f"<style>{style}</style>"
        if tuple(classes) != DIGITS:
            self.head += f'<meta name="classes" content="{escape(names)}">'
        self.body = (
            f'<main id="first"><div id="top">{header_html(claim, classes)}</div><div id="stage">'
            '<div id="pad"><div class="pad-place">'
            f'<digit-pad data-later="{later}">Getting the pen ready…</digit-pad></div></div>'
            '<div id="side"><div class="answer-place"><digit-answer></digit-answer></div></div>'
            f"</div></main>{scripts}"
            f'<script data-worker="{worker}">{(PAGE / "reader.js").read_text()}</script>'
            f"<script>{(PAGE / 'look_inside.js').read_text()}</script>"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
        else:
            await self.page(scope, receive, send)

    async def send_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with Gradio's page and what `change` puts into it."""
        start: Message = {}
        content = b""

        async def send_changed(message: Message) -> None:
            nonlocal start, content
            if message["type"] == "http.response.start":
                start = message
                return
            content += message.get("body", b"")
            if message.get("more_body"):
                return
            if start["status"] != 200:
                await send(start)
                await send({"type": "http.response.body", "body": content})
                return
            page = self.change(content.decode(), site_address(scope)).encode()
            length = str(len(page)).encode()
            kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", length)]})
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, send_changed)

    def change(self, page: str, address: str) -> str:
        """Put the first screen into Gradio's page.

        Arguments:
            address: of the site; link previews need the picture's full address.
        """
        picture = escape(f"{address}/gradio_api/file={PREVIEW}")
        facts = {
            "og:title": TITLE,
            "og:description": DESCRIPTION,
            "og:image": picture,
            "og:url": escape(address),
            "twitter:card": "summary_large_image",
            "twitter:title": TITLE,
            "twitter:description": DESCRIPTION,
            "twitter:image": picture,
        }
        tags = [f'<meta property="{name}" content="{text}">' for name, text in facts.items()]
        tags.append(f'<meta name="description" content="{DESCRIPTION}"><title>{TITLE}</title>')
        for mark, addition in (
            ("</head>", self.head),
            ("<gradio-app", self.body),
        ):
            page = page.replace(mark, addition + mark, 1)
        # Ahead of Gradio's own: link previews take the first.
        charset = '<meta charset="utf-8" />'
        return page.replace(charset, charset + "".join(tags), 1)


def site_address(scope: Scope) -> str:
    """Give the site's address as visitors see it, also behind a proxy."""
    headers = Headers(scope=scope)
    scheme = headers.get("x-forwarded-proto", scope["scheme"]).split(",")[0].strip()
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    return f"{scheme}://{host.split(',')[0].strip()}{scope.get('root_path', '')}"
