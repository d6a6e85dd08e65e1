import os
import shutil
import time

import light
import pytest

from lorabuild.core import files, nullcheck
from lorabuild.core.errors import ProjectError
from lorabuild.core.nullindex import Seen
from lorabuild.graph import mirror
from lorabuild.graph.members import captioned
from lorabuild.graph.mirror import FOLDER, INDEX, read_index, write
from lorabuild.graph.tags import write_mirror

A, B, E = (f"data/{name}.png" for name in ("plain/a", "plain/b", "cape/e"))


def mirrored(root):
    with light.viewed(root) as view:
        return write_mirror(view, print)


def text(root, name):
    return root / FOLDER / f"{name}.txt"


def captions(root, *overrides):
    light.built(root, *overrides, targets=("caption",))
    with light.viewed(root, *overrides) as view:
        return {name: (facts["caption"], facts["human"]) for name, facts in captioned(view).items()}


@pytest.fixture
def built(project):
    """Captioned, with a fresh mirror."""
    light.built(project, targets=("caption",))
    mirrored(project)
    return project


def test_every_caption_is_a_text_to_read(project):
    light.built(project, targets=("caption",))
    done = mirrored(project)
    assert done["written"] == [E, A, B, "data/plain/c.png"]
    assert text(project, A).read_text("utf-8") == "zorbl, hat\n"
    assert text(project, E).read_text("utf-8") == "zorbl, zorbl_cape, a creature in a cape\n"
    assert not text(project, "data/plain/d.png").exists()  # a's twin is not learned
    again = mirrored(project)
    assert (again["written"], again["same"]) == ([], done["written"])


