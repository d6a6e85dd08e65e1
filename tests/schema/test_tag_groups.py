"""lorabuild.schema.tag_groups: names of groups in lora.yaml."""

import pytest

from lorabuild.schema.check import check
from lorabuild.schema.problems import ProblemsError
from lorabuild.schema.tag_groups import name_of, names

GOOD = """\
name: zorbl
base: {model: base}
triggers:
  zorbl: {absorbs: [%s], keeps: [%s]}
concepts: {plain: {folder: dataset/plain, triggers: [zorbl]}}
captions: {drop: [%s]}
"""


def told(project, *words):
    with pytest.raises(ProblemsError) as caught:
        check(project(good=GOOD % words))
    return [(problem["where"], problem["what"], problem["next_step"]) for problem in caught.value.problems]


def test_a_group_that_is_not_there_is_answered_with_its_place_and_the_nearest(project):
    what, cure = "there is no tag group `@eye_colour`", "did you mean `@eye_color`?"
    assert told(project, "@hair, @eye_colour", "", "") == [("lora.yaml:4:28 triggers.zorbl.absorbs.1", what, cure)]
    assert told(project, "", '"@eye_colour"', "") == [("lora.yaml:4:32 triggers.zorbl.keeps.0", what, cure)]
    assert told(project, "", "", "a, @eye_colour") == [("lora.yaml:6:22 captions.drop.1", what, cure)]


def test_where_nothing_is_near_all_are_named(project):
    ((_, _, cure),) = told(project, "@qqqq", "", "")
    assert cure.startswith("known groups: @accessory, @background")


def test_shipped_groups_pass_in_quotes_and_without_and_a_face_is_none(project):
    loaded = project(good=GOOD % ('@hair, "@Eyes"', "@expression", '"@_@", @quality_meta'))
    check(loaded)
    assert loaded.project.triggers["zorbl"].absorbs == ("@hair", "@Eyes")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("@hair", "hair"), ("@Eye_Color", "eye_color"), ("@_@", ""), ("hair", ""), ("@", ""), ("a@b", ""), ("@ha*", "")],
)
def test_what_names_a_group(pattern, name):
    assert name_of(pattern) == name


def test_a_file_that_others_include_is_no_group():
    assert "hair" in names()
    assert not [name for name in names() if name.startswith("_")]
