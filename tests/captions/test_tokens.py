"""Tokens as the text stage makes them, without transformers."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.captions.tokens import counter, fitting
from lorabuild.core.errors import ProjectError

BASE = Path(__file__).parents[2] / "example_project" / "base" / "tokenizer"
TEXTS = [
    "",
    "zorbl, 1creature, grass",
    "Skadi_(arknights), ^_^, :3, it's",
    "straße, naïve\t  ÀÉ, 日本 語",
    "a\\(b\\), ;_;",
    "(x),) ,",
]


@pytest.fixture(scope="module")
def theirs():
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(str(BASE), local_files_only=True)
    return lambda text: len(tokenizer([text], add_special_tokens=False, verbose=False).input_ids[0])


@pytest.fixture(scope="module")
def ours():
    return counter([[BASE / "tokenizer.json", BASE / "tokenizer_config.json"]])


@pytest.mark.parametrize("text", TEXTS)
def test_as_the_model_counts(text, ours, theirs):
    assert ours(text) == theirs(text)


@settings(max_examples=60)
@given(text=st.text(st.sampled_from("ab1_(),.'\\ éA日^-\n\t"), max_size=30))
def test_any_text_is_counted_as_the_model_does(text, ours, theirs):
    assert ours(text) == theirs(text)


def test_vocabulary_and_merges_say_the_same(tmp_path, ours):
    model = json.loads((BASE / "tokenizer.json").read_text("utf-8"))["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    other = counter([[tmp_path / "merges.txt", tmp_path / "vocab.json"]])
    assert [other(text) for text in TEXTS] == [ours(text) for text in TEXTS]


def test_of_two_tokenizers_the_longer_answer_counts(tmp_path, ours):
    letters = {letter: place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz,")}
    letters |= {f"{letter}</w>": 27 + place for letter, place in letters.items()} | {"<|endoftext|>": 60}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": letters, "merges": []}}), "utf-8")
    both = counter([[BASE / "tokenizer.json"], [tmp_path / "tokenizer.json"]])
    assert both("creature") == max(8, ours("creature"))
    assert both("a") == 1


@pytest.mark.parametrize("text", ["", "{}", '{"model": {"vocab": {}, "merges": [["a"]]}}'])
def test_a_damaged_vocabulary_is_named(tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text, "utf-8")
    with pytest.raises(ProjectError, match="can't be read"):
        counter([[tmp_path / "tokenizer.json"]])


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 40), st.integers(0, 5))
def test_as_many_as_fit(sizes, most, least):
    number = fitting(lambda count: least + sum(sizes[:count]), len(sizes), most)
    assert number == 0 or least + sum(sizes[:number]) <= most
    assert number == len(sizes) or least + sum(sizes[: number + 1]) > most