def test_an_untouched_mirror_changes_no_plan(built):
    assert "caption" not in light.redone(built)
    for path in (built / FOLDER).rglob("*.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert "caption" not in light.redone(built)


def test_an_edit_is_an_override_and_is_never_written_again(built):
    text(built, A).write_text("a zorbl with a hat", "utf-8")
    assert light.redone(built)["caption"] == [A]
    assert captions(built)[A] == ("a zorbl with a hat", True)
    light.write(built, captions={"tagger": light.SETTINGS["captions"]["tagger"], "drop": ["bow"]})
    light.built(built, targets=("caption",))
    done = mirrored(built)
    assert (done["edited"], done["written"]) == ([A], ["data/plain/c.png"])
    assert text(built, A).read_text("utf-8") == "a zorbl with a hat"
    assert text(built, "data/plain/c.png").read_text("utf-8") == "zorbl\n"
    assert captions(built)[A] == ("a zorbl with a hat", True)


def test_an_edit_that_says_what_the_caption_became_stays_an_edit(built):
    text(built, A).write_text("zorbl, big hat\n", "utf-8")
    assert captions(built)[A] == ("zorbl, big hat", True)
    for _ in range(2):
        assert mirrored(built)["edited"] == [A]
        assert captions(built)[A] == ("zorbl, big hat", True)


def test_an_edit_taken_back_or_deleted_is_none_any_more(built):
    before, place = captions(built), text(built, A)
    held = place.read_bytes()
    place.write_text("something", "utf-8")
    assert captions(built)[A] == ("zorbl, something", True)
    place.write_bytes(held)
    assert captions(built) == before
    place.write_text("something", "utf-8")
    captions(built)
    place.unlink()
    assert captions(built) == before
    assert mirrored(built)["written"] == [A]
    assert place.read_bytes() == held


def test_a_text_beside_the_image_wins(built):
    text(built, E).write_text("from the mirror", "utf-8")
    assert "caption" not in light.redone(built)
    assert mirrored(built)["covered"] == [E]
    (built / "data/cape/e.txt").unlink()
    assert captions(built)[E][0] == "zorbl, zorbl_cape, from the mirror"


def test_where_txt_files_are_tags_an_edit_counts_too(built):
    (built / "data/plain/a.tags").rename(built / "data/plain/a.txt")
    settings = ("captions.tagger.extension=.txt",)
    assert captions(built, *settings)[A] == ("zorbl, hat", False)
    text(built, A).write_text("by hand", "utf-8")
    assert captions(built, *settings)[A] == ("zorbl, by hand", True)


def test_an_edit_counts_in_the_concept_that_it_was_made_for(project):
    light.write(
        project,
        concepts={
            "plain": {"folder": "data/plain", "triggers": ["zorbl"]},
            "cape": {"folder": "data/plain", "triggers": ["zorbl", "zorbl_cape"]},
        },
    )
    light.built(project, targets=("caption",))
    mirrored(project)
    text(project, f"{A} (cape)").write_text("edited", "utf-8")
    found = captions(project)
    assert found[f"{A} (cape)"] == ("zorbl, zorbl_cape, edited", True)
    assert found[f"{A} (plain)"] == ("zorbl, hat", False)


def test_an_image_outside_the_project_is_named_without_this_machine(project, tmp_path):
    shutil.copytree(project / "data/cape", tmp_path / "far/cape")
    (tmp_path / "far/cape/e.txt").unlink()
    cape = {"folder": "../far/cape", "triggers": ["zorbl", "zorbl_cape"]}
    light.write(project, concepts={"plain": light.SETTINGS["concepts"]["plain"], "cape": cape})
    light.built(project, targets=("caption",))
    mirrored(project)
    text(project, "__/far/cape/e.png").write_text("edited", "utf-8")
    assert (f"{tmp_path.as_posix()}" in (project / FOLDER / INDEX).read_text("ascii")) is False
    assert ("zorbl, zorbl_cape, edited", True) in captions(project).values()


def test_a_caption_that_is_not_made_yet_leaves_its_file(built):
    held = text(built, A).read_bytes()
    light.write(built, captions={"tagger": light.SETTINGS["captions"]["tagger"], "drop": ["hat"]})
    done = mirrored(built)
    assert not done["removed"]
    assert text(built, A).read_bytes() == held
    light.built(built, targets=("caption",))
    assert mirrored(built)["written"] == [A]


def test_files_of_images_that_are_gone_go_unless_they_were_edited(built):
    text(built, B).write_text("mine", "utf-8")
    for name in ("plain/b.png", "plain/c.png", "cape/e.png"):
        (built / f"data/{name}").unlink()
    light.write(built, concepts={"plain": {"folder": "data/plain", "triggers": ["zorbl", "zorbl_cape"]}})
    light.built(built, targets=("caption",))
    done = mirrored(built)
    assert (done["removed"], done["lost"]) == ([E, "data/plain/c.png"], [B])
    assert not (built / FOLDER / "data/cape").exists()
    assert text(built, B).read_text("utf-8") == "mine"


def test_a_file_of_the_persons_own_is_neither_written_nor_read(project):
    text(project, A).parent.mkdir(parents=True)
    text(project, A).write_text("mine", "utf-8")
    assert captions(project)[A] == ("zorbl, hat", False)
    assert mirrored(project)["foreign"] == [A]
    assert text(project, A).read_text("utf-8") == "mine"
    assert "caption" not in light.redone(project)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="the system has no links")
def test_nothing_is_read_or_written_outside_the_project(built, tmp_path):
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    text(built, A).unlink()
    text(built, A).symlink_to(tmp_path / "secret.txt")
    assert captions(built)[A] == ("zorbl, hat", False)
    shutil.rmtree(built / FOLDER / "data")
    (tmp_path / "far").mkdir()
    (built / FOLDER / "data").symlink_to(tmp_path / "far")
    with pytest.raises(ProjectError, match="leads out"):
        mirrored(built)
    assert not list((tmp_path / "far").iterdir())


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "..\\x", "C:/x", "C:x"])
def test_names_that_lead_out_of_the_mirror_are_passed_over(built, name):
    mirror._write_index(built, {name: ["b3:0"]})
    with light.viewed(built) as view:
        assert view.inventory.edits == {}
    write(built, {name: "secret"})
    assert not (built.parent / "x.txt").exists()


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"a": 1}', b"\xff", b"<<<<<<< ours\n{}"])
def test_a_damaged_index_is_told_and_nothing_is_guessed(built, content):
    (built / FOLDER / INDEX).write_bytes(content)
    with pytest.raises(ProjectError, match="damaged") as caught:
        light.redone(built)
    assert caught.value.next_step


