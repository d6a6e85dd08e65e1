from pathlib import Path

import pytest
import torch
from sites import site

from lorabuild.models import family, source
from lorabuild.models.probe import Probe
from lorabuild.schema.load import load

EXAMPLE = Path(__file__).parents[2] / "example_project"


@pytest.fixture(scope="module")
def base():
    site = load(EXAMPLE).site
    parts = family.PARTS - {"vae"}
    return family.load(source.locate(site), site.project.base, parts, torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def probe(base):
    torch.set_num_threads(1)
    return Probe(base, 64)


def test_no_word_changes_nothing(probe):
    assert probe.distance("") == 0


@pytest.mark.parametrize("known", ["grass", "beach", "green_skin"])
def test_the_base_answers_what_it_was_taught_more_than_nonsense(probe, known):
    assert probe.distance(known) > 1.4 * max(map(probe.distance, ("zorbl", "vorbik")))


def test_a_distance_is_a_word_s_own(base, probe):
    first = probe.distance("night")
    probe.distance("grass")
    assert probe.distance("night") == first == Probe(base, 64).distance("night")


@pytest.mark.parametrize("family_of", ["sd15", "sd2", "sdxl"])
def test_every_family_is_probed(folders, family_of):
    tiny = folders[family_of]
    base = {"family": family_of, **({"prediction": "v_prediction"} if family_of == "sd2" else {})}
    where = site(tiny.parent, tiny, base=base)
    model = family.load(source.locate(where), where.project.base, family.PARTS, torch.device("cpu"), torch.float32)
    probe = Probe(model, 64)
    assert 0 < probe.distance("ab") < 10
    assert probe.picture("ab").shape == (128, 256, 3)
    assert probe.picture("ab").dtype == torch.uint8
