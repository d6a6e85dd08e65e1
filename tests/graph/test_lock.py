import json

import light
import pytest

from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.graph.lock import (
    comparable,
    compare,
    lock_of,
    parse_lock,
    portable,
    read_lock,
    refuse_conflict,
    write_lock,
)
from lorabuild.graph.order import STAGES

CPU = {"device": "cpu", "dtype": "float32", "threads": 1}
CUDA = {"device": "cuda", "dtype": "float32", "deterministic": True}


def locked(root, *overrides):
    with light.viewed(root, *overrides) as view:
        return lock_of(view, STAGES, {"b": "2" * 64, "a": "1" * 64})


def test_the_lock_says_what_went_in_and_what_came_out(project):
    light.finished(project)
    content = locked(project)
    assert list(content) == ["lock", "settings", "models", "stages", "concepts", "record", "outputs"]
    assert list(content["outputs"]) == ["a", "b"]
    assert set(content["stages"]) == {*STAGES} - {"report"}
    assert content["stages"]["scan"]["count"] == 5
    assert (content["concepts"]["plain"]["images"], content["concepts"]["plain"]["repeats"]) == (3, 2)
    assert content["models"]["base"]["source"] == "base"
    assert set(content["models"]["base"]["parts"]) == {"unet", "vae", "text_encoder", "scheduler", "tokenizer"}
    assert "tagger" not in content["models"]


def test_nothing_of_this_machine_is_in_it(project):
    light.finished(project)
    text = write_lock(locked(project)).decode()
    assert str(project) not in text
    assert locked(project, "device.threads=3") == locked(project)


def test_every_setting_stands_on_a_line_of_its_own(project):
    light.finished(project)
    before, after = (write_lock(locked(project, *more)).decode() for more in ((), ("training.optimizer.lr=0.5",)))
    assert '  "training.optimizer.lr": 0.0001,' in before.splitlines()
    now = [line for line in after.splitlines() if line not in before.splitlines()]
    assert now[0] == '  "training.optimizer.lr": 0.5,'
    assert all(line.startswith(('  "train"', '  "sample"', '  "package"')) for line in now[1:])


def test_what_only_changes_how_it_runs_is_not_in_it(project):
    light.finished(project)
    assert not [name for name in locked(project)["settings"] if name.startswith("device.")]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("dataset/plain", "dataset/plain"),
        ("owner/model@v1", "owner/model@v1"),
        ("/home/me/models/base.safetensors", "base.safetensors"),
        ("~/models/base", "base"),
        ("../shared/base/", "base"),
        ("data/../../shared/base", "base"),
        (r"C:\models\base", "base"),
        (r"..\base", "base"),
        ("..and more", "..and more"),
        ("1girl, ~5 hats", "1girl, ~5 hats"),
        (["a", "/b/c"], ["a", "c"]),
        ({"x": ("/b/c", 1)}, {"x": ["c", 1]}),
        (None, None),
    ],
)
def test_a_path_that_leads_out_of_the_project_is_told_by_its_name(value, told):
    assert portable(value) == told


def test_an_output_folder_outside_is_told_by_its_name(project):
    light.finished(project)
    with light.viewed(project, f"output.folder={project.parent}/loras") as view:
        content = lock_of(view, STAGES, {f"{project.parent}/loras/tiny.json": "1" * 64})
    assert list(content["outputs"]) == ["loras/tiny.json"]
    assert content["settings"]["output.folder"] == "loras"


def test_it_says_on_what_it_was_made(project):
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        with view.store.writer("train") as door:
            (item,) = view.step("train").todo
            door.done(item, {"epoch-0001": door.write(b"1"), "epoch-0002": door.write(b"2")}, record=CPU)
        view.again("train")
        assert lock_of(view, STAGES[:8], {})["record"] == {"train": [CPU]}
        assert lock_of(view, STAGES[:7], {})["record"] == {}


def test_it_is_sorted_json_with_an_entity_a_line(project):
    light.finished(project)
    data = write_lock(locked(project))
    lines = data.decode().splitlines()
    inner = [line.split(":")[0] for line in lines[lines.index('"stages": {') + 1 :]][: len(STAGES) - 1]
    assert inner == sorted(inner)
    assert sum(line.startswith('  "cape":') for line in lines) == 1
    assert json.loads(data) == locked(project)
    assert data.endswith(b"}\n")


