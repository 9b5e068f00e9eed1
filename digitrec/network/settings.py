"""A setting of a configuration: its default, meaning, unit and range, each said once.

Configurations are frozen dataclasses whose fields are made by `setting`. Command lines, checks and
documentation read from there.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Allowed(NamedTuple):
    """What a setting may be."""

    text: str  # as messages and the documentation say it: "a number above 0"
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(map(holds, value))


SEED = Allowed(
    "a whole number from 0 to 2^32 - 1", lambda value: _is_whole(value) and 0 <= value < 2**32
)
COUNT = Allowed("a whole number above 0", lambda value: _is_whole(value) and value >= 1)
WHOLE = Allowed("a whole number of 0 or more", lambda v: _is_whole(v) and v >= 0)
POSITIVE = Allowed("a number above 0", lambda v: _is_number(v) and 0 < v < float("inf"))
NOT_NEGATIVE = Allowed("a number of 0 or more", lambda v: _is_number(v) and 0 <= v < float("inf"))
FRACTION = Allowed("a number between 0 and 1", lambda v: _is_number(v) and 0 < v < 1)
SHARE = Allowed("a number from 0 to below 1", lambda v: _is_number(v) and 0 <= v < 1)
COUNTS = Allowed(
    "a list of whole numbers above 0, such as [32, 64, 128]",
    lambda value: _is_list_of(COUNT.holds, value),
)
LISTS_OF_COUNTS = Allowed(
    "a list of lists of whole numbers above 0, such as [[4], [3, 3], [2, 2]]",
    lambda value: _is_list_of(COUNTS.holds, value),
)


def one_of(*choices: str) -> Allowed:
    return Allowed(f"one of {', '.join(choices)}", lambda value: value in choices)


def setting(default: Any, meaning: str, allowed: Allowed, unit: str = "") -> Any:
    """Make a field of a frozen dataclass."""
    metadata = {"meaning": meaning, "allowed": allowed, "unit": unit}
    return dataclasses.field(default=default, metadata=metadata)


def parse_setting(field: dataclasses.Field, text: str) -> Any:
    """Read a value: JSON, or a text without its quotes.

    Raises: ValueError, which says what was expected.
    """
    try:
        value = as_tuples(json.loads(text))
    except ValueError:
        value = text
    if isinstance(field.default, float) and _is_whole(value):
        value = float(value)
    check_setting(field, value, text)
    return value


def check_setting(field: dataclasses.Field, value: Any, shown: Any = None) -> None:
    """Raise ValueError for a value that the setting may not have."""
    allowed = field.metadata["allowed"]
    if not allowed.holds(value):
        found = value if shown is None else shown
        raise ValueError(f"{field.name}: expected {allowed.text}, found {found!r}")


def as_tuples(value: Any) -> Any:
    """Undo what JSON does to tuples, which it writes as lists."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
