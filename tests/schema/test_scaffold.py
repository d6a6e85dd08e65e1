"""lorabuild.schema.scaffold: a new project from a template."""

import pytest

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.schema import scaffold as module
from lorabuild.schema.check import check
from lorabuild.schema.load import load
from lorabuild.schema.scaffold import TEMPLATES, Answers, asks, bad_trigger, scaffold, templates

ZORBL = Answers("Zorbl-v1", "zorbl")


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "slider"])
def test_a_template_is_a_good_project_as_soon_as_there_are_images(tmp_path, template):
    made = scaffold(tmp_path / "new/project", template, ZORBL)
    root = tmp_path / "new/project"
    assert {path.name for path in made if path.is_file()} == {"lora.yaml", ".gitignore", ".gitattributes"}
    loaded = load(root)
    assert loaded.project.name == "Zorbl-v1"
    assert "zorbl" in loaded.project.triggers
    with pytest.raises(ProjectError, match="there is no image in"):
        check(loaded)
    for concept in loaded.project.concepts.values():
        assert (root / concept.folder) in made
        (root / concept.folder / "a.png").write_bytes(b"")
    check(loaded)


def test_the_template_of_a_slider_is_a_good_project_at_once(tmp_path):
    made = scaffold(tmp_path, "slider", Answers("smile", "not asked, nor read"))
    assert sorted(path.name for path in made) == [".gitattributes", ".gitignore", "lora.yaml"]
    loaded = load(tmp_path)
    assert (loaded.project.kind, loaded.project.concepts) == ("slider", {})
    check(loaded)


def test_what_a_template_leaves_open():
    assert asks("slider") == set()
    assert asks("outfits") == {"trigger", "images"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_explains_itself(template):
    text = (templates() / template / "lora.yaml").read_text("utf-8")
    lines = text.splitlines()
    assert sum("#" in line for line in lines) > 25
    assert max(map(len, lines)) <= 120
    assert "\t" not in text


def test_every_template_is_known():
    assert {path.name for path in templates().iterdir() if path.is_dir()} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_of_the_template_is_left_unfilled(tmp_path, template):
    scaffold(tmp_path, template, ZORBL)
    assert "{{" not in (tmp_path / "lora.yaml").read_text("utf-8")


def test_the_store_and_the_results_stay_out_of_git(tmp_path):
    scaffold(tmp_path, "character", ZORBL)
    ignored = (tmp_path / ".gitignore").read_text("utf-8").splitlines()
    assert {".lorabuild/", "out/"} <= set(ignored)
    assert load(tmp_path).project.output.folder == "out"
    assert "*.safetensors binary" in (tmp_path / ".gitattributes").read_text("utf-8")


@pytest.mark.parametrize("name", ["lora.yaml", ".gitignore", ".gitattributes"])
def test_nothing_is_overwritten(tmp_path, name):
    (tmp_path / name).write_text("mine", "utf-8")
    with pytest.raises(ProjectError, match="is there already") as caught:
        scaffold(tmp_path, "character", ZORBL)
    assert caught.value.where == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text("utf-8") == "mine"


def test_a_link_that_leads_nowhere_is_not_overwritten(tmp_path):
    (tmp_path / "lora.yaml").symlink_to("nowhere")
    with pytest.raises(ProjectError, match="is there already"):
        scaffold(tmp_path, "character", ZORBL)


def test_folders_with_pictures_take_the_place_of_new_ones(tmp_path):
    made = scaffold(
        tmp_path / "p", "outfits", Answers("a", "a", "../my models/x.safetensors", ("../pics 1", "dataset/two"))
    )
    project = load(tmp_path / "p").project
    assert [concept.folder for concept in project.concepts.values()] == ["../pics 1", "dataset/two", "dataset/formal"]
    assert project.base.model == "../my models/x.safetensors"
    assert tmp_path / "p/dataset/formal" in made


def test_too_many_folders(tmp_path):
    with pytest.raises(ProjectError, match="has 1 concept folder"):
        scaffold(tmp_path, "character", Answers("a", "a", images=("x", "y")))


@pytest.mark.parametrize("name", ["2024", "no", "1e-4"])
def test_a_name_that_yaml_would_misread_is_quoted(tmp_path, name):
    scaffold(tmp_path, "character", Answers(name, "zorbl"))
    assert load(tmp_path).project.name == name


@pytest.mark.parametrize("trigger", ["", "a b", "a,b", "yes", "12", "_x", "{x}", "*x", "a:"])
def test_words_that_cannot_be_a_trigger(tmp_path, trigger):
    assert bad_trigger(trigger)
    with pytest.raises(ProjectError, match="can't be a trigger"):
        scaffold(tmp_path, "character", Answers("a", trigger))
    assert list(tmp_path.iterdir()) == []


def test_a_bad_name_makes_nothing(tmp_path):
    with pytest.raises(ProjectError, match="can't be `my lora`"):
        scaffold(tmp_path, "character", Answers("my lora", "zorbl"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_template_gets_the_nearest(tmp_path):
    with pytest.raises(ProjectError) as caught:
        scaffold(tmp_path, "charcter", ZORBL)
    assert caught.value.next_step == "did you mean `character`?"
    with pytest.raises(ProjectError, match="no template") as caught:
        scaffold(tmp_path, "qqq", ZORBL)
    assert "character, outfits, style, concept" in caught.value.next_step


@pytest.mark.parametrize("failing", [LorabuildError("disk full"), OSError(28, "No space left on device")])
def test_all_or_nothing(tmp_path, monkeypatch, failing):
    written = []

    def write(path, data):
        if written:
            raise failing
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(module, "write_atomic", write)
    with pytest.raises(LorabuildError, match=r"disk full|No space left"):
        scaffold(tmp_path / "a/b", "outfits", ZORBL)
    assert written
    assert list(tmp_path.iterdir()) == []


def test_templates_are_found_in_a_checkout_and_in_a_wheel(tmp_path, monkeypatch):
    assert (templates() / "gitignore").is_file()
    (tmp_path / "lorabuild/schema").mkdir(parents=True)
    (tmp_path / "lorabuild/templates").mkdir()
    monkeypatch.setattr(module, "__file__", str(tmp_path / "lorabuild/schema/scaffold.py"))
    assert templates() == tmp_path / "lorabuild/templates"
