"""How people write digits: control points of plain digits and of habits, for habits.py.

The shapes owe nothing to those that train. Do not change them: figures of two models compare only
if both have read the same drawings.

A stroke is a row of points x,y; y is 0 at the digit's top and 1 at its foot. "/" after a point
makes it a corner, "|" starts another stroke. low:high stands for a random number between the two,
and for the same one wherever it is written in that digit. Of several shapes, one is drawn.
"""

import math

import numpy as np
from scipy.interpolate import CubicSpline

from digitrec.training.strokes import Stroke

JITTER = 0.013  # standard deviation of a control point, as a share of the digit's height
SHORT_FLAG = "-.18:-.08,.15:.25 0,0 /"
RING = ".36,0 .1,.13 0,.5 .1,.87 .3,1 .5,.87 .6,.5 .5,.13 .29,0"
BOWL = ".48,.12 .25,0 .06,.08 0,.26 .06,.46 .23,.5:.58 .42,.42 .48,.12 /"  # of a 9
BELLY = ".04,.44 / .3,.38 .56,.68 .28,1 0,.9"  # of a 5
TOP_OF_2 = ".02,.22 .27,0 .52,.24 .37,.57"
LEG_OF_7 = ".5:.62,0 / .38,.45 .12:.3,1"
SERIF_OF_7 = "-.04:.02,.1:.2 0,0 /"
BAR_OF_7 = "| .13:.24,.46:.56 .54:.62,.42:.52"
CROSSING_8 = ".27,.46"

PLAIN: tuple[tuple[str, ...], ...] = (  # by digit
    (RING, ".5,.1 " + RING),
    ("0,0 0,1", SHORT_FLAG + "0,1"),
    (TOP_OF_2 + " 0,1 / .5:.65,.98",),
    ("0,.1 .27,0 .5,.2 .15:.28,.46 / .56,.72 .28,1 0,.88",),
    (".08:.25,0 0,.5:.62 / .65,.5:.62 | .5,0:.25 .46,1",),
    (".5,0 .08,.02 / " + BELLY,),
    (".35:.5,.03 .14,.3 0,.7 .25,1 .5,.76 .28,.53 .04,.7",),
    ("0,0 " + LEG_OF_7,),
    (f".46,.1 .25,0 .04,.2 {CROSSING_8} .54,.75 .27,1 0,.75 {CROSSING_8} .5,.22 .47,.13",),
    (BOWL + ".4:.5,1",),
)
HABITS: dict[str, tuple[str, ...]] = {  # each name begins with its digit
    "1 hooked foot": (
        "0,0 0,1 / .08:.15,.9:1.08",
        "0,0 0,1 / -.19:-.1,.9:1.08",
        "0,0 0,.5 0,.85 .04,.98 .09:.15,.9:1",
        "0,0 0,.5 0,.85 -.05,.98 -.19:-.12,.88:1",
        SHORT_FLAG + "0,1 / .08:.15,.9:1.08",
        SHORT_FLAG + "0,1 / -.19:-.1,.9:1.08",
    ),
    "1 long flag": ("-.33:-.18,.36:.5 0,0 / 0,1",),
    "1 slanted": ("0,0 -.38:-.12,1",),
    "1 foot line": (
        SHORT_FLAG + "0,1 | -.3:-.15,1 .15:.3,1",
        "-.25:-.1,.25:.3 0,0 / 0,1 | -.3:-.15,1 .15:.3,1",
        "0,0 0,1 | -.3:-.15,1 .15:.3,1",
    ),
    "9 like g": (BOWL + ".5,.62 .43,.9 .22,1 -.05:.1,.82:.92",),
    "9 hook": (
        BOWL + ".49,.6 .48,1 / .2:.34,.92:1",
        BOWL + ".49,.6 .48,.85 .4,1 .2:.3,.92:1",
    ),
    "9 S below": (BOWL + ".49,.48 .44:.47,.67 .49,.83 .39,1 .12:.25,.98",),
    "9 like p": (
        ".5,.28 .43,.08 .25,0 .06,.08 0,.28 .06,.47 .25,.5:.58 .43,.46 .5,.28 | .5,-.05:.12 .5,1",
    ),
    "4 low stem": (
        ".08:.25,0 0,.45:.57 / .65,.45:.57 | .4:.52,.36:.43 .45,1",
        ".08:.25,0 0,.45:.57 / .65,.45:.57 | .4:.5,.45:.57 .44,1",
    ),
    "4 short foot": (".05:.25,0 0,.7:.78 / .65,.7:.78 | .47,.05:.35 .46,.92:1",),
    "4 closed": (".38:.48,0 0,.55:.68 / .65,.55:.68 | .38:.48,0 .42,1",),
    "4 one stroke": (".1:.28,0 0,.54:.62 / .4,.54:.62 .62,.44 .55,.15:.3 .45,.45 .38,1",),
    "6 open": (".25:.45,0 .1:.18,.4 .03,.8 .17,1 .36:.5,.8 .22,.5:.62 .05:.14,.66:.74",),
    "5 flown bar": (f".08,.06 {BELLY} | .18:.3,-.1:.02 .6:.75,-.14:.02",),
    "0 slashed": (RING + " | -.08:.14,.78:1.05 .46:.68,-.05:.22",),
    "0 crossed": (
        ".1:.2,-.14:-.02 .45,.08 .58,.3 .6,.55 .5,.87 .3,1"
        " .1,.87 0,.55 .02,.3 .15,.08 .4:.5,-.14:-.02",
    ),
    "8 circles": (
        ".27,0 .08,.07 0,.24 .08,.41 .25,.48 .42,.41 .5,.24 .42,.07 .24,0"
        " | .28,.45:.5 .06,.54 -.02,.74 .06,.93 .25,1 .45,.93 .52,.74 .45,.54 .23,.45:.5",
    ),
    "8 open": (
        f".31:.37,.01 .48,.19 {CROSSING_8} 0,.75 .26,1 .54,.75 {CROSSING_8} .04,.2 .13:.19,.02",
    ),
    "2 loop": (
        TOP_OF_2 + " .14,.9 .03,1 -.07,.92 .04,.83 .24,.91 .45,1 .58:.7,.94",
        TOP_OF_2 + " .17,.86 .04,.99 -.1,.9 .03,.78 .26,.9 .47,1 .6:.7,.96",
    ),
    "7 bar": ("0,0 " + LEG_OF_7 + BAR_OF_7,),
    "7 serif": (SERIF_OF_7 + LEG_OF_7,),
    "7 bar, serif": (SERIF_OF_7 + LEG_OF_7 + BAR_OF_7,),
    **{f"{digit} plain": shapes for digit, shapes in enumerate(PLAIN)},
}


