"""lorabuild.schema.loss, lorabuild.schema.noise: limits, and what is said where they are crossed."""

import pytest


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("loss: {type: huber, c: 0}", "training.loss.c"),
        ("loss: {type: smooth_l1, c: 1.5}", "training.loss.c"),
        ("loss: {type: l1, c: 0.5}", "training.loss.c"),
        ("loss: {type: huber, schedule: linear}", "training.loss.schedule"),
        ("loss: {type: l3}", "training.loss"),
        ("noise: {offset: -0.1}", "training.noise.offset"),
        ("noise: {pyramid: 17}", "training.noise.pyramid"),
        ("noise: {pyramid_discount: 0}", "training.noise.pyramid_discount"),
        ("timesteps: {max: 1001}", "training.timesteps.max"),
        ("timesteps: {min: 1000}", "training.timesteps.min"),
        ("timesteps: {scale: 1}", "training.timesteps.scale"),
        ("timesteps: {type: logit_normal, std: 0}", "training.timesteps.std"),
        ("mask_floor: 1.1", "training.mask_floor"),
        ("soft_min_snr_gamma: 0", "training.soft_min_snr_gamma"),
        ("p2_gamma: -1", "training.p2_gamma"),
    ],
)
def test_what_has_no_meaning_is_refused(wrong, words, where):
    (problem,) = wrong(f"training: {{{words}}}\n")
    assert where in problem["where"]
    assert problem["next_step"]


def test_a_kind_of_its_own_has_its_own_words(project):
    loss = project("training: {loss: {type: huber, schedule: exponential, scale: 2}}\n").project.training.loss
    assert (loss.type, loss.schedule, loss.c, loss.scale) == ("huber", "exponential", 0.1, 2.0)
    timesteps = project("training: {timesteps: {type: logit_normal, mean: -1}}\n").project.training.timesteps
    assert (timesteps.mean, timesteps.std, timesteps.min, timesteps.max) == (-1.0, 1.0, 0, None)


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("noise_offset: 0.1", "training.noise"),
        ("multires_noise_iterations: 6", "training.noise"),
        ("huber_c: 0.2", "training.loss"),
        ("min_timestep: 100", "training.timesteps"),
        ("caption_dropout_every_n_epochs: 2", "caption_dropout_every"),
    ],
)
def test_words_of_other_trainers_lead_to_ours(wrong, word, ours):
    (problem,) = wrong(f"training: {{{word}}}\n")
    assert ours in problem["next_step"]
