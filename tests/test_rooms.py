"""Who may import whom: data flows one way, and nothing imports back up."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

# What each room may import of digitrec; "reading" is what lies flat at the top.
ALLOWED = {
    "reading": {"reading", "hub"},
    "hub": {"reading", "hub"},
    "demo": {"reading", "hub", "demo"},
    "training": {"reading", "hub", "training"},
}
# What serving must not load.
HEAVY = {"tensorflow", "tensorflow_datasets", "sklearn", "orbax", "matplotlib"}


def room_of(module):
    _, room, *_ = [*module.split("."), "", ""]
    return room if room in ALLOWED else "reading"


def imports(source, module):
    """Give the modules that a source file imports, at its top or later."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(source, module):
    """Give the imports by which a module reaches into a room that it may not know."""
    own = room_of(module)
    return [
        name
        for name in imports(source, module)
        if name.split(".")[0] == "digitrec"
        and room_of(name) not in ALLOWED[own]
        # Reading goes to the Hub for one thing: to download a model.
        or (own == "reading" and room_of(name) == "hub" and name != "digitrec.hub.client")
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
        ("digitrec.recognizer", "from digitrec.demo.answer import answer_html"),
        ("digitrec.recognizer", "from digitrec.hub.space import build_space"),
        ("digitrec.hub.card", "import digitrec.training.metrics"),
        ("digitrec.demo.layout", "def later():\n    from digitrec.training import data"),
        ("digitrec.training.loop", "from digitrec.demo import share"),
    ],
)
def test_the_rule_finds_what_it_forbids(module, source):
    assert len(forbidden(source, module)) == 1


def loaded_by(program):
    """Give those modules that a program has loaded which serving must do without."""
    code = f"import sys, {program}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    names = result.stdout.split()
    return {name for name in names if name in HEAVY or name.startswith("digitrec.training")}


def test_serving_loads_nothing_of_training():
    assert loaded_by("app") == set()
    # The check can fail: train.py does load them.
    assert loaded_by("train") >= {"digitrec.training.loop", "sklearn", "orbax"}
