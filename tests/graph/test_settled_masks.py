"""Masks in what a build takes over from the last one: the plan is that of a full look, whatever comes and goes."""

import random

import light
import pytest
from PIL import Image
from test_settled import built, seen_both_ways

from lorabuild.core.store import Store
from lorabuild.graph.inventory import take

SIDE = {"images": {"resolution": 64, "masks": "side"}}


def draw(name, level):
    def change(root):
        path = root / f"data/{name}.png"
        path.parent.mkdir(exist_ok=True)
        image = Image.new("L", (128, 32) if "/e" in name else (64, 64), 255)
        image.paste(level, (0, 0, 32, 32))
        image.save(path)

    return change


def gone(name):
    return lambda root: (root / f"data/{name}").unlink(missing_ok=True)


def rename(old, new):
    return lambda root: (root / f"data/{old}").rename(root / f"data/{new}")


CHANGES = {
    "a mask edited": draw("plain/a.mask", 7),
    "a mask edited in its folder": draw("cape/masks/e", 7),
    "a mask added": draw("plain/b.mask", 7),
    "a mask added in the folder": draw("cape/masks/new", 7),
    "a mask gone": gone("plain/a.mask.png"),
    "a mask gone from its folder": gone("cape/masks/e.png"),
    "a picture gone, not its mask": gone("plain/a.png"),
    "a picture with a mask edited": lambda root: light.picture(root / "data/plain/a.png", "yellow"),
    "a picture for a lost mask": lambda root: light.picture(root / "data/plain/lost.png", "yellow"),
    "a picture renamed, not its mask": rename("plain/a.png", "plain/z.png"),
    "a mask for another": rename("plain/a.mask.png", "plain/c.mask.png"),
    "a lost mask edited": draw("plain/lost.mask", 9),
    "a twin with a mask": draw("plain/d.mask", 3),
    "a broken mask": lambda root: (root / "data/plain/a.mask.png").write_bytes(b"\x89PNG no"),
    "a mask touched": lambda root: (root / "data/plain/a.mask.png").touch(),
}


@pytest.fixture(params=["side", "none"])
def known(project, request):
    for name in ("plain/a.mask", "plain/lost.mask", "cape/masks/e"):
        draw(name, 100)(project)
    light.write(project, images={"resolution": 64, "masks": request.param})
    built(project)
    return project


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_taken_over_leads_to_the_plan_of_a_full_look(known, change):
    change(known)
    seen_both_ways(known)
    built(known)
    seen_both_ways(known)


@pytest.mark.parametrize("seed", range(4))
def test_any_row_of_changes(known, seed):
    chance = random.Random(seed)
    for _ in range(4):
        for change in chance.sample([*CHANGES.values()], 2):
            try:
                change(known)
            except OSError:
                continue  # what it would change went with an earlier change
        seen_both_ways(known)
        if chance.random() < 0.6:
            built(known)
            seen_both_ways(known)


def test_an_edited_mask_needs_no_full_search(project):
    draw("plain/b.mask", 100)(project)
    light.write(project, **SIDE)
    built(project)
    draw("plain/b.mask", 7)(project)
    loaded = light.opened(project)
    with Store(project / ".lorabuild", read_only=True) as store:
        after = take(loaded.site, store)
    assert after.settled is not None
    assert set(after.files) == {"data/plain/a.png", "data/plain/b.png", "data/plain/d.png"}
    assert after.files["data/plain/b.png"].mask == project / "data/plain/b.mask.png"


OWN = {
    "edited": lambda root: light.picture(root / "reg/one.png", "yellow"),
    "added": lambda root: light.picture(root / "reg/three.png", "yellow"),
    "gone": lambda root: (root / "reg/two.png").unlink(),
    "its words": lambda root: (root / "reg/one.txt").write_text("other words", "utf-8"),
    "moved to a concept": lambda root: (root / "reg/one.png").rename(root / "data/plain/one.png"),
}


@pytest.mark.parametrize("change", OWN.values(), ids=OWN)
def test_regularization_images_of_one_s_own_are_taken_over(project, change):
    light.picture(project / "reg/one.png", "purple")
    light.picture(project / "reg/two.png", "orange")
    (project / "reg/one.txt").write_text("a creature, grass", "utf-8")
    light.write(project, regularization={"folder": "reg"})
    built(project)
    seen_both_ways(project)
    change(project)
    seen_both_ways(project)
    built(project)
    seen_both_ways(project)
