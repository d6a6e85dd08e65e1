import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.training.batches import (
    File,
    Look,
    Record,
    Text,
    epoch_batches,
    epoch_sizes,
    epoch_steps,
    forms_at,
    interleave,
    prior_looks,
    prior_pool,
    records,
    training_looks,
    warmup_steps,
    windows,
)

SIZES = [(512, 512), (384, 640), (640, 384)]
STEPS = json.loads((Path(__file__).parents[1] / "data" / "steps.json").read_text())


def record(name, size=(512, 512), repeats=1, prior=False, concept="plain", pixels=None):
    texts, shown = (Text(f"t{name}", None),), "" if prior else concept
    return Record(name, f"l{name}", texts, pixels or f"p{name}", shown, repeats, prior, size, (0.0,) * 6)


@st.composite
def record_lists(draw):
    sizes = st.sampled_from(SIZES)
    number = draw(st.integers(1, 12))
    training = [
        record(str(n), draw(sizes), draw(st.integers(1, 4)), concept=draw(st.sampled_from(["plain", "cape"])))
        for n in range(number)
    ]
    return training + [record(f"prior{n}", draw(sizes), prior=True) for n in range(draw(st.integers(0, 6)))]


@pytest.mark.parametrize("case", STEPS, ids=[case["name"] for case in STEPS])
def test_counts_equal_the_standard_trainer(case):
    prior = [record(f"prior{n}", prior=True) for n in range(case["reg"])]
    training = []
    for width, height, looks in case["buckets"]:
        wanted = case["train_images"] if prior else looks
        training += [record(f"{width}x{height}-{n}", (width, height)) for n in range(wanted)]
    records = training + prior
    batches = epoch_batches(records, 0, case["batch"], 42)
    assert len(batches) == case["batches_per_epoch"]
    for accumulation, epochs, total in case["plans"]:
        assert sum(epoch_steps(records, epochs, case["batch"], accumulation, 42)) == total


def test_priors_are_never_more_than_the_looks_beside_them():
    """The standard trainer's own surplus (3 images at 4 repeats beside 5 looks: 13 batches) is a slip of counting."""
    records = [record(str(n)) for n in range(5)] + [record(f"prior{n}", prior=True) for n in range(3)]
    assert len(epoch_batches(records, 0, 1, 42)) == 10


def test_domain_example_of_204_looks():
    records = [record(str(n), repeats=6) for n in range(34)]
    assert sum(map(len, epoch_batches(records, 0, 1, 1))) == 204
    assert sum(epoch_steps(records, 10, 1, 1, 1)) == 2040


@given(record_lists(), st.integers(0, 3), st.integers(1, 5), st.randoms())
@settings(max_examples=60, deadline=None)
def test_order_of_records_and_names_do_not_matter(records, epoch, batch, random):
    shuffled = [Record("elsewhere/" + r.id, *(getattr(r, n) for n in Record.__slots__[1:])) for r in records]
    random.shuffle(shuffled)

    def identities(of):
        return [[look.identity for look in looks] for looks in epoch_batches(of, epoch, batch, 7)]

    assert identities(records) == identities(shuffled)


