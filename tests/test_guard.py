"""What reaches Gradio is bounded, and every refusal is a status and a plain message."""

import asyncio
import http.client
import json
import socket
import threading
import time
import urllib.parse

import pytest
from conftest import CANARY, slow
from gradio_client import Client, handle_file

from digitrec.demo.api_page import ApiPage
from digitrec.demo.guard import Guard, Limits
from digitrec.demo.launch import launch_options


class EchoBlocks:
    fns = {}


class Echo:
    """Stands for Gradio: answers with what it got."""

    def get_blocks(self):
        return EchoBlocks()

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def ask(guard, path, parts=(b"",), method="POST", headers=(), pause=0.0, app=None):
    """Send a request in parts; give the status and the body of the answer."""
    sent = list(parts)
    answer = {"status": 0, "body": b""}

    async def receive():
        await asyncio.sleep(pause)
        part = sent.pop(0) if sent else b""
        return {"type": "http.request", "body": part, "more_body": bool(sent)}

    async def send(message):
        answer["status"] = message.get("status", answer["status"])
        answer["body"] += message.get("body", b"")

    scope = {"type": "http", "method": method, "path": path, "headers": headers, "app": app}
    asyncio.run(guard(scope, receive, send))
    return answer["status"], answer["body"]


def test_upload_that_the_server_cannot_store_is_not_the_senders_fault():
    async def full_disk(scope, receive, send):
        raise OSError(28, "No space left on device")

    status, body = ask(Guard(full_disk), "/gradio_api/upload", [b"a"])
    assert status == 507 and b"The server cannot store the file now" in body


def assert_refused(answer, status, said):
    found, body = answer
    assert found == status
    message = json.loads(body)["error"]
    assert said in message and message.endswith(".") and "\n" not in message


def test_upload_up_to_the_limit_passes_unchanged_and_one_byte_more_does_not():
    guard = Guard(Echo(), Limits(upload=1000))
    assert ask(guard, "/gradio_api/upload", [b"a" * 600, b"b" * 400]) == (
        200,
        b"a" * 600 + b"b" * 400,
    )
    assert_refused(ask(guard, "/gradio_api/upload", [b"a" * 600, b"b" * 401]), 413, "1,000 bytes")
    declared = [(b"content-length", b"1001")]
    assert_refused(ask(guard, "/gradio_api/upload", [b""], headers=declared), 413, "1,000 bytes")


def test_json_may_be_long_only_by_its_data_urls():
    guard = Guard(Echo(), Limits(json=1000, data_urls=5000))
    path = "/gradio_api/cancel"
    drawing = json.dumps({"data": ["data:image/png;base64," + "A" * 4000]}).encode()
    assert ask(guard, path, [drawing]) == (200, drawing)
    assert_refused(ask(guard, path, [b'{"a":"' + b"b" * 1000 + b'"}']), 413, "1,000 bytes")
    assert_refused(ask(guard, path, [b'["data:' + b"b" * 6000 + b'"]']), 413, "6,000 bytes")


def test_body_that_does_not_arrive_in_time_is_refused():
    guard = Guard(Echo(), Limits(patience=0.2))
    assert_refused(ask(guard, "/gradio_api/upload", [b"a"] * 100, pause=0.05), 408, "within 0.2")


def test_slow_but_steady_body_gets_the_time_it_needs():
    guard = Guard(Echo(), Limits(patience=0.2, pace=1000.0))
    status, body = ask(guard, "/gradio_api/upload", [b"a" * 500] * 10, pause=0.05)
    assert status == 200 and len(body) == 5000


