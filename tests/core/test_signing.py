"""lorabuild.core.signing: keys and signatures."""

from dataclasses import replace

import pytest

from lorabuild.core.digest import digest
from lorabuild.core.errors import StoreError
from lorabuild.core.item import Result
from lorabuild.core.signing import is_signed, sign, signing_key

TEXT = "lorabuild-key-" + "1f" * 32
KEY = bytes.fromhex("1f" * 32)
RESULT = Result(digest(b"key"), "tag", {"scores": digest(b"blob")}, {"width": 64}, {}, {"device": "cpu"})


def key_file(folder, text=TEXT, mode=0o600):
    path = folder / "team.key"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_a_key_comes_from_a_variable(tmp_path):
    assert signing_key("$TEAM", tmp_path, {"TEAM": TEXT + "\n"}) == KEY


def test_a_key_comes_from_a_file_outside_the_project(tmp_path):
    (tmp_path / "project").mkdir()
    path = key_file(tmp_path)
    assert signing_key(str(path), tmp_path / "project", {}) == KEY
    assert signing_key("../team.key", tmp_path / "project", {}) == KEY


def test_a_variable_that_is_not_set_is_told_with_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"\$TEAM is not set") as caught:
        signing_key("$TEAM", tmp_path, {})
    assert "lorabuild-key-" in caught.value.next_step


@pytest.mark.parametrize("text", ["secret", TEXT[:-1], TEXT + "0", "x" + TEXT, "lorabuild-key-" + "G" * 64])
def test_what_others_may_know_is_no_key(text, tmp_path):
    with pytest.raises(StoreError, match="holds no key"):
        signing_key("$HOME", tmp_path, {"HOME": text})


def test_a_key_inside_the_project_is_refused(tmp_path):
    key_file(tmp_path)
    with pytest.raises(StoreError, match="inside the project"):
        signing_key("team.key", tmp_path, {})


def test_a_link_to_a_key_inside_the_project_is_refused(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "link").symlink_to(key_file(tmp_path / "project"))
    with pytest.raises(StoreError, match="inside the project"):
        signing_key("../link", tmp_path / "project", {})


def test_a_key_that_others_may_read_is_refused(tmp_path):
    (tmp_path / "project").mkdir()
    with pytest.raises(StoreError, match="others may read") as caught:
        signing_key(str(key_file(tmp_path, mode=0o644)), tmp_path / "project", {})
    assert caught.value.next_step.startswith("chmod 600")


def test_a_key_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="can't read the key"):
        signing_key("../none", tmp_path, {})


def test_a_signature_is_of_one_key_and_one_result():
    signature = sign(KEY, RESULT)
    assert is_signed(KEY, RESULT, signature)
    assert not is_signed(bytes(32), RESULT, signature)
    assert not is_signed(KEY, RESULT, "")
    assert not is_signed(KEY, RESULT, "é")
    assert signature == sign(KEY, replace(RESULT, parts={"a": 1}, seconds=3.0))  # these stay at home


@pytest.mark.parametrize(
    "change",
    [
        {"key": digest(b"another key")},
        {"stage": "text"},
        {"outputs": {"scores": digest(b"poison")}},
        {"outputs": {"tokens": digest(b"blob")}},
        {"facts": {"width": 65}},
        {"record": {"device": "cuda"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_of_a_result_can_be_changed_behind_a_signature(change):
    assert not is_signed(KEY, replace(RESULT, **change), sign(KEY, RESULT))
