import json
from dataclasses import replace

from lorabuild.publish import sidecars
from lorabuild.schema.project import Project


def test_the_card_has_the_words_of_the_web_ui_and_no_other(project, run):
    card = json.loads(sidecars.card(project, run))
    assert set(card) == {"description", "sd version", "activation text", "preferred weight", "negative text", "notes"}
    assert card["sd version"] == "SD1"
    assert card["activation text"] == "zorbl"
    assert card["preferred weight"] == 1.0
    assert card["negative text"] == "blurry"
    assert "cape: zorbl, zorbl_cape" in card["notes"]
    assert "epoch 4 of 4" in card["notes"]


def test_a_project_without_triggers_or_description_has_a_card(build, run):
    bare = {**build["project"], "concepts": {"all": {"folder": "dataset"}}, "triggers": {}, "output": {}}
    card = json.loads(sidecars.card(Project.model_validate(bare), run))
    assert (card["activation text"], card["description"]) == ("", "zorbl")
    assert "Licence" not in card["notes"]


def test_the_card_says_which_programs_can_not_load_it(project, run):
    told = replace(run, clients=("diffusers can't load it",))
    assert "diffusers can't load it" in sidecars.notes(project, told).splitlines()
    assert "can't load" not in sidecars.notes(project, run)
