import shutil

import light
import pytest

from lorabuild.core import nullindex
from lorabuild.core.errors import ProjectError
from lorabuild.graph.lastgood import LastGood


def name(reading):
    return reading.project.project.name


def test_there_must_be_a_good_one_to_begin_with(project):
    light.write(project, name=None)
    with pytest.raises(ProjectError):
        LastGood(project)
    (project / "lora.yaml").unlink()
    with pytest.raises(ProjectError, match=r"there is no lora\.yaml here"):
        LastGood(project)


def test_a_good_file_is_read_anew_each_time(project):
    settings = LastGood(project)
    light.write(project, name="other")
    reading = settings.read()
    assert name(reading) == "other"
    assert reading.wrong is None
    assert reading.named == (reading.project,)
    assert "./lora.yaml" in reading.seen.files
    assert reading.project.text == (project / "lora.yaml").read_bytes()


def test_while_the_file_is_wrong_the_last_good_one_goes_on_without_a_null_index(project):
    settings = LastGood(project)
    light.write(project, nonsense=1)
    reading = settings.read()
    assert name(reading) == "tiny"
    assert reading.seen is None
    assert "nonsense" in reading.wrong.what
    assert reading.wrong.where.startswith("lora.yaml:")
    assert reading.named == (reading.project,)
    light.write(project)
    assert settings.read().wrong is None


def test_a_file_whose_folders_are_missing_is_wrong_and_its_folders_are_of_interest(project):
    settings = LastGood(project)
    light.write(project, concepts={**light.SETTINGS["concepts"], "hat": {"folder": "data/hat", "triggers": ["zorbl"]}})
    reading = settings.read()
    assert "data/hat" in reading.wrong.what
    assert name(reading) == "tiny"
    assert [sorted(loaded.project.concepts) for loaded in reading.named] == [
        ["cape", "plain"],
        ["cape", "hat", "plain"],
    ]


def test_when_what_the_good_one_names_is_gone_there_is_nothing_to_build(project):
    settings = LastGood(project)
    shutil.move(project / "data/cape", project / "elsewhere")
    reading = settings.read()
    assert reading.project is None
    assert "data/cape" in reading.wrong.what
    shutil.move(project / "elsewhere", project / "data/cape")
    assert settings.read().project is not None


def test_what_the_command_line_says_wins_and_leaves_no_null_index(project):
    reading = LastGood(project, ["name=said"]).read()
    assert name(reading) == "said"
    assert reading.seen is None


@pytest.mark.parametrize("look", ["folder", "file"])  # of a working copy, of one that was installed
def test_a_lorabuild_that_was_edited_since_the_start_leaves_nothing_behind(project, monkeypatch, tmp_path, look):
    package = tmp_path / "place/lorabuild"
    for name in nullindex._OURS:
        (package / name).mkdir(parents=True)
    if look == "folder":
        (tmp_path / "place/pyproject.toml").touch()
    monkeypatch.setattr(nullindex, "_PACKAGE", package)
    settings = LastGood(project)
    (package / "graph/new.py").touch()
    reading = settings.read()
    assert reading.wrong is None
    assert reading.seen is None
    assert reading.project.text == b""
