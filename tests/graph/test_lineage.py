import light
import pytest

from lorabuild.core.errors import DifferenceError
from lorabuild.core.store import Store
from lorabuild.graph import balancing
from lorabuild.graph.course import steps
from lorabuild.graph.forecast import forecast
from lorabuild.graph.lineage import lend, lineage, parent_of
from lorabuild.graph.lock import lock_of
from lorabuild.graph.order import STAGES


def ready(root, *overrides, **sections):
    light.write(root, **sections)
    light.built(root, *overrides)
    with light.viewed(root, *overrides) as view:
        light.plant(view, "latents", "text")


def trained(root, *overrides, outputs=(), **facts):
    """Plant a training as the stage leaves it; the item."""
    with light.viewed(root, *overrides) as view:
        item = light.items(view, "train")["train"]
        with view.store.writer("train") as door:
            data = {name: name.encode() for name in ("epoch-0001", "epoch-0002", "log", "state", *outputs)}
            data["learned"] = "\n".join(item.reads["learned"]).encode()
            told = {"steps": 24, "epochs": 2, "planned": 2, "loss": 0.1, **item.reads["about"], **facts}
            stored = {name: door.write(blob) for name, blob in data.items()}
            door.done(item, stored, facts=told, record={"device": "cpu"})
        view.store.remember("train", [item])
    return item


def planned(root, *overrides, **wishes):
    with light.viewed(root, *overrides) as view:
        for name, value in wishes.items():
            setattr(view, name, value)
        return light.items(view, "train")["train"]


MORE = {"steps": 36, "epochs": 3}


def test_a_longer_training_of_the_same_course_is_told_of_the_shorter_one(project):
    ready(project)
    first = trained(project)
    ready(project, budget=MORE)
    longer = planned(project)
    assert longer.key != first.key
    former = longer.reads["former"]
    assert (former["planned"], former["steps"], former["record"]) == (2, 24, {"device": "cpu"})
    assert {"state", "epoch-0001", "epoch-0002"} <= set(former["outputs"])
    assert longer.reads["notes"] == []
    assert planned(project, fresh=True).reads.get("former") is None
    assert planned(project, fresh=True).key == longer.key  # it gives the same


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("constant", "goes on where the shorter training ended: "),
        (
            "cosine",
            "the cosine schedule of 36 steps differs from that of 24 from step 2 on; it is trained from the start",
        ),
    ],
)
def test_a_plan_says_what_a_raised_budget_finds_done(project, schedule, said):
    kind = f"training.schedule.type={schedule}"
    ready(project, kind)
    trained(project, kind)
    ready(project, kind, budget=MORE)
    with light.viewed(project, kind) as view:
        (note,) = [note["text"] for note in forecast(view)["notes"] if note["code"] == "longer"]
    assert note.startswith(said)
    assert ("12 of 36 optimizer steps are new" in note) == (schedule == "constant")


def test_a_shorter_one_is_not_made_from_a_longer_one(project):
    ready(project, budget=MORE)
    trained(project, planned=3)
    ready(project)
    assert planned(project).reads["former"] is None


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"budget": {"steps": 24, "epochs": 3}}, "pictures or repeats of"),
        ({"budget": MORE, "training": {"seed": 7}}, "training.seed"),
    ],
)
def test_it_says_what_else_has_changed(project, sections, said):
    ready(project)
    trained(project)
    ready(project, **sections)
    item = planned(project)
    assert item.reads["former"] is None
    assert said in item.reads["notes"][0]["text"]
    assert item.reads["notes"][0]["text"].endswith("it is trained from the start")


def test_a_state_that_is_gone_is_told(project):
    ready(project)
    first = trained(project)
    with light.viewed(project) as view, view.store.database.transaction() as link:
        blob = view.store.results([first.key])[first.key].outputs["state"]
        link.execute("DELETE FROM blobs WHERE digest = ?", [bytes.fromhex(blob[3:])])
    ready(project, budget=MORE)
    assert "no longer in the store" in planned(project).reads["notes"][0]["text"]


CONTINUE = "training.on_change=continue"


def changed(root):
    light.picture(root / "data/plain/new.png", "yellow")
    (root / "data/plain/new.tags").write_text("1creature", "utf-8")


