"""lorabuild.core.consent: what was allowed, to which project, for what."""

import json

import pytest

from lorabuild.core.consent import Person, Want, answer, settle
from lorabuild.core.errors import StoreError

WRITE = Want("write to", "s3://team/a")


@pytest.fixture
def person(tmp_path):
    return Person(tmp_path / "cache", tmp_path / "config")


def test_nothing_is_allowed_before_it_was_asked(person, tmp_path):
    assert answer(person, tmp_path, WRITE) is None


@pytest.mark.parametrize("allowed", [True, False])
def test_what_was_said_is_remembered(person, tmp_path, allowed):
    settle(person, tmp_path, WRITE, allowed=allowed)
    assert answer(person, tmp_path, WRITE) is allowed
    assert json.loads((person.config / "consent.json").read_bytes()) == {
        str(tmp_path): {"write to s3://team/a": allowed}
    }


def test_it_holds_for_one_project_one_target_and_one_deed(person, tmp_path):
    settle(person, tmp_path / "mine", WRITE, allowed=True)
    settle(person, tmp_path / "mine", Want("write to", "other"), allowed=False)
    assert answer(person, tmp_path / "mine", WRITE) is True
    assert answer(person, tmp_path / "cloned", WRITE) is None
    assert answer(person, tmp_path / "mine", Want("write to", "s3://elsewhere")) is None
    assert answer(person, tmp_path / "mine", Want("run", WRITE.target)) is None


def test_a_link_to_a_project_is_the_project(person, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("mine")
    settle(person, tmp_path / "link", WRITE, allowed=True)
    assert answer(person, tmp_path / "mine", WRITE) is True


def test_what_is_allowed_for_this_run_is_not_remembered(tmp_path):
    person = Person(tmp_path, tmp_path, allows=frozenset({WRITE.target}))
    assert answer(person, tmp_path, WRITE) is True
    assert answer(Person(tmp_path, tmp_path), tmp_path, WRITE) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"%s": []}', '{"%s": {"write to s3://team/a": "yes"}}'])
def test_a_damaged_note_allows_nothing_and_is_written_anew(person, tmp_path, text):
    person.config.mkdir()
    (person.config / "consent.json").write_text(text.replace("%s", str(tmp_path)), "utf-8")
    assert answer(person, tmp_path, WRITE) is None
    settle(person, tmp_path, WRITE, allowed=True)
    assert answer(person, tmp_path, WRITE) is True


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="can't remember what you allowed"):
        settle(Person(tmp_path, tmp_path / "file/config"), tmp_path, WRITE, allowed=True)
