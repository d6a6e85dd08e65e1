import json
import shutil

import pytest
import torch
from fake_gpu import CPU, elsewhere
from sites import site
from tiny_sd15 import SCHEDULER

from lorabuild.core.errors import ProjectError
from lorabuild.models import family, source
from lorabuild.models.sampling import SAMPLERS, Order, Plan, draw, open_scheduler, sampler

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


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "PNDMScheduler"])
def test_each_picture_is_by_itself_with_any_sampler(with_sampler, name):
    model = with_sampler(name)
    both = model.sample(["a", "b"], negatives=["", ""], seeds=[1, 2], **DRAWN)
    assert torch.equal(both[1], model.sample(["b"], negatives=[""], seeds=[2], **DRAWN)[0])
    assert not torch.equal(both[0], both[1])


@pytest.mark.parametrize("name", ["MagicScheduler", "StableDiffusionPipeline", ""])
def test_unknown_sampler_is_refused(name):
    with pytest.raises(ProjectError, match=f"scheduler is `{name}`"):
        open_scheduler({"_class_name": name}, 2)


@pytest.mark.parametrize(("cfg", "rows"), [(4.0, 6), (1.0, 3)])
def test_every_pass_has_one_shape(with_sampler, monkeypatch, cfg, rows):
    model = with_sampler("DDIMScheduler")
    passes, predict = [], model.predict

    def counting(noisy, t, condition):
        passes.append((len(noisy), len(t), {name: tuple(held.shape) for name, held in condition.items()}))
        return predict(noisy, t, condition)

    monkeypatch.setattr(model, "predict", counting)
    orders = [Order(word, "not", seed) for seed, word in enumerate("abcd")]
    drawn = draw(model, orders, Plan(2, cfg, 32, 32, 3, model._scheduler))
    assert drawn.shape == (4, 4, 8, 8)
    assert passes == [(rows, rows, {"hidden": (rows, 77, 16), "sizes": (rows, 6)})] * 4


def test_a_long_prompt_beside_it_changes_no_picture(with_sampler):
    model = with_sampler("DDIMScheduler")
    words, negatives = ["a", "b " * 60, "c", "d"], ["", "", "x" * 80, "n"]
    everything = model.sample(words, negatives=negatives, seeds=[1, 2, 3, 4], **DRAWN)
    for n in range(4):
        alone = model.sample([words[n]], negatives=[negatives[n]], seeds=[n + 1], **DRAWN)
        assert torch.equal(alone[0], everything[n])


def test_without_guidance_the_negative_prompt_has_no_part(with_sampler):
    model, drawn = with_sampler("DDIMScheduler"), DRAWN | {"cfg": 1.0}
    plain, long = (model.sample(["a"], negatives=[words], seeds=[1], **drawn) for words in ("", "x" * 80))
    assert torch.equal(plain, long)


@pytest.fixture(scope="module")
def model(tiny, tmp_path_factory):
    where = site(tmp_path_factory.mktemp("samplers"), tiny)
    return family.load(source.locate(where), where.project.base, family.PARTS, torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_picture_is_by_itself_and_the_same_again_by_every_name(model, name):
    words = DRAWN | {"sampler": name}
    both = model.sample_latents(["a", "b"], negatives=["", ""], seeds=[1, 2], **words)
    assert torch.equal(both[1], model.sample_latents(["b"], negatives=[""], seeds=[2], **words)[0])
    assert torch.isfinite(both).all()


def test_samplers_draw_apart(model):
    drawn = [
        model.sample_latents(["a"], negatives=[""], seeds=[1], **(DRAWN | {"sampler": name, "steps": 5}))
        for name in SAMPLERS
    ]
    alike = [
        (one, two)
        for first, one in enumerate(SAMPLERS)
        for second, two in enumerate(SAMPLERS)
        if first < second and torch.equal(drawn[first], drawn[second])
    ]
    assert alike == []


def test_without_a_name_it_is_the_base_s_own():
    config = {"_class_name": "DDIMScheduler", "beta_start": 0.1, "set_alpha_to_one": False}
    assert sampler(config, "") is config
    assert sampler(config, "euler_a") == {"_class_name": "EulerAncestralDiscreteScheduler", "beta_start": 0.1}


def test_a_sampler_that_needs_a_signal_to_begin_with_is_refused_where_there_is_none():
    config = {"_class_name": "DDIMScheduler", "rescale_betas_zero_snr": True}
    assert sampler(config, "euler")["rescale_betas_zero_snr"]
    with pytest.raises(ProjectError, match="`heun`"):
        sampler(config, "heun")


@pytest.mark.parametrize("name", ["", *(name for name in SAMPLERS if not name.endswith(("karras", "2_a")))])
def test_on_a_gpu_every_sampler_draws_there_and_the_same(name, monkeypatch):
    class Model:
        """What a sampler asks of one."""

        latent_channels, vae_factor = 4, 8

        def __init__(self, device):
            self.device = device

        def tokenize(self, texts):
            return torch.zeros(len(texts), 1, 77, dtype=torch.int64)

        def encode_text(self, tokens):
            return {"hidden": tokens.float()}

        def predict(self, noisy, _t, _condition):
            return 0.1 * noisy

    config = {**SCHEDULER, "num_train_timesteps": 1000, "_class_name": "DDIMScheduler", "prediction_type": "epsilon"}
    orders, plan = [Order("a", "", 1), Order("b", "", 2)], Plan(4, 4.0, 32, 32, 2, sampler(config, name))
    known = draw(Model(CPU), orders, plan)
    with elsewhere(monkeypatch) as device:
        torch.testing.assert_close(draw(Model(device), orders, plan), known)
