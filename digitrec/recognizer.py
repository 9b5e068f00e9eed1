"""The one class that the app and people's own code use."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float32, UInt8
from PIL import Image

from digitrec.errors import (
    BadCheckpointError,
    BadImageError,
    BadLabelsError,
    DigitrecError,
    HubError,
    NotDigitsError,
    needs_extra,
)
from digitrec.many.processes import Job, read_chunks
from digitrec.many.sources import find_pictures, make_chunks
from digitrec.network import backend, finder, pretrained
from digitrec.network.compilation import compiler_options
from digitrec.network.model import DIGITS, IMAGE_SIZE, Network
from digitrec.network.teaching import fit_last_layer
from digitrec.prediction import Number, Prediction, join_rows
from digitrec.reading.drawing import Begun, begin, finish
from digitrec.reading.file import PictureFile
from digitrec.reading.ink import Ink, find_ink
from digitrec.reading.number import MOST_DIGITS, Geometry, Line, log_sum_exp, read_lines, read_one
from digitrec.reading.picture import ImageLike, Picture, read_picture
from digitrec.reading.segmentation import find_components

BATCH_SIZES = (1, 8, 64)  # that the network is compiled for: the first at once, the rest later
WIDE = 1.5  # times as wide as high: such ink is meant as several digits
TURNED = 0.9  # probability from which a photo that lies on its side is read as if it stood
LYING = 0.5  # share of digits in a photo that stands on its side, at most, as far as it is read
EXPLANATION_STEPS = 16  # between a black image and the one that is explained


class DigitRecognizer:
    """Reads digits in drawings and photos.

    Make one with `from_pretrained` and keep it: this compiles the network for one image. Larger
    batches compile in the background on first use; until then images are read one at a time.

    A recogniser may be used by several threads. It can be pickled and copied, by its folder, but
    not used in a process that was forked after it was made.
    """

    def __init__(
        self,
        network: Network,
        config: dict[str, Any],
        metrics: dict[str, Any],
        folder: Path | None = None,
        batch_sizes: tuple[int, ...] = BATCH_SIZES,
    ):
        """Take over what `pretrained.load_model` returns, and the folder that it read.

        Arguments:
            batch_sizes: what the network is compiled for, the smallest first. With one alone, how
                images are grouped changes no bit of their answers.
        """
        backend.start()
        self.config = config
        self.metrics = metrics
        self.folder = folder
        self._temperature = config["temperature"]
        self._digit_threshold = config["digit_threshold"]
        self._number_threshold = config["number_threshold"]
        self._geometry = Geometry(**config["geometry"])
        self.classes = tuple(config["classes"])
        self._empty = Prediction(
            probabilities=np.full(len(self.classes), 1 / len(self.classes), np.float32),
            is_digit=False,
            digit_score=-np.inf,
            image=np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8),
            classes=self.classes,
        )
        self._graphdef, self._state = nnx.split(network)
        self._batch_sizes = batch_sizes
        self._compiled = {batch_sizes[0]: self._compile(batch_sizes[0])}
        self._compiling = threading.Lock()

    @classmethod
    def from_pretrained(
        cls, model: str | os.PathLike[str] | None = None, *, revision: str | None = None
    ) -> "DigitRecognizer":
        """Load a published model.

        Arguments:
            model: a folder, or a Hub repository "user/name" (default: the model that came with
                digitrec).
            revision: a branch, tag or commit on the Hub (default: its main branch).

        Raises: BadCheckpointError; HubError when it cannot be downloaded; BackendError where JAX
            cannot compute.
        """
        backend.start()
        folder = pretrained.bundled_folder() if model is None else Path(model)
        if folder.exists() and revision is not None:
            raise BadCheckpointError(
                f"{folder} is a folder, which has no revisions. Leave revision out, or name a "
                "repository USER/NAME on the Hugging Face Hub."
            )
        if not folder.exists():
            from digitrec.hub.files import is_repository_id

            if is_repository_id(str(model)):
                with needs_extra("hub"):
                    from digitrec.hub import client  # half a second, which a folder does not need
                try:
                    folder = client.download_model(str(model), revision)
                except HubError as error:
                    if folder.parent.is_dir():  # it may be a mistyped folder, such as runs/4
                        raise type(error)(f"There is no folder {model} here. {error}") from error
                    raise
        return cls(*pretrained.load_model(folder), folder=folder)

    def __repr__(self) -> str:
        folder = f", folder {str(self.folder)!r}" if self.folder else ""
        return f"DigitRecognizer(revision {self.revision!r}{folder})"

    def __reduce__(self):
        if self.folder is not None:
            return DigitRecognizer.from_pretrained, (str(self.folder),)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return _from_files, ({path.name: path.read_bytes() for path in Path(folder).iterdir()},)

    @property
    def reads_numbers(self) -> bool:
        """Whether its classes are the digits 0 to 9; other models read only one sign a picture."""
        return self.classes == DIGITS

    @property
    def revision(self) -> str:
        """The start of the SHA-256 of the weights."""
        return self.config["weights_sha256"][:12]

    def predict(self, image: ImageLike) -> Prediction:
        """Read one digit.

        Arguments:
            image: of any size, dark on light or light on dark:
                - a path to a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM file, such a file's content as
                  `bytes`, or the file open for reading in binary mode;
                - a `PIL.Image` of any mode;
                - an array of NumPy, JAX, PyTorch or another library that converts to NumPy: (H, W),
                  (H, W, C) or (C, H, W) with 1 to 4 channels, of booleans, integers or floats;
                - the dictionary that a Gradio Sketchpad passes to its function.

        Raises: BadImageError; BackendError in a forked process.
        """
        return self.predict_batch([image])[0]

    def predict_batch(self, images: Iterable[ImageLike]) -> list[Prediction]:
        """Read many digits, in the same order.

        Raises: BadImageError, which says which image when there are several.
        """
        return self._predict_begun(_each(begin, _several(images)))

    def predict_each(self, images: Iterable[ImageLike]) -> list[Prediction | BadImageError]:
        """Read many digits as `predict_batch` does; a bad image gives its error in its place."""
        begun = [_try(begin, image) for image in _several(images)]
        good = [image for image in begun if not isinstance(image, BadImageError)]
        predicted = iter(self._predict_begun(good))
        return [i if isinstance(i, BadImageError) else next(predicted) for i in begun]

    def predict_files(
        self, paths: Iterable[str | os.PathLike[str]], *, processes: int | None = None
    ) -> Iterator[tuple[str, Prediction | DigitrecError]]:
        """Read the digit in each of many pictures, in processes of their own.

        No picture ends this: for a bad one, its error is given. The processes take some seconds to
        start, and end when the iterator is closed.

        Arguments:
            paths: of files, folders, zip and tar archives, or patterns such as "scans/**/*.png".
            processes: how many (default: one for each core that this program may use).

        Returns: the path of each picture, within an archive "scans.zip/7.png", and its answer.
        """
        with self.in_folder() as folder:
            job = Job(folder)
            for chunk, answers in read_chunks(job, make_chunks(find_pictures(paths)), processes):
                yield from zip(chunk.paths, answers, strict=True)

    def read_number(self, image: ImageLike) -> Number:
        """Read one row of one to twelve digits; an image is what `predict` takes.

        The network sees a single digit as it does for `predict`. Of several rows, `read_lines`
        gives the numbers; here, they are not a number, and `Number.rows` says how many they are.

        Raises: BadImageError.
        """
        return self.read_numbers([image])[0]

    def read_numbers(self, images: Iterable[ImageLike]) -> list[Number]:
        """Read many numbers, in the same order.

        Raises: BadImageError, which says which image when there are several.
        """
        return _each(self._read_number, _several(images))

    def read_numbers_each(self, images: Iterable[ImageLike]) -> list[Number | BadImageError]:
        """Read many numbers; a bad image gives its error in its place."""
        return [_try(self._read_number, image) for image in _several(images)]

    def read_lines(self, image: ImageLike) -> list[Number]:
        """Read each row of digits, from top to bottom, as `read_number` reads one.

        Returns: `[]` for an empty canvas.
        Raises: BadImageError; NotDigitsError.
        """
        self.require_digits()
        return self.read_for_page(image)

    def require_digits(self) -> None:
        """Raise NotDigitsError unless the model's classes are the digits 0 to 9."""
        if not self.reads_numbers:
            raise NotDigitsError(
                f"This model tells {len(self.classes)} classes apart, {self.classes[0]} to "
                f"{self.classes[-1]}, and reads one in each picture, not numbers. Call predict, or "
                "leave --numbers and --lines out."
            )

    def read_for_page(self, image: ImageLike) -> list[Number]:
        """Read each row of digits; of a model with other classes, all ink as one of them.

        Raises: BadImageError.
        """
        picture = read_picture(image)
        if picture is None:
            return []
        ink = find_ink(picture)
        lines = self._read_ink(ink, picture)
        digits = [digit.is_digit for line in lines for digit in line.digits]
        if not (lines and ink.may_lie) or sum(digits) > LYING * len(digits):
            return lines
        pieces = len(find_components(ink).tall)
        found = []
        for rotated in (90, 270):
            turned = self._read_ink(ink.turn(clockwise=rotated == 90), picture)
            count = sum(len(line.digits) for line in turned)
            is_plain = all(line.is_number and line.probability > TURNED for line in turned)
            if is_plain and count >= pieces and (count > 1 or ink.may_lie_digit()):
                found.append([replace(line, rotated=rotated) for line in turned])
        return max(found, key=_least_probability, default=lines)

    def compile_rest(self) -> None:
        """Compile what no call has needed yet: for many images, for photos, and for `explain`.

        No call needs it; a server that is up does it in a thread, to spare its visitors the second.
        """
        self._compile_sizes()
        finder.compile_shapes()
        _ = self._contributions

    def explain(self, prediction: Prediction) -> Float32[np.ndarray, "28 28"]:
        """Say how much each pixel of `prediction.image` spoke for the best answer.

        Returns: nats, positive for the answer and negative against it; 0 where there is no ink.
            They add up to how much the image raises the logit of the answer above the
            logarithm of the sum of the exponentials of the other nine.
        Source: integrated gradients; Sundararajan, Taly and Yan, Axiomatic Attribution for Deep
            Networks, ICML 2017, section 3.
        """
        backend.refuse_fork()
        pixels = prediction.image[..., None].astype(np.float32)
        digit = np.int32(prediction.probabilities.argmax())
        with backend.own_rules():
            return np.asarray(self._contributions(pixels, digit))

    def teach(self, images: Iterable[ImageLike], labels: Iterable[int | str]) -> "DigitRecognizer":
        """Give a recogniser for one hand: this one, after it was shown how someone writes.

        A few images of each digit that is misread are enough. Only the last layer of the network
        changes, and little of what else it reads: see `network.teaching`. The new recogniser can
        be saved, pickled, and taught again.

        Arguments:
            images: of one digit each, what `predict` takes; one at least.
            labels: what each shows: 7 or "7", or the name of another class that the model has.

        Raises: BadImageError, also for an image that shows nothing; BadLabelsError.
        """
        images = list(_several(images))
        predictions = self.predict_batch(images)
        for index, (image, prediction) in enumerate(zip(images, predictions, strict=True)):
            if prediction.digit_score == -np.inf:
                name = image if isinstance(image, str | os.PathLike) else f"images[{index}]"
                raise BadImageError(f"{name} shows nothing. Leave it out.")
        names = [str(label) for label in labels]
        if not names or len(names) != len(predictions):
            raise BadLabelsError(
                f"There are {len(predictions)} images and {len(names)} labels. Pass one label for "
                "each image, and one image at least."
            )
        if unknown := set(names) - set(self.classes):
            raise BadLabelsError(
                f"The label {min(unknown)!r} is none of {', '.join(self.classes)}. Use these."
            )
        network = nnx.merge(self._graphdef, self._state)
        pixels = np.stack([prediction.image for prediction in predictions])[..., None]
        with backend.own_rules():
            features = np.asarray(jax.jit(network.compute_features)(pixels))
            layer = network.logits
            bias = (
                np.zeros(len(self.classes)) if layer.bias is None else np.asarray(layer.bias[...])
            )
            places = np.array([self.classes.index(name) for name in names])
            kernel = fit_last_layer(features, places, np.asarray(layer.kernel[...]), bias)
            layer.kernel = nnx.Param(jnp.asarray(kernel))
        taught = self.config["training"].get("taught", 0) + len(names)
        config = {
            **self.config,
            "training": {**self.config["training"], "taught": taught},
            "weights_sha256": pretrained.hash_weights(nnx.state(network)),
        }
        return DigitRecognizer(network, config, {}, batch_sizes=self._batch_sizes)

    @contextmanager
    def in_folder(self) -> Iterator[str]:
        """Give a folder from which other processes can load the model, for as long as it lasts."""
        if self.folder is not None:
            yield str(self.folder)
            return
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            yield folder

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as a folder that `from_pretrained` reads."""
        pretrained.save_model(folder, self._state, self.config, self.metrics)

    def push_to_hub(self, repository: str, *, private: bool | None = None) -> str:
        """Publish the model as "user/name" on the Hub, in one commit.

        Returns: the commit's address.
        Raises: HubError.
        """
        with needs_extra("hub"):
            from digitrec.hub import client
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return client.push_model(folder, repository, private=private)

    def _network(self, pixels):
        # The weights are constants of the program, not arguments: that saves a third of its time.
        return nnx.merge(self._graphdef, self._state)(pixels)

    def _compile(self, size: int) -> Callable:
        pixels = jax.ShapeDtypeStruct((size, IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
        options = compiler_options(threads=size > 1)
        with backend.own_rules():
            return jax.jit(self._network).lower(pixels).compile(compiler_options=options)

    def _compile_sizes(self) -> None:
        with self._compiling:
            for size in self._batch_sizes[len(self._compiled) :]:
                self._compiled = {**self._compiled, size: self._compile(size)}

    @cached_property
    def _contributions(self) -> Callable:
        def contributions(pixels, digit):
            def margins(pixels):
                logits = self._network(pixels)
                others = jnp.where(jnp.arange(len(self.classes)) == digit, -jnp.inf, logits)
                return (logits[:, digit] - jax.nn.logsumexp(others, axis=1)).sum()

            shares = (jnp.arange(EXPLANATION_STEPS) + 0.5) / EXPLANATION_STEPS
            gradients = jax.grad(margins)(pixels * shares[:, None, None, None])
            return (pixels * gradients.mean(0))[..., 0]

        pixels = jax.ShapeDtypeStruct((IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
        digit = jax.ShapeDtypeStruct((), np.int32)
        with backend.own_rules():
            return jax.jit(contributions).lower(pixels, digit).compile()

    def _compute_logits(
        self, pixels: UInt8[np.ndarray, "count 28 28"]
    ) -> Float32[np.ndarray, "count classes"]:
        backend.refuse_fork()
        missing = len(self._compiled) < len(self._batch_sizes)
        if missing and len(pixels) > self._batch_sizes[0] and not self._compiling.locked():
            threading.Thread(target=self._compile_sizes).start()
        logits = np.empty((len(pixels), len(self.classes)), np.float32)
        start = 0
        while start < len(pixels):
            compiled, left = self._compiled, len(pixels) - start
            # Filling up a size of which more than half is used is faster than several smaller.
            size = min(
                (size for size in compiled if left <= size < 2 * left),
                default=max(size for size in compiled if size <= max(left, min(compiled))),
            )
            chunk = pixels[start : start + size, ..., None]
            filled = np.zeros((size, *chunk.shape[1:]), np.uint8)
            filled[: len(chunk)] = chunk
            with backend.own_rules():
                computed = compiled[size](filled)
            logits[start : start + size] = np.asarray(computed)[: len(chunk)]
            start += size
        return logits

    def _judge(
        self,
        images: UInt8[np.ndarray, "count 28 28"],
        logits: Float32[np.ndarray, "count classes"],
        threshold: float,
    ) -> list[Prediction]:
        # Trained against an eleventh logit that is always 0, of images that show no digit: the
        # logarithm of how much likelier any digit is than none.
        scores = log_sum_exp(logits)[:, 0].tolist()
        calibrated = logits / np.float32(self._temperature)
        probabilities = np.exp(calibrated - log_sum_exp(calibrated))
        return [
            Prediction(shares, score > threshold, score, image, classes=self.classes)
            for shares, score, image in zip(probabilities, scores, images, strict=True)
        ]

    def _predict_begun(self, begun: list[Begun]) -> list[Prediction]:
        finished = finish(begun)
        judged = iter(self._predict_images([views[0] for views in finished if views is not None]))
        return [
            self._empty if views is None else self._turn(next(judged), views[1:])
            for views in finished
        ]

    def _predict_images(self, images: Sequence[UInt8[np.ndarray, "28 28"]]) -> list[Prediction]:
        if not images:
            return []
        pixels = np.stack(images)
        return self._judge(pixels, self._compute_logits(pixels), self._digit_threshold)

    def _turn(self, upright: Prediction, turned: Sequence) -> Prediction:
        """Take a photo that shows no digit as it is seen turned, if it then plainly shows one."""
        if upright.is_digit or not turned:
            return upright
        predictions = [
            replace(prediction, rotated=rotated)
            for prediction, rotated in zip(self._predict_images(turned), (90, 270), strict=True)
            if prediction.is_digit and prediction.probabilities.max() > TURNED
        ]
        return max(predictions, key=lambda prediction: prediction.digit_score, default=upright)

    def _read_ink(self, ink: Ink, picture: Picture) -> list[Number]:
        if self.reads_numbers:
            rows = read_lines(ink, self._compute_logits, self._geometry)
        else:
            rows = read_one(ink, self._compute_logits)
        return [self._judge_row(row, picture) for row in rows]

    def _read_number(self, image: ImageLike) -> Number:
        return join_rows(self.read_lines(image))

    def _judge_row(self, readings: list[Line], picture: Picture) -> Number:
        numbers = [self._judge_line(line, picture) for line in readings]
        ((left, top, right, bottom),) = numbers[-1].boxes
        # If it is not a number and not wide, one sign was meant.
        closest = numbers[0] if right - left > WIDE * (bottom - top) else numbers[-1]
        return next((number for number in numbers if number.is_number), closest)

    def _judge_line(self, line: Line, picture: Picture) -> Number:
        # Next to others, a stroke that alone would be nothing is a 1.
        several = len(line.images) > 1
        threshold = self._number_threshold if several else self._digit_threshold
        digits = self._judge(line.images, line.logits, threshold)
        # The whole is never more probable than its parts.
        parts = min(digit.top(1)[0][1] for digit in digits)
        return Number(
            digits=tuple(digits),
            boxes=tuple(map(picture.locate, line.boxes)),
            probability=parts if line.probability is None else min(line.probability, parts),
            is_number=len(digits) <= MOST_DIGITS and all(digit.is_digit for digit in digits),
        )


def _least_probability(lines: list[Number]) -> float:
    return min(line.probability for line in lines)


def _from_files(files: dict[str, bytes]) -> DigitRecognizer:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return DigitRecognizer(*pretrained.load_model(folder))


def _several(images: Iterable[ImageLike]) -> Iterable[ImageLike]:
    """Raise BadImageError for one image where several are expected; most are iterable, too."""
    is_flat = isinstance(images, np.ndarray) and images.ndim < 3
    if is_flat or isinstance(
        images, str | bytes | os.PathLike | Mapping | Image.Image | PictureFile | Picture
    ):
        raise BadImageError(
            "This is one image. Pass a list of images, or call predict or read_number."
        )
    return images


def _try(read: Callable, image: ImageLike) -> Any:
    try:
        return read(image)
    except BadImageError as error:
        return error


def _each(read: Callable, images: Iterable[ImageLike]) -> list:
    """Read each image; say which one is bad, unless it is the only one."""
    results = []
    try:
        for image in images:
            results.append(read(image))
    except BadImageError as error:
        if isinstance(images, Sized) and len(images) == 1:
            raise
        raise BadImageError(f"images[{len(results)}]: {error}") from error
    return results
