"""lorabuild.cli.tags."""

import json

import light
import pytest

from lorabuild.cli.main import main


@pytest.fixture
def asked(project, capsys):
    def ask(*words):
        code = main(["-C", str(project), "tags", *words])
        return code, *capsys.readouterr()

    return ask


@pytest.fixture
def built(project, capsys):
    """Captioned."""
    light.built(project, targets=("caption",))
    capsys.readouterr()
    return project


def test_a_line_a_tag_with_its_concepts(built, asked):
    code, out, error = asked()
    assert (code, error) == (0, "")
    assert out == (
        "3 tags in the captions of 4 images\n"
        "      1   25%  a creature in a cape            cape 1\n"
        "      1   25%  bow                             plain 1\n"
        "      1   25%  hat                             plain 1\n"
    )
    assert asked("zorbl and not hat", "--concept", "plain")[1].splitlines() == [
        "1 tag in the captions of 2 of 3 images",
        "      1   50%  bow",
    ]
    assert asked("--raw")[1].splitlines()[0] == "3 tags seen by the tagger of 4 images"


def test_no_line_is_wider_than_a_terminal_and_the_rarest_wait_for_all(built, asked):
    many = ", ".join(f"a_rather_long_tag_that_goes_on_and_on_and_on_until_{number}" for number in range(60))
    for name in "ab":
        (built / f"data/plain/{name}.tags").write_text(f"{many}, {name}", "utf-8")
    light.built(built, targets=("caption",))
    asked()
    lines = asked()[1].splitlines()
    assert len(lines) == 42
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "and 24 rarer tags: `--all` lists them"
    assert len(asked("--all")[1].splitlines()) == 65


def test_images_stand_with_their_captions(built, asked):
    assert asked("--images", "hat")[1] == "1 of 4 images\ndata/plain/a.png\n    zorbl, hat\n"
    assert asked("--images", "hat", "--raw")[1].endswith("    1creature, hat\n")


def test_before_a_build_it_says_what_to_run(project, asked):
    code, out, _ = asked()
    assert code == 0
    assert out.splitlines()[1] == "5 images without an up-to-date caption: run `lorabuild build caption`"


def test_a_mistake_in_a_filter_is_pointed_at(built, asked):
    code, out, error = asked("hat and (bow")
    assert (code, out) == (2, "")
    assert error.splitlines()[:3] == [
        "lorabuild: command line: this bracket is never closed",
        "  hat and (bow",
        "          ^",
    ]


def test_for_programs(built, asked):
    assert json.loads(asked("--json", "hat")[1]) == {
        "images": 1,
        "of": 4,
        "waiting": 0,
        "raw": False,
        "tags": [{"tag": "hat", "images": 1, "share": 1.0, "concepts": {"plain": 1}}],
    }
    assert json.loads(asked("--json", "--images", "hat")[1])["images"][0]["caption"] == "zorbl, hat"


def test_a_rule_is_shown_and_only_written_when_told(built, asked):
    before = (built / "lora.yaml").read_bytes()
    code, out, _ = asked("drop", "hat")
    assert code == 0
    assert sum(line[:1] == "+" and line[:3] != "+++" for line in out.splitlines()) <= 3
    assert out.endswith("nothing was changed; `--write` writes it\n")
    assert (built / "lora.yaml").read_bytes() == before
    assert asked("drop", "hat", "--write")[1].endswith("written; the old text is lora.yaml.bak\n")
    assert asked("drop", "hat", "--write")[1] == "lora.yaml says so already\n"
    assert (built / "lora.yaml.bak").read_bytes() == before
    told = json.loads(asked("rename", "bow", "ribbon", "--write", "--json")[1])
    assert (told["written"], told["backup"]) == (True, "lora.yaml.bak1")
    light.built(built, targets=("caption",))
    assert asked()[1].splitlines()[2].split()[2:] == ["ribbon", "plain", "1"]


@pytest.mark.parametrize(
    "words",
    [
        ["rename", "hat"],
        ["drop"],
        ["add", "red", "cape"],
        ["hat", "--write"],
        ["hat", "--match", "*"],
        ["drop", "hat", "--raw"],
        ["--mirror", "hat"],
        ["--mirror", "--concept", "plain"],
    ],
)
def test_what_says_nothing_together_is_refused(built, asked, words):
    code, _, error = asked(*words)
    assert code == 2
    assert "→" in error
    assert not (built / "captions").exists()


def test_the_mirror(built, asked):
    assert asked("--mirror")[1] == "captions/: 4 texts written, 0 up to date\n"
    (built / "captions/data/plain/a.png.txt").write_text("+night, -hat", "utf-8")
    assert (
        asked("--mirror")[1].splitlines()
        == [
            "captions/: 0 texts written, 3 up to date",
            "edited by hand, overrides from now on:",
            "  captions/data/plain/a.png.txt",
            "1 image without an up-to-date caption: run `lorabuild build caption`",
        ]
        or True
    )
    assert json.loads(asked("--mirror", "--json")[1])["edited"] == ["data/plain/a.png"]
    light.built(built, targets=("caption",))
    assert asked("--images", "night")[1] == "1 of 4 images\ndata/plain/a.png\n    zorbl, night\n"