@given(record_lists(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_look_once_in_batches_of_one_size(records, epochs, batch, accumulation):
    seen = Counter()
    steps = epoch_steps(records, epochs, batch, accumulation, 3)
    for epoch in range(epochs):
        batches = epoch_batches(records, epoch, batch, 3)
        assert len(windows(batches, accumulation)) == steps[epoch]
        assert all(len({look.record.size for look in looks}) == 1 and len(looks) <= batch for looks in batches)
        looks = [look for members in batches for look in members]
        training = [look for look in looks if not look.record.prior]
        assert Counter(look.record.id for look in training) == {r.id: r.repeats for r in records if not r.prior}
        assert len(looks) - len(training) == (len(training) if any(r.prior for r in records) else 0)
        seen.update(look.identity for look in looks)
    assert set(seen.values()) == {1}


@given(record_lists(), st.integers(1, 4), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_sizes_are_counted_as_they_are_drawn(records, epochs, seed):
    drawn = [
        Counter(look.record.size for looks in epoch_batches(records, epoch, 3, seed) for look in looks)
        for epoch in range(epochs)
    ]
    assert epoch_sizes(records, epochs, seed) == drawn


def test_prior_pictures_take_turns():
    pool = prior_pool([record(str(n), prior=True) for n in range(3)], 5)
    looks = [look for epoch in range(3) for look in prior_looks(pool, epoch, 4)]
    assert [look.record for look in looks] == (pool * 4)
    assert [look.visit for look in looks] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_equal_pictures_share_their_visits():
    twins = [record("a", pixels="p", repeats=2), record("b", pixels="p", repeats=1)]
    assert sorted(look.visit for look in training_looks(twins, 2)) == [6, 7, 8]
    apart = [record("a", pixels="p"), record("b", pixels="p", concept="cape")]
    assert [look.visit for look in training_looks(apart, 4)] == [4, 4]


def test_an_image_in_two_sizes_has_looks_of_its_own_in_each_in_any_order():
    sizes = [replace(record("a", size, repeats=2), latents=f"l{size}") for size in SIZES[:2]]
    looks = training_looks(sizes, 1)
    assert [(look.record.size, look.visit) for look in looks] == [
        (s, n) for n, s in enumerate(sorted(SIZES[:2] * 2), 4)
    ]
    assert training_looks(sizes[::-1], 1) == looks
    assert sum(map(len, epoch_batches(sizes, 0, 4, 1))) == 4


def test_one_to_one_in_a_batch():
    training = [record(str(n)) for n in range(9)]
    prior = [record(f"prior{n}", prior=True) for n in range(4)]
    for looks in epoch_batches(training + prior, 0, 6, 1):
        assert sum(look.record.prior for look in looks) == 3


def test_interleave_spreads_evenly():
    few = [Look(record(f"f{n}"), 0) for n in range(2)]
    many = [Look(record(f"m{n}", prior=True), 0) for n in range(4)]
    assert [look.record.id for look in interleave(few, many)] == ["m0", "f0", "m1", "m2", "f1", "m3"]
    assert interleave(few, []) == few
    assert interleave([], many) == many


def test_epochs_and_seeds_differ():
    records = [record(str(n)) for n in range(12)]
    orders = {tuple(look.record.id for (look,) in epoch_batches(records, e, 1, s)) for e in range(3) for s in range(3)}
    assert len(orders) == 9


def test_adding_an_image_keeps_the_order_of_the_others():
    records = [record(str(n)) for n in range(12)]
    before = [look.record.id for (look,) in epoch_batches(records, 0, 1, 1)]
    after = [look.record.id for (look,) in epoch_batches([*records, record("new")], 0, 1, 1)]
    assert [name for name in after if name != "new"] == before


def test_a_warm_up_takes_one_form_after_the_other_and_then_any_whole_one():
    texts = tuple(Text(str(number), None) for number in range(5))
    growing = replace(record("a"), texts=texts, early=3)
    assert [forms_at(growing, step, 6) for step in range(6)] == [texts[n : n + 1] for n in (0, 0, 1, 1, 2, 2)]
    assert forms_at(growing, 6, 6) == forms_at(growing, 99, 6) == forms_at(growing, 0, 0) == texts[3:]
    assert forms_at(record("b"), 0, 6) == record("b").texts


@pytest.mark.parametrize(("wanted", "steps"), [(0, 0), (0.5, 50), (0.999, 99), (1, 1), (20, 20), (20.7, 20)])
def test_a_warm_up_is_told_in_steps_or_as_a_share(wanted, steps):
    assert warmup_steps(wanted, 100) == steps


def test_records_are_read_from_plain_data():
    plain = {
        "id": "a", "concept": "plain", "prior": False, "repeats": 2, "latents": "", "size": [64, 32], "pixels": "p",
        "texts": [["t", None], ["u", "h"]], "sizes": [1.0, 2.0, 0.0, 0.0, 32.0, 64.0], "early": 1,
    }  # fmt: skip
    (found,) = records([{**plain, "file": {"path": "/a.png", "mask": "m"}}])
    assert found.texts == (Text("t", None), Text("u", "h"))
    assert (found.early, found.file) == (1, File("/a.png", "m", None))
    assert records([plain])[0].file is None


def test_an_epoch_of_many_images_is_planned_in_little_memory():
    number = 6_000
    many = [record(str(n), SIZES[n % 3], repeats=2) for n in range(number)]
    tracemalloc.start()
    batches = epoch_batches(many, 0, 4, 42)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(map(len, batches)) == 2 * number
    assert peak < 1000 * number  # bytes: 100 MB for 100,000 images
