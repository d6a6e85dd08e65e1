import pytest
import torch

from lorabuild.training.batches import Look, Record
from lorabuild.training.randomness import chance, choice, noise, normal, seed_of, share


def look(name, visit=0, concept="plain"):
    return Look(Record(name, "l", (), name, concept, 1, False, (8, 8), ()), visit)


def test_noise_of_a_look_knows_no_batch_mates():
    looks = [look(str(n)) for n in range(5)]
    together = noise(1, looks, (4, 6, 5))
    assert torch.equal(together[3], noise(1, looks[3:4], (4, 6, 5))[0])
    assert torch.equal(together.flip(0), noise(1, looks[::-1], (4, 6, 5)))
    assert torch.equal(together[2], normal(1, "noise", looks[2], (4, 6, 5)))


def test_noise_differs_by_seed_visit_concept_image_and_purpose():
    drawn = [
        noise(seed, [one], (4,), purpose)[0]
        for seed in (1, 2)
        for one in (look("a"), look("a", 1), look("a", 0, "x"), look("b"))
        for purpose in ("noise", "ip noise")
    ]
    assert len({tuple(row.tolist()) for row in drawn}) == 16


def test_when_a_look_happens_changes_nothing():
    late = Look(look("a").record, 0, epoch=7)
    assert seed_of(1, "noise", late) == seed_of(1, "noise", look("a"))


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


def test_shares_are_even():
    drawn = [share(1, "timestep", look("a", visit)) for visit in range(2000)]
    assert 0 <= min(drawn) < max(drawn) < 1
    assert sum(drawn) / 2000 == pytest.approx(0.5, abs=0.03)


def test_chance():
    hits = sum(chance(1, "caption_dropout", look("a", visit), 0.3) for visit in range(2000))
    assert 500 < hits < 700
    assert not chance(1, "caption_dropout", look("a"), 0)
    assert chance(1, "caption_dropout", look("a"), 1)


def test_choice():
    drawn = [choice(1, "caption", look("a", visit), 3) for visit in range(600)]
    assert {*drawn} == {0, 1, 2}
    assert choice(1, "caption", look("a"), 1) == 0
