"""The codes of ``lint``, and docs/lint.md, which has a row for each."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from lorabuild.balance import findings
from lorabuild.schema.lint import Code, Lint

DOCS = (Path(__file__).parents[2] / "docs/lint.md").read_text("utf-8")
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z-]+)` \|.*$", DOCS, re.MULTILINE)}
BOUNDS = {
    "blur": findings.BLUR,
    "jpeg": findings.BLOCKS,
    "letterbox": findings.BARS,
    "monochrome": findings.MONOCHROME,
    "shrunk": findings.SHRUNK,
    "share-off": findings.SHARE_OFF,
    "many-buckets": findings.BUCKETS,
    "retro": findings.RETRO_SHARE,
    "huge-caption": findings.CAPTION_BYTES,
}


def test_the_page_has_a_row_for_every_code():
    assert set(ROWS) == set(get_args(Code))


@pytest.mark.parametrize("code", BOUNDS)
def test_the_page_says_the_bounds(code):
    bound = BOUNDS[code]
    share = f"{bound:.0%}".replace("%", " %")
    assert any(f" {text} " in ROWS[code] for text in (f"{bound:g}", share)), ROWS[code]


def test_a_code_is_one_of_these():
    assert Lint(ignore=("blur",)).ignore == ("blur",)
    with pytest.raises(ValidationError):
        Lint(ignore=("blurr",))


def test_every_code_is_used_in_the_package():
    text = "".join(path.read_text("utf-8") for path in Path(findings.__file__).parents[1].rglob("*.py"))
    for code in get_args(Code):
        assert text.count(f'"{code}"') > 1 or code.endswith("-mask"), code
