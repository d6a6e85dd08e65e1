"""What people and programs read of lorabuild.cli.publish."""

import json

import fake_hub
import light
import pytest

from lorabuild.cli import person
from lorabuild.cli.main import main
from lorabuild.core.events import silent
from lorabuild.graph.finish import finish
from lorabuild.graph.order import STAGES
from lorabuild.graph.wishes import Wishes

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")  # the hub's library, of its own calls

RAN = {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}


@pytest.fixture
def ready(project):
    light.finished(project)
    with light.viewed(project) as view:
        finish(view, STAGES, RAN, Wishes(), silent)
    return project


@pytest.fixture
def publish(ready, capsys):
    def ask(*words):
        code = main(["-C", str(ready), "publish", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def answering(monkeypatch, yes):
    asked = []
    monkeypatch.setattr(person, "asking", lambda _args: lambda text: asked.append(text) or yes)
    return asked


def test_without_a_place_it_lists_the_files(publish):
    code, out, err = publish()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["tiny.json", "tiny.safetensors"]
    assert "--to hub:owner/name" in err


def test_where_nobody_answers_it_is_a_dry_run(publish, tmp_path):
    code, out, err = publish("--to", str(tmp_path / "there"))
    assert code == 0
    assert "tiny.safetensors      4 B" in out
    assert "nothing was uploaded: `--yes` uploads 2 files (6 B)" in err
    assert not (tmp_path / "there").exists()


def test_a_yes_uploads_and_a_no_does_not(publish, tmp_path, monkeypatch):
    asked = answering(monkeypatch, yes=False)
    assert publish("--to", str(tmp_path / "there"))[0] == 0
    assert asked == [f"upload 2 files (6 B) to {tmp_path / 'there'}?"]
    assert not (tmp_path / "there").exists()
    answering(monkeypatch, yes=True)
    assert "uploaded 2 files (6 B)" in publish("--to", str(tmp_path / "there"))[2]
    assert (tmp_path / "there/tiny.safetensors").read_bytes() == b"lora"
    assert "all of it is there" in publish("--to", str(tmp_path / "there"))[2]


def test_a_yes_said_ahead_replaces_nothing_that_differs(publish, tmp_path):
    (tmp_path / "tiny.json").write_text("mine")
    code, out, err = publish("--to", str(tmp_path), "--yes")
    assert code == 3
    assert "in place of another file" in out
    assert "different files lie there: tiny.json" in err
    assert (tmp_path / "tiny.json").read_text() == "mine"
    assert publish("--to", str(tmp_path), "--yes", "--replace")[0] == 0
    assert (tmp_path / "tiny.json").read_text() == "{}"


def test_a_place_that_the_environment_allows_is_not_asked_about(publish, tmp_path, monkeypatch):
    monkeypatch.setenv("LORABUILD_CONSENT", str(tmp_path / "there"))
    assert "uploaded 2 files" in publish("--to", str(tmp_path / "there"))[2]


def test_programs_get_one_object(publish, tmp_path):
    code, out, _ = publish("--json", "--to", str(tmp_path / "there"), "--yes")
    told = json.loads(out)
    assert (code, told["uploaded"], told["where"]) == (0, True, str(tmp_path / "there"))
    assert [row["state"] for row in told["files"]] == ["new", "new"]
    assert json.loads(publish("--json")[1])["uploaded"] is False


def test_to_the_hub(publish, tmp_path, monkeypatch):
    with fake_hub.at_home(monkeypatch, tmp_path / "cache") as hub:
        monkeypatch.setenv("HF_TOKEN", fake_hub.TOKEN)
        _, _, err = publish("--to", "hub:me/tiny", "--yes", "--private")
        assert f"uploaded 2 files (6 B): {hub.address}/me/tiny/commit/" in err
        assert hub.visible == {"me/tiny": "private"}
        assert publish("--to", "hub:me/tiny", "-q") == (0, "", "")


def test_what_is_not_up_to_date_is_refused(publish, ready):
    (ready / "data/plain/b.tags").write_text("1creature, bow", "utf-8")
    code, _, err = publish("--to", str(ready / "there"), "--yes")
    assert code == 3
    assert "tiny is not up to date\n  → `lorabuild` builds it" in err
