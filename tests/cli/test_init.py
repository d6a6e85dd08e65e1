"""lorabuild.cli.init and lorabuild.cli.schema: making a project, and the words that it may use."""

import builtins
import json
import sys

import pytest

from lorabuild.cli.main import main
from lorabuild.schema.describe import json_schema, reference
from lorabuild.schema.load import load


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def answers(monkeypatch):
    """A person on a terminal, with answers ready."""

    def sit_down(*given):
        left = iter(given)

        def answer():
            try:
                return next(left)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr(builtins, "input", answer)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        return left

    return sit_down


def nobody_is_asked(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda: pytest.fail("asked"))


def test_elsewhere_than_on_a_terminal_nothing_is_asked(tmp_path, monkeypatch, capsys):
    nobody_is_asked(monkeypatch)
    assert main(["init", "My new LoRA!"]) == 0
    project = load(tmp_path / "My new LoRA!").project
    assert project.name == "My-new-LoRA"
    assert list(project.triggers) == ["My-new-LoRA"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "made lora.yaml, .gitignore, .gitattributes" in err
    assert "1. put your pictures into" in err
    assert err.splitlines()[-1].endswith("does it")


def test_flags_answer_everything(tmp_path, monkeypatch):
    nobody_is_asked(monkeypatch)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/base.safetensors").write_bytes(b"")
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    flags = ["--template", "outfits", "--name", "zorbl", "--trigger", "zorbl", "--base", "models/base.safetensors"]
    assert main(["init", "p", *flags, "--images", "one", "two", "three"]) == 0
    project = load(tmp_path / "p").project
    assert project.base.model == "../models/base.safetensors"
    assert [concept.folder for concept in project.concepts.values()] == ["../one", "../two", "../three"]
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [".gitattributes", ".gitignore", "lora.yaml"]


def test_a_slider_is_asked_for_neither_word_nor_pictures(tmp_path, answers, capsys):
    left = answers("slider", "smile", "")
    assert main(["init", "p"]) == 0
    assert list(left) == []
    assert load(tmp_path / "p").project.kind == "slider"
    said = capsys.readouterr().err
    assert "the prompts between which it moves" in said
    assert "pictures" not in said.partition("Now:")[2]


def test_a_person_is_asked_with_defaults_shown(tmp_path, answers, capsys):
    (tmp_path / "pics").mkdir()
    left = answers("style", "", "zorblish", "", "pics")
    assert main(["init", "-C", "drawn"]) == 0
    assert list(left) == []
    project = load(tmp_path / "drawn").project
    assert (project.name, list(project.triggers), project.concepts["main"].folder) == ("drawn", ["zorblish"], "../pics")
    asked = capsys.readouterr().err
    for shown in ("character, outfits, style, concept, slider? [character]", "[drawn]", "[stable-diffusion-v1-5/"):
        assert shown in asked


def test_what_was_said_is_not_asked(answers, tmp_path):
    left = answers("", "")
    assert main(["init", "p", "--template", "style", "--trigger", "a", "--base", "owner/name"]) == 0
    assert list(left) == []
    assert load(tmp_path / "p").project.name == "p"


def test_an_answer_that_cannot_be_used_is_asked_for_again(answers, tmp_path, capsys):
    answers("stlye", "style", "my lora", "mine", "yes", "zorbl", "", "nowhere", "")
    assert main(["init", "p"]) == 0
    assert load(tmp_path / "p").project.name == "mine"
    said = capsys.readouterr().err
    for wrong in (
        "no template `stlye`",
        "`my lora` can't be a name",
        "`yes` can't be a trigger",
        "no folder `nowhere`",
    ):
        assert wrong in said


def test_a_person_who_goes_away_leaves_nothing_behind(answers, tmp_path, capsys):
    answers("style")
    assert main(["init", "p"]) == 130
    assert list(tmp_path.iterdir()) == []
    assert "stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--template", "charcter"], "did you mean `character`?"),
        (["--name", "my lora"], "--name my-lora"),
        (["--trigger", "a b"], "--trigger zorbl"),
        (["--images", "nowhere"], "there is no folder `nowhere`"),
    ],
)
def test_wrong_flags_are_answered(tmp_path, capsys, flags, said):
    assert main(["init", "p", *flags]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_a_second_time_is_refused(tmp_path, capsys):
    assert main(["init", "."]) == 0
    before = (tmp_path / "lora.yaml").read_bytes()
    assert main(["init", "."]) == 2
    assert "lora.yaml is there already" in capsys.readouterr().err
    assert (tmp_path / "lora.yaml").read_bytes() == before


def test_programs_get_json(tmp_path, capsys):
    assert main(["--json", "init", "p"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["folder"] == str(tmp_path / "p")
    assert sorted(said["files"]) == [".gitattributes", ".gitignore", "dataset", "dataset/main", "lora.yaml"]


def test_quiet_says_nothing(capsys):
    assert main(["init", "p", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_schema_is_printed_for_editors(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_schema_as_a_page(capsys):
    assert main(["schema", "--markdown"]) == 0
    assert capsys.readouterr().out == reference()
