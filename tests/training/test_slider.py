"""lorabuild.training.slider: the wanted directions, both signs, and that nothing depends on anything but the look."""

import math

import pytest
import torch
from safetensors.torch import save
from tiny_training import WIDTH, TinyAdapter, TinyModel, settings

from lorabuild.core.digest import digest
from lorabuild.models.noise import Diffusion
from lorabuild.schema.slider import Denoise
from lorabuild.training.batches import Look, Record, Text
from lorabuild.training.device import open_device
from lorabuild.training.feed import Feed
from lorabuild.training.loop import Course, train
from lorabuild.training.progress import Progress
from lorabuild.training.shelf import Shelf
from lorabuild.training.slider import Sliding, timesteps
from lorabuild.training.state import State

WORDS = ("", "cat", "big cat", "small cat", "a cat")
STEPS, CFG = 4, 2.0


class Model(TinyModel):
    """The tiny model with what half drawing needs; it keeps what it was asked."""

    latent_channels, vae_factor = 4, 8

    def __init__(self):
        super().__init__()
        self.diffusion = Diffusion(self.alphas_cumprod, "epsilon", self.alphas_cumprod)
        self.step = self.diffusion.step
        self.asked = []

    def predict(self, noisy, t, condition):
        self.asked.append(t.tolist())
        return super().predict(noisy, t, condition)


class World:
    """A slider over one or more targets, its adapter moved a little so that it does something."""

    def __init__(self, *aims, texts=("cat", "big cat", "small cat", "cat"), moved=0.0, denoise=None, **words):
        self.hidden = {
            word: torch.randn(12, WIDTH, generator=torch.Generator().manual_seed(n)) for n, word in enumerate(WORDS)
        }
        blobs = {}
        for hidden in self.hidden.values():
            data = save({"hidden": hidden})
            blobs[digest(data)] = data
        self.texts = {word: Text("b3:tokens", digest(save({"hidden": one}))) for word, one in self.hidden.items()}
        self.records = [self.record(number, texts) for number in range(len(aims) or 1)]
        self.training = settings(train="unet", **words)
        self.model = Model()
        self.adapter = TinyAdapter(self.model, ("unet",))
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in self.adapter.parameters():
                parameter.add_(moved * torch.randn(parameter.shape, generator=generator))
        feed = Feed(Shelf(blobs.__getitem__), self.texts[""], self.training, 1.0, frozen_text=True)
        device = open_device(torch.device("cpu"), "fp32")
        where = {f"b3:{number}": aim for number, aim in enumerate(aims or [(1.0, 1.0)])}
        chosen = denoise or Denoise(steps=STEPS, cfg=CFG)
        self.objective = Sliding(self.model, feed, device, self.adapter, where, chosen)
        self.device = device

    def record(self, number, texts):
        return Record(
            id="cat",
            latents="",
            texts=tuple(self.texts[text] for text in texts),
            pixels=f"b3:{number}",
            concept="cat",
            repeats=6,
            prior=False,
            size=(32, 32),
            sizes=(32.0, 32.0, 0.0, 0.0, 32.0, 32.0),
        )

    def looks(self, count, target=0):
        return [Look(self.records[target], visit) for visit in range(count)]

    def said(self, noisy, times, word, strength=0.0):
        """What the model answers to one text, with the adapter at a strength."""
        self.adapter.multiplier = strength
        with torch.no_grad():
            return self.model.predict(noisy, times, {"hidden": self.hidden[word].expand(len(noisy), -1, -1)})

    def seen(self, looks):
        """The half drawn pictures of some looks, and where they stand."""
        begun = self.objective.prepare(looks, 0)
        return self.objective.drawn(begun), timesteps(1000, self.objective.denoise.steps)[torch.tensor(begun.depths)]


def mean(squares):
    return squares.flatten(1).mean(1)


