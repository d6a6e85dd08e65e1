"""Weights, repeats and resolutions of some images, from lora.yaml to what training reads."""

import json

import light
import pytest

from lorabuild.graph import balancing
from lorabuild.graph.algebra import told
from lorabuild.graph.forecast import why
from lorabuild.graph.lock import lock_of
from lorabuild.graph.members import members
from lorabuild.graph.records import learned
from lorabuild.graph.shown import shown
from lorabuild.graph.status import images

SOME = 'images.for=[{"match": "data/plain/b.png", "weight": 0.5}, {"match": "data/plain/c.png", "repeats": 3}]'
TWO = "images.more_resolutions=[128]"


def said(rules, **more):
    return "images.for=" + json.dumps([{"match": match, **rule} for match, rule in rules.items()])


@pytest.mark.parametrize(
    ("rules", "weight", "repeats"),
    [
        ({}, 1.0, None),
        ({"data/plain/*": {"weight": 0.5}}, 0.5, None),
        ({"data/plain/*": {"weight": 0.5}, "**/a.png": {"repeats": 4}}, 1.0, 4),
        ({"data/plain/*": {"repeats": 4}, "**/a.png": {"weight": 2}}, 2.0, None),
        ({"data/plain/*": {"repeats": 4}, "**/a.png": {"trim": 0.1}}, 1.0, 4),
        ({"data/cape/*": {"repeats": 4}}, 1.0, None),
    ],
)
def test_the_last_rule_that_says_something_counts(project, rules, weight, repeats):
    with light.viewed(project, said(rules)) as view:
        assert shown(view)("plain", "data/plain/a.png") == (weight, repeats, (64,))


def test_the_nearer_level_says_the_resolutions(project):
    rules = said({"**/b.png": {"resolution": 32}, "**/e.png": {"more_resolutions": []}})
    with light.viewed(project, TWO, "concepts.cape.images={resolution: 96}", rules) as view:
        ask = shown(view)
    assert ask("plain", "data/plain/a.png").resolutions == (64, 128)
    assert ask("plain", "data/plain/b.png").resolutions == (32, 128)
    assert ask("cape", "data/cape/e.png").resolutions == (96,)
    assert ask("cape", "data/cape/f.png").resolutions == (96, 128)


@pytest.fixture
def apart(project):
    """b is shown half as often as a, c three times."""
    light.built(project, SOME, "concepts.cape.repeats=1", "budget.steps=26")
    with light.viewed(project, SOME, "concepts.cape.repeats=1", "budget.steps=26") as view:
        yield view


def test_an_image_has_repeats_of_its_own_everywhere(apart):
    row = balancing.table(apart).as_dict()["concepts"][0]
    assert (row["images"], row["repeats"], row["per_epoch"], row["share"]) == (3, 6, 12, 12.0)
    assert row["apart"] == [
        {"images": 1, "repeats": 3, "weight": 0.5, "fixed": False},
        {"images": 1, "repeats": 3, "weight": 1.0, "fixed": True},
    ]
    assert {one["path"][-5:]: one["repeats"] for one in images(apart)} == {
        "a.png": 6, "b.png": 3, "c.png": 3, "d.png": 0, "e.png": 1,
    }  # fmt: skip
    assert {row["name"]: row["per_epoch"] for row in balancing.table(apart).as_dict()["triggers"]} == {
        "zorbl": 13, "zorbl_cape": 1,
    }  # fmt: skip
    assert lock_of(apart, ("balance",), {})["concepts"]["plain"]["apart"] == row["apart"]
    assert apart.step("balance").clean
    assert told(apart).answer.triggers[0].word.per_epoch == 13


def test_training_reads_the_repeats(apart):
    light.plant(apart, "latents", "text")
    read = [row.record for row in learned(apart)]
    assert {one["id"][-5:]: one["repeats"] for one in read} == {"a.png": 6, "b.png": 3, "c.png": 3, "e.png": 1}
    assert {row.keys[-1] for row in learned(apart)} == {1, 3, 6}


