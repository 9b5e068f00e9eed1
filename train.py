"""The same as `digitrec train`, which python train.py --help explains."""

import sys

from digitrec.training.command import main
from digitrec.training.interruption import answer_signals

if __name__ == "__main__":
    answer_signals()
    sys.exit(main())
