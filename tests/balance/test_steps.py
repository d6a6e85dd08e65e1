import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.buckets import bucket_of, sizes_for, tally
from lorabuild.balance.budget import plan
from lorabuild.balance.request import Concept, Request
from lorabuild.balance.steps import batches, optimizer_steps

CASES = json.loads((Path(__file__).parents[1] / "data/standard_trainer/steps.json").read_text("utf-8"))["cases"]
PLAIN = [case for case in CASES if case["plain"]]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def filled(subset):
    return tally(bucket_of(*size, sizes_for(512, 8)) for size in subset["sizes"])


@named(CASES)
def test_batches_and_steps_are_those_of_the_standard_trainer(case):
    made = batches([count for _, _, count in case["buckets"]], case["batch"])
    assert made == case["batches"]
    for wanted in case["plans"]:
        assert optimizer_steps(made, wanted["accumulation"], wanted["epochs"]) == wanted["steps"]


@named(PLAIN)
def test_a_plan_with_the_same_repeats_has_the_same_steps(case):
    concepts = tuple(
        Concept(f"subset {place}", buckets=filled(subset), repeats=subset["repeats"])
        for place, subset in enumerate(case["subsets"])
    )
    for wanted in case["plans"]:
        request = Request(
            concepts, batch=case["batch"], accumulation=wanted["accumulation"], epochs=wanted["epochs"], steps=1
        )
        table = plan(request)
        assert table.batches_per_epoch == case["batches"]
        assert table.steps.optimizer == wanted["steps"]
        assert table.steps.image == case["images"] * wanted["epochs"]


@named(PLAIN)
def test_buckets_hold_what_the_standard_trainer_puts_into_them(case):
    counts = Counter()
    for subset in case["subsets"]:
        for width, height, count in filled(subset):
            counts[width, height] += count * subset["repeats"]
    assert [[*size, count] for size, count in sorted(counts.items())] == case["buckets"]


def test_nothing_takes_no_steps():
    assert batches([], 4) == 0
    assert optimizer_steps(0, 4, 8) == 0


@given(st.lists(st.integers(1, 500), max_size=20), st.integers(1, 64))
def test_batches_lose_no_image_and_are_never_empty(looks, batch):
    made = batches(looks, batch)
    assert len(looks) <= made <= sum(looks)
    assert made * batch >= sum(looks)
