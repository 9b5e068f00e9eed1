"""Memory that nobody needs any more: once a minute, it is given back.

A call's messages wait in Gradio's queue, by session, until its stream is read. Gradio keeps those
of the last 2,000 sessions, read or not, and a set of events of every session that there ever was.
Each call through the API is a session of its own.

glibc keeps what a thread has freed for that thread, and the more the larger its pictures were:
after 800 damaged ones the app had grown by 56 MiB, and with the bound by 5.
"""

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from gradio.queueing import Queue

KEPT_SECONDS = 60.0  # for which an answer waits to be fetched, at least; at most twice that
MOST_FREE = 2**20  # bytes of one piece that glibc keeps; pictures take more
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # names of glibc's settings in malloc.h


@asynccontextmanager
async def give_back_memory(app: Any) -> AsyncIterator[None]:
    """Give back what nobody needs, as long as a Gradio app runs."""

    async def repeat():
        ended: set[str] = set()
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            ended = forget_unread(app.get_blocks()._queue, ended)
            await asyncio.to_thread(return_free_memory)

    bound_free_memory()
    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


def forget_unread(queue: Queue, before: set[str]) -> set[str]:
    """Forget the sessions without an event but those that had ended before.

    It is called in the event loop of the app, where alone Gradio changes these dictionaries.

    Returns: the events that have ended since, whose answers wait until the next time.
    """
    ended: set[str] = set()
    unread = queue.pending_event_ids_session
    for session, events in list(unread.items()):
        if events <= before:  # also where all has been read
            del unread[session]
        else:
            ended |= events - queue.event_ids_to_events.keys()
    for session in queue.pending_messages_per_session.keys() - unread.keys():
        del queue.pending_messages_per_session[session]
    return ended


def bound_free_memory() -> None:
    """Have glibc return large pieces at once; with another C library, do nothing."""
    with suppress(OSError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(_M_TRIM_THRESHOLD, MOST_FREE)
        library.mallopt(_M_MMAP_THRESHOLD, MOST_FREE)


def return_free_memory() -> None:
    """Have glibc return the small pieces that it keeps; with another C library, do nothing."""
    with suppress(OSError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