def test_no_repeats_leave_an_image_out(project):
    rules = said({"data/plain/b.png": {"repeats": 0}})
    with light.viewed(project, rules) as view:
        assert "data/plain/b.png" not in {member.path for member in members(view)}
        assert "data/plain/b.png" in light.items(view, "scan")
    assert light.built(project, rules)[0]
    with light.viewed(project, rules) as view:
        assert len(view.step("caption").items) == 4


def test_a_plain_word_is_a_plain_key(project):
    light.built(project)
    with light.viewed(project, said({"data/plain/*": {"weight": 1}})) as view:
        assert view.step("balance").clean


@pytest.fixture
def two(project):
    """Everything in two resolutions."""
    light.built(project, TWO)
    with light.viewed(project, TWO) as view:
        yield view


def test_every_resolution_has_latents_of_its_own(two):
    with light.viewed(two.site.root) as plain:
        before = {name: item.key for name, item in light.items(plain, "latents").items()}
    now = {name: item.key for name, item in light.items(two, "latents").items()}
    assert before.items() < now.items()
    assert now.keys() - before.keys() == {f"{name} [128 px]" for name in before}
    assert len({*now.values()}) == 2 * len(before)
    larger = light.items(two, "latents")["data/plain/a.png [128 px]"].parts
    assert larger["bucket"] == [128, 128]
    assert all(two.step(stage).clean for stage in ("prepare", "tag", "caption", "balance"))


def test_why_an_image_is_encoded_is_said_of_each_resolution(two):
    found = why(two, "data/plain/a.png")["reasons"]
    assert [row["item"] for row in found if row["stage"] == "latents"] == [
        "data/plain/a.png",
        "data/plain/a.png [128 px]",
    ]


def test_repeats_count_for_each_resolution(two):
    row = balancing.table(two).as_dict()["concepts"][0]
    assert (row["images"], row["pictures"], row["repeats"], row["per_epoch"]) == (3, 6, 1, 6)
    counts = {(width, height): count for width, height, count in balancing.request(two).concepts[0].buckets}
    assert counts == {(64, 64): 3, (128, 128): 3}
    found = [(one["path"][-5:], one["resolution"], one["repeats"]) for one in images(two) if "/c.png" in one["path"]]
    assert found == [("c.png", 64, 1), ("c.png", 128, 1)]
    light.plant(two, "latents", "text")
    records = [row.record for row in learned(two)]
    assert len(records) == 8
    assert {tuple(one["size"]) for one in records if one["concept"] == "plain"} == {(64, 64), (128, 128)}
    assert len({one["pixels"] for one in records}) == 4


def test_the_buckets_of_each_resolution_are_its_own(two):
    table = balancing.bucket_table(two)["buckets"]
    assert {(row["resolution"], *row["size"]) for row in table} >= {(64, 64, 64), (128, 128, 128)}
    assert all(row["resolution"] in (64, 128) for row in table)
    with light.viewed(two.site.root, "images.resolution=128") as alone:
        assert balancing.sizes(two, 128) == balancing.sizes(alone)


def test_what_is_held_out_is_held_out_in_every_resolution(project):
    overrides = TWO, "training.validation={share: 0.5}"
    light.built(project, *overrides)
    with light.viewed(project, *overrides) as view:
        light.plant(view, "latents", "text")
        (train,) = view.step("train").items
    held, used = ({one["pixels"] for one in train.reads[word]} for word in ("held", "records"))
    assert held
    assert not held & used
    assert len(train.reads["held"]) == 2 * len(held)


def test_a_small_image_is_not_enlarged_for_a_larger_resolution(project):
    with light.viewed(project, TWO, "images.buckets.upscale=never") as view:
        (member,) = (one for one in members(view) if one.path.endswith("a.png"))
        assert [fit.bucket for fit in balancing.fits(view, member)] == [(64, 64), (64, 64)]
