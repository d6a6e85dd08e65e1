"""What all tests share: their folder on the path, and property tests that try the same examples every time."""

import sys
from pathlib import Path

from hypothesis import settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # drawn.py, judge.py, sites.py, tiny_sd15.py and tiny_tagger.py
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

LONGEST = (
    "test_example.py",
    "whole/test_example_changes.py",
    "whole/test_random_kills.py",
    "whole/test_disk.py",
    "whole/test_kills.py",
    "whole/test_changes.py",
    "test_slider.py",
    "whole/test_failures.py",
    "test_words.py",
    "whole/test_example_same_bytes.py",
)
"""Files that take longest, longest first: workers take file after file, so that both end at the same time."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: place(item.path.relative_to(HERE).as_posix()))


def place(file):
    """Where in the order a file stands; then the other whole builds, then what is quick."""
    return LONGEST.index(file) if file in LONGEST else len(LONGEST) + (not file.startswith("whole/"))
