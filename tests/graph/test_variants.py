import itertools
import json
import time

import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.graph import past
from lorabuild.graph.build import build
from lorabuild.graph.difference import Kept, difference
from lorabuild.graph.finish import packed
from lorabuild.graph.forecast import forecast, why
from lorabuild.graph.lock import read_lock
from lorabuild.graph.order import STAGES
from lorabuild.graph.session import viewing
from lorabuild.graph.status import status
from lorabuild.graph.sweep import Limits, gc
from lorabuild.graph.variants import attach, own, wanted
from lorabuild.graph.wishes import Wishes

RANK = {"rank32": {"network.dim": 32}}
TWO = {**RANK, "small": {"images.resolution": 32}}


def plan(root, *targets):
    with viewing(light.opened(root)) as view:
        return forecast(view, targets)


def rows(found):
    return {stage["name"]: (stage["total"], stage["todo"]) for stage in found["stages"]}


def planted(root):
    """Everything made; what is heavy is planted, of the variants too."""
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, *light.PLANTED)
        attach(view, light.opened(root))
        for one in view.variants:
            for stage in light.PLANTED:
                plant(one, stage)
    return root


def plant(view, stage):
    outputs, facts = light.PLANTED[stage]
    name = view.project.name
    with view.store.writer(stage) as door:
        for item in own(view, stage).todo:
            made = {word.replace("tiny", name): door.write(f"{name} {word}".encode()) for word in outputs}
            door.done(item, made, facts=facts)
    assert view.again(stage).clean
    view.store.remember(stage, own(view, stage).items)


def test_a_variant_s_work_is_only_what_the_project_lacks(project):
    light.write(project, variants=RANK)
    light.built(project)
    found = plan(project)
    assert rows(found)["train"] == (2, 2)
    assert rows(found)["caption"] == rows(found)["scan"] or rows(found)["caption"][1] == 0
    assert [entry["item"] for entry in found["stages"][STAGES.index("train")]["reasons"]] == ["train", "rank32: train"]
    assert [one["name"] for one in found["variants"]] == ["rank32"]
    light.write(project)
    alone = plan(project)
    assert "variants" not in alone
    assert rows(alone)["caption"] == rows(found)["caption"]
    assert rows(alone)["sample"][0] * 2 == rows(found)["sample"][0] + 2  # pictures without the LoRA are drawn once


def test_words_of_the_images_give_a_variant_its_own_caches(project):
    light.write(project, variants=TWO)
    light.built(project)
    found = rows(plan(project))
    light.write(project)
    alone = rows(plan(project))
    assert found["latents"][0] > alone["latents"][0]
    assert found["scan"] == alone["scan"]
    assert found["tag"] == alone["tag"]


def test_all_is_handed_out_locked_and_remembered(project):
    light.write(project, variants=TWO)
    done, _ = light.built(planted(project), targets=())
    paths = [entry["path"] for entry in done["outputs"]]
    assert paths == sorted(
        ["out/report.html", "out/tiny.json", "out/tiny.safetensors"]
        + [f"out/tiny-{name}{end}" for name in ("rank32", "small") for end in ("-report.html", ".json", ".safetensors")]
    )
    assert (project / "out/tiny-rank32.json").read_bytes() == b"tiny-rank32 tiny.json"
    lock = read_lock(project)
    assert lock["variants"].keys() == {"rank32", "small"}
    assert lock["variants"]["rank32"]["stages"].keys() == {"train", "sample", "package"}
    assert "latents" in lock["variants"]["small"]["stages"]
    assert lock["settings"]["variants"] == {name: dict(words) for name, words in TWO.items()}
    assert {path for path in lock["outputs"] if path.endswith(".safetensors")} == {
        f"out/tiny{name}.safetensors" for name in ("", "-rank32", "-small")
    }
    with light.viewed(project) as view:
        *_, build_ = past.builds(view.store, project)
        main = next(entry for entry in done["outputs"] if entry["path"] == "out/tiny.safetensors")
        assert build_["sha256"] == main["sha256"]
        assert build_["here"]


def test_nothing_is_left_to_do_and_the_lock_holds(project):
    light.write(project, variants=TWO)
    light.built(planted(project), targets=())
    assert plan(project)["clean"]
    done, _ = light.built(project, targets=(), locked=True)
    assert not any(counts["ran"] for counts in done["stages"].values())
    assert done["stages"]["train"] == {"ran": 0, "reused": 3, "seconds": done["stages"]["train"]["seconds"]}
    with viewing(light.opened(project)) as view:
        found = status(view)
        assert found["clean"]
        assert [one["clean"] for one in found["variants"]] == [True, True]
        assert why(view, "rank32") == {"subject": "rank32", "reasons": []}


