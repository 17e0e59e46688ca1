"""`python -m tests.siege`, from the top of a checkout: long runs by hand."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    runpy.run_module("siege.cli", run_name="__main__")