def write(
    shapes: tuple[str, ...], lean: float, height: float, random: np.random.Generator
) -> list[Stroke]:
    """Write a digit that stands on the line y = 1.

    Arguments:
        lean: to the right, as a share of the height.
    """
    shape = shapes[random.integers(len(shapes))]
    numbers: dict[str, float] = {}
    moves: dict[tuple[str, str], np.ndarray] = {}  # a point has one place in all strokes

    def number(text: str) -> float:
        low, _, high = text.partition(":")
        return numbers.setdefault(text, random.uniform(float(low), float(high or low)))

    def place(point: str) -> np.ndarray:
        x, y = point.split(",")
        return moves.setdefault((x, y), random.normal((number(x), number(y)), JITTER))

    turn, stretch = math.radians(random.uniform(-4, 4)), random.uniform(0.85, 1.2)
    turned = [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
    matrix = height * np.array([[stretch, 0], [-lean, 1]]) @ turned
    strokes = []
    for stroke in shape.split("|"):
        parts = [[place(point) for point in part.split()] for part in stroke.split("/")]
        parts[1:] = [[before[-1], *part] for before, part in zip(parts, parts[1:], strict=False)]
        smooth = np.concatenate([_smooth(np.array(part)) for part in parts])
        strokes.append((smooth - (0, 1)) @ matrix + (0, 1))
    return strokes


def _smooth(points: Stroke) -> Stroke:
    """Join points by a spline. The square root of their distances keeps it from overshooting."""
    times = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) ** 0.5)]
    curve = CubicSpline(times, points, bc_type="natural")
    return curve(np.linspace(0, times[-1], 12 * len(points)))
