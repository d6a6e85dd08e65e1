import importlib.metadata

import pytest

from lorabuild.core.requirements import Wanted, wanted

SOURCE = """
[project]
name = "lorabuild"
dependencies = ["filelock>=4,<5", "blake3>=99", "tomli>=2 ; python_version < '3'"]
[project.optional-dependencies]
remote = ["fsspec>=1"]
dev = ["pytest>=9"]
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "pyproject.toml").write_text(SOURCE, "utf-8")
    return tmp_path / "pyproject.toml"


def test_what_a_working_copy_asks_for_is_read_from_its_source(source):
    found = wanted(source)
    assert [(one.name, one.asked, one.extra) for one in found] == [
        ("blake3", ">=99", ""),
        ("filelock", "<5,>=4", ""),
        ("fsspec", ">=1", "remote"),
    ]
    assert [one.fits for one in found[:2]] == [False, True]


def test_what_an_installed_one_asks_for_is_read_from_its_metadata(tmp_path, monkeypatch):
    said = ["filelock<5,>=4", 'fsspec>=1; extra == "remote"', 'pytest; extra == "dev"', 'x; sys_platform == "none"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: said)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n', "utf-8")
    assert [(one.name, one.extra) for one in wanted(tmp_path / "pyproject.toml")] == [
        ("filelock", ""),
        ("fsspec", "remote"),
    ]


def test_nothing_is_known_of_what_is_not_installed(tmp_path, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert wanted(tmp_path / "pyproject.toml") == []


def test_what_is_not_installed_does_not_fit():
    assert not Wanted("nothing", ">=1", None).fits
    assert Wanted("torch", ">=2.13,<2.14", "2.13.0+cpu").fits
    assert Wanted("torch", ">=2", "2.1rc1").fits


def test_this_lorabuild_asks_for_what_its_pyproject_names():
    assert {"torch", "pydantic", "filelock"} <= {one.name for one in wanted()}
