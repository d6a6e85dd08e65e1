import sys
from pathlib import Path

import pytest

from lorabuild.schema.project import Project
from lorabuild.schema.site import Site

sys.path.insert(0, str(Path(__file__).parents[1]))  # tiny_tagger.py is shared by the tests of taggers and stages


@pytest.fixture
def site(tmp_path):
    """A project with a tagger's word and nothing on disk."""
    words = {
        "name": "zorbl",
        "base": {"model": "base"},
        "concepts": {"plain": {"folder": "dataset"}},
        "captions": {"tagger": {"type": "wd14", "model": "tagger"}},
        "device": {"type": "cpu"},
    }
    return Site(Project.model_validate(words), tmp_path)
