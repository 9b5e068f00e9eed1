"""Once a minute, memory that is no longer needed is freed.

Gradio queues a call's messages by session until its stream is read. It keeps those of the last
2,000 sessions, read or not, and a set of events for every session since the start. Each call
through the API is a session of its own.

glibc keeps memory that a thread has freed for that thread, the more the larger its pictures were:
after 800 damaged ones the app had grown by 56 MiB, and with the bound set here by 5.
"""

import asyncio
import ctypes
from contextlib import suppress
from typing import Any

from gradio.queueing import Queue

KEPT_SECONDS = 60.0  # that an answer waits to be fetched, at least; at most twice that
MOST_FREE = 2**20  # bytes of one block that glibc may keep; pictures are larger
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # names of glibc's settings in malloc.h


async def free_memory(app: Any) -> None:
    """Free what a Gradio app no longer needs, again and again."""
    bound_free_memory()
    ended: set[str] = set()
    while True:
        await asyncio.sleep(KEPT_SECONDS)
        ended = forget_unread(app.get_blocks()._queue, ended)
        await asyncio.to_thread(return_free_memory)


def forget_unread(queue: Queue, before: set[str]) -> set[str]:
    """Forget the sessions whose events had all ended before.

    Call it in the app's event loop, the only place where Gradio changes these dictionaries.

    Arguments:
        before: the events that had ended at the last call.

    Returns: the events that have ended by now; their answers wait until the next call.
    """
    ended: set[str] = set()
    unread = queue.pending_event_ids_session
    for session, events in list(unread.items()):
        if events <= before:  # or all has been read
            del unread[session]
        else:
            ended |= events - queue.event_ids_to_events.keys()
    for session in queue.pending_messages_per_session.keys() - unread.keys():
        del queue.pending_messages_per_session[session]
    return ended


def bound_free_memory() -> None:
    """Have glibc return large blocks at once; with another C library, do nothing."""
    with suppress(OSError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(_M_TRIM_THRESHOLD, MOST_FREE)
        library.mallopt(_M_MMAP_THRESHOLD, MOST_FREE)


def return_free_memory() -> None:
    """Have glibc return the small blocks that it keeps; with another C library, do nothing."""
    with suppress(OSError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
