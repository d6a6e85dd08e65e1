from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.difference import Kept, difference, record_words, words
from lorabuild.graph.manifest import Row

NAMES = st.sampled_from([f"{folder}/{name}.png" for folder in ("plain", "cape") for name in "abcde"])
CAPTIONS = st.lists(st.sampled_from(["zorbl", "hat", "grass", "sky"]), max_size=4).map(", ".join)
DIGESTS = st.sampled_from([f"b3:{number}" for number in range(4)])
ROWS = st.dictionaries(NAMES, st.tuples(DIGESTS, CAPTIONS)).map(
    lambda found: sorted(Row(path, *rest) for path, rest in found.items())
)
LOCK = {
    "lock": {"format": 2, "lorabuild": "0.1.0"},
    "settings": {"network.dim": 4, "training.optimizer.lr": 0.002},
    "models": {"base": {"source": "base", "revision": None, "parts": {"unet": "b3:1", "vae": "b3:2"}}},
    "stages": {"scan": {"version": 1, "count": 2, "root": "b3:1"}, "tag": {"version": 1, "count": 2, "root": "b3:2"}},
    "concepts": {"plain": {"images": 2, "repeats": 3, "root": "b3:1"}},
    "record": {"train": [{"device": "cpu", "threads": 1}]},
    "outputs": {"out/a.safetensors": "1" * 64},
}


def changed(section, **entries):
    return {**LOCK, section: {**LOCK[section], **entries}}


def compared(then, now, rows_then=(), rows_now=()):
    return difference(Kept("HEAD", then, rows_then), Kept("lora.lock", now, rows_now))


def told(found):
    """What a difference tells, without the names of the two sides."""
    empty = {"added": [], "removed": [], "edited": [], "renamed": []}
    return {name: value for name, value in found.items() if value and value != empty and name not in ("then", "now")}


@given(ROWS)
def test_the_same_is_equal(rows):
    assert told(compared(LOCK, LOCK, rows, rows)) == {"equal": True}


@given(ROWS, ROWS)
def test_what_is_told_leads_from_one_manifest_to_the_other(then, now):
    found = compared(LOCK, LOCK, then, now)
    images, rows = found["images"], {row.path: row for row in then}
    for entry in images["removed"]:
        assert rows.pop(entry["path"])._asdict() == entry
    moved = [(rows.pop(entry["then"]), entry["now"]) for entry in images["renamed"]]
    rows |= {path: row._replace(path=path) for row, path in moved}
    for entry in images["edited"]:
        assert rows[entry["path"]].digest == entry["then"]
        rows[entry["path"]] = rows[entry["path"]]._replace(digest=entry["now"])
    for entry in found["captions"]:
        assert rows[entry["path"]].caption == entry["then"]
        rows[entry["path"]] = rows[entry["path"]]._replace(caption=entry["now"])
    for entry in images["added"]:
        assert entry["path"] not in rows
        rows[entry["path"]] = Row(**entry)
    assert sorted(rows.values()) == now
    assert found["equal"] == (then == now)


@given(ROWS, ROWS)
def test_the_way_back_tells_the_opposite(then, now):
    there, back = compared(LOCK, LOCK, then, now)["images"], compared(LOCK, LOCK, now, then)["images"]
    assert there["added"] == back["removed"]
    assert [(entry["then"], entry["now"]) for entry in there["edited"]] == [
        (entry["now"], entry["then"]) for entry in back["edited"]
    ]
    assert len(there["renamed"]) == len(back["renamed"])


@given(CAPTIONS, CAPTIONS)
def test_the_words_of_a_caption_tell_both(then, now):
    marked = words(then, now)
    assert ", ".join(tag for mark, tag in marked if mark != "+") == then
    assert ", ".join(tag for mark, tag in marked if mark != "-") == now


def test_an_image_under_another_name_is_renamed_and_the_one_with_its_caption_first():
    then = [Row("a", "b3:1", "zorbl"), Row("b", "b3:1", "hat")]
    found = compared(LOCK, LOCK, then, [Row("c", "b3:1", "hat"), Row("d", "b3:2", "sky")])
    assert found["images"] == {
        "added": [{"path": "d", "digest": "b3:2", "caption": "sky"}],
        "removed": [{"path": "a", "digest": "b3:1", "caption": "zorbl"}],
        "edited": [],
        "renamed": [{"then": "b", "now": "c"}],
    }
    assert found["captions"] == []


