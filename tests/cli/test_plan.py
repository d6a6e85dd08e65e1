"""What people and programs read: lorabuild.cli.plan, lorabuild.cli.status, lorabuild.cli.why, lorabuild.cli.build."""

import json
import sys

import light
import pytest

from lorabuild.cli.main import main


@pytest.fixture
def asked(project, capsys):
    def ask(*words):
        main(["-C", str(project), *words])
        return capsys.readouterr().out

    return ask


def test_a_plan_for_people_has_a_line_a_stage(asked):
    lines = asked("plan").splitlines()
    assert lines[0].startswith("work for ")
    assert lines[1].split() == ["scan", "4", "of", "5", "new", "file"]
    assert lines[2].split()[:5] == ["prepare", "up", "to", "5", "of"]
    head = next(number for number, line in enumerate(lines) if line.split()[:1] == ["concept"])
    assert lines[head + 1].split()[0] == "plain"
    assert "image steps = " in lines[head + 5]


def test_a_plan_names_models_and_times_where_they_are_known(asked, project):
    light.finished(project)
    lines = asked("plan", "--set", "network.dim=3").splitlines()
    train = next(line for line in lines if line.split()[:1] == ["train"])
    assert "~ " in train
    assert "  models to load: text_encoder, tokenizer, unet, vae" in lines
    assert "network.dim" in train
    assert lines[0].startswith("work for ")
    assert ", about " in lines[0]


def test_on_a_terminal_a_stage_keeps_to_its_line(asked, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    lines = asked("plan").splitlines()
    assert max(len(line) for line in lines[: lines.index("")] if not line.startswith("  models")) == 50


def test_verbose_lists_every_item(asked):
    assert "      data/plain/a.png: new file" in asked("plan", "-v").splitlines()
    assert "data/plain/a.png" not in asked("plan")


def test_a_clean_plan_still_shows_the_table_and_warnings(asked, project):
    light.finished(project)
    lines = asked("plan").splitlines()
    assert lines[0] == "nothing to do"
    assert any(line.startswith("warning: data/plain/d.png is the same picture") for line in lines)


def test_a_plan_for_programs(asked):
    plan = json.loads(asked("plan", "--json"))
    assert {"clean", "stages", "concepts", "triggers", "steps", "warnings"} <= set(plan)
    assert {"name", "total", "todo", "reused", "reasons"} <= set(plan["stages"][0])
    assert set(plan["concepts"][0]) == {"name", "images", "repeats", "per_epoch", "share"}
    assert set(plan["triggers"][0]) == {"name", "per_epoch", "total", "kind", "level", "absorbs", "keeps"}
    assert set(plan["steps"]) == {"image", "optimizer", "epochs"}


def test_a_plan_says_what_each_trigger_absorbs(asked, project):
    lines = asked("plan").splitlines()
    assert {"  zorbl (character) absorbs 1creature", "  zorbl_cape (outfit) absorbs cape"} <= set(lines)
    light.write(
        project,
        triggers={"zorbl": {}, "zorbl_cape": {"kind": "outfit", "level": "fluid", "absorbs": ["cape"]}},
    )
    lines = asked("plan").splitlines()
    assert "  zorbl (character) absorbs @eyes, @hair, @skin, @makeup, @face_marks, @subject_count" in lines
    assert "  zorbl_cape (outfit, fluid) absorbs nothing" in lines


def test_looking_changes_nothing(asked, project):
    asked("plan")
    asked("status")
    asked("why", "scan")
    assert not (project / ".lorabuild").exists()


def test_why(asked, project, capsys):
    assert asked("why", "scan").splitlines()[0] == "scan       data/cape/e.png: new file"
    assert json.loads(asked("why", "scan", "--json"))["subject"] == "scan"
    light.finished(project)
    assert asked("why", "data/plain/a.png") == "data/plain/a.png: nothing changed; every result is in the store\n"
    assert main(["-C", str(project), "why", "scna"]) == 2
    assert "`lorabuild why scan`" in capsys.readouterr().err


def test_a_build_for_programs_is_json_lines(asked):
    lines = [json.loads(line) for line in asked("build", "balance", "--json").splitlines()]
    assert {line["event"] for line in lines} >= {"stage", "stage_done", "table", "warning", "done"}
    assert lines[-1]["event"] == "done"
    assert lines[-1]["ok"] is True
    assert lines[-1]["stages"]["tag"]["ran"] == 4
    assert lines[-1]["outputs"] == []


def test_a_build_says_nothing_on_stdout_and_little_when_quiet(project, capsys):
    assert main(["-C", str(project), "-q", "balance"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if not line.startswith("warning: ")] == []


def test_a_plan_says_how_long_a_variant_trains_where_that_differs(asked, project):
    light.write(project, variants={"long": {"budget.steps": 96}, "rank32": {"network.dim": 32}})
    said = asked("plan")
    assert "\n  long: 96 image steps = 96 optimizer steps in 2 epochs\n" in said
    assert "rank32: 2" not in said
