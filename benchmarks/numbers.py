"""How well a model reads numbers: `read_numbers.py`, by the name that people look for.

python benchmarks/numbers.py --strokes FILE [--manual-dir DIR] [--model FOLDER] [--quick]

Python has a module of this name. NumPy wants that one, and finds this file when a benchmark beside
it is run: then this becomes Python's.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

if __name__ == "__main__":
    from read_numbers import main

    main()
else:
    here = Path(__file__).resolve().parent
    elsewhere = [folder for folder in sys.path if Path(folder).resolve() != here]
    python_own = PathFinder.find_spec(__name__, elsewhere)
    assert python_own and python_own.loader
    python_own.loader.exec_module(sys.modules[__name__])
