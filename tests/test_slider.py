"""The proof of a slider: after a short training its strength moves what the base draws, evenly and in order."""

from itertools import pairwise

import pytest
import slid

from lorabuild.cli.main import main

STRENGTHS = (-2, -1, 0, 1, 2)
COUNT = 12


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """Strength → share of big creatures, and the judge's margin between big and small, over twelve seeds."""
    root = slid.make(tmp_path_factory.mktemp("slider") / "size")
    assert main(["-C", str(root), "-q", "build", "package", "--set", "samples.prompts=[]"]) == 0
    ruler = slid.Ruler(root, (root / "out" / "size.safetensors").read_bytes())
    return {strength: ruler.size(strength, COUNT) for strength in STRENGTHS}


def test_the_answer_moves_in_one_direction(sizes):
    shares, margins = zip(*sizes.values(), strict=True)
    assert list(shares) == sorted(shares)
    assert list(margins) == sorted(margins)
    assert all(later - earlier > 0.5 for earlier, later in pairwise(margins))


def test_both_ends_are_reached(sizes):
    assert sizes[-2][0] <= 0.25
    assert 0.4 <= sizes[0][0] <= 0.8
    assert sizes[2][0] >= 0.9
