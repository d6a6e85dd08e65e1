import shutil

import light
import pytest

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.graph.rebased import Bases, fitting
from lorabuild.graph.session import viewing


@pytest.fixture
def view(project):
    with viewing(light.opened(project)) as view:
        yield view


def test_another_base_is_opened_once_and_found_from_here(view, project, monkeypatch, tmp_path):
    shutil.copytree(project / "base", tmp_path / "other")
    (tmp_path / "other/unet/diffusion_pytorch_model.safetensors").write_bytes(b"another")
    monkeypatch.chdir(tmp_path)
    bases = Bases(["samples.seed=5"])
    other = bases.view(view, "other")
    assert bases.view(view, "other") is other
    assert bases.view(view) is view
    assert other.inventory.models["base.unet" if "base.unet" in other.inventory.models else "unet"] not in {
        *view.inventory.models.values()
    }
    assert other.project.samples.seed == 5
    assert other.store is view.store


def test_a_model_that_is_not_there(view):
    with pytest.raises(ProjectError, match="there is no model at 'nowhere'") as error:
        Bases().view(view, "nowhere")
    assert error.value.where == "base nowhere"


def test_what_does_not_fit_is_said_of_the_base():
    with pytest.raises(ProjectError, match="the LoRA doesn't fit: it lacks a layer") as error, fitting("other"):
        raise LorabuildError("it lacks a layer")
    assert error.value.where == "base other"
    with pytest.raises(LorabuildError, match="it lacks a layer"), fitting(""):
        raise LorabuildError("it lacks a layer")
