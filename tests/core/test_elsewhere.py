"""lorabuild.core.elsewhere: results at another place; whatever goes wrong there, the build goes on here."""

import errno
import threading
from collections import Counter
from functools import partial

import far
import pytest

from lorabuild.core import files, packs, remote
from lorabuild.core.digest import digest
from lorabuild.core.elsewhere import Elsewhere
from lorabuild.core.errors import BlobError
from lorabuild.core.item import Result
from lorabuild.core.objects import FolderObjects
from lorabuild.core.packs import Entry, write_index
from lorabuild.core.remote import objects_at

KEY, OTHER = bytes(range(32)), bytes(32)


class Here:
    """A few results with their blobs."""

    def __init__(self, *names, big=0, salt=b""):
        self.blobs, self.results = {}, []
        for name in names:
            texts = [salt + f"{name} {part}".encode() * (big or 1) for part in ("left", "right")]
            self.blobs |= {digest(text): text for text in texts}
            outputs = dict(zip(("left", "right"), map(digest, texts), strict=True))
            key = digest(f"key of {name}".encode())
            self.results.append(Result(key, "tag", outputs, {"name": name}, record={"device": "cpu"}))

    @property
    def keys(self):
        return {result.key for result in self.results}

    def read(self, digest):
        return self.blobs[digest]


class Counting(FolderObjects):
    """A folder that counts what it is asked for."""

    def __init__(self, folder):
        super().__init__(folder)
        self.asked, self.together = Counter(), []

    def names(self, prefix):
        self.asked["names"] += 1
        return super().names(prefix)

    def read(self, spans):
        self.asked["read"] += len(spans)
        self.together.append(sum(span.size for span in spans))
        return super().read(spans)

    def size(self, name):
        self.asked["size"] += 1
        return super().size(name)

    def write(self, name, data, *, replace=False):
        self.asked["write"] += 1
        super().write(name, data, replace=replace)


@pytest.fixture
def place(tmp_path):
    """Makes the place as one build sees it; what was said is in ``said``."""

    def make(objects=None, key=None, seen=None):
        said = []
        opening = objects if callable(objects) else lambda: objects or FolderObjects(tmp_path / "place")
        made = Elsewhere("there", "there", opening, True, key, seen, lambda code, text: said.append((code, text)))
        made.said = said
        return made

    return make


def got(place, keys):
    """Everything that a place gives: key → result, and blobs."""
    results, blobs = {}, {}
    for some in place.get("tag", keys, lambda data: blobs.__setitem__(digest(data), data)):
        results |= {result.key: result for result in some}
        assert all(blobs.keys() >= {*result.outputs.values()} for result in some)  # they are there first
    return results, blobs


def objects_of(folder, part):
    return sorted(path for path in (folder / "place/v1" / part).rglob("*") if path.is_file())


def test_what_was_offered_is_given_with_its_blobs(place):
    here = Here("a", "b", "c")
    assert place().offer("tag", here.results, here.read) == 3
    there = place()
    results, blobs = got(there, here.keys | {digest(b"unknown")})
    assert results == {result.key: result for result in here.results}
    assert blobs == here.blobs
    assert there.said == []


def test_only_what_is_wanted_is_read(place):
    here = Here("a", "b", "c")
    place().offer("tag", here.results, here.read)
    results, blobs = got(place(), {here.results[1].key})
    assert list(results) == [here.results[1].key]
    assert set(blobs) == set(here.results[1].outputs.values())


def test_another_stage_has_none_of_it(place):
    here = Here("a")
    place().offer("tag", here.results, here.read)
    assert list(place().get("text", here.keys, pytest.fail)) == []


def test_what_is_there_is_not_brought_again(place, tmp_path):
    here, more = Here("a", "b"), Here("a", "b", "c")
    place().offer("tag", here.results, here.read)
    before = objects_of(tmp_path, "")
    assert place().offer("tag", here.results, here.read) == 0
    assert objects_of(tmp_path, "") == before
    assert place().offer("tag", more.results, more.read) == 1
    assert set(got(place(), more.keys)[0]) == more.keys


def test_what_was_set_aside_is_not_brought(place, tmp_path):
    result = Result(digest(b"key"), "tag", problem="no picture")
    assert place().offer("tag", [result], Here().read) == 0
    assert not (tmp_path / "place").exists()


