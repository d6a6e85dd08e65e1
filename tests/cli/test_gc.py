import json

import light
import pytest

from lorabuild.cli.main import main
from lorabuild.core.claim import claim


@pytest.fixture
def said(project, capsys):
    """What a command line says on stdout about the project, and on stderr."""

    def say(*words, code=0):
        assert main(["-C", str(project), "gc", *words]) == code
        return capsys.readouterr()

    return say


@pytest.fixture
def stale(project):
    """The project with the results of a former setting, and work under way of one that was never finished."""
    light.finished(project)
    light.built(project, targets=())
    (project / ".lorabuild/work" / ("0" * 64)).mkdir(parents=True)
    (project / ".lorabuild/work" / ("0" * 64) / "state").write_bytes(bytes(5000))
    return project


def test_a_dry_run_shows_what_would_go_and_why_the_rest_stays(said, stale):
    lines = said("--dry-run", "--grace", "0").out.splitlines()
    assert lines[0].split() == ["would", "go", "number", "bytes"]
    assert lines[1].split() == ["work", "under", "way", "1", "5.0", "kB"]
    assert lines[3].split() == ["stays", "results", "bytes"]
    assert lines[4].split()[:5] == ["the", "project", "as", "it", "stands"]
    assert lines[-1].startswith("about 5.0 kB would be free, ")
    assert lines[-1].endswith(" left; nothing was changed")
    assert (stale / ".lorabuild/work" / ("0" * 64)).exists()


def test_it_says_what_is_gone(said, stale):
    lines = said("--grace", "0").out.splitlines()
    assert lines[0].split() == ["gone", "number", "bytes"]
    assert " free, " in lines[-1]
    assert not (stale / ".lorabuild/work" / ("0" * 64)).exists()
    assert said("--grace", "0").out.splitlines()[-1].startswith("nothing to remove; the store has ")


def test_what_is_young_stays_by_default(said, stale):
    assert "nothing to remove" in said().out


def test_for_programs_and_quiet(said, stale):
    found = json.loads(said("--dry-run", "--json", "--grace", "0", "--keep", "1", "--max-size", "1kB").out)
    assert (found["dry_run"], found["most"], found["fits"]) == (True, 1000, False)
    assert {"kind": "work under way", "number": 1, "bytes": 5000} in found["goes"]
    assert said("-q").out == ""


def test_a_limit_that_can_not_be_met_is_told(said, stale):
    out = said("--dry-run", "--max-size", "1kB").out
    assert out.splitlines()[-1] == "1.0 kB can't be met: the rest is needed, pinned, in use or too young"


def test_the_limits_of_lora_yaml_are_taken_and_a_shared_store_is_left_alone(said, stale):
    light.write(stale, store={"keep": 1, "size": "0.001MB", "shared": True})
    light.finished(stale)
    lines = said("--dry-run").out.splitlines()
    assert lines[-2].startswith("1.0 kB can't be met")
    assert lines[-1] == "the shared store is not touched: other projects use it"


def test_builds_that_give_way_are_named(said, stale):
    light.write(stale, budget={"steps": 48, "epochs": 2})
    light.finished(stale)  # build 3 hands out nothing, so build 2 has the last LoRA
    assert "given up for --max-size 1.0 kB: build 1\n" in said("--dry-run", "--grace", "0", "--max-size", "1kB").out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--grace", "soon"), "`soon` is not a span of time; write it like 24h, 30m or 7d"),
        (("--max-size", "much"), "`much` is not a size; write it like 20GB or 500MB"),
        (("--keep", "0"), "`0` is no number of builds; write 1 or more"),
        (("--keep", "x"), "`x` is no number of builds"),
    ],
)
def test_an_amount_that_is_none_is_told_with_its_option(said, words, what):
    err = said(*words, code=2).err
    assert f"command line {words[0]}: " in err
    assert what in err


def test_a_busy_store_is_told_when_gc_may_not_wait(said, stale):
    with claim(stale / ".lorabuild", wait=False, say=print):
        assert "is building here" in said("--no-wait", code=1).err


def test_waiting_is_told(capsys):
    from lorabuild.cli.gc import _say
    from lorabuild.core.events import Event

    _say(Event("note", data={"code": "busy", "text": "waiting"}))
    _say(Event("progress", data={"done": 1, "total": 2}))
    assert capsys.readouterr().err == "waiting\n"
