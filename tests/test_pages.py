"""README and docs: every command has its row, every page is linked, no link leads nowhere."""

import re
from pathlib import Path

import pytest

from lorabuild.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "example_project" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"`((?:\w+/)+\w+\.py)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_are_there(page):
    named = FILE.findall(page.read_text("utf-8"))
    assert [name for name in named if not any((place / name).is_file() for place in (ROOT, ROOT / "lorabuild"))] == []


def test_readme_names_every_command():
    rows = "\n".join(line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `"))
    assert [name for name in COMMANDS if not re.search(rf"`(lorabuild )?\[?{name}\b", rows)] == []


def test_readme_leads_to_every_page():
    told = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in told] == []
