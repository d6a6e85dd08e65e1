"""A watch in this process, with real files and the system's real events: each time it has nothing more to do, the next
thing is done to the project.
"""

import errno
import json
import mmap
import os
import shutil
from itertools import pairwise

import light
import pytest
from watchdog import observers

from lorabuild.core.claim import claim
from lorabuild.core.marks import Marks
from lorabuild.core.nullcheck import answer
from lorabuild.core.settling import LEAST, PATIENCE
from lorabuild.graph import watch as watching
from lorabuild.graph.lastgood import LastGood
from lorabuild.graph.watch import watch
from lorabuild.graph.wishes import Wishes
from lorabuild.stages import prepare

pytestmark = pytest.mark.timeout(30)  # a change that isn't noticed would be waited for


CHECKED = "checked"  # what a step returns that changes nothing, so that the next one is not waited for


class Ended(BaseException):
    """The last step was taken; as Ctrl-C would, it goes through everything."""


class Play:
    """Takes the next step whenever the watch is idle, and remembers what was said, round by round."""

    def __init__(self, steps, during, least):
        self.steps, self.during, self.least = list(steps), dict(during), least
        self.rounds = []
        self.started = None

    def __call__(self, event):
        if event.kind == "watch_started":
            self.started = event.data
        elif event.kind == "change":
            self.rounds.append([event])
        elif self.rounds:
            self.rounds[-1].append(event)
        act = self.during.pop((len(self.rounds), event.kind, event.stage), None)
        if act:
            act()
        if event.kind == "watch_idle":
            while self.steps:
                if self.steps.pop(0)() is not CHECKED:
                    return
            if len(self.rounds) >= self.least:
                raise Ended

    def ran(self):
        """For every round: what changed, and stage → how many items ran; None when there was no build."""
        return [(*self.paths(number), self.did(number)) for number in range(len(self.rounds))]

    def paths(self, number):
        return self.rounds[number][0].data["paths"]

    def did(self, number):
        done = self.said(number, "done")
        counts = done[0].data["stages"] if done else {}
        return {stage: row["ran"] for stage, row in counts.items() if row["ran"]} if done else None

    def said(self, number, kind):
        return [event for event in self.rounds[number] if event.kind == kind]


def play(root, *steps, during=None, least=0, overrides=(), poll=False):
    acting = Play(steps, during or {}, least)
    with pytest.raises(Ended):
        watch(LastGood(root, overrides), Wishes(targets=("balance",)), acting, poll=poll)
    return acting


def paint(path, colour, size=(64, 64)):
    return lambda: light.picture(path, colour, size)


ALL = {"scan": 4, "prepare": 4, "tag": 4, "caption": 4, "balance": 1}
PIXELS = {"scan": 1, "prepare": 1}  # the picture's tags come from a side file, and are those that it had


def test_it_builds_at_once_and_says_what_it_watches(project):
    played = play(project)
    assert played.started == {"target": "balance", "places": ["lora.yaml", "data/plain", "data/cape", "base"]}
    assert played.ran() == [(ALL,)]


def test_images_captions_and_settings_are_built_when_they_change_and_only_what_they_call_for(project):
    played = play(
        project,
        paint(project / "data/plain/b.png", "pink"),
        lambda: (project / "data/cape/e.txt").write_text("a creature in a red cape", "utf-8"),
        lambda: (project / "data/plain/b.tags").write_text("1creature, tail", "utf-8"),
        lambda: light.write(project, budget={"steps": 48, "epochs": 2}),
        (project / "data/plain/c.png").unlink,
    )
    assert played.ran() == [
        (ALL,),
        ("data/plain/b.png", PIXELS),
        ("data/cape/e.txt", {"caption": 1}),
        ("data/plain/b.tags", {"tag": 1, "caption": 1}),
        ("lora.yaml", {"balance": 1}),
        ("data/plain/c.png", {"balance": 1}),
    ]
    assert all(0.25 < round_[0].data["waited"] < 60 for round_ in played.rounds[1:])


def replaced(path):
    new = light.picture(path.with_name("tmp.png"), "pink")
    new.replace(path)


def backed_up(path):
    path.rename(path.with_name(f"{path.name}~"))
    light.picture(path, "pink")
    path.with_name(f"{path.name}~").unlink()


def mapped(path):
    """No event but that of the closing, and the size stays the same."""
    light.picture(path.parents[2] / "pink.bmp", "pink")
    new = (path.parents[2] / "pink.bmp").read_bytes()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), len(new)) as memory:
        memory[:] = new


