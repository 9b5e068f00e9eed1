"""The program in a model card that reads the weights with NumPy, without digitrec."""

BEGIN = '''
import json

import numpy as np
from safetensors.numpy import load_file

config = json.load(open("config.json"))
weights = load_file("model.safetensors")


def read_digits(images):
    """Give the probabilities of each class, and a score that is higher for what is like a digit.

    images: (N, 28, 28) uint8, bright ink on black.
    """
    x = images[..., None] / np.float32(255)
'''
CROP = """
    x = x[:, {border}:-{border}, {border}:-{border}]
"""
KEEP = """
    pools = []
"""
LAYERS = """
    for block, sizes in enumerate(config["model"]["kernel_sizes"]):
        for layer, size in enumerate(sizes):
            kernel = weights[f"blocks.{block}.convolutions.{layer}.kernel"]
            if size % 2:  # such a convolution keeps the size
                x = np.pad(x, [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)])
            windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
            x = np.einsum("nyxcij,ijcf->nyxf", windows, kernel, optimize=True)
            norm = f"blocks.{block}.normalizations.{layer}"
            x = (x - weights[norm + ".mean"]) / np.sqrt(weights[norm + ".var"] + 1e-5)
            x = np.maximum(x * weights[norm + ".scale"] + weights[norm + ".bias"], 0)
"""
POOL = """
        n, height, width, channels = x.shape
        x = x[:, : height // 2 * 2, : width // 2 * 2]
        x = x.reshape(n, height // 2, 2, width // 2, 2, channels).{function}((2, 4))
"""
POOL_ALL_BUT_LAST = """
        n, height, width, channels = x.shape
        if block < len(config["model"]["kernel_sizes"]) - 1:
            x = x[:, : height // 2 * 2, : width // 2 * 2]
            x = x.reshape(n, height // 2, 2, width // 2, 2, channels).{function}((2, 4))
        pools += [x.max((1, 2)), x.mean((1, 2))]
"""
HIDDEN = """
    x = np.maximum(x.reshape(len(x), -1) @ weights["hidden.kernel"] + weights["hidden.bias"], 0)
    logits = x @ weights["logits.kernel"] + weights["logits.bias"]
"""
POOLS = """
    logits = np.concatenate(pools[-4:], axis=1) @ weights["logits.kernel"]
"""
END = """
    calibrated = logits / config["temperature"]
    probabilities = np.exp(calibrated - np.logaddexp.reduce(calibrated, 1, keepdims=True))
    return probabilities, np.logaddexp.reduce(logits, 1)


probabilities, scores = read_digits(np.load("images.npy"))
print(probabilities.argmax(1), scores > config["digit_threshold"])
"""


def numpy_example(model: dict) -> str:
    """Write the program.

    Arguments:
        model: the part of `config.json` of that name.
    """
    border = model.get("border")
    crop = CROP.format(border=border) if border else ""
    function = {"average": "mean", "maximum": "max"}[model.get("pooling", "maximum")]
    if model["head_features"]:
        parts = (BEGIN, crop, LAYERS, POOL.format(function=function), HIDDEN, END)
    else:
        pool = POOL_ALL_BUT_LAST.format(function=function)
        parts = (BEGIN, crop, KEEP, LAYERS, pool, POOLS, END)
    return "".join(part.removeprefix("\n") for part in parts)