def test_bodies_in_flight_are_bounded_together_and_counted_off():
    guard = Guard(Echo(), Limits(in_flight=1500, upload=2000))
    assert_refused(ask(guard, "/gradio_api/upload", [b"a" * 1600]), 503, "busy")
    for _ in range(3):
        assert ask(guard, "/gradio_api/upload", [b"a" * 1400])[0] == 200


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 200 + b"]" * 200, b"[NaN]"])
def test_what_is_no_ordinary_json_is_refused(body):
    assert_refused(ask(Guard(Echo()), "/gradio_api/cancel", [body]), 400, "is not JSON")


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"),
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/pwa_icon/512"),
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
        ("GET", "/gradio_api/file=http://127.0.0.1/"),
        ("GET", "/gradio_api/file=https://127.0.0.1/a.png"),
        ("GET", "/gradio_api/run-history/records"),
        ("GET", "/gradio_api/dev/reload"),
        ("GET", "/gradio_api/vibe-code"),
        ("GET", "/gradio_api/profiling/summary"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/stream/x"),
        ("PUT", "/gradio_api/upload"),
        ("GET", "/nothing"),
    ],
)
def test_only_the_addresses_of_page_and_programs_are_passed_on(method, path):
    assert_refused(ask(Guard(Echo()), path, [b"{}"], method), 404, "no such address")


def test_streams_are_counted_and_end():
    class Endless(Echo):
        async def __call__(self, scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(60)

    guard = Guard(Endless(), Limits(streams=2, stream_seconds=0.3))
    path = "/gradio_api/queue/data"
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(guard, path, method="GET")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while guard._streams < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert_refused(ask(guard, path, method="GET"), 503, "busy")
    for thread in threads:
        thread.join(10)
    assert [status for status, _ in answers] == [200, 200]
    assert all(b"Timed out" in body for _, body in answers)
    assert guard._streams == 0


def test_unforeseen_error_reveals_nothing(caplog):
    class Failing(Echo):
        async def __call__(self, scope, receive, send):
            raise KeyError("secret")

    answer = ask(Guard(Failing()), "/config", method="GET")
    assert_refused(answer, 500, "Something went wrong")
    assert b"secret" not in answer[1]
    assert "Traceback" not in caplog.text and "KeyError" in caplog.text


def test_errors_of_gradio_itself_get_a_plain_message():
    class Missing(Echo):
        async def __call__(self, scope, receive, send):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"<html>"})

    assert_refused(ask(Guard(Missing()), "/assets/x.js", method="GET"), 404, "no such address")


def send(url, method, path, content=None, kind="application/json"):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request(method, path, content, {"Content-Type": kind})
    response = connection.getresponse()
    status, body = response.status, response.read()
    connection.close()
    return status, body


def post(url, path, content, kind="application/json"):
    return send(url, "POST", path, content, kind)


def call(url, endpoint, data):
    """Give the message that a call is refused with."""
    path = f"/gradio_api/call/{endpoint}"
    status, body = post(url, path, json.dumps({"data": data}))
    if status != 200:
        return json.loads(body)["error"]
    event = json.loads(body)["event_id"]
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("GET", f"{path}/{event}")
    kind, answer = connection.getresponse().read().decode().strip().splitlines()[-2:]
    connection.close()
    assert kind == "event: error", answer
    return json.loads(answer.removeprefix("data: "))["error"]


META = {"_type": "gradio.FileData"}


@pytest.mark.parametrize(
    "endpoint, data, said",
    [
        ("predict", [], "1 argument."),
        ("predict", [1, 2], "1 argument."),
        ("predict", [None], "uploaded file"),
        ("predict", [5], "uploaded file"),
        ("predict", ["seven.png"], "handle_file"),
        ("predict", [{}], "uploaded file"),
        ("predict", [{"path": 5}], "uploaded file"),
        ("predict", [{"path": __file__}], "uploaded file"),
        ("predict", [{"path": __file__, "meta": META}], "uploaded file"),
        ("predict", [{"path": "http://127.0.0.1:9/a.png", "meta": META}], "uploaded file"),
        ("predict", [{"path": "a\0b"}], "uploaded file"),
        ("predict", [{"url": "data:image/png;base64,AAAA"}], "picture.bin "),
        ("predict_batch", [5], "list of uploaded files"),
        ("predict_batch", [[5]], "not an uploaded file"),
        ("predict_batch", [[None]], "not an uploaded file"),
        ("predict_batch", [[{"path": __file__, "meta": META}]], "uploaded file"),
        ("read_number", [], "1 argument."),
        ("read_number", [None], "uploaded file"),
        ("read_number", [{"path": __file__, "meta": META}], "uploaded file"),
        ("read_number", [{"url": "data:image/png;base64,AAAA"}], "picture.bin "),
        ("read_lines", [None], "uploaded file"),
        ("model_info", [1], "0 arguments"),
        ("nothing", [], "one of /predict"),
    ],
)
def test_every_bad_argument_gets_a_message(app, endpoint, data, said):
    message = call(app[0], endpoint, data)
    assert said in message and message.endswith(".") and "\n" not in message
    assert __file__ not in message


