"""Different ways to write each digit, as pen strokes: habits, each with its range.

MNIST's writers learned the digits of one country. Others put a flag, a hook or a foot on the 1, a
bar through the 7 and a slash through the 0, leave the 4 or the 6 open, curl the tail of the 9, or
write the 5 like an S or the 8 as two circles.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from digitrec.training.strokes import PenDigit, Stroke

JITTER = 0.22  # standard deviation of a point's place, where the sheet has 10


class Habit(NamedTuple):
    """One way to write a digit.

    Its curves, with " / " between them, go through points x,y on a sheet of 10x10, x to the right
    and y downwards; 1~3 is any number from 1 to 3. Points that are written alike are the same
    point. Curves are smooth, so a stroke with a corner is made of two.
    """

    label: int
    name: str
    curves: str


_OVAL = "5,0 2~3,1.5 0.5~2,5 1.5~3,9 5,10 7.2~8.2,8.8 8~9.5,5 7~8.5,1.3"
_FLAT = "5,0 -1~1,1.5 -3~0,5 -1~1,8.8 5,10 9~11,8.8 10~13,5 9~11,1.5"
_BOWL = "7.4,2.3 5,0 2~2.8,2 3.5,3.8~4.9 6,3.6~4.6 7.4,2.3"
_SMALL_BOWL = "7,1.5 5,0 3.5,1.8 5,3.5 7,1.5"

HABITS = tuple(
    Habit(label, name, curves)
    for label, habits in {
        0: {
            "oval": f"{_OVAL} 5~6.5,0",
            "narrow": "5,0 3.3,2 3,5 3.4,8.5 5,10 6.6,8 7,5 6.6,1.5 5,0",
            "flat": f"{_FLAT} 5,0",
            "open at the top": "6,0.5 3,0.5 1.5,5 4,9.8 7,9 8.3,4.5 6~7,0.4~1.2",
            "ends that cross": "5.5~7,0.8~2 3.5,0.3 1.3,4 2.5,9 6,9.8 8.6,5.5 7.3,1.4 3.5~6,-0.8~0",
            "slash": f"{_OVAL} 5,0 / 8.5,0~1 1.5,9~10",
            "slash within": f"{_OVAL} 5,0 / 7,2.5 3,7.5",
            "joined to the next": f"{_OVAL} 5,0 / 5,0 8~11,-0.8~0.8",
            "joined to both": f"{_OVAL} 5,0 / -1~2,-0.5~0.8 5,0 8~11,-0.8~0.8",
        },
        1: {
            "stem": "5,0 5,10",
            "slant": "5~8.5,0 1.5~4,10",
            "slant back": "3.8~5,0 5,10",
            "hook to the right": "4.5~6.5,0 5,9.5 / 5,9.5 5.6~7.8,7.8~10.6",
            "hook to the left": "4.5~6.5,0 5,9.5 / 5,9.5 2.4~4.4,7.8~10.6",
            "curve to the right": "5,0 5,8.6 5.5~7,9.2~10",
            "curve to the left": "5,0 5.2,7 3~4.5,9.2~10",
            "short flag": "3~4.2,0.6~2.6 5,0 / 5,0 5,10",
            "flag": "1~3,2~5 5~6.2,0 / 5~6.2,0 4~5.2,10",
            "long flag, short stem": "0.8~3,4~6 5~6.2,0 / 5~6.2,0 4.2~5.4,7.7~10",
            "round flag": "1~2.5,2.5~5 3.3,2.1 5.3,0.1 5.9,1.6 5.2,5.5 4.3,10",
            "waved flag": "1,1.8 2,3 4.3,1.8 6.3,0 / 6.3,0 4.3,10",
            "flag, hook to the right": "2.3~4,1.2~3.5 5.3,0 / 5.3,0 5,9.5 / 5,9.5 5.6~7.2,7.8~9.2",
            "flag, hook to the left": "2.3~4,1.2~3.5 5.3,0 / 5.3,0 5,9.5 / 5,9.5 2.6~4.4,8~10.4",
            "foot": "5,0 5,10 / 2~4,10 6~8,10",
            "flag and foot": "1~3.5,0.7~4.5 5,0 / 5,0 5,10 / 1.5~3.5,10 6.5~8.5,9.7~10",
        },
        2: {
            "round": "2,2.3 4.5,0 7.3,1.5 6.5,5 1.5,10 / 1.5,10 7~9,10",
            "loop": "2,2.5 4.3,0 7,1.2 6.8,4 4,7.8 2,9~9.8 0.8~1.6,8.2~8.8 2.2~3.4,7.6~8.4 5.5,9.3 "
            "8.7,8.8~10",
            "like a Z": "2,0.5~1 8,0.5 / 8,0.5 2,10 / 2,10 8.5,10",
            "straight top": "2,0 7,0.3 7.5,3 2,10 / 2,10 8.5,9.5",
            "curled top": "3.2,3 2.5,1.5 4.7,0 7.2,1.6 6,5.5 1.5,10 / 1.5,10 9,9.6",
            "waved foot": "2.5,2 5,0 7.3,2 5,6 1.8,9.7 / 1.8,9.7 5,9 8.5,10",
        },
        3: {
            "round": "2,1.3 4.8,0 7.4,2 6,4.4 4,4.8 / 4,4.8 7,5.5 8,7.7 6,9.8 3.5,10 1.5,8~9.3",
            "flat top": "2,0 8,0 / 8,0 4.5,4 / 4.5,4 7.5,5.3 7.7,8.3 4.7,10 1.5,9",
            "loop": "2,1.2 5,0 7.3,1.8 6,4 4,4.9 3.4,4.3 4.6,4.3 7.5,6 7.3,8.8 4.5,10 1.5,8.8",
            "straight end": "2.5,0.5 6,0 7,2 4,4.3 / 4,4.3 7,5.5 7,8 4,10 0.8,10",
            "straight": "2.5,0.3 7.3,1.5 4,4.5 / 4,4.5 7,7 5,9.7 2.3,9.5",
        },
        4: {
            "closed": "5.5~7,0 1,5.5~7.5 / 1,5.5~7.5 9,6~7.2 / 5.5~7,0 6~7,10",
            "stem that ends at its bar": "5~6,0 1,7~8 / 1,7~8 8~9,7~8 / 5.5~6.5,0~3.5 6~7,7.8~9",
            "low stem": "3~5,0 1.3,6 / 1.3,6 8.7,5.5~6.2 / 6,3~4.8 5~6,10",
            "open": "2~4,0~2 2.2,4.5~6.5 / 2.2,4.5~6.5 8.5,4.5~5.8 / 6.5~8,0~2.5 6.3~7.5,10",
            "round and open": "2,0 2,3.6 3.6,5.2 6,5 8,3 / 8.2,0 6.5~7.8,10",
            "in one stroke": "2~4,0 2,4.5~6 / 2,4.5~6 6,5.4 8,4.5 / 8,4.5 8,0~2 / 8,0~2 6.5~8,10",
            "in one stroke, closed": "5.5~7,10 6.3,0.4 / 6.3,0.4 1.2,5.5~7 / 1.2,5.5~7 7.5~9,6.2",
            "round, in one stroke": "3.5,0 2,4.5 3.5,5.8 6.3,4.5 7~8,0.5 / 7~8,0.5 5.5~7,10",
        },
        5: {
            "bar at the stem": "7~8.8,0~0.4 3,0 / 3,0 2.3,4.5 / 2.3,4.5 5,3.9 7.8,6 7,9 4,10 1.3,9",
            "bar that flies away": "3,1 2.6,4.6 / 2.6,4.6 5,3.8 7.8,5.7 7.4,8.7 5,10 1.5,9.2 / "
            "3.2~5.5,-0.9~0.6 7.5~10,-1.8~0",
            "like an S": "7.2~8.5,0.6 4.2,0.2 2.5,2.5 4.6,4.6 7.4,6.4 6.8,9 4,10 1.3,9",
            "square": "7.5,0 2.5,0 / 2.5,0 2.5,4.8 / 2.5,4.8 7,4.6 / 7,4.6 7.5,9.3 / 7.5,9.3 2,10",
            "small belly": "9,0 4,0.4 / 4,0.4 3,4 / 3,4 6.5,5.2 6.8,8 4.5,10 1,9.7",
        },
        6: {
            "round": "7,0 4,2 2.2,6 3,9.3 5.5,10 7.6,8 6,5.8 4,6 2.4,7.6",
            "straight top": "3~7,0 2.6~3.4,5 2.2,8 4,10 7,9 7.2,6~7 5,5.7 2.6,6.4~7.6",
            "open bowl": "4~7.5,0 2.8~3.8,4 2.2,7.5 3.6,9.8 6.3,9.5 7.3,7.5 5.8~6.6,6 4~5.2,6~7",
            "curled top": "7.5,0.7~2 5,0.5 2.5,3 2,7 4.5,10 7.8,8 7,5 4.4,4.8 2.2,6.4",
            "small bowl": "4.5~7.5,0 2.5,7 3,9.5 5.5,9.8 6.3,8.2 5,7.2 2.8,8.4",
        },
        7: {
            "plain": "0.8~2,0~1.8 8,0 / 8,0 3~6.5,10",
            "bar": "1.5,0.5 8,0 / 8,0 3~5.5,10 / 2~3.5,4.5~6 7.5~9,4~5.5",
            "serif": "1.5,1.5~3 1.5,0 / 1.5,0 8,0 / 8,0 3~5.5,10",
            "serif and bar": "1.3,1.3~3 1.5,0.3 / 1.5,0.3 8,0 / 8,0 3.2~5,10 / 2.3~3.5,5 7~8.5,4.9",
            "bent stem": "1,0.5 8,0 / 8,0 5.3,4.8 4.5,10",
            "waved top": "1,1.6 2.5,0.2 5,0.9 8.5,0 / 8.5,0 4.5,10",
            "round": "1,1.5 4,0.2 7,0.4~0.8 6.8,4 5,10",
            "round and bar": "1,1.5 4,0.2 7,0.6 6.8,4 5,10 / 3.3,5.5 8.3,5",
        },
        8: {
            "in one stroke": "5,4.7 2.6,3 3,0.7 5,0 7.3,1 7.2,3.3 5,4.7 2.3,6.5 2.5,9 5,10 7.8,8.8 "
            "7.6,6.4 5,4.7",
            "two circles": "5,0 3,1 3,3.4 5,4.5 7,3.4 7,1 5,0 / "
            "5,4.3~5 2.6,5.8 2.6,8.7 5,10 7.4,8.7 7.4,5.8 5,4.3~5",
            "open at the top": "6.5~7.5,0.6~1.8 5,0 2.6,1.6 3.7,4 6.6,6 7.5,8.4 5,10 2.5,8.4 "
            "3.5,5.8 6.8,2.6 7.4~8.6,0~1",
            "straight": "3,0 7.5,10 / 7.5,10 2.5,10 / 2.5,10 7.5,0 / 7.5,0 3,0",
            "leaning": "7,0.3 3.5,1 3.6,3.5 6.5,6.5 5.5,9.7 3,9.5 3,7 6,4 7.8,1",
        },
        9: {
            "straight": f"{_BOWL} / 7.4,2.3 7,6.5 5~7,10",
            "long stem": f"{_BOWL} / 7.5,0~2 7~7.8,10",
            "round tail": f"{_BOWL} / 7.4,2.3 7.6,6.5 6,9.5 1.8~4,9~9.8",
            "curled tail": f"{_BOWL} / 7.4,2.3 7.6,7.5 5.6,10 3,9.6 2~3,7.4~8.8",
            "hook to the left": f"{_BOWL} / 7.4,1.5 7.2,9.6 / 7.2,9.6 4~6,8.6~9.8",
            "like a g": f"{_BOWL} / 7.4,1 7.3,7.5 5.5,10 3,9.3 4,7.4~8.2 7.5~9,6.4~7.6",
            "S below": f"{_BOWL} / 7.4,2.3 6~7,5.5 4.2~5.2,7.8 5~6.4,10",
            "small bowl": f"{_SMALL_BOWL} / 7,1.5 6.8~8,5.5 6,9.3 1.8~4,9.8",
            "open bowl": "7.3,0.5 4,0.3 2.3,2.7 4.5,4.6 7,2.5 / 7.3,0.5 5~7,10",
        },
    }.items()
    for name, curves in habits.items()
)


def write_habit(habit: Habit, random: np.random.Generator) -> PenDigit:
    """Write a digit this way once, each time a little differently."""

    def choose(low: float, high: float) -> float:
        return random.uniform(low, high) + random.normal(0, JITTER)

    return _write(habit, choose)


def _write(habit: Habit, choose: Callable[[float, float], float]) -> PenDigit:
    places: dict[str, tuple[float, ...]] = {}
    strokes = []
    for curve in habit.curves.split(" / "):
        for point in curve.split():
            if point in places:
                continue
            ranges = [[float(end) for end in side.split("~")] for side in point.split(",")]
            places[point] = tuple(choose(ends[0], ends[-1]) for ends in ranges)
        strokes.append(_trace([places[point] for point in curve.split()]))
    return PenDigit(tuple(strokes), habit.label, writer=0)


def _trace(points: list[tuple[float, ...]]) -> Stroke:
    corners = np.array(points, float)
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    # The square root keeps the curve from overshooting between distant points.
    places = np.concatenate([[0], np.cumsum(np.sqrt(lengths))])
    return CubicSpline(places, corners, bc_type="natural")(np.linspace(0, places[-1], 40))


# Each habit once, in the middle of its range.
GLYPHS = tuple(_write(habit, lambda low, high: (low + high) / 2) for habit in HABITS)
