import json

import light
import pytest

from lorabuild.balance.algebra import Finding
from lorabuild.cli.main import main
from lorabuild.graph import lexicon


@pytest.fixture(autouse=True)
def words(monkeypatch):
    """What the base says to the words; the light project has none."""
    told = []
    monkeypatch.setattr(lexicon, "findings", lambda _view, *, probe: told + [PROBED] * probe)
    monkeypatch.setattr(lexicon, "answered", lambda _view: ("the base answers: zorbl 0.91",))
    monkeypatch.setattr(lexicon, "suggest", lambda _view, word: [f"{word}x", f"{word}y"])
    return told


NOTE = Finding("zorbl_cape", "contaminated-word", ("cape",), "the base knows `cape`", "")
PROBED = Finding("zorbl", "contaminated-word", (), "the base answers `zorbl` at 0.91", "take a free word")


@pytest.fixture
def asked(project, capsys):
    """What a command line says on stdout about the project."""

    def ask(*line):
        assert main(["-C", str(project), "triggers", *line]) == 0
        return capsys.readouterr().out

    return ask


def test_an_unbuilt_project_hears_what_to_run(asked):
    lines = asked().splitlines()
    assert lines[0] == "tiny: 2 triggers, 4 findings"
    assert lines[1].startswith("  5 images without an up-to-date caption: `lorabuild build caption` writes them;")
    assert "  absorbs   not known before they are captioned" in lines


def test_a_block_for_every_trigger(asked, project, words):
    words.append(NOTE)
    light.built(project)
    assert asked() == (
        "tiny: 2 triggers, 4 findings\n"
        "\n"
        "  zorbl                    3 images  ████████████████████████\n"
        "  zorbl + zorbl_cape       1 image   ████████\n"
        "\n"
        "zorbl · character · 4 images · seen 12× an epoch, 24× in all\n"
        "  absorbs   1creature 75 %\n"
        "  by hand   1 caption (what is left out there is not known)\n"
        "  ! too-few-images: 4 images of zorbl: fewer than 10 rarely teach it well, 30\n"
        "    are good.\n"
        "    → Add about 26 images. Crops of them count too: full body, cowboy shot,\n"
        "      upper body, portrait.\n"
        "  ! under-exposed: zorbl is seen 24 times in all (2 % of the 1500 that such a\n"
        "    trigger wants at least): it may stay weak.\n"
        "    → Train longer.\n"
        "        budget:\n"
        "          steps: 1700\n"
        "\n"
        "zorbl_cape · outfit · 1 image · seen 6× an epoch, 12× in all\n"
        "  absorbs   nothing\n"
        "  by hand   1 caption (what is left out there is not known)\n"
        "  ! too-few-images: 1 image of zorbl_cape: fewer than 8 rarely teach it well.\n"
        "    → Add about 7 images. Crops of them count too: full body, cowboy shot, upper\n"
        "      body, portrait.\n"
        "  ! under-exposed: zorbl_cape is seen 12 times in all (2 % of the 800 that such\n"
        "    a trigger wants at least): it may stay weak.\n"
        "    → as for zorbl\n"
        "  · contaminated-word: the base knows `cape`\n"
    )


def test_everything_fits_80_columns_and_a_remedy_is_told_once(asked, project):
    names = [f"zorbl_in_a_very_long_dress_number_{number}" for number in range(4)]
    triggers = {"zorbl": {}, **{name: {"kind": "outfit"} for name in names}}
    light.write(
        project,
        triggers=triggers,
        concepts={"plain": {"folder": "data/plain", "triggers": list(triggers)}},
    )
    said = asked()
    assert max(map(len, said.splitlines())) <= 80
    assert said.count("misc:") == 1
    assert "    → as for zorbl" in said.splitlines()


def test_long_lists_are_cut_unless_all_is_wanted(asked, project):
    tags = [f"tag_{number:02}" for number in range(20)]
    (project / "data/plain/b.tags").write_text(", ".join(tags), "utf-8")
    light.write(project, triggers={"zorbl": {"absorbs": tags}, "zorbl_cape": {"kind": "outfit"}})
    light.built(project)
    assert "tag_11 25 %, and 8 more (-v)" in " ".join(asked().split())
    assert "tag_19 25 %" in asked("-v")


def test_of_very_many_groups_the_largest_are_shown(asked, project):
    triggers = {f"t{number}": {} for number in range(22)}
    concepts = {name: {"folder": "data/plain", "triggers": [name]} for name in triggers}
    light.write(project, triggers=triggers, concepts=concepts)
    assert "  and 2 more (-v)" in asked().splitlines()
    assert "more (-v)" not in asked("-v")


def test_for_programs(asked, project, words):
    words.append(NOTE)
    light.built(project)
    found = json.loads(asked("--json"))
    assert [row["name"] for row in found["triggers"]] == ["zorbl", "zorbl_cape"]
    assert {"name", "kind", "images", "absorbs", "findings"} <= found["triggers"][0].keys()
    assert found["triggers"][1]["findings"][-1] == {
        "code": "contaminated-word",
        "with": ["cape"],
        "text": "the base knows `cape`",
        "remedy": "",
    }


def test_the_base_is_asked_only_on_demand(asked):
    assert "0.91" not in asked()
    lines = asked("--probe").splitlines()
    assert "  the base answers: zorbl 0.91" in lines
    assert "  ! contaminated-word: the base answers `zorbl` at 0.91" in lines


def test_free_words(asked):
    assert asked("suggest", "cape") == "capex\ncapey\n"
    assert json.loads(asked("suggest", "cape", "--json")) == {"words": ["capex", "capey"]}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["suggest"], "`lorabuild triggers suggest zorbl`"),
        (["zorbl"], "tells of all triggers; `lorabuild triggers suggest zorbl`"),
    ],
)
def test_what_cannot_be_meant(line, told, project, capsys):
    assert main(["-C", str(project), "triggers", *line]) == 2
    assert told in capsys.readouterr().err


def test_a_project_without_triggers(asked, project):
    light.write(project, triggers=None, concepts={"plain": {"folder": "data/plain"}})
    assert asked().startswith("tiny has no triggers: `triggers:` in lora.yaml names the new words")
