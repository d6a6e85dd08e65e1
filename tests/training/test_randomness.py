import torch

from lorabuild.training.batches import Look, Record
from lorabuild.training.randomness import chance, noise, timesteps


def look(name, visit=0, concept="plain"):
    return Look(Record(name, "l", (), name, concept, 1, False, (8, 8), ()), visit)


def test_noise_of_a_look_knows_no_batch_mates():
    looks = [look(str(n)) for n in range(5)]
    together = noise(1, looks, (4, 6, 5))
    assert torch.equal(together[3], noise(1, looks[3:4], (4, 6, 5))[0])
    assert torch.equal(together.flip(0), noise(1, looks[::-1], (4, 6, 5)))


def test_noise_differs_by_seed_visit_concept_and_image():
    drawn = [
        noise(seed, [one], (4,))[0]
        for seed in (1, 2)
        for one in (look("a"), look("a", 1), look("a", 0, "x"), look("b"))
    ]
    assert len({tuple(row.tolist()) for row in drawn}) == 8


def test_noise_is_standard_normal():
    drawn = noise(3, [look("a", visit) for visit in range(200)], (4, 8, 8))
    assert drawn.dtype == torch.float32
    assert abs(drawn.mean().item()) < 0.02
    assert abs(drawn.std().item() - 1) < 0.02


def test_global_generator_is_neither_read_nor_moved():
    torch.manual_seed(5)
    first = noise(1, [look("a")], (4,))
    state = torch.random.get_rng_state()
    assert torch.equal(noise(1, [look("a")], (4,)), first)
    assert torch.equal(state, torch.random.get_rng_state())


def test_timesteps_are_uniform_and_in_range():
    drawn = timesteps(1, [look("a", visit) for visit in range(2000)], 10)
    assert drawn.dtype == torch.int64
    assert set(drawn.tolist()) == set(range(10))
    assert drawn.bincount().min() > 150


def test_chance():
    hits = sum(chance(1, "caption_dropout", look("a", visit), 0.3) for visit in range(2000))
    assert 500 < hits < 700
    assert not chance(1, "caption_dropout", look("a"), 0)
    assert chance(1, "caption_dropout", look("a"), 1)
