import os
import random
import time

import light
import pytest

from lorabuild.core.nullindex import Seen
from lorabuild.core.stamps import now
from lorabuild.core.store import Store
from lorabuild.graph import lock, manifest, settled
from lorabuild.graph.forecast import forecast, why
from lorabuild.graph.inventory import take
from lorabuild.graph.members import captioned, members
from lorabuild.graph.order import STAGES, up_to
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.status import images
from lorabuild.graph.view import View

CHEAP = up_to(("balance",))


def aged(root):
    """Until no file of the project is so young that its stamp proves nothing."""
    at = now(root)
    newest = max(path.lstat().st_ctime_ns for path in root.rglob("*"))
    time.sleep(max(0, newest + at.tick * 2 - at.ns) / 1e9)


def built(root, *, targets=("balance",)):
    """A build as the command line does it: the next plan may take its knowledge over."""
    aged(root)
    seen = Seen(root)
    seen.file(root / "lora.yaml")
    return light.built(root, targets=targets, seen=seen)


@pytest.fixture
def known(project):
    built(project)
    return project


def seen_both_ways(root):
    """What the plan says when it takes over what it can, and when it looks at everything."""
    loaded = light.opened(root)
    with Store(root / ".lorabuild", read_only=True) as store:
        quick = View(loaded.site, take(loaded.site, store), store, ITEMS)
        full = View(loaded.site, take(loaded.site, store, again=True), store, ITEMS)
        assert said(quick) == said(full)
        return quick


def said(view):
    """All that anybody reads of a view."""
    plan = forecast(view)
    return {
        "plan": plan,
        "keys": {stage: view.keys(stage) for stage in STAGES},
        "held": {stage: view.held(stage) for stage in ("latents", "text")},
        "totals": {stage: view.step(stage).total for stage in STAGES},
        "members": members(view),
        "captioned": captioned(view),
        "images": images(view),
        "manifest": manifest.rows(view),
        "lock": lock.lock_of(view, CHEAP, {}),
        "aside": settled.finished(view)[1] - {row[2] for row in (view.inventory.settled or NOTHING).members},
    }


NOTHING = settled.Settled({}, set(), {}, [], {})


def paint(name, colour):
    return lambda root: light.picture(root / f"data/{name}.png", colour)


def write(name, text):
    return lambda root: (root / f"data/{name}").write_text(text, "utf-8")


def move(old, new):
    def change(root):
        (root / f"data/{new}").parent.mkdir(exist_ok=True)
        (root / f"data/{old}").rename(root / f"data/{new}")

    return change


def remove(name):
    return lambda root: (root / f"data/{name}").unlink(missing_ok=True)


QUICK = {
    "nothing": lambda root: None,
    "pixels": paint("plain/b", "yellow"),
    "a new picture": paint("plain/new", "yellow"),
    "a picture gone": remove("plain/b.png"),
    "renamed": move("plain/b.png", "plain/z.png"),
    "moved to another concept": move("plain/b.png", "cape/b.png"),
    "tags": write("plain/b.tags", "hat, bow"),
    "tags gone": remove("plain/b.tags"),
    "a caption by hand": write("plain/b.txt", "by hand"),
    "a caption by hand gone": remove("cape/e.txt"),
    "touched": lambda root: os.utime(root / "data/plain/b.png"),
    "a picture that is there already": paint("plain/new", "green"),
    "a picture that is there in another concept": paint("cape/new", "green"),
    "the twin gone": remove("plain/d.png"),
    "the first of the twins gone": remove("plain/a.png"),
    "a broken picture": write("plain/b.png", "no picture"),
    "a file that is no image": write("plain/readme.md", "x"),
    "a hidden file": write("plain/.hidden.png", "x"),
}
SEARCHED = {
    "a new folder": paint("plain/deep/new", "yellow"),
    "a link": lambda root: (root / "data/plain/link.png").symlink_to("b.png"),
    "a pipe": lambda root: os.mkfifo(root / "data/plain/pipe.png"),
    "a folder with the name of a picture": lambda root: (root / "data/plain/b2.png").mkdir(),
}
"""What makes the plan search the folders again."""


@pytest.mark.parametrize("change", (QUICK | SEARCHED).values(), ids=QUICK | SEARCHED)
def test_what_is_taken_over_leads_to_the_plan_of_a_full_look(known, change):
    change(known)
    seen_both_ways(known)
    built(known)
    seen_both_ways(known)


@pytest.mark.parametrize("change", QUICK.values(), ids=QUICK)
def test_only_what_has_changed_is_looked_at(known, change):
    before = set(seen_both_ways(known).inventory.files)
    assert before == {"data/plain/a.png", "data/plain/d.png"}  # twins are judged together
    change(known)
    loaded = light.opened(known)
    with Store(known / ".lorabuild", read_only=True) as store:
        after = take(loaded.site, store)
    assert after.settled is not None
    assert len(set(after.files) - before) <= 1


@pytest.mark.parametrize("change", SEARCHED.values(), ids=SEARCHED)
def test_what_a_list_of_files_cannot_tell_is_searched(known, change):
    change(known)
    with light.viewed(known) as view:
        assert view.inventory.settled is None


