import shutil
from typing import get_args

import dirty
import light
import pytest

from lorabuild.balance.findings import WORST
from lorabuild.graph import lint
from lorabuild.graph.forecast import forecast
from lorabuild.graph.lint import SHORTER
from lorabuild.graph.linting import linted
from lorabuild.schema.lint import Code


@pytest.fixture
def dirtied():
    """The dirty project, captioned."""
    return dirty.captioned()


def found(root, *overrides):
    return linted(light.opened(root, *overrides))[0]


def coded(findings):
    return {(one.code, one.item) for one in findings}


def test_a_dirty_project_has_exactly_these_findings(dirtied):
    findings = found(dirtied)
    assert coded(findings) == dirty.FOUND
    assert len(findings) == len(dirty.FOUND)
    places = [WORST.index(one.code) for one in findings if one.remedy]
    assert places == sorted(places)
    assert [one.code for one in findings if not one.remedy] == ["variant"]  # notes come last
    assert all(one.text and one.item for one in findings)


def test_every_code_is_found_there_but_what_needs_other_words(dirtied):
    every = {code for code, _ in dirty.FOUND | dirty.PLANNED}
    assert {*get_args(Code)} - every == {"no-mask", "idle-word"}
    assert {*get_args(Code)} - {*WORST} == {*SHORTER, "variant"}
    alone = ('concepts={"armor": {"folder": "data/armor"}}', "triggers={}", "sources=[]")
    assert ("no-mask", "images.masks") in coded(found(dirtied, *alone))
    both = ("training.train=both", "training.text_encoder_2_lr=1e-4")  # then forms are cheap
    assert coded(found(dirtied, *both)) ^ dirty.FOUND == {
        ("caption-forms", "training.caption_variants"),
        ("idle-word", "training.text_encoder_2_lr"),
    }


def test_it_is_made_by_a_script(tmp_path):
    """``PYTHONPATH=. python tests/graph/dirty.py`` makes it anew; elsewhere pictures may be packed otherwise."""
    dirty.remake(tmp_path)
    made, kept = (
        {path.relative_to(top).as_posix(): path for path in top.rglob("*.*")} for top in (tmp_path, dirty.PLACE)
    )
    assert made.keys() | {"findings.json"} == {name for name in kept if ".lorabuild" not in name}
    assert all(
        kept[name].read_bytes() == made[name].read_bytes() for name in made if name.endswith(("tags", "yaml", "csv"))
    )
    assert sum(path.stat().st_size for path in kept.values()) < 700_000


def test_what_is_set_aside_says_what_to_do(dirtied):
    told = {one.item: (one.text, one.remedy) for one in found(dirtied) if one.code == "set-aside"}
    assert told["data/plain/cut.png"] == ("the PNG file is cut off (truncated)", "copy or download it again")
    assert told["sources/list.csv:2"] == ("gone.png is not there", "repair it, or take it away")


def test_what_is_ignored_isnt_told(dirtied):
    assert coded(found(dirtied, "lint.ignore=[blur, too-few-images]")) == dirty.FOUND - {
        ("blur", "data/plain/blurred.png"),
        ("too-few-images", "pointed"),
    }
    rule = 'lint.for=[{match: "data/*/again.png", ignore: [near-duplicate, blur]}]'
    assert coded(found(dirtied, rule)) == dirty.FOUND - {("near-duplicate", "data/plain/again.png")}
    rule = 'lint.for=[{match: "sources/**/*", ignore: [set-aside]}]'
    assert {item for code, item in dirty.FOUND - coded(found(dirtied, rule)) if code == "set-aside"} == {
        item for code, item in dirty.FOUND if code == "set-aside" and item.startswith("sources/")
    }


def test_a_plan_tells_it_too_once_it_is_known(tmp_path):
    root = dirty.make(tmp_path / "project")
    light.built(root, targets=("prepare",))
    with light.viewed(root) as view:
        assert not {"blur", "near-duplicate"} & {entry["code"] for entry in forecast(view)["warnings"]}
    found(root)
    with light.viewed(root) as view:
        warnings = forecast(view)["warnings"]
    assert {"blur", "near-duplicate", "jpeg", "over-share"} <= {entry["code"] for entry in warnings}
    assert all(set(entry) == {"code", "item", "text"} for entry in warnings)
    assert not {"variant", "too-small"} & {entry["code"] for entry in warnings}


def test_a_plan_ignores_by_either_name(dirtied):
    with light.viewed(dirtied) as view:
        assert {(one["code"], one["item"]) for one in lint.warnings(view)} >= dirty.PLANNED
    with light.viewed(dirtied, "lint.ignore=[too-small, few-images]") as view:
        assert not {"upscaled", "few-images"} & {entry["code"] for entry in lint.warnings(view)}


def test_many_of_a_kind_are_counted():
    told = [{"code": "blur", "item": str(number), "text": "it is blurred"} for number in range(5)]
    short = lint.briefly([*told, {"code": "alpha", "item": "a", "text": "b"}])
    assert [entry["item"] for entry in short] == ["0", "1", "2", "a", ""]
    assert short[-1]["text"].startswith("2 more")


def test_images_that_are_alike_are_dropped_where_that_is_asked_for(tmp_path):
    root = dirty.make(tmp_path / "project")
    light.built(root, "images.duplicates=drop")
    with light.viewed(root, "images.duplicates=drop", "images.cache=true") as view:
        twins = {member.path: member.twin for member in lint.members(view) if member.twin}
        (near,) = (one for one in lint.findings(view) if one.code == "near-duplicate")
        latents = {one.id for one in view.step("latents").items}
    assert twins == {"data/plain/twin.png": "data/plain/first.png", "data/plain/again.png": "data/plain/first.png"}
    assert near.remedy == ""
    assert "data/plain/again.png" not in latents
    assert "data/plain/again.png" in light.redone(root, "images.cache=true")["latents"]


def test_a_file_that_was_cut_is_no_longer_told_of(dirtied, tmp_path):
    root = shutil.copytree(dirtied, tmp_path / "project")
    assert ("letterbox", "data/plain/boxed.png") not in coded(found(root, "images.trim=0.1"))


def test_an_empty_project_with_a_slider_has_nothing_to_look_at(tmp_path):
    light.base(tmp_path / "base")
    targets = {"targets": [{"target": "1girl", "positive": "1girl, smile", "negative": "1girl, frown"}]}
    lacking = dict.fromkeys(("concepts", "triggers", "captions", "budget"))
    light.write(tmp_path, kind="slider", slider=targets, training={"train": "unet"}, **lacking)
    assert not [one for one in found(tmp_path) if one.code != "no-cache"]
