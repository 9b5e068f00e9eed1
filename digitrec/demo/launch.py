"""How the demo is launched: what Gradio's `launch` is given, and what runs while it serves."""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gradio.themes import Base
from starlette.middleware import Middleware

from digitrec.demo.about import claim
from digitrec.demo.api_page import ApiPage
from digitrec.demo.browser import BrowserReading, find_address, reading_files
from digitrec.demo.first_screen import FirstScreen
from digitrec.demo.guard import Guard
from digitrec.demo.memory import free_memory
from digitrec.demo.uploads import LARGEST_FILE, delete_old_uploads, delete_uploads
from digitrec.recognizer import DigitRecognizer

# Gradio reads these when Blocks are made; what the environment already sets stays.
for name, value in {
    "GRADIO_ANALYTICS_ENABLED": "False",  # nothing is sent elsewhere
    # After each call Gradio sums up all calls for its monitoring page, which is switched off.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",
}.items():
    os.environ.setdefault(name, value)

# Gradio's own folder for uploads, /tmp/gradio, belongs to whoever used Gradio first on a machine.
if "GRADIO_TEMP_DIR" not in os.environ:
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="digitrec-")
    atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)

KEPT_SESSIONS = 100  # each call through the API is one, and Gradio keeps 32 KB of each
SAFE_LAUNCH_OPTIONS: dict[str, Any] = {
    "max_file_size": LARGEST_FILE,
    "state_session_capacity": KEPT_SESSIONS,
    "enable_monitoring": False,  # Gradio's page of usage figures is public unless switched off
    "run_history": False,  # it would keep each stroke in the visitor's browser
    "ssr_mode": False,  # a second server process, which this page does not need
    "show_error": False,  # the text of an unforeseen error may reveal something of the server
    "pwa": False,  # more addresses, for an icon
    "strict_cors": True,
}


def launch_options(recognizer: DigitRecognizer) -> dict[str, Any]:
    """Give the options with which everyone should launch the demo."""
    files = reading_files(recognizer)
    middleware = [
        Middleware(ApiPage),  # before what refuses
        Middleware(Guard),
        Middleware(
            FirstScreen,
            claim=claim(recognizer),
            worker=find_address(files, "worker.js"),
            later=find_address(files, "page/inside.js").removesuffix("inside.js"),
            classes=recognizer.classes,
        ),
        Middleware(BrowserReading, files=files),
    ]
    return {
        "footer_links": ["api", "gradio"],
        "theme": Base(font="system-ui", font_mono="monospace"),  # nothing to download
        **SAFE_LAUNCH_OPTIONS,
        "app_kwargs": {"middleware": middleware, "lifespan": clean_up},
    }


@asynccontextmanager
async def clean_up(app: Any) -> AsyncIterator[None]:
    """Clear away what visitors leave behind while a Gradio app runs, and all uploads at its end."""
    tasks = [asyncio.create_task(work(app)) for work in (delete_old_uploads, free_memory)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        delete_uploads(app.get_blocks(), 0.0)
