import pytest

from lorabuild.balance.buckets import sizes_for
from lorabuild.balance.budget import plan
from lorabuild.balance.findings import (
    Finding,
    beyond,
    monochrome,
    of_caption,
    of_look,
    of_size,
    of_table,
    retro,
    worst_first,
)
from lorabuild.balance.request import Concept, Request

SIZES = sizes_for(512, 8)


def codes(found):
    return [(one.code, one.number) for one in found]


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((512, 512), []),
        ((511, 511), [("too-small", 0.998)]),
        ((256, 1024), []),
        ((2048, 2048), []),
        ((2100, 2100), [("shrunk", 4.1)]),
        ((3840, 2160), [("shrunk", 5.62)]),
    ],
)
def test_sizes(size, found):
    assert codes(of_size("a.png", size, SIZES)) == found


def test_a_small_picture_is_told_with_both_sizes():
    (found,) = of_size("a.png", (300, 200), SIZES)
    assert (found.item, found.code) == ("a.png", "too-small")
    assert "300 × 200" in found.text
    assert found.remedy


def test_measures_beyond_their_bounds():
    assert beyond(blur=0.6, blocks=1.8, bars=0.02, clear=0) == {}
    assert beyond(blur=0.61, blocks=1.9, bars=0.03, clear=0.1) == {
        "blur": 0.61,
        "jpeg": 1.9,
        "letterbox": 0.03,
        "alpha": 0.1,
    }


def test_what_measures_say():
    (found,) = of_look("a.png", {"alpha": 0.25}, "#102030")
    assert found.text == "25 % of it is transparent and becomes #102030"
    assert {one.code for one in of_look("a.png", beyond(1, 9, 1, 1), "")} == {"blur", "jpeg", "letterbox", "alpha"}


def test_monochrome():
    assert not [*monochrome("plain", 5, 10)]
    assert not [*monochrome("plain", 0, 0)]
    assert codes(monochrome("plain", 6, 10)) == [("monochrome", 0.6)]


@pytest.mark.parametrize(
    ("caption", "tokens", "found"),
    [
        ("zorbl", 1, []),
        (" ", 0, [("empty-caption", 0)]),
        ("zorbl", 226, [("long-caption", 226)]),
        ("é" * 513, 9, [("huge-caption", 1026)]),
    ],
)
def test_captions(caption, tokens, found):
    assert codes(of_caption("a.png", caption, tokens, 225)) == found


def test_old_pictures():
    assert not [*retro(4, 10)]
    (found,) = retro(5, 10)
    assert "a third" in found.remedy


def planned(*images, steps=800, epochs=1, **more):
    concepts = tuple(Concept(f"c{number}", (), ((512, 512, number),), **more) for number in images)
    return plan(Request(concepts, {}, steps=steps, epochs=epochs))


def test_a_share_that_is_off():
    assert not [*of_table(planned(10, 20), [30], 1)]
    (found,) = of_table(planned(210, 20), [230], 1)
    assert (found.code, found.item, found.number) == ("share-off", "c210", -0.475)
    assert not [*of_table(planned(500, 20), [520], 1)]  # `over-share` says it


def test_many_buckets():
    assert not [*of_table(planned(10), [1] * 5, 8)]
    assert not [*of_table(planned(10), [16] * 9, 8)]
    assert codes(of_table(planned(10), [1, 2, 3, 1, 2, 1], 4)) == [("many-buckets", 6)]


def test_the_worst_comes_first_and_notes_last():
    found = [Finding(code, item, None, "", remedy) for code, item, remedy in FOUND]
    assert [one.item for one in worst_first(found)] == ["d", "a", "e", "c", "b"]


FOUND = [
    ("blur", "a", "x"),
    ("set-aside", "b", ""),
    ("no-such-code", "c", "x"),
    ("set-aside", "d", "x"),
    ("blur", "e", "x"),
]
