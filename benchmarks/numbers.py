"""How well a model reads numbers: `read_numbers.py`, by the name that people look for.

python benchmarks/numbers.py --strokes FILE [--manual-dir DIR] [--model FOLDER] [--quick]

Python has a module of this name. NumPy wants that one, and finds this file when a benchmark beside
it is run: then this becomes Python's.
"""

import sys
from importlib.machinery import PathFinder

if __name__ == "__main__":
    from read_numbers import main

    main()
else:
    python_own = PathFinder.find_spec(__name__, sys.path[1:])
    assert python_own and python_own.loader
    python_own.loader.exec_module(sys.modules[__name__])
