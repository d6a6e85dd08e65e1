from pathlib import Path

import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.evaluate.picture import decode
from lorabuild.graph import probe
from lorabuild.graph.lexicon import answered, findings, lexicon_of, suggest
from lorabuild.graph.session import viewing

BASE = Path(__file__).parents[2] / "example_project/base"
TRIGGERS = {
    "zorbl": {"kind": "character", "absorbs": ["1creature"]},
    "beach_zorbl": {"kind": "character"},
    "red_hat": {"kind": "outfit", "absorbs": []},
}
CONCEPTS = {
    "plain": {"folder": "data/plain", "triggers": ["zorbl", "beach_zorbl"]},
    "cape": {"folder": "data/cape", "triggers": ["red_hat"]},
}


@pytest.fixture
def worded(project):
    """The light project over the example's base, its pictures captioned."""
    light.write(project, base={"model": str(BASE)}, triggers=TRIGGERS, concepts=CONCEPTS)
    (project / "data/plain/b.tags").write_text("1creature, red hat, zorbl_plush, beach", "utf-8")
    light.built(project, targets=("caption",))
    return project


def by_trigger(found):
    return {finding.trigger: (finding.with_, bool(finding.remedy)) for finding in found}


def test_known_words_are_found_and_those_of_an_outfit_are_only_noted(worded):
    with viewing(light.opened(worded)) as view:
        found = findings(view)
    assert {finding.code for finding in found} == {"contaminated-word"}
    spelt = [finding for finding in found if "reads" in finding.text]
    assert by_trigger(spelt) == {"beach_zorbl": (("beach",), True), "red_hat": (("red", "hat"), False)}
    assert "`lorabuild triggers suggest beach_zorbl`" in spelt[0].remedy


def test_a_tag_of_the_dataset_that_is_or_holds_a_trigger_is_found(worded):
    with viewing(light.opened(worded)) as view:
        met = [finding for finding in findings(view) if "stands in the dataset" in finding.text]
    assert by_trigger(met) == {"zorbl": (("zorbl_plush",), True), "red_hat": (("red_hat",), True)}


def test_before_captions_only_the_words_themselves_are_judged(project):
    light.write(project, base={"model": str(BASE)}, triggers=TRIGGERS, concepts=CONCEPTS)
    with viewing(light.opened(project)) as view:
        assert {finding.trigger for finding in findings(view)} == {"beach_zorbl", "red_hat"}


def test_words_are_proposed_that_no_tag_and_no_other_trigger_has(worded):
    with viewing(light.opened(worded)) as view:
        assert suggest(view, "kuvolo") == ["kuvolo"]
        for word in ("zorbl", "beach", "red_hat"):
            found = suggest(view, word)
            assert found
            assert word not in found


def test_the_probe_tells_words_that_the_base_answers_and_is_asked_once(worded, monkeypatch):
    monkeypatch.setattr("lorabuild.models.probe.STEPS", 3)
    with viewing(light.opened(worded, "images.resolution=64")) as view:
        answers = probe.answers(view, lexicon_of(view))
        assert answers["zorbl"] < 0.2
        assert answers["beach_zorbl"] > 0.5
        line, place = answered(view)
        assert place.startswith("what it draws lies in .lorabuild/probe/: ")
        assert {path.stem for path in (worded / ".lorabuild/probe").iterdir()} == TRIGGERS.keys()
        assert line.startswith(f"the base answers zorbl {answers['zorbl']:.2f}, beach_zorbl ")
        loud = [finding.trigger for finding in findings(view, probe=True) if "answers" in finding.text]
        assert loud[0] == "beach_zorbl"
    monkeypatch.setattr(probe, "_run", None)
    with viewing(light.opened(worded)) as view:
        assert probe.answers(view, lexicon_of(view)) == answers
        drawn = probe.pictures(view)
        assert drawn.keys() == TRIGGERS.keys()
        picture = decode(drawn["zorbl"])
        other = decode(drawn["beach_zorbl"])
    assert picture.size == (4 * 64, 2 * 64)
    above = (0, 0, 256, 64)
    assert picture.crop(above).tobytes() == other.crop(above).tobytes()
    assert picture.tobytes() != other.tobytes()


def test_a_base_without_plain_words_can_t_be_probed(worded, monkeypatch):
    monkeypatch.setattr(probe, "plain", lambda _: ())
    with viewing(light.opened(worded)) as view:
        with pytest.raises(ProjectError, match="no plain word"):
            findings(view, probe=True)
        assert probe.known_answers(view, lexicon_of(view)) == {}
