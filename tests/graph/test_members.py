import light

from lorabuild.graph.members import captioned, members, usable

SHARED = {
    "one": {"folder": "data/plain", "triggers": ["zorbl"]},
    "two": {"folder": "data/plain", "triggers": ["zorbl_cape"]},
}


def named(view):
    return [(member.id, member.concept, member.twin) for member in members(view)]


def test_the_second_of_two_equal_pictures_names_the_first(project):
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        assert named(view) == [
            ("data/plain/a.png", "plain", None),
            ("data/plain/b.png", "plain", None),
            ("data/plain/c.png", "plain", None),
            ("data/plain/d.png", "plain", "data/plain/a.png"),
            ("data/cape/e.png", "cape", None),
        ]


def test_before_pixels_are_known_there_are_no_twins(project):
    with light.viewed(project) as view:
        assert {member.twin for member in members(view)} == {None}


def test_a_folder_that_two_concepts_share_names_its_images_with_the_concept(project):
    light.write(project, concepts=SHARED)
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        found = named(view)
    assert found[0] == ("data/plain/a.png (one)", "one", None)
    assert found[4] == ("data/plain/a.png (two)", "two", None)
    assert [twin for _, _, twin in found].count("data/plain/a.png") == 2


def test_equal_pictures_in_two_concepts_are_no_twins(project):
    (project / "data/plain/d.png").rename(project / "data/cape/d.png")
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        assert {twin for _, _, twin in named(view)} == {None}


def test_a_broken_picture_is_no_member(project):
    (project / "data/plain/b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    light.built(project)
    with light.viewed(project) as view:
        assert "data/plain/b.png" not in [name for name, _, _ in named(view)]
        assert "data/plain/b.png" not in [file.path for file, _ in usable(view)]


def test_a_picture_whose_tags_cannot_be_read_is_left_out_everywhere(project):
    (project / "data/plain/b.tags").write_bytes(b"\xff\xfe\xfa")
    done, _ = light.built(project)
    assert [entry["item"] for entry in done["aside"]] == ["data/plain/b.png"]
    with light.viewed(project) as view:
        assert "data/plain/b.png" not in [name for name, _, _ in named(view)]
        light.plant(view, *light.PLANTED)
        records = light.items(view, "train")["train"].reads["records"]
        assert [record["id"] for record in records] == ["data/plain/a.png", "data/plain/c.png", "data/cape/e.png"]


def sizes(project):
    with light.viewed(project) as view:
        return {member.path: member.size for member in members(view)}


def test_sizes_come_from_the_header_until_the_image_is_prepared(project):
    (project / "data/plain/b.png").write_bytes(b"no header")
    assert sizes(project)["data/plain/b.png"] is None
    assert sizes(project)["data/cape/e.png"] == (128, 32)
    light.built(project, targets=("prepare",))
    assert sizes(project)["data/cape/e.png"] == (128, 32)


def test_a_member_holds_what_the_stages_found(project):
    light.built(project)
    with light.viewed(project) as view:
        found = next(member for member in members(view) if member.concept == "cape")
        assert (found.id, found.path, found.file) == ("data/cape/e.png",) * 2 + (
            view.inventory.files[found.path].digest,
        )
        assert found.scanned == view.made("scan")[found.path].facts["pixels"]
        assert found.pixels == view.made("prepare")[found.path].facts["pixels"]
        assert found.caption == captioned(view)[found.id]["caption"] == "zorbl, zorbl_cape, a creature in a cape"
        assert found.absolute(view) == project / "data/cape/e.png"


def test_of_two_equal_pictures_the_one_with_words_by_hand_is_used_whatever_its_name(project):
    (project / "data/plain/d.txt").write_text("by hand", "utf-8")
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        twins = {member.id: member.twin for member in members(view) if member.concept == "plain"}
    assert twins["data/plain/a.png"] == "data/plain/d.png"
    assert twins["data/plain/d.png"] is None
