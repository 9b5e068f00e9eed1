"""A drawing as a piece of a link, and back: nothing is kept on the server."""

import base64
import io

import numpy as np
from PIL import Image

from digitrec.errors import BadImageError
from digitrec.picture import read_picture

SIDE = 128  # pixels a side of the drawing in a link
LONGEST = 2000  # characters; browsers and chat programs all take a link of 2 KB


def encode_drawing(drawing: Image.Image) -> str:
    """Make a text for a link, of letters, digits, "-" and "_": a PNG of 4 grey levels.

    Arguments:
        drawing: a square one, dark on light.

    Returns: at most LONGEST characters; "" where a drawing of very many details needs more.
    """
    pixels = read_picture(drawing)
    assert pixels is not None  # only a Sketchpad can hold nothing
    small = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    levels = np.rint(np.asarray(small) / 85).astype(np.uint8)
    picture = Image.fromarray(levels, "P")
    picture.putpalette([level for grey in (0, 85, 170, 255) for level in [grey] * 3])
    content = io.BytesIO()
    picture.save(content, "PNG", bits=2, optimize=True)
    code = base64.urlsafe_b64encode(content.getvalue()).decode().rstrip("=")
    return code if len(code) <= LONGEST else ""


def decode_drawing(code: str) -> Image.Image:
    """Undo `encode_drawing`; the text may come from anyone.

    Returns: SIDE x SIDE pixels, greys.
    Raises: BadImageError.
    """
    try:
        if len(code) > LONGEST:
            raise ValueError(f"{len(code)} characters")
        content = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.size != (SIDE, SIDE):
                raise ValueError(f"{picture.width}x{picture.height} pixels")
            return picture.convert("L")
    except Exception as error:  # Pillow raises errors of many kinds, for what anyone may send
        raise BadImageError(
            f"The link should hold a drawing, but holds none that can be read ({error}); ask for "
            "the link again, or draw afresh."
        ) from error