@pytest.mark.parametrize(
    "value", [5, "x", [5], {"path": __file__}, {"path": "a\0b"}, {"example": 5}, {"example": ".."}]
)
def test_every_bad_argument_of_the_page_itself_gets_a_message(app, value):
    functions = json.loads(send(app[0], "GET", "/config")[1])["dependencies"]
    private = [
        function
        for function in functions
        if function["api_visibility"] == "private" and function["backend_fn"]
    ]
    assert len(private) >= 3
    for function in private:
        session = f"session-{function['id']}"
        body = {"data": [value], "fn_index": function["id"], "session_hash": session}
        assert post(app[0], "/gradio_api/queue/join", json.dumps(body))[0] == 200
        _, stream = send(app[0], "GET", f"/gradio_api/queue/data?session_hash={session}")
        events = [json.loads(line.removeprefix(b"data: ")) for line in stream.split(b"\n\n")[:-1]]
        (ended,) = (event for event in events if event["msg"] == "process_completed")
        assert not ended["success"]
        message = ended["output"]["error"]
        assert message.endswith(".") and __file__ not in message


@pytest.mark.parametrize(
    "endpoint, body, said",
    [
        *[("queue/join", body, "JSON object") for body in (b"", b"[]", b"null")],
        *[("queue/join", body, "fn_index") for body in (b"{}", b'{"data": [null]}')],
        *[("call/predict", body, '"data"') for body in (b"{}", b'{"data": 5}', b'{"data": []}')],
        *[("call/v2/predict", body, "['image']") for body in (b"{}", b'{"images": []}')],
    ],
)
def test_every_bad_body_gets_a_message(app, endpoint, body, said):
    assert_refused(post(app[0], f"/gradio_api/{endpoint}", body), 422, said)


@pytest.mark.parametrize("given", ["", 5, "a" * 65])
def test_session_of_a_call_is_a_short_name(app, given):
    body = json.dumps({"data": [None], "session_hash": given})
    assert_refused(post(app[0], "/gradio_api/call/predict", body), 422, "1 to 64 characters")


@pytest.mark.parametrize(
    "kind, body",
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=a", b"x"),
        ("text/plain", b"x"),
        (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--a--\r\n',
        ),
    ],
)
def test_every_bad_upload_gets_a_message(app, kind, body):
    assert_refused(post(app[0], "/gradio_api/upload", body, kind), 400, "the API page shows")


