import light
import pytest

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.graph.session import placed, viewing


def test_looking_opens_a_project_without_writing(project):
    with viewing(light.opened(project), 5) as view:
        assert view.date == 5
        assert not view.step("scan").clean
    assert not (project / ".lorabuild").exists()


def test_an_error_about_a_word_gets_its_place_in_the_file(project):
    loaded = light.opened(project)
    with pytest.raises(ProjectError) as caught, placed(loaded):
        raise ProjectError("wrong", where="images.resolution")
    assert caught.value.where.startswith("lora.yaml:")
    assert "images.resolution" in caught.value.where


def test_other_errors_stay_as_they_are(project):
    with pytest.raises(StageError) as caught, placed(light.opened(project)):
        raise StageError("broken", where="out/x.png")
    assert caught.value.where == "out/x.png"
