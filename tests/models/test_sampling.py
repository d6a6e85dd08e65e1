import json
import shutil

import pytest
import torch
from sites import site

from lorabuild.core.errors import ProjectError
from lorabuild.models import family, source
from lorabuild.models.sampling import Order, Plan, draw, open_scheduler

DRAWN = {"steps": 3, "cfg": 4.0, "width": 32, "height": 32}


@pytest.fixture
def with_sampler(tiny, tmp_path):
    """The tiny base with another scheduler."""

    def make(name):
        folder = shutil.copytree(tiny, tmp_path / name)
        config = folder / "scheduler/scheduler_config.json"
        words = json.loads(config.read_text("utf-8")) | {"_class_name": name, "skip_prk_steps": True}
        config.write_text(json.dumps(words), "utf-8")
        where = site(folder.parent, folder)
        return family.load(source.locate(where), where.project.base, family.PARTS, torch.device("cpu"), torch.float32)

    return make


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers under numpy 2
@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "PNDMScheduler"])
def test_each_picture_is_by_itself_with_any_sampler(with_sampler, name):
    model = with_sampler(name)
    both = model.sample(["a", "b"], negatives=["", ""], seeds=[1, 2], **DRAWN)
    assert torch.equal(both[1], model.sample(["b"], negatives=[""], seeds=[2], **DRAWN)[0])
    assert not torch.equal(both[0], both[1])


@pytest.mark.parametrize("name", ["MagicScheduler", "StableDiffusionPipeline", ""])
def test_unknown_sampler_is_refused(name):
    with pytest.raises(ProjectError, match=f"scheduler is `{name}`"):
        open_scheduler({"_class_name": name})


@pytest.mark.parametrize(("cfg", "rows"), [(4.0, 6), (1.0, 3)])
def test_every_pass_has_one_shape(with_sampler, monkeypatch, cfg, rows):
    model = with_sampler("DDIMScheduler")
    passes, texts, predict, tokenize = [], [], model.predict, model.tokenize

    def counting(noisy, t, context):
        passes.append((len(noisy), len(t), len(context)))
        return predict(noisy, t, context)

    def reading(words):
        texts.append(list(words))
        return tokenize(words)

    monkeypatch.setattr(model, "predict", counting)
    monkeypatch.setattr(model, "tokenize", reading)
    orders = [Order(word, "not", seed) for seed, word in enumerate("abcd")]
    drawn = draw(model, orders, Plan(2, cfg, (4, 8, 8), 3, model._scheduler))
    assert drawn.shape == (4, 4, 8, 8)
    assert passes == [(rows, rows, rows)] * 4
    without = ["not"] * 3 if cfg > 1 else []
    assert texts == [[*without, "a", "b", "c"], [*without, "d", "d", "d"]]