def test_changed_images_go_on_from_the_last_result(project):
    ready(project)
    first = trained(project)
    changed(project)
    ready(project)
    restarted = planned(project)
    assert "continued" not in restarted.parts
    item = planned(project, CONTINUE, "training.rehearsal=1")
    assert {record["id"] for record in item.reads["records"]} >= {"data/plain/new.png", "data/plain/a.png"}
    alone = planned(project, CONTINUE, "training.rehearsal=0")
    assert [record["id"] for record in alone.reads["records"]] == ["data/plain/new.png"]
    assert alone.key != item.key != restarted.key
    assert alone.reads["parent"]["key"] == first.key
    (note,) = alone.reads["notes"]
    assert note["code"] == "continued"
    looks, updates = steps_of(project, alone)
    assert note["text"].endswith(f"(image steps: {looks}, optimizer steps: {updates})")
    assert updates < steps_of(project, item)[1] <= steps_of(project, restarted)[1]
    assert planned(project, CONTINUE, fresh=True).key == restarted.key


def steps_of(root, item):
    with light.viewed(root) as view:
        return steps(view.project, item.reads["records"])


def test_a_plan_says_beforehand_that_fewer_steps_are_to_come(project):
    ready(project)
    trained(project)
    changed(project)
    with light.viewed(project, CONTINUE, "training.rehearsal=0.5") as view:
        (note,) = forecast(view)["notes"]
    assert note["text"].startswith("`on_change: continue`: where images are new or changed, only these and about 50%")
    for other in ((), (CONTINUE, "training.seed=9")):
        with light.viewed(project, *other) as view:
            assert forecast(view)["notes"] == []


def test_the_time_of_a_plan_is_that_of_the_steps_to_come(project):
    ready(project)
    trained(project, seconds_a_step=10.0)
    changed(project)
    ready(project)
    with light.viewed(project, CONTINUE, "training.rehearsal=0") as view:
        told = next(stage for stage in forecast(view)["stages"] if stage["name"] == "train")
        (item,) = view.step("train").todo
        assert told["seconds"] == 10 * steps(view.project, item.reads["records"])[1]
        assert told["seconds"] < 10 * balancing.table(view).steps.optimizer


def test_what_was_gone_on_with_stands_until_something_changes(project):
    ready(project)
    trained(project)
    changed(project)
    ready(project)
    second = trained(project, CONTINUE, "training.rehearsal=0")
    assert planned(project, CONTINUE).key == second.key  # also with another share: it counts for the next change
    assert planned(project).key == second.key
    with light.viewed(project) as view:
        assert view.step("train").clean
        assert lineage(view)["train"]["rehearsal"] == 0
        assert lock_of(view, STAGES[:8], {})["lineage"] == lineage(view)
    assert "continued" not in planned(project, fresh=True).parts


def test_what_only_went_away_begins_anew(project):
    ready(project)
    trained(project)
    (project / "data/plain/b.png").unlink()
    ready(project)
    item = planned(project, CONTINUE)
    assert "no image is new" in item.reads["notes"][0]["text"]
    assert "parent" not in item.reads


def test_other_words_begin_anew(project):
    ready(project)
    trained(project)
    changed(project)
    ready(project)
    item = planned(project, CONTINUE, "training.seed=9")
    assert "goes on where only images changed" in item.reads["notes"][0]["text"]


def test_a_longer_training_goes_on_where_changed_images_would_too(project):
    ready(project)
    trained(project)
    ready(project, budget=MORE)
    item = planned(project, CONTINUE)
    assert item.reads["former"]["steps"] == 24
    assert item.reads["notes"] == []


def test_a_parent_that_is_gone_can_not_be_gone_on_from_again(project):
    ready(project)
    first = trained(project)
    locked = {"lineage": {"train": {"key": first.key, "lora": "b3:" + "1" * 64}}}
    with Store(project / ".lorabuild") as store:
        assert parent_of({}, store) is None
        found = parent_of(locked, store)
        with Store(project / "other") as other:
            lend(found, store, other)
            assert other.latest("train") == {"train": first.key}
            assert other.results([first.key])[first.key].outputs == found.outputs
        store.forget([first.key])
        with pytest.raises(DifferenceError, match="can't be made again") as caught:
            parent_of(locked, store)
    assert "--fresh" in caught.value.next_step
