import light

from lorabuild.graph.unmatched import unmatched

MATCHED = {"match": ["data/*/a.png", "nothing"]}


def test_a_rule_that_fits_no_image_is_named(project):
    captions = light.SETTINGS["captions"] | {
        "for": [MATCHED | {"add": ["sky"]}, {"match": "data/*.png", "drop": ["hat"]}]
    }
    light.write(
        project, captions=captions, images={"resolution": 64, "for": [{"match": "data/cape/x.png", "repeats": 2}]}
    )
    with light.viewed(project) as view:
        found = list(unmatched(view))
    assert [one["item"] for one in found] == ["captions.for.1", "images.for.0"]
    assert found[0]["text"].startswith("captions.for.1: no image's path fits `data/*.png`, so the rule does nothing")


def test_images_that_are_taken_over_from_the_last_build_count(project):
    light.write(project, images={"resolution": 64, "for": [{"match": "data/plain/a.png", "repeats": 0}]})
    light.finished(project)
    with light.viewed(project) as view:
        assert list(unmatched(view)) == []


def test_without_such_rules_nothing_is_said(project):
    with light.viewed(project) as view:
        assert list(unmatched(view)) == []
