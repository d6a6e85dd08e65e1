from dataclasses import replace

import pytest
import yaml
from packs import asked, folder

from lorabuild.balance import remedies
from lorabuild.balance.algebra import Source, Word
from lorabuild.balance.sets import sets_of

KINDS = "zorbl:character red:outfit blue:outfit"
SETS = sets_of(asked(KINDS, folder("misc", 9, "zorbl red", red="skirt hat"), folder("b", 3, "zorbl blue", blue="hat")))


def lines(remedy):
    """What a remedy says to write."""
    return yaml.safe_load("\n".join(remedy.splitlines()[1:]))


def test_a_group_of_its_own_has_a_name_that_is_free_and_lies_beside_the_others():
    assert lines(remedies.alone(SETS, "zorbl", ["red"])) == {
        "concepts": {
            "misc_2": {"folder": "dataset/misc_2", "triggers": ["zorbl"]},
            "misc_zorbl": {"folder": "dataset/misc", "triggers": ["zorbl"], "share": 0.2},
        }
    }


def test_characters_that_always_meet_are_shown_alone():
    sets = sets_of(asked("ann:character ben:character", folder("duo", 9, "ann ben")))
    assert list(lines(remedies.alone(sets, "ann", ["ben"]))["concepts"]) == ["ann_alone", "duo_ann"]


def test_a_shared_thing_gets_a_trigger_before_those_that_absorb_it():
    found = lines(remedies.shared(SETS, "zorbl", ["hat", "straw_hat"], ["red", "blue"], everywhere=False))
    assert found == {
        "triggers": {"zorbl_hat": {"kind": "object", "absorbs": ["hat", "straw_hat"]}},
        "concepts": {
            "b": {"triggers": ["zorbl", "zorbl_hat", "blue"]},
            "misc": {"triggers": ["zorbl", "zorbl_hat", "red"]},
        },
    }
    both = lines(remedies.shared(SETS, "zorbl", ["hat"], ["red", "blue"], everywhere=True))["concepts"]
    assert both.keys() == {"b", "misc", "misc_2", "misc_zorbl"}
    assert "triggers" not in lines(remedies.shared(SETS, "zorbl", [], ["red", "blue"], everywhere=True))


def test_half_of_a_folder_is_freed_unless_it_is_shared_out_already():
    assert lines(remedies.freed(SETS, "zorbl", "red", otherwise="rest"))["concepts"] == {
        "misc": {"share": 0.5},
        "misc_free": {"folder": "dataset/misc", "triggers": ["red"], "rest_of": "misc"},
    }
    cells = {name: replace(cell, source=replace(cell.source, whole=False)) for name, cell in SETS.cells.items()}
    assert lines(remedies.freed(replace(SETS, cells=cells), "zorbl", "red", otherwise="rest")) is None


def test_patterns_are_quoted_where_yaml_wants_it():
    word = Word("zorbl", absorbs=("@hair", "*_eyes", "1girl", "12", "on", "^_^", "a, b", 'say "x"'))
    remedy = remedies.absorb("Do.", word, ["2girls"])
    assert '"@hair", "*_eyes", 1girl, "12", "on"' in remedy
    assert lines(remedy) == {"triggers": {"zorbl": {"absorbs": [*word.absorbs, "2girls"]}}}


@pytest.mark.parametrize("number", [1, 8, 40])
def test_long_lines_are_broken_and_still_mean_the_same(number):
    word = Word("zorbl", absorbs=tuple(f"tag_number_{place}" for place in range(number)))
    remedy = remedies.absorb("Do.", word, ["x"])
    assert max(map(len, remedy.splitlines())) <= remedies.WIDTH
    assert lines(remedy)["triggers"]["zorbl"]["absorbs"] == [*word.absorbs, "x"]


def test_more_of_the_budget():
    source = Source("a", ("zorbl",), "a", weight=1.5)
    more = {"alone": False, "steps": 100, "epochs": 4}
    assert lines(remedies.looked_at(source, 2.0, **more)) == {"concepts": {"a": {"weight": 3.0}}}
    assert lines(remedies.looked_at(replace(source, repeats=3), 2.0, **more)) == {"concepts": {"a": {"repeats": 6}}}
    assert lines(remedies.looked_at(source, 2.0, **more | {"alone": True})) == {"budget": {"steps": 300}}
    assert lines(remedies.budget(0.5, None, 8)) == {"budget": {"epochs": 4}}
    assert lines(remedies.named(source, ["a", "b"])) == {"concepts": {"a": {"triggers": ["a", "b"]}}}