@pytest.mark.parametrize("save", [replaced, backed_up, mapped])
def test_every_way_to_save_is_seen_once(project, save):
    path = light.picture(project / "data/plain/b.bmp", "green")
    (project / "data/plain/b.png").unlink()
    played = play(project, lambda: save(path))
    assert played.ran() == [(ALL,), ("data/plain/b.bmp", PIXELS)]


def test_what_is_touched_only_is_built_to_no_effect_and_what_is_read_or_passing_is_not(project):
    def passing():
        (project / "data/plain/a.png").read_bytes()
        (project / "data/plain/a.png~").write_bytes(b"backup")
        (project / "data/plain/.swap").write_bytes(b"swap")
        (project / "notes.md").write_bytes(b"beside lora.yaml")
        os.utime(project / "data/plain/a.png")

    assert play(project, passing).ran() == [(ALL,), ("data/plain/a.png", {})]


def test_an_edit_made_while_a_build_runs_is_the_next_ones(project):
    edits = {
        (2, "stage", "prepare"): paint(project / "data/plain/c.png", "gold"),
        (3, "done", ""): lambda: (project / "data/plain/c.tags").write_text("1creature, tail", "utf-8"),
    }
    played = play(project, paint(project / "data/plain/b.png", "pink"), during=edits, least=4)
    assert played.ran() == [
        (ALL,),
        ("data/plain/b.png", PIXELS),
        ("data/plain/c.png", PIXELS),
        ("data/plain/c.tags", {"tag": 1, "caption": 1}),
    ]


def test_an_edit_of_the_very_image_that_is_being_built_is_not_lost(project, monkeypatch):
    real, colours = prepare.run, iter(["yellow"])

    def run(*words):
        for colour in [next(colours, None)]:
            if colour:
                light.picture(project / "data/plain/b.png", colour)
        real(*words)

    def edit():
        light.picture(project / "data/plain/b.png", "pink")
        monkeypatch.setattr(prepare, "run", run)

    played = play(project, edit, least=3)
    print([(e.kind, e.stage, e.data) for e in played.rounds[1]])
    assert {event.data["code"] for event in played.said(1, "note")} == {"changed"}
    assert played.paths(2) == ["data/plain/b.png"]
    done, _ = light.built(project)
    assert {row["ran"] for row in done["stages"].values()} == {0}
    with light.viewed(project) as view:
        assert view.inventory.files["data/plain/b.png"].digest


def test_lora_yaml_changed_while_a_build_runs_is_the_next_ones(project):
    edits = {(2, "stage", "prepare"): lambda: light.write(project, name="renamed")}
    played = play(project, paint(project / "data/plain/b.png", "pink"), during=edits, least=3)
    assert played.ran()[1:] == [("data/plain/b.png", PIXELS), ("lora.yaml", {})]


def test_a_wrong_lora_yaml_is_told_with_its_place_and_the_last_good_one_goes_on(project):
    def spoil():
        (project / "lora.yaml").write_text(json.dumps(light.SETTINGS | {"budgte": {"steps": 9}}), "utf-8")

    def unseen():
        assert not list((project / ".lorabuild").glob("null-*"))
        return CHECKED

    played = play(
        project,
        spoil,
        paint(project / "data/plain/b.png", "pink"),
        unseen,
        lambda: light.write(project, budget={"steps": 48, "epochs": 2}),
    )
    assert played.ran() == [(ALL,), ("lora.yaml", None), ("data/plain/b.png", PIXELS), ("lora.yaml", {"balance": 1})]
    (told,) = played.said(1, "error")
    assert told.data["where"].startswith("lora.yaml:1:")
    assert "did you mean `budget`" in told.data["text"]
    assert told.data["goes_on"] is True
    assert [len(played.said(number, "error")) for number in range(4)] == [0, 1, 0, 0]


def test_a_wrong_lora_yaml_that_is_saved_again_is_told_again(project):
    spoil = [lambda n=n: (project / "lora.yaml").write_text("{" * n, "utf-8") for n in (1, 1)]
    played = play(project, *spoil)
    assert [len(played.said(number, "error")) for number in range(3)] == [0, 1, 1]


