import os

import light
import pytest

from lorabuild.core import nullindex, statcache
from lorabuild.core.digest import digest
from lorabuild.core.errors import BusyError, StageError, StoreError
from lorabuild.core.stamps import stamp
from lorabuild.graph import finish, order
from lorabuild.graph.explain import shown
from lorabuild.graph.order import STAGES, up_to
from lorabuild.stages import prepare, train


def kinds(events, *wanted):
    return [event for event in events if event.kind in wanted]


def test_a_build_runs_the_stages_up_to_its_target(project):
    done, events = light.built(project)
    assert [event.stage for event in kinds(events, "stage_done")] == ["scan", "prepare", "tag", "caption", "balance"]
    assert done["ok"] is True
    assert {name: counts["ran"] for name, counts in done["stages"].items()} == {
        "scan": 4,
        "prepare": 4,
        "tag": 4,
        "caption": 4,
        "balance": 1,
    }
    assert done["outputs"] == []
    assert events[-1].kind == "done"
    assert events[-1].data == done


def test_a_second_build_does_nothing_and_says_so(project):
    light.built(project)
    done, events = light.built(project)
    assert {counts["ran"] for counts in done["stages"].values()} == {0}
    assert kinds(events, "stage", "table") == []


def test_one_edited_image_is_one_item(project):
    light.built(project)
    before = digest((project / "data/plain/b.png").read_bytes())
    after = digest(light.picture(project / "data/plain/b.png", "black").read_bytes())
    done, events = light.built(project)
    assert {name: counts["ran"] for name, counts in done["stages"].items() if counts["ran"]} == {
        "scan": 1,
        "prepare": 1,
    }
    began = kinds(events, "stage")[0].data
    why = f"file {shown(before)} → {shown(after)}"
    assert (began["todo"], began["reasons"]) == (1, [{"item": "data/plain/b.png", "why": why}])
    assert done["stages"]["scan"]["reused"] == 4


def test_warnings_and_pictures_set_aside_are_said_once(project):
    (project / "data/plain/bad.png").write_bytes(b"no picture")
    done, events = light.built(project)
    assert [event.data["item"] for event in kinds(events, "aside")] == ["data/plain/bad.png"]
    assert [event.data["code"] for event in kinds(events, "warning")].count("duplicate") == 1
    assert len(kinds(events, "table")) == 1
    assert done["aside"][0]["item"] == "data/plain/bad.png"
    again, events = light.built(project)
    assert len(kinds(events, "aside")) == 1
    assert again["aside"] == done["aside"]


def test_a_file_that_changes_while_it_is_read_is_looked_at_again(project, monkeypatch):
    changed = project / "data/plain/b.png"
    real, times = prepare.run, []

    def busy(*stage):
        if not times:
            light.picture(changed, "black")  # between the scan and the reading
        times.append(1)
        real(*stage)

    monkeypatch.setattr(prepare, "run", busy)
    _, events = light.built(project)
    assert [event.data["code"] for event in kinds(events, "note") if not event.stage] == ["changed"]
    assert light.redone(project).keys().isdisjoint({"scan", "prepare", "tag", "caption", "balance"})
    assert len(kinds(events, "table")) == 1


def test_files_that_never_rest_end_the_build(project, monkeypatch):
    real, times = prepare.run, []

    def restless(*stage):
        times.append(1)
        light.picture(project / "data/plain/b.png", (len(times), 0, 0))
        real(*stage)

    monkeypatch.setattr(prepare, "run", restless)
    with pytest.raises(StageError, match="keep changing") as caught:
        light.built(project)
    assert len(times) == 3
    assert "run `lorabuild` again" in caught.value.next_step


def test_damaged_blobs_are_made_again_however_many_there_are(project):
    for number in range(6):
        light.picture(project / f"data/plain/n{number}.png", (number, 0, 0))
        (project / f"data/plain/n{number}.tags").write_text(f"tag{number}", "utf-8")
    light.built(project)
    with light.viewed(project) as view, view.store.database.transaction() as link:
        link.execute("UPDATE blobs SET data = ?", [b"spoiled"])
    override = "captions.drop=[hat]"
    _, events = light.built(project, override)
    notes = [event.data for event in kinds(events, "note")]
    assert {note["code"] for note in notes} == {"repair"}
    assert len(notes) > 3
    assert "tag" not in light.redone(project, override)


def test_without_a_usable_image_nothing_is_trained(project):
    for path in project.glob("data/*/*.png"):
        path.write_bytes(b"no picture")
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
    with pytest.raises(StageError, match="no image can be used") as caught:
        light.built(project, targets=("train",))
    assert "data/cape/e.png" in caught.value.what
    assert "readable images" in caught.value.next_step


def test_an_output_folder_that_takes_no_file_is_told_before_the_training(project, monkeypatch):
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
    (project / "out").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).endswith("out"))  # root may write everywhere
    monkeypatch.setattr(train, "run", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(StoreError, match="no file can be written") as caught:
        light.built(project, targets=())
    assert caught.value.where == str(project / "out")


def test_a_busy_store_is_an_error_where_nobody_waits(project):
    from lorabuild.core.claim import claim

    with (
        claim(project / ".lorabuild", wait=False, say=print),
        pytest.raises(BusyError),
    ):
        light.built(project, wait=False)


def test_an_error_of_a_stage_leaves_what_was_done(project, monkeypatch):
    from lorabuild.stages import caption

    def broken(*_stage):
        raise errors.pop()

    errors = [RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), StageError("no more room")]
    monkeypatch.setattr(caption, "run", broken)
    for said in ("no more room", "caption: the memory ran out"):
        with pytest.raises(StageError, match=said):
            light.built(project)
    monkeypatch.undo()
    done, _ = light.built(project)
    assert done["stages"]["tag"]["ran"] == 0
    assert done["stages"]["caption"]["ran"] == 4


def test_targets_name_the_stages_up_to_the_last_of_them():
    assert up_to(()) == STAGES
    assert up_to(("prepare", "scan")) == ("scan", "prepare")
    assert order.LAST == "report"


def test_a_digest_that_was_kept_wrongly_is_found_out_by_reading_all_again(project):
    light.built(project)
    name, wrong = b"data/plain/b.png", bytes(32)
    mark = statcache._text(stamp((project / "data/plain/b.png").stat()))
    row = [name, mark, wrong + statcache._seal(name, mark, wrong)]
    with light.viewed(project) as view, view.store.database.transaction() as link:
        link.execute("INSERT OR REPLACE INTO stats VALUES (?, ?, ?)", row)
    nullindex.drop_indexes(project)
    done, events = light.built(project)
    assert [event.data["code"] for event in kinds(events, "note")].count("changed") >= 2
    assert done["ok"]
    assert light.redone(project).keys().isdisjoint({"scan", "prepare", "tag", "caption", "balance"})


def test_a_database_that_is_mended_under_a_build_sends_it_round_again(project, monkeypatch):
    light.built(project)
    real, times = finish.past.remember, []

    def damaged(view, *words):
        if not times:
            times.append(1)
            with view.store.database.transaction() as link:
                link.execute("INSERT INTO meta VALUES ('x', CAST(x'ff' AS TEXT))")
            view.store.meta("x")
        return real(view, *words)

    monkeypatch.setattr(finish.past, "remember", damaged)
    _, events = light.built(project, "captions.drop=[hat]")
    assert [event.data["code"] for event in kinds(events, "warning")].count("store-damaged") == 1
    assert light.redone(project, "captions.drop=[hat]").keys().isdisjoint({"scan", "prepare", "tag", "caption"})
