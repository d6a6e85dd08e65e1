import json

import dirty
import pytest

from lorabuild.cli.main import main


@pytest.fixture
def asked(capsys):
    """The exit code of a command line about a project, and what it says on stdout."""

    def ask(root, *line):
        code = main(["-C", str(root), "lint", *line])
        return code, capsys.readouterr().out

    return ask


@pytest.fixture
def dirtied():
    """The dirty project of the graph's tests, captioned."""
    return dirty.captioned()


def test_findings_are_told_kind_by_kind_with_what_to_do(dirtied, asked):
    code, said = asked(dirtied)
    assert code == 0
    lines = said.splitlines()
    assert lines[0] == f"dirty: {len(dirty.FOUND) - 1} findings, 1 note"
    place = lines.index("letterbox (1)")
    assert lines[place + 1 : place + 3] == [
        "  data/plain/boxed.png: 25 % of it is bars, which would be learned",
        "    → cut them off: `images: {trim: 0.1}`",
    ]
    assert lines[-2] == "variant (1)"


def test_a_remedy_of_several_is_told_once(dirtied, asked):
    said = asked(dirtied)[1]
    assert said.count("zorbl_cape and zorbl_boots always stand together") == 1
    assert said.count("→ repair it, or take it away") == 1
    assert "    → Repeat it less often.\n        concepts:\n          grey: {repeats: 750}\n" in said
    assert said.count("    → fewer, fuller buckets train better") == 1


def test_json(dirtied, asked):
    told = json.loads(asked(dirtied, "--json")[1])
    assert told["waiting"] == 0
    (blurred,) = (one for one in told["findings"] if one["code"] == "blur")
    assert set(blurred) == {"code", "item", "number", "text", "remedy"}
    assert blurred["item"] == "data/plain/blurred.png"
    assert blurred["number"] > 0.6


def test_strict_ends_with_3_where_there_is_something_to_do(dirtied, asked):
    assert asked(dirtied, "--strict")[0] == 3
    every = sorted({code for code, _ in dirty.FOUND})
    assert asked(dirtied, "--strict", "--set", f"lint.ignore={json.dumps(every)}")[0] == 0
    assert asked(dirtied, "--strict", "--set", f"lint.ignore={json.dumps([*{*every} - {'variant'}])}")[0] == 0


def test_captions_that_are_not_written_yet_are_counted(project, asked):
    code, said = asked(project)
    assert code == 0
    assert "  4 images without an up-to-date caption: `lorabuild build caption` writes them" in said.splitlines()
    assert "duplicate (1)" in said


def test_an_unknown_code_is_refused(project, capsys):
    assert main(["-C", str(project), "lint", "--set", "lint.ignore=[blurr]"]) == 2
    assert "blur" in capsys.readouterr().err


def test_it_leaves_the_answer_of_the_last_build_where_all_is_prepared(dirtied, asked):
    asked(dirtied)
    kept = dirtied / ".lorabuild/null-report.idx"
    journal = dirtied / ".lorabuild/events.jsonl"
    kept.write_bytes(b"an index")
    before = journal.read_bytes()
    asked(dirtied)
    assert kept.exists()
    assert journal.read_bytes() == before
