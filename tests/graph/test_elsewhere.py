"""lorabuild.graph.elsewhere: what the shared and the remote store have is taken, what was made goes there."""

import json
import shutil
from dataclasses import replace

import light
import pytest

from lorabuild.core import remote
from lorabuild.core.consent import Person, settle
from lorabuild.core.digest import digest
from lorabuild.core.objects import FolderObjects
from lorabuild.graph.allowed import remote_want
from lorabuild.graph.plan import ITEMS

KEY, OTHER = ("lorabuild-key-" + digit * 64 for digit in "17")
OURS = {"scan": 4, "prepare": 4, "tag": 4, "caption": 4, "balance": 1}


@pytest.fixture
def person(tmp_path):
    return Person(tmp_path / "cache", tmp_path / "config", {"TEAM": KEY, "OTHER": OTHER, "HOME": "/home"})


@pytest.fixture
def projects(tmp_path):
    """Two projects with the same pictures under other names."""
    one, two = light.make(tmp_path / "one"), light.make(tmp_path / "two")
    (two / "data/plain/b.png").rename(two / "data/plain/bb.png")
    (two / "data/plain/b.tags").rename(two / "data/plain/bb.tags")
    return one, two


@pytest.fixture
def far(tmp_path):
    return (tmp_path / "far").as_uri()


def built(root, person, *overrides, **store):
    """A build with these words in ``store``: stage → what ran, and the events."""
    done, events = light.built(
        root, *(f"store.{name}={json.dumps(value)}" for name, value in store.items()), *overrides, person=person
    )
    return {stage: counts["ran"] for stage, counts in done["stages"].items() if counts["ran"]}, events


def told(events, kind="warning"):
    """What was said of other places: (code, text)."""
    return [
        (event.data["code"], event.data["text"])
        for event in events
        if event.kind == kind and (event.data.get("item") == "store" or event.data["code"] == "elsewhere")
    ]


def allow(person, root, **store):
    site = light.opened(root, *(f"store.{name}={json.dumps(value)}" for name, value in store.items())).site
    settle(person, root, remote_want(site), allowed=True)


def own(person, root, far, **words):
    """A remote of one's own."""
    store = {"remote": far, "mode": "read-write", **words}
    allow(person, root, **store)
    return store


def test_two_projects_with_the_same_pictures_compute_nothing_twice(projects, person):
    one, two = projects
    first, events = built(one, person, shared=True)
    assert first.keys() == OURS.keys()
    assert told(events) == told(events, "note") == []
    second, events = built(two, person, shared=True)
    assert second == {}
    assert [text for _, text in told(events, "note")] == [
        f"{stage}: {count} from the shared store" for stage, count in first.items()
    ]
    assert built(two, person, shared=True)[0] == {}


def test_without_the_word_nothing_is_shared(projects, person, tmp_path):
    for project in projects:
        assert built(project, person)[0].keys() == OURS.keys()
    assert not (tmp_path / "cache").exists()


def test_where_nobody_is_known_nothing_is_shared(projects):
    for project in projects:
        assert built(project, None, shared=True)[0].keys() == OURS.keys()


def test_only_what_is_lacking_is_taken_and_only_the_rest_is_run(projects, person):
    one, two = projects
    built(one, person, shared=True)
    light.picture(two / "data/plain/new.png", "yellow")
    ran, _ = built(two, person, shared=True)
    assert (ran["scan"], ran["prepare"], ran["caption"]) == (1, 1, 1)
    light.picture(one / "data/plain/other_name.png", "yellow")
    assert built(one, person, shared=True)[0] == {}


def test_planning_looks_at_this_store_only(projects, person, monkeypatch):
    one, two = projects
    built(one, person, shared=True)
    before = light.redone(two, "store.shared=true")
    assert set(before) == set(ITEMS)
    assert len(before["scan"]) == OURS["scan"]


def test_why_knows_what_came_from_elsewhere(projects, person):
    for project in projects:
        built(project, person, shared=True)
    with light.viewed(projects[1]) as view:
        for stage in ("tag", "caption"):
            for name, item in light.items(view, stage).items():
                assert view.store.parts_of(stage, name) == json.loads(json.dumps(item.parts))


