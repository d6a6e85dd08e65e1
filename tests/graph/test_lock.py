import json

import light
import pytest

from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.graph.lock import compare, lock_of, manifest, read_lock, write_lock
from lorabuild.graph.order import STAGES


def locked(root, *overrides):
    with light.viewed(root, *overrides) as view:
        return lock_of(view, STAGES, {"b": "2" * 64, "a": "1" * 64})


def test_the_lock_says_what_went_in_and_what_came_out(project):
    light.finished(project)
    content = locked(project)
    assert set(content) == {"lock", "settings", "models", "stages", "concepts", "outputs"}
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
    ],
)
def test_a_lock_that_cannot_be_read_says_what_to_do(project, text, said):
    (project / "lora.lock").write_text(text, "utf-8")
    with pytest.raises(ProjectError, match=said) as caught:
        read_lock(project)
    assert caught.value.where == "lora.lock"
    assert "made again" in caught.value.next_step


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


def test_the_manifest_has_a_line_an_image_and_follows_its_name(project):
    light.built(project)
    with light.viewed(project) as view:
        lines = manifest(view).decode().splitlines()
    assert lines[0] == "path\tdigest\tcaption"
    cells = [line.split("\t") for line in lines[1:]]
    assert [cell[0] for cell in cells] == ["data/cape/e.png", *(f"data/plain/{name}.png" for name in "abcd")]
    assert cells[1][1] == cells[4][1]
    assert cells[1][2] == "zorbl, hat"


def test_tabs_and_newlines_in_a_caption_stay_on_its_line(project):
    (project / "data/cape/e.txt").write_text("one\ttwo\\\nthree", "utf-8")
    light.built(project)
    with light.viewed(project) as view:
        lines = manifest(view).decode().splitlines()
    assert len(lines) == 6
    assert lines[1].count("\t") == 2
