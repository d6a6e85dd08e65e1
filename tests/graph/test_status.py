import light

from lorabuild.graph.order import STAGES
from lorabuild.graph.status import aside, images, status, up_to_date


def test_status_before_the_first_build_knows_sizes_buckets_and_repeats(project):
    with light.viewed(project) as view:
        found = status(view)
    assert found["name"] == "tiny"
    assert found["clean"] is False
    assert [stage["name"] for stage in found["stages"]] == list(STAGES)
    image = next(image for image in found["images"] if image["path"] == "data/cape/e.png")
    assert (image["width"], image["height"]) == (128, 32)
    assert image["bucket"][0] > image["bucket"][1]
    assert (image["pixel_digest"], image["caption"], image["tags"]) == (None, None, None)
    assert image["file_digest"].startswith("b3:")
    assert image["repeats"] > 0


def test_status_afterwards(project):
    light.finished(project)
    with light.viewed(project) as view:
        found = status(view)
    assert found["clean"] is True
    assert all(stage["todo"] == 0 and stage["reused"] == stage["total"] for stage in found["stages"])
    pictures = {image["path"]: image for image in found["images"]}
    assert pictures["data/plain/a.png"]["caption"] == "zorbl, hat"
    assert pictures["data/plain/a.png"]["tags"] == ["hat"]
    assert pictures["data/plain/a.png"]["pixel_digest"] == pictures["data/plain/d.png"]["pixel_digest"]
    assert (pictures["data/plain/d.png"]["repeats"], pictures["data/plain/d.png"]["twin_of"]) == (0, "data/plain/a.png")


def test_an_image_in_two_concepts_has_two_entries(project):
    folder = {"folder": "data/plain", "triggers": ["zorbl"]}
    light.write(project, concepts={"one": folder, "two": folder | {"triggers": ["zorbl_cape"]}})
    with light.viewed(project) as view:
        found = [image["concept"] for image in images(view) if image["path"] == "data/plain/a.png"]
    assert found == ["one", "two"]


def test_what_was_set_aside_is_named_with_its_stage(project, tmp_path):
    (project / "data/plain/bad.png").write_bytes(b"no picture")
    (project / "data/plain/b.tags").write_bytes(b"\xff\xfe\xfa")
    outside = light.picture(tmp_path / "outside.png", "black")
    (project / "data/plain/link.png").symlink_to(outside)
    light.built(project)
    with light.viewed(project) as view:
        found = aside(view)
        assert [(entry["item"], entry["stage"]) for entry in found] == [
            ("data/plain/b.png", "tag"),
            ("data/plain/bad.png", "scan"),
            ("data/plain/link.png", "scan"),
        ]
        assert all(entry["problem"] for entry in found)
        assert [entry["item"] for entry in aside(view, ("tag",))] == ["data/plain/b.png"]


def test_the_line_of_a_build_with_nothing_to_do():
    assert up_to_date("tiny", 0) == "tiny is up to date – nothing to do"
    assert "2 set aside" in up_to_date("tiny", 2)
