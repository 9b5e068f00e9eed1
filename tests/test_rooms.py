"""Who may import whom: data flows one way, and nothing imports back up."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

TOP = "top"  # what people import: the recogniser, its answers and its errors
LEAVES = ("digitrec.errors.", "digitrec.cores.", "digitrec.output.")  # every room may import these
# What else of digitrec each room may import.
ALLOWED = {
    TOP: {TOP, "reading", "network", "many", "hub"},
    "reading": {"reading", "network"},  # one that finds the writing
    "network": {"network"},
    "many": {TOP, "reading", "network", "many"},
    "hub": {"reading", "network", "hub"},
    "demo": {TOP, "reading", "network", "hub", "demo"},
    "training": {"reading", "network", "hub", "training"},
}
# What may not be imported with a module, only when it is asked for.
ONLY_WHEN_ASKED = {TOP: {"hub", "demo"}}
# What serving must not load.
HEAVY = {"tensorflow", "tensorflow_datasets", "sklearn", "orbax", "matplotlib"}


def room_of(module):
    _, room, *_ = [*module.split("."), "", ""]
    return room if room in ALLOWED else TOP


def imports(source, module, *, at_once=False):
    """Give the modules that a source file imports, at its top (`at_once`) or anywhere."""
    tree = ast.parse(source)
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(source, module):
    """Give the imports by which a module reaches into a room that it may not know."""
    own = room_of(module)
    at_once = set(imports(source, module, at_once=True))
    return [
        name
        for name in imports(source, module)
        if name.split(".")[0] == "digitrec"
        and not name.startswith(LEAVES)
        and (
            room_of(name) not in ALLOWED[own]
            or (name in at_once and room_of(name) in ONLY_WHEN_ASKED.get(own, ()))
        )
    ]


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in (ROOT / "digitrec").rglob("*.py")
}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_back_up(module):
    assert forbidden(MODULES[module].read_text(), module) == []


@pytest.mark.parametrize(
    "module, source",
    [
        ("digitrec.recognizer", "from digitrec.demo.handlers import Handlers"),
        ("digitrec.recognizer", "from digitrec.hub.space import build_space"),
        ("digitrec.network.model", "def later():\n    from digitrec.reading import ink"),
        ("digitrec.many.worker", "from digitrec.hub.client import download_model"),
        ("digitrec.hub.card", "import digitrec.training.metrics"),
        ("digitrec.reading.ink", "from digitrec.prediction import percent"),
        ("digitrec.demo.layout", "def later():\n    from digitrec.training import data"),
        ("digitrec.training.loop", "from digitrec.demo import share"),
    ],
)
def test_the_rule_finds_what_it_forbids(module, source):
    assert len(forbidden(source, module)) == 1


def loaded_by(module):
    """Give the names of all modules that are loaded with one."""
    code = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_serving_loads_nothing_of_training():
    loaded = loaded_by("app")
    assert not HEAVY & loaded
    assert not [name for name in loaded if name.startswith("digitrec.training")]
    assert {"gradio", "huggingface_hub"} <= loaded  # the check of the next test can fail


def test_reading_loads_neither_gradio_nor_the_hub_nor_training():
    loaded = loaded_by("digitrec.__main__, digitrec.read")
    assert not {"gradio", "huggingface_hub", "pyarrow", *HEAVY} & loaded
    assert not [name for name in loaded if name.startswith("digitrec.training")]


def test_training_loads_what_serving_must_not():
    assert loaded_by("train") >= {"digitrec.training.loop", "sklearn", "orbax"}
