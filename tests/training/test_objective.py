import pytest
import torch
from tiny_training import CHUNKS, TinyAdapter, TinyModel, blobs_and_records, settings

from lorabuild.core.errors import ProjectError
from lorabuild.training.batches import Look
from lorabuild.training.device import open_device
from lorabuild.training.feed import Feed
from lorabuild.training.objective import Denoising
from lorabuild.training.shelf import Shelf

NOISE = {"offset": 0.1, "offset_adaptive": 0.05, "offset_random": True, "pyramid": 4, "ip_gamma": 0.1}
EVERYTHING = {
    "loss": {"type": "huber"},
    "min_snr_gamma": 5,
    "debiased_estimation": True,
    "p2_gamma": 0.5,
    "noise": NOISE,
    "timesteps": {"type": "logit_normal", "mean": 0.3, "min": 50, "max": 950},
    "mask_floor": 0.1,
    "caption_dropout": 0.2,
}


def denoising(frozen=True, model=None, **words):
    training = settings(**words)
    blobs, records, empty = blobs_and_records(frozen=frozen)
    feed = Feed(Shelf(blobs.__getitem__), empty, training, 0.5, frozen_text=frozen, chunks=CHUNKS)
    for record in records[::2]:
        found = feed.shelf.tensors(record.latents)
        mask = torch.rand(1, *found["latents"].shape[1:], generator=torch.Generator().manual_seed(1))
        found |= {"mask": mask, "mask_flipped": mask.flip(2)}
    made = model or TinyModel()
    adapter = TinyAdapter(made)
    for _, up in adapter.pairs.values():
        torch.nn.init.normal_(up.weight, std=0.1)
    device = open_device(torch.device("cpu"), "fp32")
    return Denoising(made, feed, device, adapter), [Look(record, 0) for record in records if record.size == (32, 32)]


def tensors(prepared, place):
    """What belongs to one row."""
    shared = [prepared.clean, prepared.noise, prepared.extra, prepared.times, prepared.weights, prepared.thresholds]
    mask = torch.ones(len(prepared.clean), 1, 4, 4) if prepared.mask is None else prepared.mask
    return [tensor[place] for tensor in (*shared, mask, *prepared.told.values())]


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_mates_change_no_draw_and_no_loss(frozen):
    made, looks = denoising(frozen, **EVERYTHING)
    orders = [looks, looks[::-1], looks[2:5], looks[1:3]]
    alone = {look: made([look], 0).item() for look in looks}
    drawn = {look: made.prepare([look], 0) for look in looks}
    for order in orders:
        together = made.prepare(order, 0)
        for place, (look, found) in enumerate(zip(order, made.measure(together).tolist(), strict=True)):
            assert found == pytest.approx(alone[look], abs=1e-6, rel=1e-6)
            assert together.seeds[place] == drawn[look].seeds[0]
            pairs = zip(tensors(together, place), tensors(drawn[look], 0), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


def test_it_is_the_distance_of_the_prediction_times_the_weight():
    made, looks = denoising(min_snr_gamma=5)
    made.feed.shelf.tensors(looks[1].record.latents).pop("mask", None)
    batch = made.prepare(looks[1:2], 0)
    predicted = made.model.predict(made.model.add_noise(batch.clean, batch.noise, batch.times), batch.times, batch.told)
    snr = made.model.snr(batch.times)
    known = (predicted - batch.noise).square().mean() * min(snr.item(), 5) / snr
    torch.testing.assert_close(made(looks[1:2], 0), known)


def test_input_perturbation_changes_what_is_seen_and_not_what_is_asked():
    seen, asked = [], []

    class Watched(TinyModel):
        def add_noise(self, clean, noise, t):
            seen.append(noise)
            return super().add_noise(clean, noise, t)

        def target(self, clean, noise, t):
            asked.append(noise)
            return noise

    made, looks = denoising(model=Watched(), noise={"ip_gamma": 0.1})
    made(looks, 0)
    plain = made.feed.noise(looks, made.feed.latents(looks))
    assert torch.equal(asked[0], plain.noise)
    assert torch.equal(seen[0], plain.noise + plain.extra)


def test_a_hidden_place_has_no_gradient():
    made, looks = denoising()
    masked = made.feed.shelf.tensors(looks[0].record.latents)
    masked |= {"mask": torch.zeros(1, 4, 4), "mask_flipped": torch.zeros(1, 4, 4)}
    assert made(looks[:1], 0).item() == 0
    kept, _ = denoising(mask_floor=1)
    assert kept(looks[:1], 0).item() > 0


def test_prior_pictures_weigh_what_they_weigh():
    made, looks = denoising()
    prior = next(look for look in looks if look.record.prior)
    assert made.prepare([prior], 0).weights.tolist() == [0.5]


def test_the_adapter_is_told_the_seeds_before_every_forward():
    made, looks = denoising(frozen=False)
    made(looks[:3], 0)
    assert made.adapter.seeds == made.feed.seeds(looks[:3])


def test_gradients_reach_both_parts():
    made, looks = denoising(frozen=False, **EVERYTHING)
    made(looks, 0).sum().backward()
    for part in ("unet", "text_encoder"):
        assert any(tensor.grad.abs().sum() > 0 for tensor in made.adapter.parameters(part))


def test_what_does_not_fit_the_model_is_refused_before_anything_is_trained():
    with pytest.raises(ProjectError, match="v_prediction"):
        denoising(scale_v_pred_loss=True)

    class Short(TinyModel):
        num_timesteps = 100

    with pytest.raises(ProjectError, match="0 to 99"):
        denoising(model=Short(), timesteps={"type": "uniform", "max": 500})