def test_at_the_start_the_loss_is_the_length_of_the_known_direction():
    world = World((2.0, 1.0))
    looks = world.looks(8)
    noisy, times = world.seen(looks)
    delta = 2 * (world.said(noisy, times, "big cat") - world.said(noisy, times, "small cat"))
    assert torch.allclose(world.objective(looks, 0), mean(delta**2), rtol=1e-5)


def test_an_adapter_that_does_what_is_wanted_has_no_loss():
    """With a target that is moved onto itself, the adapter that does nothing is right at both strengths."""
    world = World((1.0, 1.0), texts=("cat", "big cat", "big cat", "cat"))
    assert world.objective(world.looks(4), 0).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("sign", "neutral"), [(1, "cat"), (-1, "cat"), (1, "a cat"), (-1, "a cat")])
def test_both_ways_are_asked_as_the_formula_says(sign, neutral):
    world = World((sign * 1.5, 1.0), texts=("cat", "big cat", "small cat", neutral), moved=0.1)
    looks = world.looks(6)
    noisy, times = world.seen(looks)
    target, positive, negative, start = (
        world.said(noisy, times, word) for word in ("cat", "big cat", "small cat", neutral)
    )
    delta = start - target + sign * 1.5 * (positive - negative)
    ways = [mean((world.said(noisy, times, "cat", way) - target - way * delta) ** 2) for way in (1.0, -1.0)]
    assert torch.allclose(world.objective(looks, 0), sum(ways) / 2, rtol=1e-5)
    if neutral != "cat":
        leco = start + sign * 1.5 * (positive - negative)
        assert torch.allclose(target + delta, leco, atol=1e-6)


def test_the_gradient_is_that_of_the_loss():
    world = World((1.0, 1.0), moved=0.05, denoise=Denoise(steps=1))
    looks = world.looks(3)
    world.objective(looks, 0).sum().backward()
    parameter = world.adapter.parameters()[1]
    gradient = parameter.grad.clone()
    way = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        parameter.add_(way, alpha=1e-3)
        above = world.objective(looks, 0).double().sum()
        parameter.sub_(way, alpha=2e-3)
        below = world.objective(looks, 0).double().sum()
    assert float((above - below) / 2e-3) == pytest.approx(float((gradient * way).sum()), rel=1e-2)


def test_gradient_checkpointing_finds_each_strength_again():
    """What is answered again in the backward pass is answered at the strength of the forward pass."""
    gradients = []
    for again in (False, True):
        world = World((1.0, 1.0), moved=0.1)
        if again:
            plain = world.model.unet.forward
            world.model.unet.forward = lambda *given, plain=plain: torch.utils.checkpoint.checkpoint(
                plain, *given, use_reentrant=False
            )
        world.objective(world.looks(4), 0).sum().backward()
        gradients.append([parameter.grad for parameter in world.adapter.parameters()])
    assert all(torch.allclose(one, other, atol=1e-7) for one, other in zip(*gradients, strict=True))


def test_pictures_are_half_drawn_as_deep_as_the_look_says_with_guidance_and_the_adapter_on():
    world = World((1.0, 1.0), moved=0.1)
    looks = world.looks(20)
    begun = world.objective.prepare(looks, 0)
    assert {*begun.depths} == {0, 1, 2, 3}
    drawn = world.objective.drawn(begun)
    times = timesteps(1000, STEPS)
    for row, (depth, way) in enumerate(zip(begun.depths, begun.ways, strict=True)):
        picture = begun.noise[row : row + 1]
        for done in range(depth):
            t, to = times[done : done + 1], times[done + 1 : done + 2]
            asked, empty = (world.said(picture, t, word, way) for word in ("cat", ""))
            picture = world.model.step(picture, empty + CFG * (asked - empty), t, to)
        assert torch.allclose(drawn[row], picture[0], atol=1e-5)
        if not depth:
            assert torch.equal(drawn[row], begun.noise[row])
    assert begun.ways == (1.0, -1.0) * 10


