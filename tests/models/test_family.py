import pytest
import torch
from sites import site

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.models import family, source


def test_only_what_is_asked_for_is_loaded(tiny):
    where = site(tiny.parent, tiny)
    model = family.load(source.locate(where), where.project.base, ("tokenizer",), torch.device("cpu"), torch.float32)
    assert model.tokenize(["a"]).shape == (1, 1, 77)
    with pytest.raises(StageError, match="unet of the base model was not loaded"):
        model.layers(("unet",), convolutions=False)
    model = family.load(source.locate(where), where.project.base, ("unet",), torch.device("cpu"), torch.float32)
    with pytest.raises(StageError, match="tokenizer"):
        model.tokenize(["a"])


def test_unknown_family_names_the_near_one(tiny):
    import dataclasses

    where = site(tiny.parent, tiny)
    located = dataclasses.replace(source.locate(where), family="sd16")
    with pytest.raises(ProjectError) as caught:
        family.load(located, where.project.base, ("vae",), torch.device("cpu"), torch.float32)
    assert "sd15" in caught.value.next_step