@pytest.mark.parametrize("seed", range(12))
def test_any_row_of_changes_built_or_not(project, seed):
    chance = random.Random(seed)
    built(project)
    for _ in range(5):
        for change in chance.sample([*QUICK.values(), *SEARCHED.values()], 2):
            try:
                change(project)
            except OSError:
                continue  # what it would change went with an earlier change
        seen_both_ways(project)
        if chance.random() < 0.6:
            built(project)
            seen_both_ways(project)


def planted(root):
    """Latents and texts are made and settled, too."""
    with light.viewed(root) as view:
        light.plant(view, "latents", "text")
        settled.settle(view, shown(root))


def shown(root):
    seen = Seen(root)
    for folder in ("plain", "cape"):
        seen.folder(root / "data" / folder)
    return seen


def test_latents_and_texts_are_taken_over(known):
    planted(known)
    paint("plain/b", "yellow")(known)
    quick = seen_both_ways(known)
    assert list(quick.step("latents").waiting) == ["data/plain/b.png"]
    assert set(quick.step("latents").taken.ids) == {"data/plain/c.png", "data/cape/e.png"}
    assert len(quick.step("text").taken) == 4


def test_latents_of_further_resolutions_are_taken_over(project):
    light.write(project, images={"resolution": 64, "more_resolutions": [128]})
    built(project)
    planted(project)
    paint("plain/b", "yellow")(project)
    quick = seen_both_ways(project)
    assert list(quick.step("latents").waiting) == ["data/plain/b.png", "data/plain/b.png [128 px]"]
    assert {name for name in quick.step("latents").taken.ids if "px" in name} == {
        "data/plain/c.png [128 px]",
        "data/cape/e.png [128 px]",
    }


def test_what_is_learned_is_the_same(known):
    planted(known)
    quick = seen_both_ways(known)
    (train,) = quick.step("train").items
    with light.viewed(known) as full:
        full.look_again()
        assert full.step("train").items == (train,)
    assert [record["id"] for record in train.reads["records"]] == [
        "data/plain/a.png",
        "data/plain/b.png",
        "data/plain/c.png",
        "data/cape/e.png",
    ]


def test_a_picture_that_turns_out_to_be_another_twin_is_judged_with_it(known):
    paint("plain/new", "green")(known)
    done, _ = built(known)
    assert done["stages"]["prepare"]["ran"] == 0
    with light.viewed(known) as view:
        twins = {member.path: member.twin for member in members(view) if member.twin}
    assert twins["data/plain/new.png"] == "data/plain/b.png"


VOID = {
    "other settings": lambda root: light.write(
        root, captions={"tagger": {"type": "sidecar", "extension": ".tags"}, "drop": ["hat"]}
    ),
    "another model": lambda root: (root / "base/vae/diffusion_pytorch_model.safetensors").write_bytes(b"other"),
    "an empty database": lambda root: [path.unlink() for path in (root / ".lorabuild").glob("state*")],
    "damaged": lambda root: (root / settled.PLACE).write_bytes(b"\0" * 4000),
    "cut": lambda root: (root / settled.PLACE).write_bytes((root / settled.PLACE).read_bytes()[:-9]),
    "gone": lambda root: (root / settled.PLACE).unlink(),
    "a large blob more": lambda root: (root / ".lorabuild/blobs/zz").mkdir(parents=True),
}


@pytest.mark.parametrize("harm", VOID.values(), ids=VOID)
def test_in_doubt_nothing_is_taken_over(known, harm):
    harm(known)
    assert seen_both_ways(known).inventory.settled is None


def test_a_build_that_reads_everything_again_takes_nothing_over(known):
    loaded = light.opened(known)
    with Store(known / ".lorabuild") as store:
        assert take(loaded.site, store, rehash=True).settled is None


def test_captions_that_depend_on_all_the_others_are_never_settled(project):
    light.write(project, captions={"tagger": {"type": "sidecar", "extension": ".tags"}, "order": "frequency"})
    built(project)
    assert not (project / settled.PLACE).exists()


def test_young_files_are_looked_at_again(project):
    aged(project)
    (project / "data/plain/b.png").touch()
    seen = Seen(project)
    seen.file(project / "lora.yaml")
    light.built(project, seen=seen)
    with light.viewed(project) as view:
        assert "data/plain/b.png" in view.inventory.files


def test_what_cannot_be_kept_is_not(known, monkeypatch):
    (known / settled.PLACE).unlink()
    monkeypatch.setattr(settled, "write_plain", refuse)
    built(known)
    assert not list((known / ".lorabuild").glob("settled*"))


def refuse(path, data):
    path.write_bytes(data[:9])
    raise OSError(28, "No space left on device")


def test_why_knows_pictures_that_are_taken_over(known):
    with light.viewed(known) as view:
        assert why(view, "data/plain/b.png")["reasons"] == [
            reason for reason in why(view, "data/plain/b.png")["reasons"] if reason["stage"] in ("latents", "text")
        ]
