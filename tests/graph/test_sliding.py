"""lorabuild.graph.sliding and lorabuild.graph.course: a slider's targets as records, its epochs and strengths."""

from types import SimpleNamespace

import pytest

from lorabuild.balance.slider import aims
from lorabuild.graph import course, sliding
from lorabuild.schema.load import parse

TEXT = """\
name: a
kind: slider
base: {model: owner/base}
slider:
  targets:
    - {target: "", positive: big cat, negative: small cat}
    - {target: dog, positive: big dog, neutral: some dog, resolution: 768, weight: 2}
  steps: 100
images: {resolution: 512}
training: {train: unet, batch: 2}
"""


@pytest.fixture
def view(tmp_path):
    """As much of a view as a slider's records are made from."""
    loaded = parse(TEXT, tmp_path)
    texts = sorted(course.slider_texts(loaded.project))
    held = {
        text or "(empty)": (f"b3:key {text}", {"tokens": f"b3:tokens {text}", "hidden": f"b3:hidden {text}"})
        for text in texts
    }
    made = SimpleNamespace(project=loaded.project, site=loaded.site, held=lambda _stage: held)
    made.derived = lambda _name, work_out: work_out(made)
    return made


def rows(view):
    return list(sliding.learned(view, view.project.slider))


def test_every_prompt_is_a_text(view):
    assert course.slider_texts(view.project) == {"", "big cat", "small cat", "dog", "big dog", "some dog"}


def test_a_target_is_a_record_without_latents(view):
    first, second = (row.record for row in rows(view))
    assert [text[0] for text in first["texts"]] == [f"b3:tokens {text}" for text in ("", "big cat", "small cat", "")]
    assert [text[1] for text in second["texts"]] == [f"b3:hidden {text}" for text in ("dog", "big dog", "", "some dog")]
    assert (first["id"], first["latents"], first["repeats"]) == ("(empty)", "", 50)
    assert (first["size"], second["size"]) == ([512, 512], [768, 768])
    assert second["sizes"] == [768, 768, 0, 0, 768, 768]
    assert {first["pixels"], second["pixels"]} == aims(view.project.slider, 512).keys()


def test_its_key_reads_texts_by_their_keys_and_not_what_is_only_drawn(view):
    parts = sliding.key_parts(view, rows(view))
    assert parts["slider.targets.1.weight"] == 2.0
    assert parts["images.resolution"] == 512
    assert "slider.strengths" not in parts
    other = view.held("")
    other["dog"] = ("b3:another", other["dog"][1])
    assert sliding.key_parts(view, rows(view))["slider texts"] != parts["slider texts"]


def test_the_order_of_targets_is_not_learned(view):
    found = rows(view)
    assert sliding.key_parts(view, found)["slider texts"] == sliding.key_parts(view, found[::-1])["slider texts"]


def test_epochs_and_strengths(view, tmp_path):
    assert course.epochs(view.project) == 2
    assert course.strengths(view.project) == (-2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2)
    lora = parse("name: a\nbase: {model: b}\nconcepts: {a: {folder: c}}\n", tmp_path).project
    assert course.epochs(lora) == lora.budget.epochs
    assert course.strengths(lora) == (1.0,)
    assert course.slider_texts(lora) == set()
