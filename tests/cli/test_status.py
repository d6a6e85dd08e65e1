import json

import light
import pytest

from lorabuild.cli.main import main
from lorabuild.graph.order import STAGES


@pytest.fixture
def asked(project, capsys):
    """What a command line says on stdout about the project."""

    def ask(*words):
        assert main(["-C", str(project), "status", *words]) == 0
        return capsys.readouterr().out

    return ask


def test_before_the_first_build_it_says_what_to_type(asked):
    lines = asked().splitlines()
    assert lines[0] == "tiny: there is work to do (`lorabuild plan` says what)"
    assert "  plain           4 images × 1 repeats" in lines
    assert "  prepare         0 of 5 done" in lines
    assert lines[-1] == "  nothing was built yet: `lorabuild` builds it"


def test_afterwards_it_says_what_was_built_and_where_it_lies(asked, project):
    (project / "data/plain/bad.png").write_bytes(b"no picture")
    light.finished(project)
    light.built(project, targets=())
    lines = asked().splitlines()
    assert lines[0] == "tiny: up to date"
    assert not any(" done" in line for line in lines)
    assert any(line.startswith("  last build  2, 20") and line.endswith("nothing ran") for line in lines)
    assert "  files       out/tiny.safetensors (4 B), out/report.html (6 B), out/tiny.json (2 B)" in lines
    assert any(line.startswith("  store       ") and "2 builds in `lorabuild history`" in line for line in lines)
    assert any(line.startswith("  set aside: data/plain/bad.png – ") for line in lines)
    assert any(line.split()[:2] == ["scan", "6"] for line in asked("-v").splitlines())


def test_after_a_change_it_names_the_stages_with_work(asked, project):
    light.finished(project)
    light.write(project, budget={"steps": 48, "epochs": 2})
    lines = asked().splitlines()
    named = [line.split()[0] for line in lines if line.endswith(" done")]
    assert named[0] == "balance"
    assert "scan" not in named
    assert any("last build  1, " in line and "scan 4, prepare 4" in line for line in lines)


def test_for_programs(asked, project):
    found = json.loads(asked("--json"))
    assert [stage["name"] for stage in found["stages"]] == list(STAGES)
    keys = {"path", "concept", "width", "height", "bucket", "file_digest", "pixel_digest", "tags", "caption", "repeats"}
    assert keys <= set(found["images"][0])
    assert (found["last_build"], found["outputs"], found["store"]) == (None, [], {"bytes": 0, "builds": 0})
    light.finished(project)
    light.built(project, targets=())
    found = json.loads(asked("--json"))
    assert found["store"]["builds"] == 2
    assert found["store"]["bytes"] > 100_000
    assert found["last_build"]["number"] == 2
    assert {"path": "out/tiny.safetensors", "bytes": 4} in found["outputs"]


def test_files_that_are_gone_are_named_as_missing(asked, project, capsys):
    light.finished(project)
    light.built(project, targets=())
    for path in (project / "out").iterdir():
        path.unlink()
    found = json.loads(asked("--json"))
    assert (found["outputs"], found["missing"]) == ([], ["out/report.html", "out/tiny.json", "out/tiny.safetensors"])
    assert "files" not in asked()
    assert "  missing     out/report.html and 2 more: `lorabuild` puts it there" in asked().splitlines()
    main(["-C", str(project), "plan"])
    assert "  missing: out/report.html and 2 more; a build puts it there" in capsys.readouterr().out.splitlines()


def test_of_many_files_the_lora_comes_first_and_the_rest_is_counted(asked, project, monkeypatch):
    package = light.PLANTED["package"]
    monkeypatch.setitem(light.PLANTED, "package", ({**package[0], "a.png": b"1", "b.png": b"2"}, package[1]))
    light.finished(project)
    light.built(project, targets=())
    assert "  files       out/tiny.safetensors (4 B), out/a.png (1 B), and 3 more" in asked()
