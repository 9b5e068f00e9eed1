"""Checks of a call before Gradio queues it: which function it names, with how many arguments.

The arguments themselves are checked by their components, in `uploads` and `sketchpad`.
"""

import inspect
import json
import re
from typing import Any

import gradio as gr

CALL = re.compile(r"/gradio_api/(queue/join|call/(?P<v2>v2/)?(?P<name>\w{1,64}))/?")
DEEPEST = 50  # levels of brackets; a batch has 4


class Refusal(Exception):
    """A request that is answered with a status and a message ("": the usual one for it)."""

    def __init__(self, status: int, message: str = ""):
        super().__init__(message)
        self.status = status


def parse_json(body: bytes) -> Any:
    """Parse a body, which may be empty.

    Raises: Refusal.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant) if body else None
        if _depth(value) > DEEPEST:
            raise ValueError("too deep")
    except (ValueError, RecursionError):
        raise Refusal(
            400, f"The body is not JSON with at most {DEEPEST} levels of brackets. Encode it again."
        ) from None
    return value


def _refuse_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def check_call(call: re.Match, body: Any, blocks: gr.Blocks) -> None:
    """Check the body of a call.

    Arguments:
        call: how its address matches CALL.
        body: its JSON.

    Raises: Refusal.
    """
    if not isinstance(body, dict):
        raise Refusal(422, "The body must be a JSON object.")
    session = body.get("session_hash")
    if session is not None and not (isinstance(session, str) and 1 <= len(session) <= 64):
        raise Refusal(422, "session_hash must be a text of 1 to 64 characters.")
    function: Any
    if name := call["name"]:
        endpoints = {
            function.api_name: function
            for function in blocks.fns.values()
            if function.api_visibility == "public"
        }
        function = endpoints.get(name)
        if function is None:
            known = ", ".join(f"/{known}" for known in endpoints)
            raise Refusal(404, f"There is no endpoint /{name}. Use one of {known}.")
    else:
        number = body.get("fn_index")
        function = blocks.fns.get(number) if type(number) is int else None
        if function is None:
            raise Refusal(422, "This page has no such fn_index. Reload the page.")
    if call["v2"]:
        parameters = inspect.signature(function.fn).parameters.keys()
        if body.keys() - {"oauth_token"} != parameters:
            raise Refusal(422, f"The body must have exactly the keys {sorted(parameters)}.")
        return
    data, expected = body.get("data"), len(function.inputs)
    if not isinstance(data, list) or len(data) != expected:
        plural = "" if expected == 1 else "s"
        raise Refusal(422, f'"data" must be a list of {expected} argument{plural}.')
