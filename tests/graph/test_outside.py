"""Pictures of sources in the settled index, and of projects where one picture may stand for another."""

import json
import random
import zipfile
from pathlib import Path

import light
import pytest
from shapes import drawing
from test_settled import built, seen_both_ways, write

from lorabuild.graph.members import members


def zipped(path, **colours):
    with zipfile.ZipFile(path, "w") as made:
        for name, colour in colours.items():
            picture = light.picture(path.parent / "beside.bin.png", colour)
            made.writestr(f"{name}.png", picture.read_bytes())
            made.writestr(f"{name}.tags", f"1creature, {colour}")
            picture.unlink()


@pytest.fixture
def fed(project):
    """A folder, an archive and a list beside the project, a folder and a picture in it; everything built."""
    raw = project.parent / "raw"
    for name, colour in (("pics/f", "teal"), ("pics/g", "gold"), ("far/h", "pink")):
        light.picture(raw / f"{name}.png", colour)
    (raw / "pics/f.tags").write_text("1creature, hat", "utf-8")
    zipped(raw / "a.zip", x="olive", y="plum")
    (raw / "list.jsonl").write_text(json.dumps({"path": "far/h.png", "caption": "a hat"}) + "\n", "utf-8")
    light.picture(project / "extra/k.png", "navy")
    places = ("../raw/pics", "../raw/a.zip", "../raw/list.jsonl", "extra", "data/plain/b.png")
    concepts = light.SETTINGS["concepts"] | {"misc": {"triggers": ["zorbl"]}}
    light.write(project, concepts=concepts, sources=[{"path": place, "into": "misc"} for place in places])
    built(project)
    return project


def paint(name, colour):
    return lambda root: light.picture(root.parent / "raw" / name, colour)


def text(name, words):
    return lambda root: (root.parent / "raw" / name).write_text(words, "utf-8")


CHANGES = {
    "nothing": lambda root: None,
    "pixels": paint("pics/f.png", "black"),
    "a new picture": paint("pics/new.png", "white"),
    "a picture gone": lambda root: (root.parent / "raw/pics/g.png").unlink(missing_ok=True),
    "a picture that is there already": paint("pics/new.png", "gold"),
    "a picture of the archive": paint("pics/new2.png", "olive"),
    "a picture of a folder of the project": lambda root: light.picture(root / "data/plain/new.png", "teal"),
    "tags": text("pics/f.tags", "1creature, bow"),
    "tags of another": text("pics/g.tags", "1creature, bow"),
    "a caption by hand": text("pics/g.txt", "by hand"),
    "a broken picture": text("pics/g.png", "no picture"),
    "the archive": lambda root: zipped(root.parent / "raw/a.zip", x="olive", z="indigo"),
    "the archive, broken": text("a.zip", "PK"),
    "the list": text("list.jsonl", json.dumps({"path": "far/h.png", "caption": "a coat"})),
    "the list, longer": text("list.jsonl", '{"path": "far/h.png"}\n{"path": "pics/f.png"}\n{"path": "gone.png"}'),
    "in the project": lambda root: light.picture(root / "extra/k.png", "maroon"),
    "new in the project": lambda root: light.picture(root / "extra/l.png", "red"),
    "of two concepts": lambda root: light.picture(root / "data/plain/b.png", "lime"),
    "in a folder": write("plain/c.tags", "hat, sun"),
}


def test_only_what_differs_is_looked_at(fed):
    before = set(seen_both_ways(fed).inventory.files)
    assert before == {"data/plain/a.png", "data/plain/d.png", "data/plain/b.png", "extra/k.png"}
    CHANGES["pixels"](fed)
    assert set(seen_both_ways(fed).inventory.files) - before == {"pics/f.png"}


@pytest.mark.parametrize("seed", range(3))
def test_any_row_of_changes_built_or_not(fed, seed):
    chance = random.Random(seed)
    for _ in range(5):
        for change in chance.sample([*CHANGES.values()], 2):
            change(fed)
        seen_both_ways(fed)
        if chance.random() < 0.5:
            built(fed)
            seen_both_ways(fed)


def test_a_picture_of_a_source_is_read_where_it_lies(fed):
    with light.viewed(fed) as view:
        light.plant(view, "latents")
        member = next(one for one in members(view) if one.path == "a.zip/x.png")
        assert view.inventory.settled
        assert member.absolute(view).is_file()


@pytest.fixture
def dropping(project):
    """Six drawings, and one once more in another size; built where one may stand for another."""
    for number in range(6):
        drawing(number, (160, 120)).save(project / f"data/plain/n{number}.png")
    drawing(3, (160, 120)).resize((120, 90)).save(project / "data/plain/small.png")
    light.write(project, images={"resolution": 64, "duplicates": "drop"})
    built(project)
    return project


def test_where_one_stands_for_another_only_these_are_looked_at(dropping):
    quick = seen_both_ways(dropping)
    assert {"data/plain/n3.png", "data/plain/small.png"} <= set(quick.inventory.files)
    assert not {"data/plain/n1.png", "data/plain/n2.png"} & set(quick.inventory.files)


ALIKE = {
    "a smaller one": lambda root: drawing(1, (160, 120)).resize((120, 90)).save(root / "data/plain/other.png"),
    "a larger one": lambda root: drawing(1, (160, 120)).resize((320, 240)).save(root / "data/plain/other.png"),
    "another": lambda root: drawing(9, (160, 120)).save(root / "data/plain/other.png"),
    "the kept one gone": lambda root: (root / "data/plain/n3.png").unlink(),
    "the other gone": lambda root: (root / "data/plain/small.png").unlink(),
    "one that gets no tags": lambda root: (root / "data/plain/n1.tags").write_bytes(b"\xff\xfe\xfd"),
}
FLAT = {"b": "a", "c": "a", "d": "a"}
TWINS = FLAT | {"small": "n3"}
AFTER = {
    "a smaller one": TWINS | {"other": "n1"},
    "a larger one": TWINS | {"n1": "other"},
    "the kept one gone": FLAT,
    "the other gone": FLAT,
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_change_is_judged_with_all_that_is_like_it(dropping, name):
    ALIKE[name](dropping)
    seen_both_ways(dropping)
    built(dropping)
    seen_both_ways(dropping)
    with light.viewed(dropping) as view:
        twins = {member.path: member.twin for member in members(view) if member.twin}
    assert {Path(one).stem: Path(other).stem for one, other in twins.items()} == AFTER.get(name, TWINS)
