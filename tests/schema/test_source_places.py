from pathlib import Path

import pytest

from lorabuild.schema import source_places
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.schema.sources import Source


@pytest.fixture
def site(tmp_path):
    project = Project.model_validate({"name": "t", "base": {"model": "b"}, "concepts": {"a": {"folder": "a"}}})
    return Site(project, tmp_path)


@pytest.fixture
def variables(monkeypatch):
    """The person's variables."""
    known = {"HOME": "/home"}
    monkeypatch.setattr(source_places, "variable", known.get)
    return known


@pytest.mark.parametrize("text", ["$RAW/fanart.zip", "${RAW}/fanart.zip"])
def test_only_variables_that_are_named_are_replaced(site, variables, text):
    assert source_places.missing(text) == "RAW"
    variables["RAW"] = "/films"
    assert source_places.place(site, text) == Path("/films/fanart.zip")
    assert source_places.missing(text) is None
    assert source_places.variables((Source(path=text, into="a"),)) == {"RAW": "/films"}


def test_paths_start_at_the_project_or_at_home(site):
    assert source_places.place(site, "raw/a.zip") == site.root / "raw/a.zip"
    assert source_places.place(site, "~/a.zip") == Path.home() / "a.zip"
    assert source_places.missing("raw/a.zip") is None


def test_the_base_of_a_glob_has_no_wildcards(tmp_path):
    assert source_places.base(tmp_path / "raw/**/*.png") == tmp_path / "raw"
    assert source_places.base(tmp_path / "raw/[ab]/c.png") == tmp_path / "raw"
    odd = tmp_path / "a[1].png"
    odd.write_bytes(b"")
    assert source_places.base(odd) == odd


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.ZIP", "archive"),
        ("a.cbz", "archive"),
        ("a.mkv", "film"),
        ("a.csv", "list"),
        ("a.jsonl", "list"),
        ("a.gif", "picture"),
        ("a.apng", "picture"),
        ("a.rar", ""),
        ("*.png", "glob"),
    ],
)
def test_a_source_is_known_by_its_name(tmp_path, name, kind):
    assert source_places.kind(tmp_path / name) == kind
    assert source_places.kind(tmp_path) == "folder"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("frame 120", (120, None)),
        ("90s", (None, 90.0)),
        ("1.5 m", (None, 90.0)),
        ("1h", (None, 3600.0)),
        ("1:30", (None, 90.0)),
        ("1:00:01.5", (None, 3601.5)),
    ],
)
def test_moments(text, at):
    assert source_places.moment(text) == at
