"""docs/digitrec.ipynb: each cell runs and prints what is stored with it, without Jupyter."""

import ast
import json

import pytest
from conftest import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "digitrec.ipynb").read_text())


def run_cell(source, names):
    """Run a cell as Jupyter does; give its last expression's value, or None."""
    tree = ast.parse(source)
    names["_"] = None
    if isinstance(last := tree.body[-1], ast.Expr):
        tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], last.value)
    exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), names)
    return names["_"]


def stored_text(cell):
    """Give what was printed, and the last value as text."""
    text = ""
    for output in cell["outputs"]:
        text += "".join(output["text"] if "text" in output else output["data"]["text/plain"])
    return text.strip()


def test_each_cell_gives_what_is_stored_with_it(monkeypatch, capsys):
    monkeypatch.chdir(ROOT / "docs")
    names, compared = {}, 0
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            value = run_cell("".join(cell["source"]), names)
            printed = capsys.readouterr().out + ("" if value is None else repr(value))
            assert printed.strip() == stored_text(cell), "".join(cell["source"])
            compared += bool(printed)
    assert compared >= 5
    assert names["prediction"].digit == 7 and names["number"].text == "42"


def test_cell_that_fails_is_not_passed_over():
    with pytest.raises(ZeroDivisionError):
        run_cell("x = 1\nx / 0", {})
