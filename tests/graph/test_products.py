from dataclasses import replace

import light
import pytest

from lorabuild.graph import products


def ready(root, *stages):
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, "latents", "text", "train", *stages)
    return root


def packed(root, *overrides, date=None):
    with light.viewed(root, *overrides, date=date) as view:
        return light.items(view, "package")["package"]


def test_the_package_waits_for_training_and_pictures(project):
    ready(project)
    with light.viewed(project) as view:
        assert list(view.step("package").waiting) == ["package"]
        light.plant(view, "sample")
        assert view.again("package").waiting == {}


def test_the_package_is_told_everything_about_the_build(project):
    ready(project, "sample")
    item = packed(project)
    with light.viewed(project) as view:
        trained = view.made("train")["train"]
    assert item.reads["lora"] == trained.outputs["epoch-0002"]
    assert item.reads["train_key"] == trained.key
    assert item.reads["steps"] == 24
    assert [image["id"] for image in item.reads["images"]] == [
        "data/plain/a.png",
        "data/plain/b.png",
        "data/plain/c.png",
        "data/cape/e.png",
    ]
    assert item.reads["images"][3]["human"] is True
    assert [(picture["prompt"], picture["epoch"]) for picture in item.reads["pictures"][:3]] == [
        ("zorbl", 0),
        ("zorbl", 1),
        ("zorbl", 2),
    ]


@pytest.mark.parametrize("override", ["output.author=me", "name=other", "samples.negative=blurry"])
def test_what_the_files_say_is_in_the_key(project, override):
    light.finished(project)
    assert set(light.redone(project, override)) >= {"package", "report"}


def test_a_date_is_in_the_key(project):
    ready(project, "sample")
    assert packed(project).key != packed(project, date=1).key


def test_a_renamed_image_packs_nothing_again(project):
    light.finished(project)
    for ending in ("png", "tags"):
        (project / f"data/plain/b.{ending}").rename(project / f"data/plain/x.{ending}")
    assert light.redone(project) == {}


def test_prior_pictures_are_counted_and_not_shown(project):
    light.write(project, regularization={"generate": {"count": 2}})
    ready(project, "sample")
    assert packed(project).reads["priors"] == [{"bucket": [64, 64], "repeats": 1}] * 2


def test_the_report_waits_for_the_package_and_is_told_what_ran(project):
    ready(project, "sample")
    with light.viewed(project) as view:
        assert list(view.step("report").waiting) == ["report"]
        light.plant(view, "package")
        view.tally["tag"] = {"ran": 1, "reused": 2, "seconds": 0.5}
        view.again("report")
        item = light.items(view, "report")["report"]
    assert item.reads["stages"] == [{"name": "tag", "ran": 1, "reused": 2, "seconds": 0.5}]
    assert item.reads["files"] == [{"name": "tiny.json", "bytes": 2}]
    assert [warning["code"] for warning in item.reads["balance"]["warnings"]].count("duplicate") == 1
    assert "stages" not in item.parts


def test_a_picture_set_aside_is_on_the_page(project):
    light.finished(project)
    (project / "data/plain/bad.png").write_bytes(b"no picture")
    light.built(project)
    assert list(light.redone(project)) == ["report"]


@pytest.mark.parametrize(
    ("folder", "prefix"), [("out", ""), ("build/loras", ""), ("../loras", "tiny-"), ("data/../../loras", "tiny-")]
)
def test_where_others_may_have_a_readme_its_own_is_called_after_the_lora(project, folder, prefix):
    ready(project, "sample")
    item = packed(project, f"output.folder={folder}")
    assert item.reads["prefix"] == prefix
    assert item.parts.get("prefix", "") == prefix


def test_another_folder_of_the_project_packs_nothing_again(project):
    ready(project, "sample")
    assert packed(project).key == packed(project, "output.folder=elsewhere").key


def test_the_package_is_told_how_a_picture_was_drawn(project):
    ready(project, "sample")
    drawn = packed(project).reads["pictures"][0]
    assert (drawn["size"], drawn["seed"], drawn["steps"]) == ([64, 64], 42, 20)


def test_a_base_of_the_hub_is_told_by_its_id(project):
    ready(project, "sample")
    assert packed(project).reads["base"]["hub"] is None
    with light.viewed(project) as view:
        located = replace(view.inventory.base, revision="0" * 40)
        site = replace(view.site, project=view.project.model_copy(update={"base": base(view, "owner/base@v2")}))
        view.inventory, view.site = replace(view.inventory, base=located), site
        assert products._facts(view, view.made("train")["train"], 2)["base"]["hub"] == "owner/base"


def base(view, model):
    return view.project.base.model_copy(update={"model": model})
