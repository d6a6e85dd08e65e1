import re

import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.graph.forecast import forecast, loads, why


def planned(root, *overrides, targets=()):
    with light.viewed(root, *overrides) as view:
        return forecast(view, targets)


def by_name(plan):
    return {stage["name"]: stage for stage in plan["stages"]}


def test_a_plan_before_the_first_build(project):
    plan = planned(project)
    stages = by_name(plan)
    assert plan["clean"] is False
    assert plan["seconds"] is None
    assert (stages["scan"]["todo"], stages["scan"]["upper_bound"]) == (4, False)
    assert (stages["tag"]["todo"], stages["tag"]["total"], stages["tag"]["upper_bound"]) == (5, 5, True)
    assert stages["scan"]["reasons"][0] == {"item": "data/cape/e.png", "why": "new file"}
    assert stages["tag"]["reasons"][0]["why"] == "waits for scan"
    assert plan["steps"]["epochs"] == 2
    assert {row["name"] for row in plan["concepts"]} == {"plain", "cape"}


def test_a_plan_of_a_finished_project_is_clean(project):
    light.finished(project)
    plan = planned(project)
    assert plan["clean"] is True
    assert [stage["todo"] for stage in plan["stages"]] == [0] * 11
    assert [warning["item"] for warning in plan["warnings"] if warning["code"] == "duplicate"] == ["data/plain/d.png"]


def test_a_network_that_some_programs_can_not_load_is_said_so(project):
    told = [note["text"] for note in planned(project, "network={type: ia3}")["notes"] if note["code"] == "client"]
    assert [text.split()[0] for text in told] == ["ComfyUI", "diffusers"]
    assert not [note for note in planned(project)["notes"] if note["code"] == "client"]


def test_a_target_ends_the_plan(project):
    assert [stage["name"] for stage in planned(project, targets=("prepare",))["stages"]] == ["scan", "prepare"]


def test_the_reason_names_the_word_that_changed(project):
    light.finished(project)
    stage = by_name(planned(project, "training.optimizer.lr=0.5"))["train"]
    assert stage["reasons"] == [{"item": "train", "why": "training.optimizer.lr 0.0001 → 0.5"}]


def test_models_that_would_be_loaded_are_named(project):
    light.built(project)
    with light.viewed(project) as view:
        assert loads(view.step("latents")) == ["vae"]
        assert loads(view.step("text")) == ["tokenizer"]
        assert loads(view.step("sample")) == ["text_encoder", "tokenizer", "unet", "vae"]
        assert loads(view.step("scan")) == []
    light.finished(project)
    with light.viewed(project, "output.title=A title") as view:
        assert [item.id for item in view.step("package").todo] == ["package"]
        assert loads(view.step("package")) == []


def test_time_comes_from_the_build_that_did_most(project):
    light.finished(project)
    with light.viewed(project) as view:
        view.store.history_add({"stages": {"tag": {"ran": 10, "reused": 0, "seconds": 5.0}}})
        view.store.history_add({"stages": {"tag": {"ran": 1, "reused": 9, "seconds": 4.0}}})
    (project / "data/plain/a.tags").write_text("new", "utf-8")
    plan = planned(project)
    assert by_name(plan)["tag"]["seconds"] == 0.5
    assert by_name(plan)["scan"]["seconds"] is None


def test_training_is_reckoned_from_its_steps(project):
    light.finished(project)
    plan = planned(project, "training.optimizer.lr=0.5")
    assert by_name(plan)["train"]["seconds"] == 0.5 * plan["steps"]["optimizer"]
    assert plan["seconds"] >= by_name(plan)["train"]["seconds"]


def test_twins_are_warned_about(project):
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        (found,) = (entry for entry in forecast(view)["warnings"] if entry["code"] == "duplicate")
    assert found["item"] == "data/plain/d.png"
    assert "data/plain/a.png" in found["text"]


def test_why_one_image(project, monkeypatch):
    light.finished(project)
    light.picture(project / "data/plain/b.png", "black")
    with light.viewed(project) as view:
        found = why(view, "./data/plain/b.png")
        assert found["reasons"][0] == {"stage": "scan", "item": "data/plain/b.png", "why": found["reasons"][0]["why"]}
        assert re.fullmatch("file b3:[0-9a-f]{6}… → b3:[0-9a-f]{6}…", found["reasons"][0]["why"])
        assert {entry["stage"] for entry in found["reasons"]} >= {"scan", "prepare"}
        monkeypatch.chdir(project / "data")
        assert why(view, "plain/b.png")["reasons"] == found["reasons"]


def test_why_a_stage_and_why_something_that_is_clean(project):
    light.finished(project)
    with light.viewed(project) as view:
        assert why(view, "data/plain/a.png") == {"subject": "data/plain/a.png", "reasons": []}
    with light.viewed(project, "network.dim=3") as view:
        (found,) = why(view, "train")["reasons"]
        assert found["stage"] == "train"
        assert found["why"].startswith("network.dim ")


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        ("trian", "`lorabuild why train`"),
        ("data/plain/e.png", "data/plain/"),
        ("nothing like it", "lists the images"),
    ],
)
def test_why_something_unknown_names_the_nearest(project, subject, meant):
    with light.viewed(project) as view, pytest.raises(ProjectError) as caught:
        why(view, subject)
    assert subject in caught.value.what
    assert meant in caught.value.next_step