def test_the_index_has_one_line_an_image(built):
    lines = (built / FOLDER / INDEX).read_text("ascii").splitlines()
    assert [lines[0], lines[-1], len(lines)] == ["{", "}", 6]
    assert read_index(built).keys() == {A, B, E, "data/plain/c.png"}


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["write_plain", "sync_files", "write_atomic"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_killed_at_any_moment_no_file_looks_edited(built, monkeypatch, step, times):
    light.write(built, captions={"tagger": light.SETTINGS["captions"]["tagger"], "drop": ["hat", "bow"]})
    light.built(built, targets=("caption",))
    real, count = getattr(mirror, step), 0

    def fails(*args):
        nonlocal count
        count += 1
        if count == times:
            if step == "write_plain":
                files.write_plain(args[0], args[1][:3])
            raise KilledError
        return real(*args)

    monkeypatch.setattr(mirror, step, fails)
    try:
        mirrored(built)
    except KilledError:
        with light.viewed(built) as view:
            assert view.inventory.edits == {}
    monkeypatch.undo()
    mirrored(built)
    assert {name: text(built, name).read_text("utf-8") for name in (A, B)} == {A: "zorbl\n", B: "zorbl\n"}
    assert all(len(digests) == 1 for digests in read_index(built).values())
    assert not [path for path in (built / FOLDER).rglob(".*") if path.name != INDEX]


def test_an_edit_while_the_mirror_is_written_stays(built, monkeypatch):
    light.write(built, captions={"tagger": light.SETTINGS["captions"]["tagger"], "drop": ["hat"]})
    light.built(built, targets=("caption",))

    def edits(paths):
        text(built, A).write_text("just now", "utf-8")

    monkeypatch.setattr(mirror, "sync_files", edits)
    mirrored(built)
    assert text(built, A).read_text("utf-8") == "just now"
    assert captions(built)[A] == ("zorbl, just now", True)


def indexed(root):
    """Build until the index of the null build is written."""
    for _ in range(9):
        time.sleep(0.02)
        seen = Seen(root)
        seen.file(root / "lora.yaml")
        light.built(root, targets=("caption",), seen=seen)
        if nullcheck.answer(str(root), "caption", "text"):
            return True
    return False


def test_a_build_is_not_null_once_a_mirror_came_or_changed(project):
    for change in (lambda: mirrored(project), lambda: text(project, A).write_text("edited", "utf-8")):
        assert indexed(project)
        change()
        assert nullcheck.answer(str(project), "caption", "text") is None


def test_a_settled_image_is_planned_again_when_its_mirror_is_edited(built):
    from lorabuild.core.stamps import wait

    def plan():
        seen = Seen(built)
        seen.file(built / "lora.yaml")
        light.built(built, targets=("caption",), seen=seen)
        with light.viewed(built) as view:
            return len(view.inventory.settled.members) if view.inventory.settled else 0, light.redone(built)

    seen = Seen(built)
    if seen.at:
        wait(seen.at)
    assert plan()[0] >= 2
    text(built, A).write_text("edited", "utf-8")
    assert light.redone(built)["caption"] == [A]
    plan()
    assert "caption" not in light.redone(built)
    assert captions(built)[A] == ("zorbl, edited", True)
    text(built, A).unlink()
    assert captions(built)[A] == ("zorbl, hat", False)