def test_a_picture_that_was_set_aside_is_looked_at_by_everyone(projects, person):
    for project in projects:
        (project / "data/plain/bad.png").write_bytes(b"no picture")
    built(projects[0], person, shared=True)
    ran, events = built(projects[1], person, shared=True)
    assert ran == {"scan": 1}
    assert [event.data["item"] for event in events if event.kind == "aside"] == ["data/plain/bad.png"]


def test_what_was_made_before_the_word_was_written_is_shared_too(projects, person):
    one, two = projects
    built(one, person)
    assert built(one, person, shared=True)[0] == {}
    assert built(two, person, shared=True)[0] == {}


def test_what_a_killed_build_made_is_brought_by_the_next(projects, person, monkeypatch):
    one, two = projects
    built(one, person, shared=True)
    light.picture(one / "data/plain/new.png", "yellow")
    light.picture(two / "data/plain/new.png", "yellow")

    def killed(*_words, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderObjects, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            built(one, person, shared=True)
    assert "scan" not in built(one, person, shared=True)[0]  # it is in this store, and was not in the shared one
    assert built(two, person, shared=True)[0] == {}


def test_a_place_that_had_a_fault_gets_everything_the_next_time(projects, person, far, tmp_path):
    one, two = projects
    store = own(person, one, far)
    (tmp_path / "far").write_bytes(b"not a folder")
    ran, events = built(one, person, **store)
    assert ran.keys() == OURS.keys()
    ((code, text),) = told(events)
    assert code == "elsewhere"
    assert text.startswith(far)
    (tmp_path / "far").unlink()
    assert built(one, person, **store)[0] == {}
    assert built(two, person, **own(person, two, far))[0] == {}


def test_a_place_that_has_everything_is_not_asked_again(projects, person, far, monkeypatch):
    store = own(person, projects[0], far)
    built(projects[0], person, **store)
    monkeypatch.setattr(remote, "objects_at", lambda _url: pytest.fail("asked"))
    ran, events = built(projects[0], person, **store)
    assert ran == {}
    assert told(events) == []


def test_what_is_damaged_there_is_made_again_here_and_mended_there(projects, person, tmp_path):
    one, two = projects
    built(one, person, shared=True)
    for path in (tmp_path / "cache/store/v1/cas").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"\0")
    ran, events = built(two, person, shared=True)
    assert ran
    assert [code for code, _ in told(events)] == ["damaged"]
    shutil.rmtree(one / ".lorabuild")
    ran, events = built(one, person, shared=True)
    assert (ran, told(events)) == ({}, [])


@pytest.mark.parametrize("words", [{}, {"mode": "read-write"}])
def test_a_remote_that_nobody_vouches_for_gives_nothing_and_is_not_asked(projects, person, far, words, monkeypatch):
    built(projects[0], person, **own(person, projects[0], far))
    monkeypatch.setattr(remote, "objects_at", lambda _url: pytest.fail("asked"))
    ran, events = built(projects[1], person, remote=far, **words)
    assert ran.keys() == OURS.keys()
    ((code, text),) = told(events)
    assert (code, "--consent" in text) == (("consent", True) if words else ("no-key", False))
    assert words or "store.key" in text


def test_a_remote_is_trusted_by_its_signatures(projects, person, far):
    built(projects[0], person, **own(person, projects[0], far, key="$TEAM"))
    ran, events = built(projects[1], person, remote=far, key="$TEAM")
    assert (ran, told(events)) == ({}, [])


def test_a_key_without_consent_reads_and_does_not_write(projects, person, far, tmp_path):
    ran, events = built(projects[0], person, remote=far, mode="read-write", key="$TEAM")
    assert ran.keys() == OURS.keys()
    ((code, text),) = told(events)
    assert code == "consent"
    assert "only read" in text
    assert not (tmp_path / "far").exists()


@pytest.mark.parametrize(("key", "words"), [("$NONE", "is not set"), ("$HOME", "holds no key")])
def test_without_the_key_that_is_named_the_remote_is_not_used(projects, person, far, key, words, tmp_path):
    store = own(person, projects[0], far)
    ran, events = built(projects[0], person, **store, key=key)
    assert ran.keys() == OURS.keys()
    ((code, text),) = told(events)
    assert code == "no-key"
    assert words in text
    assert not (tmp_path / "far").exists()


