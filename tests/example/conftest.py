"""Makes `example_project/make` importable as `make`, and `tests/judge.py` as `judge`."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "example_project"), str(TESTS)]
