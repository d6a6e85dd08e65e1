import light
import pytest
import yaml

from lorabuild.core.errors import ProjectError
from lorabuild.graph import algebra, lexicon


@pytest.fixture(autouse=True)
def _words(monkeypatch):
    """The light project's tokenizer is an empty file."""
    monkeypatch.setattr(lexicon, "findings", lambda _view, *, probe: [])


def told(project, **more):
    with light.viewed(project) as view:
        return algebra.told(view, **more)


def verdicts(project):
    return {row["name"]: row for row in told(project).as_dict()["triggers"]}


def test_before_anything_was_built_it_counts_images_and_says_what_it_does_not_know(project):
    found = told(project)
    assert found.waiting == 5
    assert found.as_dict()["together"] == [
        {"triggers": ["zorbl"], "images": 4},
        {"triggers": ["zorbl", "zorbl_cape"], "images": 1},
    ]
    assert [verdict.absorbs for verdict in found.answer.triggers] == [(), ()]


def test_afterwards_it_knows_what_captions_leave_out_and_a_twin_counts_once(project):
    light.built(project)
    found = verdicts(project)
    assert told(project).waiting == 0
    assert (found["zorbl"]["images"], found["zorbl"]["per_epoch"], found["zorbl"]["total"]) == (4, 12, 24)
    assert found["zorbl"]["absorbs"] == [{"tag": "1creature", "share": 0.75}]
    assert found["zorbl_cape"]["absorbs"] == []


def test_a_new_rule_makes_captions_old_until_they_are_written_again(project):
    light.built(project)
    triggers = light.SETTINGS["triggers"] | {"zorbl": {"absorbs": ["1creature", "hat"]}}
    light.write(project, triggers=triggers)
    assert told(project).waiting == 4
    light.built(project, targets=("caption",))
    assert {row["tag"] for row in verdicts(project)["zorbl"]["absorbs"]} == {"1creature", "hat"}


def test_triggers_of_one_folder_are_inseparable_whatever_they_absorb(project):
    light.write(project, concepts={"plain": {"folder": "data/plain", "triggers": ["zorbl", "zorbl_cape"]}})
    (finding,) = [one for one in verdicts(project)["zorbl"]["findings"] if one["code"] == "inseparable"]
    assert finding["with"] == ["zorbl_cape"]
    assert "  misc: {folder: data/misc, triggers: [zorbl]}" in finding["remedy"].splitlines()


def test_a_remedy_can_be_written_as_it_stands(project):
    """The half of a folder that is freed, as `lora.yaml` then has it."""
    for number in range(16):
        light.picture(project / f"data/cape/{number}.png", (number, 0, 0))
    light.write(project, budget={"steps": 7000, "epochs": 2})
    (finding,) = [one for one in verdicts(project)["zorbl"]["findings"] if one["code"] == "over-exposed"]
    written = yaml.safe_load("\n".join(finding["remedy"].splitlines()[1:]))["concepts"]
    known = light.SETTINGS["concepts"]
    light.write(project, concepts=known | {name: known.get(name, {}) | more for name, more in written.items()})
    found = told(project).as_dict()["together"]
    assert sum(row["images"] for row in found) == 21
    assert ["zorbl_cape"] in [row["triggers"] for row in found]


def test_held_out_images_teach_nothing(project):
    light.write(project, training={"validation": {"share": 0.5}})
    light.built(project)
    assert verdicts(project)["zorbl"]["images"] < 4


def test_a_base_whose_words_cannot_be_read_is_noted_unless_it_was_asked_for(project, monkeypatch):
    def unread(_view, *, probe):
        raise ProjectError(f"no tokenizer, {probe}")

    monkeypatch.setattr(lexicon, "findings", unread)
    assert told(project).notes == ("the words themselves were not looked at: no tokenizer, False",)
    with pytest.raises(ProjectError, match="no tokenizer, True"):
        told(project, probe=True)
