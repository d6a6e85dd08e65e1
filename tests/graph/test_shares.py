from itertools import pairwise

import light
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.counted import unit
from lorabuild.graph import balancing
from lorabuild.graph.members import members
from lorabuild.graph.shares import spans, takes
from lorabuild.graph.status import status
from lorabuild.schema.concepts import Concept

PARTED = {
    "plain": {"folder": "data/plain", "triggers": ["zorbl"], "share": 0.6},
    "bare": {"folder": "data/plain", "rest_of": "plain"},
    "cape": {"folder": "data/cape", "triggers": ["zorbl", "zorbl_cape"]},
}
shares = st.floats(0.001, 1)


def concepts(*words):
    return {str(number): Concept(folder="x", **one) for number, one in enumerate(words)}


def of(view, concept):
    return {member.path for member in members(view) if member.concept == concept}


def dyed(project, number=24):
    """More pictures in the plain folder."""
    for turn in range(number):
        light.picture(project / f"data/plain/n{turn:02}.png", (turn * 9, 255 - turn * 7, turn * 3))
        (project / f"data/plain/n{turn:02}.tags").write_text("1creature", "utf-8")


@given(st.lists(shares, min_size=1, max_size=5), st.text(min_size=1))
def test_rests_part_a_folder_and_leave_nothing_over(parts, pixels):
    chain = [{"share": share, "rest_of": str(turn - 1) if turn else None} for turn, share in enumerate([*parts, 1.0])]
    found = [*spans(concepts(*chain)).values()]
    assert (found[0][0], found[-1][1]) == (0.0, 1.0)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert sum(takes(span, pixels) for span in found) == 1


@given(shares, shares, st.text(min_size=1))
def test_of_two_shares_the_larger_one_holds_the_smaller_one(one, other, pixels):
    small, large = sorted((one, other))
    first, second = spans(concepts({"share": small}, {"share": large})).values()
    assert takes(second, pixels) or not takes(first, pixels)


def test_a_share_is_about_so_many():
    (span,) = spans(concepts({"share": 0.3})).values()
    assert 270 < sum(takes(span, f"b3:{number}") for number in range(1000)) < 330


def test_numbers_never_change():
    """Every project that parts a folder depends on them."""
    assert [round(unit("share of a folder", f"b3:{number}"), 4) for number in range(3)] == [0.6464, 0.1514, 0.4477]


def test_concepts_that_part_a_folder_overlap_nowhere(project):
    dyed(project)
    light.write(project, concepts=PARTED)
    light.built(project)
    with light.viewed(project) as view:
        plain, bare = of(view, "plain"), of(view, "bare")
        assert not plain & bare
        assert len(plain | bare) == 28
        assert 12 <= len(plain) <= 22
        counted = {concept["name"]: concept["images"] for concept in status(view)["concepts"]}
        twin = next(member for member in members(view) if member.twin)
        assert counted["plain"] + counted["bare"] + 1 == 28
        assert twin.concept == next(member.concept for member in members(view) if member.path == twin.twin)
        assert {row.images for row in balancing.request(view).concepts} == {*counted.values()}


def test_no_name_no_order_and_no_other_image_changes_who_belongs(project):
    dyed(project, 10)
    light.write(project, concepts=PARTED)
    light.built(project)
    with light.viewed(project) as view:
        before = of(view, "plain")
    (project / "data/plain/n00.png").rename(project / "data/plain/zz.png")
    (project / "data/plain/n00.tags").rename(project / "data/plain/zz.tags")
    (project / "data/plain/b.png").unlink()
    light.picture(project / "data/plain/0.png", "orange")
    light.built(project)
    with light.viewed(project) as view:
        after = {path.replace("zz", "n00") for path in of(view, "plain")}
    assert after - {"data/plain/0.png"} == before - {"data/plain/b.png"}


def test_before_a_scan_a_plan_counts_about_as_many(project):
    dyed(project)
    light.write(project, concepts=PARTED)
    with light.viewed(project) as view:
        assert len(of(view, "plain")) + len(of(view, "bare")) == 28
        assert 10 <= len(of(view, "plain")) <= 24


def test_an_image_in_two_concepts_has_two_captions_and_its_latents_are_made_once(project):
    dyed(project, 6)
    twice = {"plain": PARTED["plain"] | {"share": 1.0}, "again": {"folder": "data/plain", "share": 0.6}}
    light.write(project, concepts=twice | {"cape": PARTED["cape"]})
    light.built(project)
    with light.viewed(project) as view:
        captions = {(one.path, one.concept): one.caption for one in members(view)}
        again = of(view, "again")
        assert again
        assert again < of(view, "plain")
        assert {captions[path, "plain"].partition(",")[0] for path in again} == {"zorbl"}
        assert {captions[path, "again"].partition(",")[0] for path in again} == {"1creature"}
        step = view.step("latents")
        assert len(step.todo) == len({item.key for item in step.items}) < len(step.items)


def test_an_image_that_no_concept_takes_is_no_member_and_costs_no_latents(project):
    dyed(project)
    light.write(project, concepts={"plain": PARTED["plain"], "cape": PARTED["cape"]})
    done, _ = light.built(project)
    assert done["aside"] == []
    with light.viewed(project) as view:
        plain, used = of(view, "plain"), [member for member in members(view) if not member.twin]
        assert len(plain) < 28 == view.step("scan").total - 1
        assert view.step("caption").total == len(plain) + 1
        assert view.step("latents").total == len(used)
    assert light.built(project)[0]["stages"]["caption"]["ran"] == 0


@pytest.mark.parametrize("share", [0.0, 1.2])
def test_a_share_is_a_part(share):
    with pytest.raises(ValueError, match="share"):
        Concept(folder="x", share=share)
