import base64
import hashlib
import re
from urllib.parse import urlencode

import pytest
from filled import drawings, filled

from lorabuild.publish import gather, live, report

HOSTILE = '<script>alert(1)</script>"\'</style></head><header class="top">'


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def tagged(page, tag):
    return re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)


@pytest.fixture
def page(project, reads):
    return report.render(gather.gather(project, filled(reads), drawings(project, filled(reads))))


def test_the_report_gets_a_panel_and_a_policy_and_stays_as_it_is_otherwise(page):
    assert live.ours(page)
    served, policy = live.alive(page, {"": "zorbl"})
    text = served.decode()
    assert [digest(script) in policy for script in tagged(text, "script")] == [True, True]
    assert [digest(style) in policy for style in tagged(text, "style")] == [True, True]
    assert policy.startswith("default-src 'none'; img-src data: 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "http-equiv" not in text
    assert text.count('id="live"') == 1
    text = re.sub('<section class="live".*?</section>\n?', "", text, flags=re.DOTALL)
    for part in (live.STYLE, live.LISTENER):
        text = text.replace(report.text(part), "")
    left = text.replace("<style></style>\n", "").replace("<script></script>\n", "")
    assert left == re.sub('<meta http-equiv="Content-S[^>]*>\n', "", page.decode())


@pytest.mark.parametrize(
    "other",
    [
        b"<html>",
        b"<style>body{}</style><script>alert(1)</script>",
        lambda page: page.replace(b"</body>", b"<script>alert(1)</script></body>"),
        lambda page: page.replace(b"</head>", b"<style>*{}</style></head>"),
        lambda page: page.replace(b"--paper", b"--papier"),
    ],
)
def test_a_page_with_other_styles_or_scripts_is_not_ours(page, other):
    assert not live.ours(other(page) if callable(other) else other)


def test_names_are_escaped_in_a_report_and_on_the_plain_page(project, reads):
    output = project.output.model_copy(update={"title": HOSTILE, "description": HOSTILE})
    hostile = project.model_copy(update={"output": output})
    reported = report.render(gather.gather(hostile, filled(reads), drawings(project, filled(reads))))
    assert live.ours(reported)
    note = {"code": "x", "item": HOSTILE, "text": HOSTILE}
    rows = {"concepts": [{"images": 2}], "steps": {"image": 9, "optimizer": 3, "epochs": 1}, "seconds": 2.0}
    plan = {**rows, "stages": [{"name": HOSTILE, "total": 1, "todo": 1}], "warnings": [note], "notes": []}
    for page in (reported, live.plain(hostile, plan), live.plain(hostile, None, HOSTILE)):
        text = live.alive(page, {"": "zorbl", HOSTILE: HOSTILE}, HOSTILE, "b3:mark")[0].decode()
        assert len(tagged(text, "script")) == 1 + (page is reported)
        assert len(tagged(text, "style")) == 2
        assert text.count('<header class="top">') == 1
        assert "&lt;script&gt;alert(1)" in text
        assert text.count('aria-current="page"') == 1
        assert 'data-report="b3:mark"' in text
        assert f'href="?{urlencode({"variant": HOSTILE})}"' in text


def test_the_plain_page_says_what_there_is_to_do(project):
    rows = {"concepts": [{"images": 2}, {"images": 3}], "steps": {"image": 2928, "optimizer": 3, "epochs": 1}}
    stages = [{"name": "tag", "total": 5, "todo": 4}, {"name": "text", "total": 0, "todo": 0}]
    page = live.plain(project, {**rows, "seconds": None, "stages": stages, "warnings": [], "notes": []}).decode()
    assert "5 in 2 concepts" in page
    assert "2,928 image steps, 3 optimizer steps in 1 epoch<" in page
    assert '<tr><th scope="row">tag</th><td class="num">5</td><td class="num">4</td></tr>' in page
    assert ">text<" not in page
    assert "There is no report yet" in page
    assert "another lorabuild" in live.plain(project, None, other=True).decode()
