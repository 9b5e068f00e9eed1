"""The network as an ONNX model, which runs without digitrec: `digitrec export`."""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from flax import nnx

from digitrec import __version__
from digitrec.errors import DigitrecError, ExportError, needs_extra
from digitrec.network.model import IMAGE_SIZE, Block, Network
from digitrec.network.normalization import EPSILON
from digitrec.network.origin import find_licence
from digitrec.network.pretrained import write_atomically
from digitrec.options import add_model_options
from digitrec.recognizer import DigitRecognizer

with needs_extra("onnx"):
    from onnx import ModelProto, TensorProto, helper, numpy_helper

# ONNX Runtime has read these since version 1.12, of 2022.
OPSET, IR_VERSION = 17, 8
IMAGES = (
    f"{IMAGE_SIZE}x{IMAGE_SIZE} pixels from 0 to 255: bright ink on black, scaled to fit 20x20, "
    "its centre of mass in the middle, as MNIST's digits are."
)
PROBABILITIES = "Calibrated probability of each class, in the order of the metadata's `classes`."
DIGIT_SCORE = (
    "Higher is more like a digit. An image shows one if this is above the metadata's "
    "`digit_threshold`."
)


def main(arguments: list[str] | None = None) -> int:
    """Run `digitrec export`; return its exit status, 2 if nothing was written."""
    parser = argparse.ArgumentParser(
        prog="digitrec export",
        description="Write the network, with its calibration, as an ONNX model.",
        epilog="Example: digitrec export --onnx digits.onnx",
    )
    parser.add_argument(
        "--onnx",
        required=True,
        metavar="FILE",
        type=os.path.expanduser,
        help="the file to write; one that exists is replaced",
    )
    add_model_options(parser)
    options = parser.parse_args(arguments)
    try:
        recognizer = DigitRecognizer.from_pretrained(options.model, revision=options.revision)
        write_onnx(recognizer, options.onnx)
    except DigitrecError as error:
        print(f"digitrec: {error}", file=sys.stderr)
        return 2
    print(options.onnx)
    return 0


def write_onnx(recognizer: DigitRecognizer, file: str | os.PathLike[str]) -> None:
    """Write what `to_onnx` gives to a file, replacing one that exists.

    Raises: ExportError.
    """
    content = to_onnx(recognizer).SerializeToString()
    try:
        write_atomically(Path(file), content)
    except OSError as error:
        raise ExportError(
            f"{file} cannot be written ({error.strerror}). Name a file in a folder that exists and "
            "that you may write to."
        ) from error


def to_onnx(recognizer: DigitRecognizer) -> "ModelProto":
    """Give a recogniser's network, with its calibration, as an ONNX model.

    Its input `images` is (count, 28, 28) uint8, bright ink on black: what `Prediction.image` is.
    Its outputs are `probabilities`, (count, 10) float32, and `digit_score`, (count,) float32, as a
    `Prediction` has them. How many images there are is free. How pictures become such images, and
    how numbers are divided into digits, is not part of it.
    """
    config = recognizer.config
    network = nnx.merge(recognizer._graphdef, recognizer._state)
    graph = _Graph()
    logits = _add_network(graph, network)
    graph.add("ReduceLogSumExp", logits, output="digit_score", axes=[1], keepdims=0)
    temperature = graph.constant("temperature", np.float32(config["temperature"]))
    calibrated = graph.add("Div", logits, temperature)
    graph.add("Softmax", calibrated, output="probabilities", axis=1)

    def describe(name, kind, shape, meaning):
        return helper.make_tensor_value_info(name, kind, ["count", *shape], meaning)

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "digitrec",
            [describe("images", TensorProto.UINT8, [IMAGE_SIZE, IMAGE_SIZE], IMAGES)],
            [
                describe(
                    "probabilities", TensorProto.FLOAT, [len(recognizer.classes)], PROBABILITIES
                ),
                describe("digit_score", TensorProto.FLOAT, [], DIGIT_SCORE),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="digitrec",
        producer_version=__version__,
        doc_string="Reads one handwritten digit.\n\n"
        f"images: {IMAGES}\nprobabilities: {PROBABILITIES}\ndigit_score: {DIGIT_SCORE}\n",
    )
    metadata = {
        "classes": json.dumps(recognizer.classes),
        "digit_threshold": str(config["digit_threshold"]),
        "license": find_licence(config["training"]) or "",
        "version": __version__,
        "weights_sha256": config["weights_sha256"],
    }
    helper.set_model_props(model, {name: value for name, value in metadata.items() if value})
    return model


