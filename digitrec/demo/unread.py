"""Answers that nobody fetches: Gradio would keep them, and this forgets them.

A call's messages wait in Gradio's queue, by session, until its stream is read. It keeps those of
the last 2,000 sessions, read or not, and the names of all events that were never read. Each call
through the API is a session of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gradio.queueing import Queue

KEPT_SECONDS = 60.0  # for which an answer waits to be fetched, at least; at most twice that


@asynccontextmanager
async def forget_unread(app: Any) -> AsyncIterator[None]:
    """Forget what nobody fetches, as long as a Gradio app runs."""

    async def repeat():
        ended: set[str] = set()
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            ended = forget_ended(app.get_blocks()._queue, ended)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


def forget_ended(queue: Queue, before: set[str]) -> set[str]:
    """Forget the sessions without an event but those that had ended before.

    It runs in the event loop of the app: Gradio changes these dictionaries nowhere else.

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
