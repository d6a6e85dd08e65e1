"""What all tests share: their folder on the path, and property tests that try the same examples every time."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # drawn.py, judge.py, sites.py, tiny_sd15.py and tiny_tagger.py
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")
