import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.graph.tags import images, tags


@pytest.fixture
def view(project):
    """Captioned; ``plain`` drops nothing, ``zorbl`` absorbs 1creature."""
    light.built(project, targets=("caption",))
    with light.viewed(project) as view:
        yield view


def counts(found):
    return {row["tag"]: row["images"] for row in found["tags"]}


def test_tags_of_captions_are_counted_without_triggers_and_twins(view):
    found = tags(view)
    assert (found["images"], found["of"], found["waiting"], found["raw"]) == (4, 4, 0, False)
    assert counts(found) == {"a creature in a cape": 1, "bow": 1, "hat": 1}
    assert found["tags"][1] == {"tag": "bow", "images": 1, "share": 0.25, "concepts": {"plain": 1}}


def test_raw_tags_are_those_that_the_tagger_saw(view):
    assert counts(tags(view, raw=True)) == {"1creature": 3, "bow": 1, "hat": 1}


def test_a_concept_and_a_filter_choose_the_images(view):
    assert counts(tags(view, concept="plain")) == {"bow": 1, "hat": 1}
    found = tags(view, "zorbl and not (hat or zorbl_cape)")
    assert (found["images"], found["of"], counts(found)) == (2, 4, {"bow": 1})
    assert counts(tags(view, "1creature and not bow", raw=True)) == {"1creature": 2, "hat": 1}


def test_images_of_a_filter_have_their_captions(view):
    assert images(view, "hat") == {
        "images": [{"image": "data/plain/a.png", "concept": "plain", "caption": "zorbl, hat", "tags": ["hat"]}],
        "of": 4,
        "waiting": 0,
        "raw": False,
    }
    assert len(images(view, "")["images"]) == 4


def test_mistakes_are_named(view):
    with pytest.raises(ProjectError, match="no concept `plian`") as caught:
        tags(view, concept="plian")
    assert "plain" in caught.value.next_step
    with pytest.raises(ProjectError, match="a tag is missing here"):
        tags(view, "hat and")


def test_before_a_build_nothing_is_known_and_old_captions_are_not_counted(project):
    with light.viewed(project) as view:
        assert (tags(view)["waiting"], tags(view)["tags"]) == (5, [])
    light.built(project, targets=("caption",))
    (project / "data/plain/b.tags").write_text("night", "utf-8")
    with light.viewed(project) as view:
        assert (tags(view)["waiting"], tags(view)["images"]) == (1, 3)
        assert tags(view, raw=True)["waiting"] == 1


def test_settled_images_count_as_all_others(project):
    from lorabuild.core.nullindex import Seen
    from lorabuild.core.stamps import wait

    light.built(project, targets=("caption",))
    seen = Seen(project)
    if seen.at:
        wait(seen.at)
    seen = Seen(project)
    seen.file(project / "lora.yaml")
    light.built(project, targets=("caption",), seen=seen)
    with light.viewed(project) as view:
        assert view.inventory.settled
        assert counts(tags(view)) == {"a creature in a cape": 1, "bow": 1, "hat": 1}
        assert counts(tags(view, raw=True)) == {"1creature": 3, "bow": 1, "hat": 1}
