"""lorabuild.cli.person: whose folders, variables and answers these are."""

import argparse
import io
import os
import sys
from pathlib import Path

import pytest

from lorabuild.cli import person
from lorabuild.core.consent import answer
from lorabuild.graph.allowed import remote_want
from lorabuild.schema.load import parse

NAMES = ("LORABUILD_CACHE", "LORABUILD_CONFIG", "LORABUILD_CONSENT", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
SETTINGS = """\
name: tiny
base: {model: base}
concepts: {plain: {folder: data}}
store: {remote: "s3://team/a", mode: read-write}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("platform", "cache", "config"),
    [
        ("linux", ".cache", ".config"),
        ("darwin", "Library/Caches", "Library/Application Support"),
        ("win32", "AppData/Local", "AppData/Roaming"),
    ],
)
def test_a_person_s_folders_are_where_the_system_has_them(platform, cache, config, home, monkeypatch):
    for name in ("LOCALAPPDATA", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    found = person.person()
    assert (found.cache, found.config) == (home / cache / "lorabuild", home / config / "lorabuild")


def test_the_usual_variables_are_followed(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/small/config")
    found = person.person()
    assert (found.cache, found.config) == (Path("/big/cache/lorabuild"), Path("/small/config/lorabuild"))


def test_what_torch_compiles_is_kept_in_their_cache(monkeypatch, home):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/mine")
    person.person()
    assert os.environ.pop("TORCHINDUCTOR_CACHE_DIR") == "/mine"
    found = person.person()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(found.cache / "compiled")


def test_our_own_variables_win(monkeypatch, home):
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    monkeypatch.setenv("LORABUILD_CACHE", str(home / "c"))
    monkeypatch.setenv("LORABUILD_CONFIG", str(home / "d"))
    found = person.person()
    assert (found.cache, found.config) == (home / "c", home / "d")


def test_what_may_be_written_to_is_listed_where_nobody_can_be_asked(monkeypatch):
    assert person.person().allows == frozenset()
    monkeypatch.setenv("LORABUILD_CONSENT", "s3://team/a, /srv/my loras,")
    assert person.person().allows == {"s3://team/a", "/srv/my loras"}


class Typing(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("typed", "allowed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)])
def test_who_sits_there_is_asked(typed, allowed, home, monkeypatch):
    said = Typing()
    monkeypatch.setattr(sys, "stdin", Typing(typed))
    monkeypatch.setattr(sys, "stderr", said)
    site = parse(SETTINGS, home).site
    someone = person.asked(argparse.Namespace(consent=False, trust=False), site)
    assert answer(someone, home, remote_want(site)) is allowed
    assert said.getvalue().startswith("this lora.yaml wants to write results to")
    assert said.getvalue().endswith("[y/N] ")


@pytest.mark.parametrize("words", [{"json": True}, {}])
def test_a_program_is_not_asked(words, home, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Typing("y\n") if words else io.StringIO("y\n"))
    site = parse(SETTINGS, home).site
    someone = person.asked(argparse.Namespace(consent=False, trust=False, **words), site)
    assert answer(someone, home, remote_want(site)) is None
    assert capsys.readouterr().err == ""


def test_the_flag_answers_for_a_program(home):
    site = parse(SETTINGS, home).site
    assert (
        answer(person.asked(argparse.Namespace(consent=True, trust=False, json=True), site), home, remote_want(site))
        is True
    )
