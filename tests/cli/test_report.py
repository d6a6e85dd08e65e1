"""``lorabuild report`` and ``watch --open``, without a browser: the address that it would be shown is enough."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import webbrowser

import light
import pytest

from lorabuild.cli.main import main

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def shown(monkeypatch):
    """Addresses that a browser was shown."""
    found = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not found.append(address))
    return found


@pytest.fixture
def reported(project):
    """Built to its end, its report in the output folder."""
    light.finished(project)
    (project / "out").mkdir()
    (project / "out/report.html").write_bytes(b"<html>")
    return project


def said(capsys, project, *words):
    code = main(["-C", str(project), "report", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_it_says_where_the_page_lies(reported, capsys, shown):
    assert said(capsys, reported) == (0, f"{reported / 'out/report.html'}\n", "")
    code, out, _ = said(capsys, reported, "--json")
    assert (code, json.loads(out)) == (0, {"reports": [str(reported / "out/report.html")], "current": True})
    assert shown == []


def test_it_opens_it(reported, capsys, shown, monkeypatch):
    assert said(capsys, reported, "--open")[0] == 0
    assert shown == [(reported / "out/report.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert "no browser could be opened; the page is at file:///" in said(capsys, reported, "--open")[2]


def test_a_page_that_is_older_than_the_project_is_still_the_page(reported, capsys):
    light.write(reported, budget={"steps": 48, "epochs": 2})
    code, out, err = said(capsys, reported)
    assert code == 0
    assert out
    assert err == "the project has changed since; `lorabuild` brings the report up to date\n"


def test_without_a_page_it_says_what_to_do(project, capsys):
    code, out, err = said(capsys, project)
    assert (code, out) == (2, "")
    assert "there is no report yet" in err
    assert "`lorabuild` builds it" in err


@pytest.mark.parametrize("words", [("--port", "80"), ("--host", "0.0.0.0")])
def test_a_port_is_for_serving(reported, capsys, words):
    code, _, err = said(capsys, reported, *words)
    assert code == 2
    assert "say `--serve`, too" in err


def test_the_stage_of_the_same_name_is_built_by_its_name_behind_build(project, capsys):
    assert main(["-C", str(project), "plan", "report", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["stages"][-1]["name"] == "report"
    assert said(capsys, project)[0] == 2


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_served_it_ends_at_a_signal(project, by, code):
    command = [sys.executable, "-m", "lorabuild", "-C", str(project), "report", "--serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        address = json.loads(process.stdout.readline())["address"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(f"{address}events", timeout=10) as events:
            assert events.readline() == b"event: now\n"
            process.send_signal(by)
            _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == code
    assert err == "serving until Ctrl-C\n\nthe page is no longer served\n"
    assert not (project / ".lorabuild").exists()


class Interrupting(io.StringIO):
    """A stream that is interrupted as soon as a watch is idle; the page is looked at before."""

    def __init__(self, shown):
        super().__init__()
        self.shown, self.page = shown, b""

    def write(self, text):
        if "watch_idle" in text:
            with urllib.request.urlopen(self.shown[0], timeout=10) as page:
                self.page = page.read()
            raise KeyboardInterrupt
        return super().write(text)


def test_a_watch_shows_itself(project, monkeypatch, capsys, shown):
    monkeypatch.setattr(sys, "stdout", out := Interrupting(shown))
    assert main(["-C", str(project), "watch", "--json", "--open", "balance"]) == 130
    assert f"to be seen at {shown[0]}\n" in capsys.readouterr().err
    assert b'id="live"' in out.page
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(shown[0], timeout=10)
