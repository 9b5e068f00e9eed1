"""What NumPy, Pillow and SciPy give, for the tests of the browser's own versions of them.

python tests/javascript/expected.py > tests/javascript/expected.json
"""

import base64
import json
from collections.abc import Iterable

import numpy as np
from PIL import Image
from scipy import ndimage

# Rows and columns before and after: larger, smaller, much smaller with a rest (so that Pillow
# averages blocks first), by one side only, a single row, and unchanged.
SIZES = (
    *[((7, 5), (20, 13)), ((37, 23), (20, 12)), ((67, 50), (10, 7)), ((24, 80), (5, 40))],
    *[((30, 30), (30, 11)), ((1, 50), (1, 20)), ((45, 1), (4, 1)), ((12, 9), (12, 9))],
)
SHARES = (0.05, 0.3, 0.6, 0.9)  # of a picture's pixels that are set


def main() -> None:
    random = np.random.default_rng(0)
    expected = {"numpy": numpy_values(random), "pillow": list(resized_pictures(random))}
    print(json.dumps(expected | {"ndimage": list(filtered_pictures(random))}))


def numpy_values(random: np.random.Generator) -> dict:
    halves = [*np.arange(-3.5, 4), 127.5, 0.49999999999999994, 3.2, -3.7, 254.50000000000003]
    picture = random.integers(0, 256, (6, 9), np.uint8)
    numbers = random.normal(size=9)
    return {
        "rint": [[value, float(np.rint(value))] for value in halves],
        "median": [[part.tolist(), float(np.median(part))] for part in (numbers, numbers[:8])],
        "argmax": [[row, int(np.argmax(row))] for row in ([3, 7, 7, 1], [-2, -5], [4])],
        "crop": {"of": packed(picture), "box": [1, 5, 2, 8], "is": packed(picture[1:5, 2:8])},
        "pad": {"of": packed(picture), "by": 2, "is": packed(np.pad(picture, 2))},
    }


def resized_pictures(random: np.random.Generator) -> Iterable[dict]:
    for before, (height, width) in SIZES:
        # Mostly black and white, as ink is: sharp edges show each rounding.
        picture = random.choice(np.array([0, 0, 255, 255, 90], np.uint8), before)
        image = Image.fromarray(picture)
        resized = image.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)
        yield {"of": packed(picture), "is": packed(np.asarray(resized))}


def filtered_pictures(random: np.random.Generator) -> Iterable[dict]:
    for share in SHARES:
        picture = (random.random((17, 26)) < share).astype(np.uint8)
        squares = ndimage.distance_transform_edt(picture) ** 2
        labels, count = ndimage.label(picture, np.ones((3, 3)))
        heights = random.integers(0, 256, picture.shape, np.uint8)
        row = heights[0]
        lowest = {reach: ndimage.minimum_filter1d(row, 2 * reach + 1) for reach in (0, 1, 4)}
        yield {
            "of": packed(picture),
            "squares": np.rint(squares).astype(int).ravel().tolist(),  # whole numbers are exact
            "labels": packed(labels.astype(np.uint8)),
            "count": count,
            "heights": packed(heights),
            "highest": packed(ndimage.maximum_filter(heights, 3)),
            "row": row.tolist(),
            "lowest": [[reach, values.tolist()] for reach, values in lowest.items()],
        }


def packed(picture: np.ndarray) -> dict:
    """Write pixels of 8 bits in few characters."""
    height, width = picture.shape
    pixels = base64.b64encode(picture.tobytes()).decode()
    return {"height": height, "width": width, "data": pixels}


if __name__ == "__main__":
    main()
