"""Concepts over one folder: the duplicate-and-retag trick, and a folder parted between two concepts."""

import json

AGAIN = ("  cape: {folder", "  again: {folder: dataset/plain, triggers: [zorbl_cape]}\n  cape: {folder")
PARTED = (
    "  plain: {folder: dataset/plain, triggers: [zorbl]}\n",
    """\
  plain: {folder: dataset/plain, triggers: [zorbl], share: 0.5}
  bare: {folder: dataset/plain, triggers: [zorbl_cape], rest_of: plain}
""",
)


def images(project):
    return json.loads(project.run("status", "--json").text)["images"]


def test_a_folder_that_is_shown_twice_is_tagged_and_encoded_once(project):
    project.write(*AGAIN)
    done = project.build()
    assert done.code == 0, done.text
    assert {"prepare", "tag", "latents"}.isdisjoint(done.ran)
    assert done.ran["caption"] == 4
    captions = {(one["path"], one["concept"]): one["caption"] for one in images(project)}
    assert captions["dataset/plain/a.png", "plain"].startswith("zorbl, ")
    assert captions["dataset/plain/a.png", "again"].startswith("zorbl_cape, ")
    assert project.build().ran == {}


def test_a_parted_folder_is_built_and_clean_and_each_image_is_in_one_part(project):
    project.write(*PARTED)
    done = project.build()
    assert done.code == 0, done.text
    assert {"scan", "prepare", "tag", "latents"}.isdisjoint(done.ran)
    found = [one for one in images(project) if one["path"].startswith("dataset/plain")]
    names = [one["path"].removeprefix("dataset/plain/") for one in found]
    assert sorted(names) == ["a.png", "a_again.png", "b.png", "c.png", "d.png"]
    assert {one["concept"] for one in found} == {"plain", "bare"}
    assert project.build().ran == {}
    assert project.run("verify", "--json").code == 0
