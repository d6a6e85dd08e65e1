import dirty
import light
import pytest

from lorabuild.graph import lint
from lorabuild.graph.forecast import forecast
from lorabuild.graph.linting import linted


@pytest.fixture(autouse=True)
def tokens(monkeypatch):
    """The light project's base has no tokenizer: a tag is a token."""
    monkeypatch.setattr(lint, "_counter", lambda _view: lambda caption: 4 * caption.count(","))


@pytest.fixture(scope="module")
def dirtied(tmp_path_factory):
    """The dirty project, captioned."""
    root = dirty.make(tmp_path_factory.mktemp("lint") / "project")
    light.built(root)
    return root


def found(root, *overrides):
    return linted(light.opened(root, *overrides))[0]


def coded(findings):
    return {(one.code, one.item) for one in findings}


def test_a_dirty_project_has_exactly_these_findings(dirtied):
    findings = found(dirtied)
    assert coded(findings) == dirty.FOUND
    assert len(findings) == len(dirty.FOUND)


def test_all_but_notes_say_what_to_do(dirtied):
    assert {one.code for one in found(dirtied) if not one.remedy} == {"variant"}
    assert all(one.text and one.item for one in found(dirtied))


def test_what_is_ignored_isnt_told(dirtied):
    everything = coded(found(dirtied))
    assert coded(found(dirtied, "lint.ignore=[blur, too-few-images]")) == everything - {
        ("blur", "data/plain/blurred.png"),
        ("too-few-images", "zorbl"),
    }
    assert coded(found(dirtied, 'lint.for=[{match: "data/*/again.png", ignore: [near-duplicate, blur]}]')) == (
        everything - {("near-duplicate", "data/plain/again.png")}
    )


def test_a_plan_tells_it_too_once_it_is_known(tmp_path):
    root = dirty.make(tmp_path / "project")
    light.built(root, targets=("prepare",))
    with light.viewed(root) as view:
        assert not {"blur", "near-duplicate"} & {entry["code"] for entry in forecast(view)["warnings"]}
    found(root)
    with light.viewed(root) as view:
        warnings = forecast(view)["warnings"]
    assert {"blur", "near-duplicate", "jpeg", "share-off", "upscaled"} <= {entry["code"] for entry in warnings}
    assert all(set(entry) == {"code", "item", "text"} for entry in warnings)
    assert not {"variant", "too-small"} & {entry["code"] for entry in warnings}


def test_a_plan_ignores_by_either_name(dirtied):
    with light.viewed(dirtied) as view:
        assert "upscaled" in {entry["code"] for entry in lint.warnings(view)}
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
    with light.viewed(root, "images.duplicates=drop") as view:
        twins = {member.path: member.twin for member in lint.members(view) if member.twin}
        (near,) = (one for one in lint.findings(view) if one.code == "near-duplicate")
    assert twins == {"data/plain/twin.png": "data/plain/first.png", "data/plain/again.png": "data/plain/first.png"}
    assert near.remedy == ""
    assert (
        light.redone(root, "images.duplicates=drop")["latents"]
        == light.redone(root, "images.duplicates=drop")["latents"]
    )
    assert "data/plain/again.png" not in light.redone(root, "images.duplicates=drop")["latents"]
    assert "data/plain/again.png" in light.redone(root)["latents"]


def test_a_file_that_was_cut_is_no_longer_told_of(tmp_path):
    root = dirty.make(tmp_path / "project")
    assert ("letterbox", "data/plain/boxed.png") in coded(found(root))
    assert ("letterbox", "data/plain/boxed.png") not in coded(found(root, "images.trim=0.1"))


def test_an_empty_project_with_a_slider_has_nothing_to_look_at(tmp_path):
    light.base(tmp_path / "base")
    targets = {"targets": [{"target": "1girl", "positive": "1girl, smile", "negative": "1girl, frown"}]}
    lacking = dict.fromkeys(("concepts", "triggers", "captions", "budget"))
    light.write(tmp_path, kind="slider", slider=targets, training={"train": "unet"}, **lacking)
    assert not [one for one in found(tmp_path) if one.code != "no-cache"]