# Addresses, files and bodies that are not this app's. FOLDER stands for the one that it runs in,
# which holds secret.txt.
NOT_OURS = [
    *[("GET", path, None) for path in ("/nothing", "/app.py", "/log", "/.env", "/.git/config")],
    *[("GET", path, None) for path in ("/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt")],
    *[("GET", path, None) for path in ("/login", "/logout", "/monitoring", "/monitoring/key")],
    *[("GET", path, None) for path in ("/docs", "/redoc", "/pwa_icon/512", "/admin?a=secret.txt")],
    *[
        ("GET", f"/{folder}/{path}", None)
        for folder in ("static", "assets", "svelte")
        for path in ("../secret.txt", "%2e%2e/%2e%2e/app.py", "/FOLDER/secret.txt")
    ],
    *[
        ("GET", f"/gradio_api/file={path}", None)
        for path in (
            *["secret.txt", "../secret.txt", "FOLDER/secret.txt", "FOLDER/log", "/FOLDER/log"],
            *["/etc/hostname", "/proc/self/environ", "/dev/null", "http://127.0.0.1/secret.txt"],
        )
    ],
    *[
        ("GET", f"/gradio_api/{path}", None)
        for path in (
            "deep_link",
            "proxy=http://127.0.0.1/",
            "run-history/records",
            "profiling/summary",
            "runs",
            "dev/reload",
            "upload",
        )
    ],
    ("PUT", "/gradio_api/upload", b"x"),
    ("DELETE", "/gradio_api/upload", None),
    *[
        ("POST", f"/gradio_api/{path}", b"{}")
        for path in (
            "component_server",
            "process_recording",
            "stream/x",
            "call/x",
            "run/predict",
            "api/predict",
        )
    ],
    *[
        ("POST", "/gradio_api/call/predict", json.dumps({"data": [argument]}).encode())
        for argument in (
            *["FOLDER/secret.txt", {"path": "FOLDER/secret.txt"}, {"path": "secret.txt"}],
            *[
                {"path": path, "meta": META}
                for path in ("FOLDER/secret.txt", "/dev/zero", "FOLDER")
            ],
            {"path": "http://127.0.0.1/secret.txt", "meta": META},
            {"url": "file:///FOLDER/secret.txt", "meta": META},
        )
    ],
    (
        "POST",
        "/gradio_api/call/predict_batch",
        json.dumps({"data": [[{"path": "FOLDER/secret.txt", "meta": META}]]}).encode(),
    ),
    ("POST", "/gradio_api/queue/join", b'{"data": [], "fn_index": 999, "session_hash": "a"}'),
    ("POST", "/gradio_api/queue/join", b'{"data": [], "fn_index": true, "session_hash": "a"}'),
]


def test_not_ours_are_60():
    assert len(NOT_OURS) == 60


@pytest.mark.parametrize("method, path, body", NOT_OURS)
def test_what_is_not_ours_is_refused_and_tells_nothing(app, method, path, body):
    url, log = app
    folder = str(log.parent)
    path, body = path.replace("FOLDER", folder), body and body.replace(b"FOLDER", folder.encode())
    status, answer = send(url, method, path, body)
    assert CANARY.encode() not in answer
    if status == 200:  # a call is refused in its stream
        status, stream = send(url, "GET", f"{path}/{json.loads(answer)['event_id']}")
        assert CANARY.encode() not in stream and b"event: error" in stream
        answer = stream.strip().splitlines()[-1].removeprefix(b"data: ")
    else:
        assert 400 <= status < 500
    message = json.loads(answer)["error"]
    assert message.endswith(".") and "\n" not in message and folder not in message


@slow
def test_slow_and_silent_clients_keep_nobody_waiting(app, seven):
    address = urllib.parse.urlsplit(app[0])
    held = []
    head = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=a\r\n\r\n--a"
    )
    stream = f"GET /gradio_api/heartbeat/%d HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
    try:
        for number in range(60):
            for begin in (head, "", stream % number):
                connection = socket.create_connection((address.hostname, address.port), 10)
                connection.sendall(begin.encode())
                held.append(connection)
        client = Client(app[0], verbose=False)
        for _ in range(5):
            assert client.predict(handle_file(seven), api_name="/predict")["label"] == "7"
        held[0].settimeout(30)
        assert b"408" in held[0].recv(1000)
    finally:
        for connection in held:
            connection.close()


def test_log_has_no_traceback_after_all_this(app, seven):
    answer = Client(app[0], verbose=False).predict(handle_file(seven), api_name="/predict")
    assert answer["label"] == "7"
    assert "Traceback" not in app[1].read_text() and CANARY not in app[1].read_text()


def test_guard_sees_each_request_first(recognizer):
    before, first, *_ = launch_options(recognizer)["app_kwargs"]["middleware"]
    assert (before.cls, first.cls) == (ApiPage, Guard)  # that one changes only answers