def test_a_concept_folder_that_vanishes_is_told_and_when_it_is_back_all_goes_on(project):
    def back():
        shutil.move(project / "elsewhere", project / "data/cape")
        light.picture(project / "data/cape/f.png", "black")
        (project / "data/cape/f.tags").write_text("1creature, tail", "utf-8")

    played = play(
        project,
        lambda: shutil.move(project / "data/cape", project / "elsewhere"),
        back,
        paint(project / "data/cape/e.png", "gray", (128, 32)),
    )
    assert played.paths(1) == ["data/cape/e.png", "data/cape/e.txt"]
    (told,) = played.said(1, "error")
    assert "there is no folder `data/cape`" in told.data["what"]
    assert told.data["goes_on"] is False
    assert played.did(1) is None
    assert played.did(2) == {"scan": 1, "prepare": 1, "tag": 1, "caption": 1, "balance": 1}
    assert played.ran()[3] == ("data/cape/e.png", {"scan": 1, "prepare": 1})


def test_the_whole_dataset_may_be_moved_away_and_back(project):
    played = play(
        project,
        lambda: shutil.move(project / "data", project / "elsewhere"),
        lambda: shutil.move(project / "elsewhere", project / "data"),
        paint(project / "data/cape/e.png", "gray", (128, 32)),
    )
    assert len(played.paths(1)) == 10
    assert len(played.paths(2)) == 10
    assert played.ran()[-1] == ("data/cape/e.png", PIXELS)


def test_folders_that_are_moved_in_are_watched_and_those_moved_out_are_gone(project):
    for name, colour in (("x", "cyan"), ("deep/y", "olive")):
        light.picture(project / f"aside/{name}.png", colour)
        (project / f"aside/{name}.tags").write_text("1creature", "utf-8")
    played = play(
        project,
        lambda: shutil.move(project / "aside", project / "data/plain/more"),
        paint(project / "data/plain/more/deep/y.png", "maroon"),
        lambda: shutil.move(project / "data/plain/more", project / "aside"),
        lambda: ((project / "aside/x.png").write_bytes(b"nobody's business"), (project / "data/plain/c.png").unlink()),
    )
    names = [f"data/plain/more/{name}" for name in ("deep/y.png", "deep/y.tags", "x.png", "x.tags")]
    assert played.paths(1) == names
    assert played.did(1) == {"scan": 2, "prepare": 2, "balance": 1}
    assert played.ran()[2] == ("data/plain/more/deep/y.png", PIXELS)
    assert played.paths(3) == names
    assert played.ran()[4] == ("data/plain/c.png", {"balance": 1})


def test_folders_made_one_in_another_are_watched_to_the_bottom(project):
    def make():
        (project / "data/plain/1/2/3").mkdir(parents=True)
        for number in range(20):
            light.picture(project / f"data/plain/1/2/3/{number}.png", (number, 9, 200))
            (project / f"data/plain/1/2/3/{number}.tags").write_text("1creature", "utf-8")

    played = play(project, make, paint(project / "data/plain/1/2/3/7.png", "maroon"))
    assert len(played.paths(1)) == 40
    assert played.did(1) == {"scan": 20, "prepare": 20, "balance": 1}
    assert played.ran()[2] == ("data/plain/1/2/3/7.png", PIXELS)


def test_the_target_of_a_link_is_watched_where_it_is(project):
    raw = light.picture(project / "raw/x.png", "cyan")
    (project / "data/plain/x.png").symlink_to(raw)
    (project / "data/plain/x.tags").write_text("1creature", "utf-8")
    played = play(project, paint(raw, "teal"))
    assert played.ran()[1] == ("data/plain/x.png", PIXELS)


def test_a_new_concept_is_watched_also_when_its_folder_comes_later(project):
    concepts = {**light.SETTINGS["concepts"], "hat": {"folder": "data/hat", "triggers": ["zorbl"]}}

    def make():
        light.picture(project / "data/hat/h.png", "gold")
        (project / "data/hat/h.tags").write_text("1creature, tail", "utf-8")

    played = play(
        project,
        lambda: light.write(project, concepts=concepts),
        make,
        paint(project / "data/hat/h.png", "silver"),
        lambda: light.write(project),
        lambda: (light.picture(project / "data/hat/h.png", "gold"), (project / "data/plain/c.png").unlink()),
    )
    assert "there is no folder `data/hat`" in played.said(1, "error")[0].data["what"]
    assert played.paths(2) == ["data/hat/h.png", "data/hat/h.tags"]
    assert played.did(2) == {"scan": 1, "prepare": 1, "tag": 1, "caption": 1, "balance": 1}
    assert played.ran()[3] == ("data/hat/h.png", PIXELS)
    assert played.paths(4) == ["lora.yaml"]
    assert played.ran()[5] == ("data/plain/c.png", {"balance": 1})  # what is no longer named is no longer watched


