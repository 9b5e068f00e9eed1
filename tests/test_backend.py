"""What the program around does to JAX is taken as it is, or named in one sentence."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from conftest import ROOT, slow

from digitrec import BackendError, DigitRecognizer

READ = """
import numpy, sys
from digitrec import DigitRecognizer, DigitrecError
image = numpy.zeros((100, 100), bool)
image[20:80, 48:54] = True
try:
    recognizer = DigitRecognizer.from_pretrained()
    prediction = recognizer.predict(image)
    shares = recognizer.explain(prediction)
    print(prediction.digit, prediction.probabilities.dtype, shares.dtype)
except DigitrecError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "before, environment, printed",
    [
        ("", {"JAX_ENABLE_X64": "1"}, "1 float32 float32"),
        pytest.param(
            *("import jax; jax.config.update('jax_enable_x64', True)", {}, "1 float32 float32"),
            marks=slow,
        ),
        pytest.param("", {"JAX_DISABLE_JIT": "1"}, "1 float32 float32", marks=slow),
        ("", {"JAX_PLATFORMS": "cuda"}, "Unset JAX_PLATFORMS, or set it to cpu."),
    ],
)
def test_settings_of_jax_are_no_matter(before, environment, printed):
    result = subprocess.run(
        [sys.executable, "-c", before + READ],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith(printed)


ONE = np.zeros((100, 100), np.uint8)
ONE[20:80, 48:54] = 255


def try_in_child(recognizer, queue):
    for action in (lambda: recognizer.predict(ONE), DigitRecognizer.from_pretrained):
        try:
            queue.put(action())
        except BackendError as error:
            queue.put(str(error))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_forked_child_is_told_what_to_do_instead_of_waiting_for_ever(recognizer):
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=try_in_child, args=(recognizer, queue))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX and Python warn of forks, too
        child.start()
    child.join(60)
    assert child.exitcode == 0
    for _ in range(2):
        assert 'Start processes by "spawn"' in queue.get()


def test_recogniser_is_pickled_and_copied_by_its_folder(recognizer):
    assert len(pickle.dumps(recognizer)) < 500
    for again in (pickle.loads(pickle.dumps(recognizer)), copy.deepcopy(recognizer)):
        assert again.folder == recognizer.folder and again.predict(ONE).digit == 1


def test_recogniser_without_a_folder_is_pickled_whole(recognizer):
    alone = copy.copy(recognizer)
    alone.folder = None
    assert pickle.loads(pickle.dumps(alone)).predict(ONE).digit == 1