class _Graph:
    """The nodes and constants of an ONNX graph, as they are added."""

    def __init__(self):
        self.nodes = []
        self.constants = []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes) -> str:
        """Add a node; return the name of its output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, values) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _add_network(graph: _Graph, network: Network) -> str:
    """Add what `Network.__call__` computes, with channels first; return the name of the logits."""
    images = graph.add("Unsqueeze", "images", graph.constant("channel", np.array([1])))
    if network.border:
        inside = {"starts": network.border, "ends": IMAGE_SIZE - network.border}
        limits = [graph.constant(name, np.array([limit] * 2)) for name, limit in inside.items()]
        images = graph.add("Slice", images, *limits, graph.constant("axes", np.array([2, 3])))
    pixels = graph.add("Cast", images, to=TensorProto.FLOAT)
    outputs = [graph.add("Div", pixels, graph.constant("brightest", np.float32(255)))]
    for index, block in enumerate(network.blocks):
        outputs.append(_add_block(graph, f"blocks.{index}", block, outputs[-1]))
    if network.hidden is None:
        pools = [
            graph.add(kind, images)
            for images in outputs[-2:]
            for kind in ("GlobalMaxPool", "GlobalAveragePool")
        ]
        features = graph.add("Flatten", graph.add("Concat", *pools, axis=1))
    else:
        kernel = np.asarray(network.hidden.kernel[...])
        channels = network.blocks[-1].normalizations[-1].scale.shape[0]
        side = round((len(kernel) / channels) ** 0.5)
        # Its rows are for channels last.
        kernel = kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3)
        kernel = kernel.reshape(-1, kernel.shape[-1])
        hidden = _add_linear(
            graph, "hidden", kernel, network.hidden.bias, graph.add("Flatten", outputs[-1])
        )
        features = graph.add("Relu", hidden)
    return _add_linear(graph, "logits", network.logits.kernel, network.logits.bias, features)


def _add_block(graph: _Graph, name: str, block: Block, images: str) -> str:
    layers = zip(block.convolutions, block.normalizations, strict=True)
    for index, (convolution, normalization) in enumerate(layers):
        # Batch normalisation is linear: it becomes part of the convolution.
        factor = normalization.scale[...] / np.sqrt(normalization.var[...] + EPSILON)
        kernel = np.asarray(convolution.kernel[...] * factor)
        bias = normalization.bias[...] - normalization.mean[...] * factor
        border = len(kernel) // 2 if len(kernel) % 2 else 0
        images = graph.add(
            "Conv",
            images,
            graph.constant(f"{name}.convolutions.{index}.kernel", kernel.transpose(3, 2, 0, 1)),
            graph.constant(f"{name}.convolutions.{index}.bias", bias),
            pads=[border] * 4,
        )
        images = graph.add("Relu", images)
    if block.pooling == "none":
        return images
    pool = {"maximum": "MaxPool", "average": "AveragePool"}[block.pooling]
    return graph.add(pool, images, kernel_shape=[2, 2], strides=[2, 2])


def _add_linear(graph: _Graph, name: str, kernel, bias, features: str) -> str:
    constants = [graph.constant(f"{name}.kernel", kernel)]
    if bias is not None:
        constants.append(graph.constant(f"{name}.bias", bias))
    return graph.add("Gemm", features, *constants)