def test_a_setting_is_told_with_both_values():
    found = compared(LOCK, changed("settings", **{"network.dim": 8, "budget.steps": 9}))
    assert told(found) == {
        "settings": [
            {"name": "budget.steps", "then": None, "now": 9},
            {"name": "network.dim", "then": 4, "now": 8},
        ]
    }


def test_a_replaced_model_is_told_part_by_part():
    tagger = {"source": "tagger", "revision": None, "parts": {"model.onnx": "b3:7"}}
    base = {"source": "other", "revision": None, "parts": {"unet": "b3:9", "vae": "b3:2"}}
    found = compared(LOCK, changed("models", base=base, tagger=tagger))["models"]
    assert found == [
        {"model": "base", "name": "part unet", "then": "b3:1", "now": "b3:9"},
        {"model": "base", "name": "source", "then": "base", "now": "other"},
        {"model": "tagger", "name": "part model.onnx", "then": None, "now": "b3:7"},
        {"model": "tagger", "name": "source", "then": None, "now": "tagger"},
    ]


def test_of_a_concept_the_counts_are_told():
    more = {"images": 3, "repeats": 3, "root": "b3:2"}
    found = compared(LOCK, changed("concepts", plain=more, cape={"images": 1, "repeats": 9, "root": "b3:3"}))
    assert found["concepts"] == [
        {"name": "cape", "then": None, "now": {"images": 1, "repeats": 9}},
        {"name": "plain", "then": {"images": 2, "repeats": 3}, "now": {"images": 3, "repeats": 3}},
    ]
    assert compared(LOCK, changed("concepts", plain={"images": 2, "repeats": 3, "root": "b3:9"}))["concepts"] == []


def test_versions_and_keys_are_told_apart():
    scan, tag = LOCK["stages"]["scan"] | {"root": "b3:9"}, LOCK["stages"]["tag"] | {"version": 2}
    found = compared(LOCK, changed("stages", scan=scan, tag=tag) | {"lock": {"format": 2, "lorabuild": "0.2.0"}})
    assert found["versions"] == [
        {"name": "lorabuild", "then": "0.1.0", "now": "0.2.0"},
        {"name": "stage tag", "then": 1, "now": 2},
    ]
    assert found["keys"] == ["scan", "tag"]
    assert compared(LOCK, {**LOCK, "stages": {}})["versions"] == []


def test_another_machine_is_told_word_by_word():
    on_cuda = changed("record", train=[{"device": "cuda", "threads": 1}])
    assert compared(LOCK, on_cuda)["record"] == [{"stage": "train", "name": "device", "then": "cpu", "now": "cuda"}]
    mixed = changed("record", train=[{"device": "cpu"}, {"device": "cuda"}])
    assert compared(LOCK, mixed)["record"] == [
        {
            "stage": "train",
            "name": "machines",
            "then": [{"device": "cpu", "threads": 1}],
            "now": [{"device": "cpu"}, {"device": "cuda"}],
        }
    ]
    assert record_words(LOCK, on_cuda) == "they were made differently (train: device cpu → cuda)"
    assert record_words(LOCK, mixed) == "they were made differently (train: on other machines)"
    faster = changed("record", train=[{"device": "cuda", "threads": 2}])
    assert record_words(LOCK, faster) == "they were made differently (train: device cpu → cuda, and 1 more)"
    assert record_words(LOCK, LOCK) == "the training was not deterministic"


def test_what_one_of_the_two_does_not_tell_is_named():
    older = {"lock": {"format": 1, "lorabuild": "0.1.0"}, "settings": "b3:7", "outputs": LOCK["outputs"]}
    found = difference(Kept("HEAD", older, None), Kept("lora.lock", LOCK, []))
    assert found["unsaid"] == ["images", "settings", "models", "stages", "concepts", "record"]
    assert found["settings"] == found["captions"] == found["result"] == []
    assert not found["equal"]


def test_the_result_is_told():
    found = compared(LOCK, changed("outputs", **{"out/a.safetensors": "2" * 64}))
    assert found["result"] == [{"name": "out/a.safetensors", "then": "1" * 64, "now": "2" * 64}]
