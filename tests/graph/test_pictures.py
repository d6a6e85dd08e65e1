import json
import shutil

import light
import pytest

from lorabuild.graph.plan import ITEMS

LIGHT = ("scan", "prepare", "tag", "caption", "balance")


def keys(view, *stages):
    return {stage: sorted(item.key for item in view.step(stage).items) for stage in stages or ITEMS}


def test_keys_hold_no_path_no_device_and_no_name(project, tmp_path):
    light.finished(project)
    with light.viewed(project) as view:
        here = keys(view)
    moved = tmp_path / "elsewhere"
    shutil.copytree(project, moved)
    for name in "abcde":
        for path in moved.glob(f"data/*/{name}.*"):
            path.rename(path.with_stem(f"other-{name}"))
    with light.viewed(moved, "device.threads=2", "device.batch=3", "output.folder=results") as view:
        there = keys(view)
    assert {stage for stage in ITEMS if here[stage] != there[stage]} <= {"package", "report"}  # they read output.folder
    with light.viewed(moved, "device.threads=2") as view:
        assert keys(view) == here


def test_no_part_of_a_key_names_a_place(project):
    light.finished(project)
    with light.viewed(project) as view:
        for stage in ITEMS:
            for item in view.step(stage).items:
                said = json.dumps(dict(item.parts))
                assert str(project) not in said
                assert "data/" not in said or stage == "report"


def test_a_picture_is_scanned_for_its_bytes_and_prepared_for_its_pixels(project):
    light.built(project)
    with light.viewed(project) as view:
        assert set(light.items(view, "scan")["data/plain/a.png"].parts) == {"stage version", "file"}
        prepare = light.items(view, "prepare")["data/plain/a.png"]
        assert set(prepare.parts) == {"stage version", "pixels", "images.background"}
        assert prepare.reads["path"] == str(project / "data/plain/a.png")


def test_with_side_files_the_tags_follow_the_text_and_not_the_picture(project):
    light.built(project)
    light.picture(project / "data/plain/b.png", "black")
    assert light.redone(project)["scan"] == ["data/plain/b.png"]
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        assert view.step("tag").clean
    (project / "data/plain/b.tags").write_text("something else", "utf-8")
    with light.viewed(project) as view:
        assert [item.id for item in view.step("tag").todo] == ["data/plain/b.png"]


def test_a_caption_by_hand_is_read_and_is_in_the_key(project):
    light.built(project)
    with light.viewed(project) as view:
        item = light.items(view, "caption")["data/cape/e.png"]
        assert item.reads["override"] == "a creature in a cape"
        assert item.parts["text by hand"].startswith("b3:")
        assert item.reads["triggers"] == ["zorbl", "zorbl_cape"]
        assert light.items(view, "caption")["data/plain/a.png"].reads["override"] is None
    (project / "data/cape/e.txt").write_text("another text", "utf-8")
    assert light.redone(project)["caption"] == ["data/cape/e.png"]


def test_tag_frequency_is_counted_only_where_the_order_asks_for_it(project):
    light.built(project)
    with light.viewed(project) as view:
        assert light.items(view, "caption")["data/plain/a.png"].reads["frequency"] is None
    with light.viewed(project, "captions.order=frequency") as view:
        item = light.items(view, "caption")["data/plain/a.png"]
        assert item.reads["frequency"] == {"1creature": 4, "bow": 1, "hat": 2}
        assert item.parts["tag frequency"].startswith("b3:")


@pytest.mark.parametrize(
    ("override", "stages"),
    [
        ("captions.drop=[hat]", {"caption"}),
        ("triggers.zorbl.absorbs=[]", {"caption"}),
        ("budget.steps=48", {"balance"}),
        ("training.batch=2", {"balance"}),
        ("training.optimizer.lr=0.5", set()),
    ],
)
def test_a_word_changes_the_stages_that_read_it(project, override, stages):
    light.built(project)
    assert set(light.redone(project, override)) & set(LIGHT) == stages


def test_a_step_that_gives_the_same_pixels_ends_the_rebuild_there(project):
    light.built(project)
    override = "images.background='#000000'"
    assert light.redone(project, override)["prepare"]
    _, events = light.built(project, override)
    ran = {event.stage: event.data["ran"] for event in events if event.kind == "stage_done"}
    assert ran == {"scan": 0, "prepare": 4, "tag": 0, "caption": 0, "balance": 0}  # no picture is transparent


def test_latents_are_keyed_by_pixels_bucket_flip_and_vae(project):
    light.built(project)
    with light.viewed(project) as view:
        latents = light.items(view, "latents")
        assert set(latents) == {f"data/{name}.png" for name in ("plain/a", "plain/b", "plain/c", "cape/e")}
        parts = dict(latents["data/cape/e.png"].parts)
        assert set(parts) == {"stage version", "images.flip", "base.vae", "pixels", "bucket"}
        width, height = parts["bucket"]
        assert width > height
        before = keys(view, "latents")
    with light.viewed(project, "images.flip=true") as view:
        assert keys(view, "latents") != before
    (project / "base/vae/diffusion_pytorch_model.safetensors").write_bytes(b"another")
    with light.viewed(project) as view:
        assert keys(view, "latents") != before


def test_equal_captions_are_one_text_and_the_empty_one_is_there(project):
    light.built(project)
    with light.viewed(project) as view:
        texts = [item.reads["text"] for item in view.step("text").items]
        assert texts == sorted({"", "zorbl", "zorbl, hat", "zorbl, bow", "zorbl, zorbl_cape, a creature in a cape"})
        item = light.items(view, "text")["(empty)"]
        assert set(item.parts) == {"stage version", "base.tokenizer", "base.max_token_length", "hidden states", "text"}
        assert item.reads["frozen"] is False


def test_a_frozen_text_encoder_is_part_of_the_key_of_its_hidden_states(project):
    light.built(project)
    with light.viewed(project, "training.train=unet") as view:
        item = light.items(view, "text")["(empty)"]
        assert {"base.text_encoder", "base.clip_skip"} <= set(item.parts)
        assert item.reads["frozen"] is True


def test_balance_waits_until_every_picture_is_prepared(project):
    with light.viewed(project) as view:
        assert list(view.step("balance").waiting) == ["balance"]
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        request = light.items(view, "balance")["balance"].reads["request"]
        assert [concept["name"] for concept in request["concepts"]] == ["plain", "cape"]
