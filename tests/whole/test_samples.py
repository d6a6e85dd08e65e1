"""Sample pictures: each is an item, drawn while it trains or after it with the same bytes."""

import json
import re
import signal

import pytest
import small
import test_kills

from lorabuild.core.store import Store

MANY = (
    'samples: {prompts: ["zorbl, red --d 3"], file: prompts.txt, '
    "seeds: [1, 2], weights: [0.5, 1], steps: 2, every: end}"
)


def pictures(project):
    """Item → key and bytes of its picture, of all that the store has."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        held = store.latest("sample")
        results = store.results(held.values())
        return {name: (key, store.read(results[key].outputs["picture"])) for name, key in held.items()}


def set_samples(project, line):
    text = project.path("lora.yaml").read_text("utf-8")
    project.path("lora.yaml").write_text(re.sub(r"^samples: .*$", line, text, flags=re.MULTILINE), "utf-8")


def test_drawn_while_it_trains_they_are_the_same_and_so_is_the_lora(fresh, built):
    every = ("--set", "samples.every=epoch")
    along = fresh.build(*every, "--set", "samples.during=true")
    assert along.code == 0
    kinds = [(event["event"], event.get("stage")) for event in along.said]
    drawn = [place for place, kind in enumerate(kinds) if kind == ("picture", "sample")]
    assert drawn[-1] < kinds.index(("stage_done", "train"))
    assert "sample" not in along.ran
    seen = along.events("picture")
    assert [(event["epoch"], event["weight"]) for event in seen] == [(0, 0.0), (1, 1.0), (2, 1.0)]
    with Store(fresh.path(".lorabuild"), read_only=True) as store:
        assert all(store.read(event["picture"]).startswith(b"\x89PNG") for event in seen)
    assert fresh.sha() == built.sha()
    after = fresh.copy(fresh.root.parent / "after")
    small.shutil.rmtree(after.path(".lorabuild"))
    assert after.build(*every).ran["sample"] == 3
    assert pictures(after) == pictures(fresh)
    assert after.path("out/tiny-grid.png").read_bytes() == fresh.path("out/tiny-grid.png").read_bytes()


def test_a_kill_while_it_draws_loses_no_picture_and_no_step(fresh, built):
    words = ("--set", "samples.every=epoch", "--set", "samples.during=true")
    process = test_kills.started(fresh, *words)
    for line in process.stdout:
        if json.loads(line)["event"] == "picture" and json.loads(line)["epoch"] == 1:
            break
    process.kill()
    assert test_kills.ended(process)[0] == -signal.SIGKILL
    again = fresh.build("package", *words)
    assert again.code == 0
    assert [event["epoch"] for event in again.events("picture")] == [2]
    assert test_kills.resumed(again)
    assert fresh.sha() == built.sha()


def test_what_fails_while_it_trains_is_drawn_after_it(fresh, monkeypatch):
    from lorabuild.graph import along

    def fail(*_):
        raise RuntimeError("CUDA out of memory. Tried\nto")

    monkeypatch.setattr(along.Along, "_draw", fail)
    done = fresh.build("package", "--set", "samples.during=true")
    assert done.code == 0
    assert done.ran["sample"] == 2
    notes = [event["text"] for event in done.events("note") if event.get("code") == "not-along"]
    assert len(notes) == 1
    assert notes[0].endswith("CUDA out of memory. Tried")


def test_a_changed_prompt_draws_its_own_pictures_and_nothing_else(project):
    project.path("prompts.txt").write_text("# more\n\nzorbl, blue --w 32 --h 64 --ss euler_a\n", "utf-8")
    set_samples(project, MANY)
    first = project.build("package")
    assert first.code == 0, first.text
    assert first.ran["sample"] == (1 + 2) + 2 * (1 + 2)
    project.path("prompts.txt").write_text("zorbl, green --w 32 --h 64 --ss euler_a\n", "utf-8")
    second = project.build("package")
    assert second.ran == {"sample": 2 * (1 + 2), "package": 1}
    assert all("green" in entry["item"] for entry in second.events("picture"))
    project.write("weights: [0.5, 1]", "weights: [0.5, 1, 0.75]")
    assert project.build("sample").ran["sample"] == 3
    project.write("--d 3", "--d 4")
    assert project.build("sample").ran["sample"] == 1 + 3
    assert project.build("sample").ran == {}


def test_steps_are_drawn_where_their_checkpoints_are_kept(fresh):
    refused = fresh.build("--set", "samples.every=4")
    assert refused.code == 2
    assert "save_every: 4" in refused.text
    words = ("--set", "samples.every=4", "--set", "training.save_every=2", "--set", "samples.during=true")
    done = fresh.build("package", *words)
    assert done.code == 0, done.text
    steps = [event.get("step", event["epoch"]) for event in done.events("picture")]
    assert steps == [0, *range(4, steps[-2] + 1, 4), 2]
    assert len(steps) > 3
    assert fresh.build("package", *words).ran == {}


@pytest.mark.parametrize("line", ["zorbl --w 512 --what 3", "a\nzorbl --w abc"])
def test_a_bad_line_is_answered_with_its_place(project, line):
    project.path("prompts.txt").write_text(line, "utf-8")
    set_samples(project, "samples: {file: prompts.txt}")
    refused = project.run("plan")
    assert refused.code == 2
    number = line.count("\n") + 1
    assert f"prompts.txt:{number}:{line.rindex('--') - (line.rfind(chr(10)) + 1) + 1}" in refused.text