def test_chance_rests_while_a_picture_is_drawn_and_counts_from_the_look_where_it_is_learned():
    world = World((1.0, 1.0))
    looks = world.looks(4)
    seen, plain = [], world.model.predict
    world.adapter.begin((0, 0))

    def predict(*given):
        seen.append((world.adapter.multiplier, world.adapter.seeds))
        return plain(*given)

    world.model.predict = predict
    world.objective(looks, 0)
    *drawn, base, up, down = seen
    seeds = world.objective.feed.seeds(looks)
    assert {chances for _, chances in drawn} == {None}
    assert (base[0], up, down) == (0.0, (1.0, seeds), (-1.0, seeds))


def test_without_guidance_the_empty_prompt_is_not_asked():
    counts = []
    for cfg in (1.0, 2.0):
        world = World((1.0, 1.0), denoise=Denoise(steps=STEPS, cfg=cfg))
        world.seen(world.looks(8))
        counts.append(sum(map(len, world.model.asked)))
    assert counts[1] == 2 * counts[0]


def test_a_look_is_the_same_whoever_is_in_the_batch():
    world = World((1.0, 1.0), (-2.0, 0.5), moved=0.1)
    first, second = world.looks(4), world.looks(4, target=1)
    together = world.objective([*first, *second], 3)
    alone = torch.cat([world.objective([look], 7) for look in (*first, *second)])
    assert torch.allclose(together, alone, rtol=1e-4)
    assert torch.equal(world.objective([*first, *second], 3), together)


def test_weights_of_targets_and_timesteps_scale_the_loss():
    plain, heavy = World((1.0, 1.0)), World((1.0, 3.0))
    assert torch.allclose(heavy.objective(heavy.looks(4), 0), 3 * plain.objective(plain.looks(4), 0))
    snr = World((1.0, 1.0), min_snr_gamma=5.0)
    begun = snr.objective.prepare(snr.looks(8), 0)
    times = timesteps(1000, STEPS)[torch.tensor(begun.depths)]
    ratio = snr.model.snr(times)
    assert torch.allclose(begun.weights, ratio.clamp(max=5) / ratio, rtol=1e-4)


def test_a_sampler_begins_at_pure_noise():
    assert timesteps(1000, 4).tolist() == [999, 749, 499, 249]
    assert timesteps(1000, 1).tolist() == [999]


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_step_with_the_true_answer_leads_to_the_same_picture_with_less_noise(prediction):
    alphas = TinyModel().alphas_cumprod
    diffusion = Diffusion(alphas, prediction, alphas)
    clean, noise = (torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    t, to = torch.tensor([999, 700, 400]), torch.tensor([800, 300, 1])
    noisy = diffusion.add_noise(clean, noise, t)
    answer = diffusion.target(clean, noise, t)
    assert torch.allclose(diffusion.step(noisy, answer, t, to), diffusion.add_noise(clean, noise, to), atol=2e-5)


class Stopping(Progress):
    stop = None

    def step(self, row, images):
        super().step(row, images)
        if row.step == self.stop:
            raise KeyboardInterrupt


def trained(folder, epochs=2, stop=None):
    """The bytes of every epoch of a slider that is trained through the usual loop."""
    world = World((1.0, 1.0), batch=2)
    folder.mkdir(exist_ok=True)
    progress = Stopping(lambda _event: None, 3 * epochs)
    progress.stop = stop
    course, state = Course(world.records, epochs, world.training), State.open(folder)
    assert course.total() == 3 * epochs
    train(course, world.objective, world.adapter, state, world.device, progress)
    losses = [row.loss for row in state.rows]
    return [state.checkpoint(name) for name in sorted(state.files) if name.startswith("epoch")], losses


def test_it_learns_through_the_usual_loop_and_resumes_bit_by_bit(tmp_path):
    whole, losses = trained(tmp_path / "whole", epochs=12)
    assert math.fsum(losses[-6:]) < 0.7 * math.fsum(losses[:6])
    assert trained(tmp_path / "again", epochs=12)[0] == whole
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "torn", epochs=12, stop=17)
    assert trained(tmp_path / "torn", epochs=12)[0] == whole