def poisoned(folder):
    """Give every result in a remote other facts, as someone would who may write there; nobody else's signature."""
    for path in list((folder / "v1/ac").rglob("*")):
        if path.is_file():
            body = json.loads(path.read_bytes())
            for row in body["results"]:
                row[2] = {name: 1 if isinstance(value, int) else value for name, value in row[2].items()} | {"x": 1}
            data = json.dumps(body).encode()
            path.unlink()
            path.with_name(digest(data)[3:]).write_bytes(data)


@pytest.mark.parametrize("mode", ["read-only", "read-write"])
def test_a_poisoned_result_is_noticed_where_there_is_a_key(projects, person, far, mode, tmp_path):
    one, two = projects
    built(one, person, **own(person, one, far, key="$TEAM"))
    poisoned(tmp_path / "far")
    own(person, two, far)
    ran, events = built(two, person, remote=far, mode=mode, key="$TEAM")
    assert ran.keys() == OURS.keys()
    ((code, text),) = told(events)
    assert code == "unsigned"
    assert "was altered" in text
    with light.viewed(two) as view, light.viewed(one) as first:
        for stage in OURS:
            assert [r.facts for r in view.made(stage).values()] == [r.facts for r in first.made(stage).values()]


def test_a_result_signed_by_another_is_noticed(projects, person, far):
    built(projects[0], person, **own(person, projects[0], far, key="$OTHER"))
    ran, events = built(projects[1], person, remote=far, key="$TEAM")
    assert ran.keys() == OURS.keys()
    assert [code for code, _ in told(events)] == ["unsigned"]


def test_a_poisoned_result_of_a_read_only_remote_without_a_key_gets_nowhere(projects, person, far, tmp_path):
    built(projects[0], person, **own(person, projects[0], far))
    poisoned(tmp_path / "far")
    ran, events = built(projects[1], person, remote=far)
    assert ran.keys() == OURS.keys()
    assert [code for code, _ in told(events)] == ["no-key"]


def shared_facts(tmp_path):
    """The facts of every result in the shared store."""
    indexes = (path for path in (tmp_path / "cache/store/v1/ac").rglob("*") if path.is_file())
    return [row[2] for path in indexes for row in json.loads(path.read_bytes())["results"]]


def test_what_nobody_signed_is_not_passed_on_to_other_projects(projects, person, far, tmp_path):
    one, two = projects
    built(one, person, **own(person, one, far))
    poisoned(tmp_path / "far")  # a remote of one's own is trusted: this project takes what it has
    ran, events = built(two, person, "captions.drop=[hat]", **own(person, two, far), shared=True)
    assert f"tag: 4 from {far}" in [text for _, text in told(events, "note")]
    assert "caption" in ran
    assert shared_facts(tmp_path)
    built(two, person, shared=True)
    assert not any(facts.get("x") for facts in shared_facts(tmp_path))


def test_what_nobody_signed_is_not_signed_by_who_took_it(projects, person, far, tmp_path):
    one, two = projects
    built(one, person, **own(person, one, far))
    poisoned(tmp_path / "far")
    built(two, person, **own(person, two, far))
    _, events = built(two, person, **own(person, two, far, key="$TEAM"))
    assert told(events) == []
    ran, events = built(light.make(tmp_path / "three"), person, remote=far, key="$TEAM")
    assert ran.keys() == OURS.keys()
    assert [code for code, _ in told(events)] == ["unsigned"]


def test_what_was_signed_is_passed_on(projects, person, far):
    one, two = projects
    built(one, person, **own(person, one, far, key="$TEAM"))
    built(two, person, remote=far, key="$TEAM", shared=True)
    shutil.rmtree(one / ".lorabuild")
    assert built(one, person, shared=True)[0] == {}


def test_a_password_in_an_address_is_not_told(projects, person):
    _, events = built(projects[0], person, remote="sftp://me:secret@host/a")
    ((_, text),) = told(events)
    assert "sftp://host/a" in text
    assert "secret" not in text


def test_a_missing_package_is_told_with_what_to_install(projects, person, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    person = replace(person, allows=frozenset({"s3://team"}))
    ran, events = built(projects[0], person, remote="s3://team", mode="read-write")
    assert ran.keys() == OURS.keys()
    ((_, text),) = told(events)
    assert "pip install 'lorabuild[remote]'" in text
