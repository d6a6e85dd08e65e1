"""lorabuild.core.packs: small blobs as one object, and the index of what there is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core import packs
from lorabuild.core.digest import canonical, digest
from lorabuild.core.item import Result
from lorabuild.core.objects import Span
from lorabuild.core.packs import Entry, Packer, blob_place, groups, portions, read_index, reads, write_index


def packed(*blobs):
    """Blobs laid out: name → object, name → span."""
    objects = {}
    packer = Packer(objects.__setitem__)
    for blob in blobs:
        packer.add(digest(blob), blob)
    packer.close()
    return objects, packer.spans


def entry(name, *blobs, record=None):
    outputs = {f"out{number}": digest(blob) for number, blob in enumerate(blobs)}
    _, spans = packed(*blobs)
    made = Result(digest(name.encode()), "tag", outputs, {"name": name}, record=record or {})
    return Entry(made, {blob: spans[blob] for blob in outputs.values()}, "signed")


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_every_blob_lies_where_it_is_said_to(blobs):
    objects, spans = packed(*blobs)
    assert {digest(blob) for blob in blobs} == set(spans)
    for blob in blobs:
        span = spans[digest(blob)]
        assert objects[span.name][span.start : span.end] == blob
    assert all(name == blob_place(digest(data)) for name, data in objects.items())


def test_many_small_blobs_are_few_objects(monkeypatch):
    monkeypatch.setattr(packs, "FULL", 1000)
    objects, _ = packed(*(str(number).encode() * 10 for number in range(100, 200)))
    assert [len(data) for data in objects.values()] == [1020, 1020, 960]


def test_a_large_blob_is_an_object_of_its_own(monkeypatch):
    monkeypatch.setattr(packs, "ALONE", 100)
    objects, spans = packed(b"small", b"large" * 20, b"large" * 20, b"small")
    assert sorted(objects.values()) == [b"large" * 20, b"small"]
    assert spans[digest(b"large" * 20)] == Span(blob_place(digest(b"large" * 20)), 0, 100)


def test_an_index_is_read_as_it_was_written_and_equal_records_stand_in_it_once():
    entries = [entry("a", b"one", b"two", record={"device": "cpu"}), entry("b", record={"device": "cpu"}), entry("c")]
    data = write_index(reversed(entries))
    assert data == write_index(entries)
    assert len(json.loads(data)["records"]) == 2
    keys = {one.result.key for one in entries}
    found = {one.result.key: one for one in read_index(data, "tag", keys)}
    assert found == {one.result.key: one for one in entries}
    assert [one.result.facts for one in read_index(data, "tag", {entries[1].result.key})] == [{"name": "b"}]


def changed(change):
    body = json.loads(write_index([entry("a", b"one")]))
    change(body, body["results"][0])
    return canonical(body)


BAD = {
    "no JSON": lambda: b"{",
    "no text": lambda: b"\xff\xfe",
    "a list": lambda: b"[]",
    "no results": lambda: b'{"records": []}',
    "too deep": lambda: b'{"results":' + b"[" * 200_000,
    "no number": lambda: b'{"records": [], "results": [NaN]}',
    "a short row": lambda: changed(lambda body, row: row.pop()),
    "no such record": lambda: changed(lambda body, row: row.__setitem__(3, 7)),
    "no place for a blob": lambda: changed(lambda body, row: row.__setitem__(5, {})),
    "outputs that are a list": lambda: changed(lambda body, row: row.__setitem__(1, [["out0", "b3:"]])),
    "another place": lambda: changed(lambda body, row: next(iter(row[5].values())).__setitem__(0, "../../secret")),
    "a negative start": lambda: changed(lambda body, row: next(iter(row[5].values())).__setitem__(1, -5)),
    "a start that is a word": lambda: changed(lambda body, row: next(iter(row[5].values())).__setitem__(1, "x")),
    "no digest": lambda: changed(
        lambda body, row: (
            row[1].__setitem__("out0", "b3:no"),
            row[5].__setitem__("b3:no", next(iter(row[5].values()))),
        )
    ),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_index_is_refused(data):
    with pytest.raises(ValueError, match="this is no index"):
        read_index(data(), "tag", {entry("a").result.key})


def test_the_name_of_an_index_is_known():
    assert packs.is_index("v1/ac/tag/" + "0f" * 32, "tag")
    for name in ("v1/ac/tag/" + "0G" * 32, "v1/ac/tag/0f", "v1/ac/text/" + "0f" * 32, "v1/ac/tag"):
        assert not packs.is_index(name, "tag")


@given(st.lists(st.builds(Span, st.sampled_from("ab"), st.integers(0, 10**8), st.integers(0, 10**6)), max_size=30))
def test_what_is_asked_for_holds_every_span(spans):
    named = {str(number): span for number, span in enumerate(spans)}
    around = reads(named)
    assert set(around) == set(named)
    for name, read in around.items():
        span = named[name]
        assert (read.name, read.start <= span.start, read.end >= span.end) == (span.name, True, True)


def test_neighbours_are_read_in_one_and_what_lies_far_apart_is_not():
    spans = {
        "far": Span("a", 10**7, 10),
        "next": Span("a", 10, 10),
        "near": Span("a", 0, 10),
        "other": Span("b", 20, 9),
    }
    both = Span("a", 0, 20)
    assert reads(spans) == {"near": both, "next": both, "far": spans["far"], "other": spans["other"]}
    assert reads({}) == {}


def test_portions_fit_into_memory():
    spans = [Span("a", 0, size) for size in (10, 20, 30, 5)]
    assert list(portions(spans, most=30)) == [spans[:2], spans[2:3], spans[3:]]
    assert list(portions([])) == []


def test_a_group_fits_into_memory():
    entries = [entry(str(number), bytes([number]) * 10) for number in range(7)]
    assert [len(group) for group in groups(entries, most=30)] == [3, 3, 1]
    assert [len(group) for group in groups(entries, most=5)] == [1] * 7
    assert list(groups([])) == []