def test_models_are_watched_and_a_build_that_fails_is_told_and_tried_again_with_the_next_change(project):
    config = project / "base/vae/config.json"
    good = config.read_bytes()
    played = play(project, lambda: config.write_bytes(b"{"), lambda: config.write_bytes(good))
    (told,) = played.said(1, "error")
    assert "is no valid JSON" in told.data["what"]
    assert told.data["where"].startswith("lora.yaml:")
    assert played.did(1) is None
    assert played.ran()[2] == ("base/vae/config.json", {})


def test_a_file_that_grows_is_waited_for_and_that_is_said(project, monkeypatch):
    """It grows a little before every look, for longer than a save takes."""
    whole, growing = light.picture(project / "whole.png", "cyan").read_bytes(), project / "data/plain/x.png"
    least = round(1.5 * PATIENCE / LEAST)
    cuts = [len(whole) * number // least for number in range(least + 1)]
    pieces = [whole[start:end] for start, end in pairwise(cuts)]
    real = Marks.rest

    def rest(self, seconds):
        if pieces:
            with growing.open("ab") as file:
                file.write(pieces.pop(0))
        real(self, LEAST if pieces else seconds)

    monkeypatch.setattr(Marks, "rest", rest)
    (project / "data/plain/x.tags").write_text("1creature, tail", "utf-8")
    played = play(project, lambda: growing.write_bytes(b""))
    texts = [event.data["text"] for event in played.said(0, "note")]
    assert texts == ["data/plain/x.png is still being written; waiting until all is quiet"]
    assert played.ran()[1:] == [("data/plain/x.png", {"scan": 1, "prepare": 1, "tag": 1, "caption": 1, "balance": 1})]
    assert played.said(1, "aside") == []


def test_a_busy_store_is_waited_for_and_that_is_said(project):
    held = claim(project / ".lorabuild", wait=True, say=print)

    def occupied():
        held.__enter__()
        light.picture(project / "data/plain/b.png", "pink")

    played = play(project, occupied, during={(2, "note", ""): lambda: held.__exit__(None, None, None)})
    assert [event.data["code"] for event in played.said(1, "note")] == ["busy"]
    assert played.ran()[1] == ("data/plain/b.png", PIXELS)


def test_the_null_index_that_is_left_is_right(project):
    root = str(project)

    def answered():
        assert answer(root, "balance", "text") is not None
        return CHECKED

    def edit(colour):
        light.picture(project / "data/plain/b.png", colour)
        assert answer(root, "balance", "text") is None

    play(project, lambda: edit("pink"), answered, lambda: edit("gold"), answered)


def test_the_null_index_is_of_this_lora_yaml(project):
    def spoil():
        (project / "lora.yaml").write_text("{", "utf-8")
        light.picture(project / "data/plain/b.png", "pink")

    def none():
        assert answer(str(project), "balance", "text") is None
        return CHECKED

    played = play(project, spoil, none)
    assert played.did(1) == PIXELS


def test_polling_sees_the_same(project):
    played = play(
        project,
        paint(project / "data/plain/b.png", "pink"),
        lambda: light.write(project, budget={"steps": 48, "epochs": 2}),
        poll=True,
    )
    assert played.ran() == [(ALL,), ("data/plain/b.png", PIXELS), ("lora.yaml", {"balance": 1})]


def test_where_the_system_has_no_watch_left_it_polls_and_says_so(project, monkeypatch):
    def schedule(*_words, **_more):
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(observers.Observer, "schedule", schedule)
    played = play(project, paint(project / "data/plain/b.png", "pink"))
    (note,) = played.said(0, "note")
    assert note.data["code"] == "polling"
    assert "fs.inotify.max_user_watches" in note.data["text"]
    assert played.ran() == [(ALL,), ("data/plain/b.png", PIXELS)]


def test_everything_is_looked_at_once_in_a_while_whatever_was_heard(project, monkeypatch):
    monkeypatch.setattr(watching, "RESCAN", 0.2)
    monkeypatch.setattr(Marks, "_ring", lambda *_: None)  # deaf
    played = play(project, paint(project / "data/plain/b.png", "pink"))
    assert played.ran() == [(ALL,), ("data/plain/b.png", PIXELS)]


def test_what_the_command_line_says_wins_in_every_round(project):
    played = play(
        project, lambda: light.write(project, budget={"steps": 36, "epochs": 2}), overrides=["budget.steps=24"]
    )
    assert played.ran() == [(ALL,), ("lora.yaml", {})]