def test_a_result_without_blobs_is_shared_too(place):
    result = Result(digest(b"key"), "tag", facts={"width": 64})
    place().offer("tag", [result], Here().read)
    assert got(place(), {result.key}) == ({result.key: result}, {})


def test_blobs_come_first_and_the_index_last(place, tmp_path, monkeypatch):
    order = []
    write = FolderObjects.write

    def watched(self, name, data, *, replace=False):
        order.append(name)
        write(self, name, data, replace=replace)

    monkeypatch.setattr(FolderObjects, "write", watched)
    monkeypatch.setattr(packs, "FULL", 30)
    here = Here("a", "b", "c", "d")
    place().offer("tag", here.results, here.read)
    assert len(order) > 2
    assert [packs.is_index(name, "tag") for name in order] == [False] * (len(order) - 1) + [True]


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_killed_writer_leaves_nothing_half_said_and_the_next_one_brings_it_all(place, tmp_path, monkeypatch, writes):
    monkeypatch.setattr(packs, "FULL", 10)
    here, left = Here("a", "b"), [writes]
    write = FolderObjects.write

    def killed(self, name, data, *, replace=False):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(self, name, data, replace=replace)

    with monkeypatch.context() as patch:
        patch.setattr(FolderObjects, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            place().offer("tag", here.results, here.read)
    reader = place()
    assert got(reader, here.keys) == ({}, {})
    assert reader.said == []
    assert place().offer("tag", here.results, here.read) == 2
    assert got(place(), here.keys)[1] == here.blobs


@pytest.mark.parametrize("keep", [0, 10])
def test_an_object_that_a_killed_writer_left_cut_off_is_mended(place, tmp_path, keep):
    here = Here("a")
    place().offer("tag", here.results, here.read)
    (index,) = objects_of(tmp_path, "ac")
    index.unlink()  # it had not come as far
    (pack,) = objects_of(tmp_path, "cas")
    pack.write_bytes(pack.read_bytes()[:keep])
    place().offer("tag", here.results, here.read)
    reader = place()
    assert got(reader, here.keys)[1] == here.blobs
    assert reader.said == []


SPOIL = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "altered": lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_a_damaged_blob_is_a_miss_told_once_and_mended_by_who_makes_it_again(place, tmp_path, spoil):
    here, other = Here("a"), Here("b")
    place().offer("tag", here.results, here.read)
    spoil(objects_of(tmp_path, "cas")[0])
    place().offer("tag", other.results, other.read)
    reader = place()
    assert set(got(reader, here.keys | other.keys)[0]) == other.keys
    assert [code for code, _ in reader.said] == ["damaged"]
    assert reader.offer("tag", here.results + other.results, (here.blobs | other.blobs).__getitem__) == 1
    assert set(got(place(), here.keys)[0]) == here.keys


@pytest.mark.parametrize("spoil", [*SPOIL.values(), lambda path: path.write_bytes(b"[]")], ids=[*SPOIL, "other"])
def test_a_damaged_index_is_not_believed(place, tmp_path, spoil):
    here = Here("a")
    place().offer("tag", here.results, here.read)
    spoil(objects_of(tmp_path, "ac")[0])
    reader = place()
    assert got(reader, here.keys) == ({}, {})
    assert [code for code, _ in reader.said] == ["damaged"]
    reader.offer("tag", here.results, here.read)
    assert set(got(place(), here.keys)[0]) == here.keys


def test_an_index_that_is_none_is_passed_over(place, tmp_path):
    here = Here("a")
    place().offer("tag", here.results, here.read)
    text = b'{"records": [], "results": 3}'
    (tmp_path / "place/v1/ac/tag" / digest(text)[3:]).write_bytes(text)
    (tmp_path / "place/v1/ac/tag/readme").write_bytes(b"a file of somebody else")
    reader = place()
    assert set(got(reader, here.keys)[0]) == here.keys
    assert [code for code, _ in reader.said] == ["damaged"]


def test_blobs_that_are_swept_there_are_a_miss_and_no_damage(place, tmp_path):
    here = Here("a")
    place().offer("tag", here.results, here.read)
    objects_of(tmp_path, "cas")[0].unlink()
    reader = place()
    assert got(reader, here.keys) == ({}, {})
    assert reader.said == []
    assert reader.offer("tag", here.results, here.read) == 1
    assert set(got(place(), here.keys)[0]) == here.keys


def test_where_one_writer_s_blobs_are_gone_another_s_are_taken(place, tmp_path):
    one, two = Here("a", salt=b"1"), Here("a", salt=b"2")
    (tmp_path / "place").mkdir()
    alone = Elsewhere("b", "b", lambda: FolderObjects(tmp_path / "b/place"), True, None, None, print)
    place().offer("tag", one.results, one.read)
    packs_of_one = objects_of(tmp_path, "cas")
    alone.offer("tag", two.results, two.read)
    for path in objects_of(tmp_path / "b", ""):
        target = tmp_path / path.relative_to(tmp_path / "b")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert set(got(place(), one.keys)[0]) == one.keys
    for path in packs_of_one:
        path.unlink()
    assert got(place(), one.keys)[1] == two.blobs


def test_two_writers_at_once_do_not_disturb_each_other(place):
    here, more = Here("a", "b", "c"), Here("b", "c", "d")
    start = threading.Barrier(4)
    writers = [place() for _ in range(4)]

    def write(writer, mine):
        start.wait(30)
        writer.offer("tag", mine.results, mine.read)

    threads = [
        threading.Thread(target=write, args=(writer, mine))
        for writer, mine in zip(writers, (here, here, more, more), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.said for writer in writers] == [[]] * 4
    assert got(place(), here.keys | more.keys)[1] == here.blobs | more.blobs


def test_a_blob_that_is_damaged_here_is_this_store_s_trouble(place):
    def damaged(_digest):
        raise BlobError("is damaged")

    writer = place()
    with pytest.raises(BlobError):
        writer.offer("tag", Here("a").results, damaged)
    assert not writer.closed


def test_what_is_signed_is_taken_by_those_who_have_the_key(place):
    here = Here("a")
    place(key=KEY).offer("tag", here.results, here.read)
    reader = place(key=KEY)
    assert set(got(reader, here.keys)[0]) == here.keys
    assert reader.said == []
    assert set(got(place(), here.keys)[0]) == here.keys  # who asks for no signature takes it as well


@pytest.mark.parametrize(("writer", "told"), [(None, "is not signed"), (OTHER, "not signed with your key")])
def test_with_a_key_nothing_else_is_taken_and_it_is_named_once(place, writer, told):
    here, good = Here("a", "b"), Here("c")
    place(key=writer).offer("tag", here.results, here.read)
    place(key=KEY).offer("tag", good.results, good.read)
    reader = place(key=KEY)
    assert set(got(reader, here.keys | good.keys)[0]) == good.keys
    ((code, text),) = reader.said
    assert code == "unsigned"
    assert told in text
    assert any(key in text for key in here.keys)
    assert reader.offer("tag", here.results, here.read) == 2  # and who has the key vouches for their own
    assert set(got(place(key=KEY), here.keys)[0]) == here.keys


def test_a_signed_result_under_another_key_is_noticed(place, tmp_path):
    good, victim = Here("a"), Here("b")
    place(key=KEY).offer("tag", good.results, good.read)
    (index,) = objects_of(tmp_path, "ac")
    (entry,) = packs.read_index(index.read_bytes(), "tag", good.keys)
    moved = Result(victim.results[0].key, "tag", entry.result.outputs, entry.result.facts, record=entry.result.record)
    poison = write_index([Entry(moved, entry.spans, entry.signature)])
    (index.parent / digest(poison)[3:]).write_bytes(poison)
    reader = place(key=KEY)
    assert got(reader, victim.keys) == ({}, {})
    assert [code for code, _ in reader.said] == ["unsigned"]
    assert set(got(place(key=KEY), good.keys)[0]) == good.keys


def test_indexes_are_read_once_by_a_machine(place, tmp_path):
    objects, here = Counting(tmp_path / "place"), Here("a", "b")
    place().offer("tag", here.results, here.read)
    for asks in (2, 1):
        objects.asked.clear()
        assert set(got(place(objects, seen=tmp_path / "seen"), here.keys)[0]) == here.keys
        assert objects.asked == {"names": 1, "read": asks}
    for path in (tmp_path / "seen").iterdir():
        path.write_bytes(b"altered")
    assert set(got(place(objects, seen=tmp_path / "seen"), here.keys)[0]) == here.keys


def test_a_folder_for_indexes_that_cannot_be_made_is_done_without(place, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    here = Here("a")
    place().offer("tag", here.results, here.read)
    assert set(got(place(seen=tmp_path / "file/seen"), here.keys)[0]) == here.keys


def test_ten_thousand_results_are_a_dozen_requests(place, tmp_path):
    here = Here(*(f"picture {number}" for number in range(10_000)), big=120)
    assert 30e6 < sum(map(len, here.blobs.values())) < 60e6
    writing, reading = Counting(tmp_path / "place"), Counting(tmp_path / "place")
    assert place(writing).offer("tag", here.results, here.read) == 10_000
    assert writing.asked == {"names": 1, "size": 4, "write": 4}
    assert set(got(place(reading), here.keys)[0]) == here.keys
    assert reading.asked == {"names": 1, "read": 4}


def test_what_does_not_fit_into_memory_comes_in_portions(place, tmp_path, monkeypatch):
    monkeypatch.setattr(packs, "ALONE", 20)
    for function in (packs.groups, packs.portions):
        monkeypatch.setattr(function, "__defaults__", (50,))
    here, objects = Here(*"abcd", big=4), Counting(tmp_path / "place")
    place(objects).offer("tag", here.results, here.read)
    objects.together = []
    groups = list(place(objects).get("tag", here.keys, len))
    assert [len(group) for group in groups] == [1] * 4
    assert max(objects.together[1:]) <= 50


FAULTS = {
    "timeout": (partial(far.misbehaving, "silent"), "does not answer (timeout)"),
    "403": (partial(far.misbehaving, "refusing"), "refuses access (403"),
    "500": (partial(far.misbehaving, "failing"), "does not serve"),
    "cut off": (partial(far.misbehaving, "cut_off"), "can't be reached"),
    "nobody": (far.nobody, "can't be reached"),
}


@pytest.mark.parametrize(("fault", "told"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_once_and_the_place_left_alone(place, fault, told, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 1.0)
    here = Here("a")
    with fault():
        there = place(lambda: objects_at(f"s3://{far.BUCKET}/a"))
        assert got(there, here.keys) == ({}, {})
        there.opening, there.place = pytest.fail, None
        assert there.offer("tag", here.results, here.read) == 0
        assert got(there, here.keys) == ({}, {})
    ((code, text),) = there.said
    assert code == "elsewhere"
    assert told in text or "does not answer" in text  # a busy machine may run out of patience first
    assert text.endswith("going on without it")


def test_a_fault_between_two_writes_leaves_the_place_as_it_was_for_others(place, tmp_path, monkeypatch):
    monkeypatch.setattr(packs, "FULL", 30)
    here, wrote = Here("a", "b", "c"), []
    plain = files.write_plain

    def full(path, data):
        if wrote:
            raise OSError(errno.ENOSPC, "No space left on device")
        wrote.append(path)
        plain(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_plain", full)
        writer = place()
        assert writer.offer("tag", here.results, here.read) == 0
    assert writer.said == [
        ("elsewhere", "there does not serve: can't write this file: the disk is full; going on without it")
    ]
    assert got(place(), here.keys) == ({}, {})
    assert place().offer("tag", here.results, here.read) == 3
    assert got(place(), here.keys)[1] == here.blobs


def test_a_web_page_instead_of_the_store_gives_nothing(place):
    with far.misbehaving("babbling"):
        there = place(lambda: objects_at(f"s3://{far.BUCKET}/a"))
        assert got(there, Here("a").keys) == ({}, {})


def test_through_s3_as_through_a_folder(place, tmp_path):
    here = Here("a", "b", "c")
    with far.s3():
        opening = partial(objects_at, f"s3://{far.BUCKET}/a/b")
        assert place(opening, key=KEY).offer("tag", here.results, here.read) == 3
        reader = place(opening, key=KEY, seen=tmp_path / "seen")
        assert got(reader, here.keys) == ({result.key: result for result in here.results}, here.blobs)
        assert reader.said == []
        names = sorted(found.key for found in far.bucket().objects.all())
        assert [name.split("/")[:4] for name in names] == [["a", "b", "v1", "ac"], ["a", "b", "v1", "cas"]]
        pack = far.bucket().Object(names[1])
        body = pack.get()["Body"].read()
        pack.put(Body=body[:-5])
        spoilt = place(opening, key=KEY)
        missed = here.keys - set(got(spoilt, here.keys)[0])
        assert len(missed) == 1
        assert [code for code, _ in spoilt.said] == ["damaged"]
        assert spoilt.offer("tag", here.results, here.read) == 1
        assert set(got(place(opening, key=KEY), here.keys)[0]) == here.keys
