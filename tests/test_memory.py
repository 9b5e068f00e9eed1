"""Answers that are never fetched are forgotten; for a minute they can be fetched."""

import http.client
import json
import platform
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import gradio as gr
import psutil
import pytest
from conftest import free_port, wait_for

from digitrec.demo import memory
from digitrec.demo.launch import clean_up
from digitrec.demo.memory import forget_unread, return_free_memory


def wait(seconds):
    time.sleep(float(seconds))
    return seconds


@contextmanager
def launched():
    """Run a small app that cleans up like the demo."""
    with gr.Blocks() as demo:
        text = gr.Textbox()
        gr.Button().click(wait, text, text, api_name="wait")
    demo.launch(
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs={"lifespan": clean_up},
    )
    try:
        yield demo
    finally:
        demo.close()


@contextmanager
def asking(demo, method, path, body=None):
    """Send a request, and leave when its answer is no longer wanted."""
    address = urllib.parse.urlsplit(demo.local_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    try:
        yield connection
    finally:
        connection.close()


def start(demo, seconds="0"):
    """Start a call; give the address of its stream."""
    path = "/gradio_api/call/wait"
    with asking(demo, "POST", path, json.dumps({"data": [seconds]})) as connection:
        return f"{path}/{json.load(connection.getresponse())['event_id']}"


def read(demo, stream):
    with asking(demo, "GET", stream) as connection:
        return connection.getresponse().read().decode()


def held(demo):
    """Count the sessions of which the queue keeps something."""
    queue = demo._queue
    return len(queue.pending_event_ids_session.keys() | queue.pending_messages_per_session.keys())


def test_nothing_is_kept_of_calls_that_are_read_left_or_never_read(monkeypatch):
    monkeypatch.setattr(memory, "KEPT_SECONDS", 1.0)
    with launched() as demo:
        for _ in range(5):
            read(demo, start(demo))
            with asking(demo, "GET", start(demo)):
                pass
            start(demo)
        assert held(demo) >= 5
        wait_for(lambda: held(demo) == 0, seconds=20)


def test_answer_waits_from_one_look_to_the_next():
    with launched() as demo:
        streams = [start(demo) for _ in range(2)]
        wait_for(lambda: not demo._queue.event_ids_to_events, seconds=20)
        ended = forget_unread(demo._queue, set())
        assert held(demo) == len(ended) == 2
        assert 'event: complete\ndata: ["0"]' in read(demo, streams[0])
        assert forget_unread(demo._queue, ended) == set()
        assert held(demo) == 0


def test_call_is_not_forgotten_while_it_runs(monkeypatch):
    monkeypatch.setattr(memory, "KEPT_SECONDS", 0.2)
    with launched() as demo:
        assert 'event: complete\ndata: ["1.5"]' in read(demo, start(demo, "1.5"))


only_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc keeps memory")


def resident():
    return psutil.Process().memory_info().rss


@only_glibc
def test_threads_keep_nothing_of_large_pictures():
    with launched(), ThreadPoolExecutor(8) as threads:
        bytearray(b"a" * 32_000_000)  # after one as large, glibc would keep such pieces
        together = threading.Barrier(8)

        def read_picture(_):
            together.wait()  # so that each is another thread
            return len(bytearray(b"a" * 8_000_000))

        before = resident()
        assert sum(threads.map(read_picture, range(8))) == 64_000_000
        assert resident() - before < 16_000_000


@only_glibc
def test_free_memory_between_what_is_used_is_returned():
    blocks = [bytearray(b"a" * 64_000) for _ in range(2000)]
    kept = blocks[::10]
    del blocks
    before = resident()
    return_free_memory()
    assert before - resident() > 50_000_000
    assert len(kept) == 200


def test_free_memory_is_returned_while_the_app_runs(monkeypatch):
    returned = []
    monkeypatch.setattr(memory, "KEPT_SECONDS", 0.1)
    monkeypatch.setattr(memory, "return_free_memory", lambda: returned.append(True))
    with launched():
        wait_for(lambda: len(returned) >= 2, seconds=20)