def test_gc_keeps_what_a_variant_needs(project):
    light.write(project, variants=TWO)
    light.built(planted(project), targets=())
    light.write(project, variants=TWO, output={"author": "someone"})
    gc(light.opened(project), Limits(keep=0, grace=0.0, most=None), lambda event: None)
    with light.viewed(project, "output.author=null") as view:
        attach(view, light.opened(project, "output.author=null"))
        for one in view.all():
            assert one.step("train").clean
            assert one.step("latents").clean


def test_a_changed_variant_says_why_and_leaves_the_others(project):
    light.write(project, variants=TWO)
    light.built(planted(project), targets=())
    light.write(project, variants={**TWO, "rank32": {"network.dim": 64}})
    with viewing(light.opened(project)) as view:
        assert [entry["item"] for entry in why(view, "train")["reasons"]] == ["rank32: train"]
        (reason,) = [entry for entry in why(view, "rank32")["reasons"] if entry["stage"] == "train"]
        assert reason["why"] == "network.dim 32 → 64"
        with pytest.raises(ProjectError) as caught:
            why(view, "rank33")
        assert "rank32" in caught.value.next_step


def test_one_variant_or_none(project):
    light.write(project, variants=TWO)
    root = planted(project)
    done, _ = light.built(root, targets=(), variant="rank32")
    assert [entry["path"] for entry in done["outputs"]] == [
        "out/tiny-rank32-report.html", "out/tiny-rank32.json", "out/tiny-rank32.safetensors"
    ]  # fmt: skip
    assert not (project / "lora.lock").exists()
    done, _ = light.built(root, targets=(), variant="")
    assert [entry["path"] for entry in done["outputs"]] == ["out/report.html", "out/tiny.json", "out/tiny.safetensors"]
    assert not (project / "lora.lock").exists()
    with pytest.raises(ProjectError, match="no variant `rank31`") as caught:
        wanted(light.opened(root), Wishes(variant="rank31"))
    assert "rank32" in caught.value.next_step


def test_events_and_the_kept_settings_name_the_variant(project):
    light.write(project, variants=RANK)
    planted(project)
    events = []
    for _ in range(2):  # the second time from the settings that were kept
        events.clear()
        build(light.opened(project), Wishes(), events.append)
    said = {(event.stage, event.data.get("variant")) for event in events if event.kind == "stage_done"}
    assert {("train", None), ("train", "rank32"), ("package", "rank32")} <= said
    assert ("scan", "rank32") not in said
    from lorabuild.schema.kept import kept

    held = kept(project / "lora.yaml")
    assert held.variants["rank32"].project.network.dim == 32
    assert held.variants["rank32"].site.consumed() == light.opened(project).variants["rank32"].site.consumed()
    assert held.variants["rank32"].where("network.dim").startswith("lora.yaml:")


def test_the_time_of_a_stage_is_its_own_not_that_of_all_variants(project, monkeypatch):
    light.write(project, variants={"small": {"images.resolution": 32, "captions.tagger.extension": ".other"}})
    ticks = itertools.count(0.0, 10.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    events = []
    build(light.opened(project), Wishes(("caption",)), events.append)
    ends = [event.data for event in events if event.kind == "stage_done" and event.stage == "caption"]
    assert [(one.get("variant"), one["seconds"]) for one in ends if one["ran"]] == [(None, 10.0), ("small", 10.0)]
    assert events[-1].data["stages"]["caption"]["seconds"] == 20.0


def test_diff_tells_of_a_new_variant(project):
    planted(project)
    light.built(project, targets=())
    before = read_lock(project)
    light.write(project, variants=RANK)
    light.built(planted(project), targets=())
    found = difference(Kept("then", before, None), Kept("now", read_lock(project), None))
    assert [change["name"] for change in found["settings"]] == ["variants"]
    assert {change["name"] for change in found["result"]} >= {"out/tiny-rank32.safetensors"}


def test_files_of_the_project_alone_are_as_ever(project):
    planted(project)
    with light.viewed(project) as view:
        assert list(packed(view.all(), STAGES)) == ["out/report.html", "out/tiny.json", "out/tiny.safetensors"]
    light.built(project, targets=())
    assert "variants" not in json.loads((project / "lora.lock").read_text())
