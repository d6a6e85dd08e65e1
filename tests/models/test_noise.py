import json
from pathlib import Path

import pytest
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.models.noise import diffusion

SD15 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
KNOWN = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text("utf-8"))


def test_schedule_is_that_of_the_standard_trainer():
    made = diffusion(SD15)
    t = torch.tensor(KNOWN["timesteps"])
    torch.testing.assert_close(made.alphas_cumprod[t], torch.tensor(KNOWN["alphas_cumprod"]), rtol=1e-6, atol=0)
    torch.testing.assert_close(made.snr(t), torch.tensor(KNOWN["all_snr"]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("schedule", ["scaled_linear", "linear"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_agrees_with_diffusers(schedule, prediction):
    from diffusers import DDPMScheduler

    config = {**SD15, "beta_schedule": schedule, "prediction_type": prediction}
    ours, theirs = diffusion(config), DDPMScheduler.from_config(config)
    clean, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 500, 999])
    torch.testing.assert_close(ours.add_noise(clean, noise, t), theirs.add_noise(clean, noise, t))
    wanted = noise if prediction == "epsilon" else theirs.get_velocity(clean, noise, t)
    torch.testing.assert_close(ours.target(clean, noise, t), wanted)


def test_clean_picture_follows_from_noisy_one_and_v():
    made = diffusion({**SD15, "prediction_type": "v_prediction"})
    clean, noise = torch.randn(2, 5, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    t = torch.arange(5) * 200
    signal, sigma = made.roots(t, clean)
    found = signal * made.add_noise(clean, noise, t) - sigma * made.target(clean, noise, t)
    torch.testing.assert_close(found, clean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("word", "value"), [("prediction_type", "sample"), ("beta_schedule", "squaredcos_cap_v2")])
def test_unknown_words_are_refused(word, value):
    with pytest.raises(ProjectError, match=value):
        diffusion({**SD15, word: value})


@pytest.mark.parametrize("schedule", ["scaled_linear", "linear"])
def test_zero_terminal_snr_is_that_of_diffusers(schedule):
    from diffusers import DDIMScheduler

    config = {**SD15, "beta_schedule": schedule, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    ours, theirs = diffusion(config), DDIMScheduler.from_config(config)
    torch.testing.assert_close(ours.alphas_cumprod, theirs.alphas_cumprod, rtol=1e-4, atol=1e-7)
    clean, noise = torch.randn(2, 2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 999])
    noisy, target = ours.add_noise(clean, noise, t), ours.target(clean, noise, t)
    assert torch.equal(noisy[1], noise[1])
    assert torch.equal(target[1], -clean[1])
    torch.testing.assert_close(noisy[0], diffusion(SD15).add_noise(clean, noise, t)[0])


def test_weightings_see_the_snr_before_it_is_rescaled():
    plain, zero = (diffusion({**SD15, "rescale_betas_zero_snr": on}) for on in (False, True))
    t = torch.arange(1000)
    assert torch.equal(plain.snr(t), zero.snr(t))
    assert (zero.alphas_cumprod[1:] < plain.alphas_cumprod[1:]).all()
    assert zero.alphas_cumprod[-1] == 0


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_step_is_that_of_ddim(prediction):
    from diffusers import DDIMScheduler

    config = {**SD15, "prediction_type": prediction}
    scheduler = DDIMScheduler(clip_sample=False, set_alpha_to_one=False, timestep_spacing="trailing", **config)
    scheduler.set_timesteps(10)
    noisy, answer = (torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    t, to = scheduler.timesteps[3], scheduler.timesteps[4]
    theirs = scheduler.step(answer, t, noisy).prev_sample
    ours = diffusion(config).step(noisy, answer, t.expand(2), to.expand(2))
    assert torch.allclose(ours, theirs, atol=1e-5)