def test_an_empty_section_is_valid_json():
    assert json.loads(write_lock({"lock": {"format": 1}, "outputs": {}})) == {"lock": {"format": 1}, "outputs": {}}


def test_what_is_written_is_read_back(project):
    light.finished(project)
    assert read_lock(project) is None
    (project / "lora.lock").write_bytes(write_lock(locked(project)))
    read = read_lock(project)
    assert read == locked(project)
    compare(read, locked(project))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<<<<<<< ours\n{}\n", "merge conflict"),
        ("{", "can't be read"),
        ("[1]", "no JSON object"),
        ('{"lock": 2}', "no JSON object"),
        ('{"models": []}', "no JSON object"),
        ('{"outputs": {"out/a.png": 1}}', "no JSON object"),
        ('{"record": {"train": {}}}', "no JSON object"),
    ],
)
def test_a_lock_that_cannot_be_read_says_what_to_do(project, text, said):
    (project / "lora.lock").write_text(text, "utf-8")
    with pytest.raises(ProjectError, match=said) as caught:
        read_lock(project)
    assert caught.value.where == "lora.lock"
    assert "lora.lock" in caught.value.next_step or "made again" in caught.value.next_step


@pytest.mark.parametrize("name", ["lora.lock", "lora.manifest.tsv"])
@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"])
def test_what_is_left_of_a_merge_conflict_is_seen(project, name, mark):
    (project / name).write_text(f"one\n{mark}\nother\n", "utf-8")
    with pytest.raises(ProjectError, match="merge conflict") as caught:
        refuse_conflict(project)
    assert caught.value.where == name
    assert f"git checkout --ours {name}" in caught.value.next_step


def test_a_caption_that_looks_like_a_conflict_is_none(project):
    (project / "lora.manifest.tsv").write_text("<<<<<<< a.png\tb3:00\t=======\n", "utf-8")
    (project / "lora.lock").write_bytes(write_lock({"settings": {"output.description": "<<<<<<< x"}}))
    refuse_conflict(project)


def test_a_lock_of_a_newer_lorabuild_is_not_guessed_at():
    with pytest.raises(ProjectError, match="newer lorabuild"):
        parse_lock(b'{"lock": {"format": 99}}')
    with pytest.raises(ProjectError, match="newer lorabuild"):
        parse_lock(b'{"lock": {"format": "two"}}')


def test_a_lock_of_the_older_form_is_read_and_not_held_to():
    older = parse_lock(b'{"lock": {"format": 1}, "settings": "b3:00"}')
    with pytest.raises(DifferenceError, match="older form 1") as caught:
        compare(older, {"lock": {"format": 2}})
    assert "without --locked" in caught.value.next_step


def test_bytes_are_promised_on_equal_machines_by_what_gives_the_same_bits():
    assert comparable({"train": [CPU]}, {"train": [CPU]})
    assert comparable({"train": [CUDA]}, {"train": [CUDA]})
    assert not comparable({"train": [CPU]}, {"train": [CUDA]})
    assert not comparable({"train": [CPU]}, {"train": [CPU, CUDA]})
    loose = {"train": [CUDA | {"deterministic": False}]}
    assert not comparable(loose, loose)


def test_outputs_of_another_machine_are_no_difference():
    here, there = (
        {"concepts": {"a": {"repeats": 1}}, "record": {"train": [record]}, "outputs": {"x": sha}}
        for record, sha in ((CPU, "1"), (CUDA, "2"))
    )
    assert compare(here, here)
    assert not compare(here, there)
    with pytest.raises(DifferenceError, match=r"would change: outputs\.x"):
        compare(here, {**here, "outputs": {"x": "2"}})
    with pytest.raises(DifferenceError, match=r"would change: concepts\.a\.repeats\n"):
        compare(here, {**there, "concepts": {"a": {"repeats": 2}}})


def test_a_difference_is_named():
    with pytest.raises(DifferenceError, match=r"would change: concepts\.a\.repeats, outputs\.x") as caught:
        compare(
            {"concepts": {"a": {"repeats": 1}}, "outputs": {"x": "1"}},
            {"concepts": {"a": {"repeats": 2}}, "outputs": {}},
        )
    assert caught.value.exit_code == 3


def test_many_differences_are_counted():
    with pytest.raises(DifferenceError, match="and 4 more"):
        compare({}, {f"x{number}": 1 for number in range(10)})


def test_without_a_lock_there_is_nothing_to_hold_to():
    with pytest.raises(DifferenceError, match=r"no lora\.lock"):
        compare(None, {})
