import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.schema.consumed import consumed
from lorabuild.schema.finish import Finish, step
from lorabuild.schema.network import ByBlock
from lorabuild.schema.words import words


def said(project, text):
    loaded = project(f"finish: {text}\n")
    return {word: value for word, value in loaded.site.consumed().items() if word.startswith("finish")}


def test_without_steps_no_key_knows_of_them(project):
    assert not any(word.startswith("finish") for word in project().site.consumed())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{resize: 16}]", {"finish.0.resize.dim": 16}),
        ("[{resize: {energy: 0.9, conv_dim: 4}}]", {"finish.0.resize.energy": 0.9, "finish.0.resize.conv_dim": 4}),
        ("[{rebase: {from: 0.5}}]", {"finish.0.rebase.from": 0.5, "finish.0.rebase.to": 1.0}),
        ("[{blocks: MIDD}, {cut: 8}]", {"finish.0.blocks": {"MIDD": 1.0}, "finish.1.cut": 8}),
        ("[{merge: [{file: a.safetensors, weight: 0.5}]}]",
         {"finish.0.merge.0.file": "a.safetensors", "finish.0.merge.0.weight": 0.5}),
    ],
)  # fmt: skip
def test_what_is_said_is_in_the_key_and_nothing_else(project, text, words):
    assert said(project, text) == words


def test_every_word_of_a_step_changes_what_is_consumed():
    """Declared means consumed, word by word."""
    trials = {
        "resize": [{"dim": 2}, {"dim": 3}, {"conv_dim": 2}, {"energy": 0.5}, {"ratio": 2}],
        "rebase": [{"from": 0.5}, {"from": 0.6}, {"from": 0.5, "to": 2}],
        "blocks": [{"IN01": 0}, {"IN01": 0.5}],
        "cut": [4, 8],
        "merge": [[{"file": "a"}], [{"file": "b"}], [{"file": "a", "weight": 2}]],
    }
    found = [str(consumed(step(word, value), "")) for word, values in trials.items() for value in values]
    assert len(set(found)) == len(found)
    assert {word.name for word in words(Finish)} == {
        *trials, "dim", "conv_dim", "energy", "ratio", "from", "to", "file", "weight",
    }  # fmt: skip


def test_a_list_of_values_is_the_notation_of_blocks():
    assert step("blocks", ",".join(["1"] * 12)).blocks["OUT05"] == 1
    assert ByBlock is not None


@pytest.mark.parametrize(("word", "value"), [("resize", "much"), ("rebase", {}), ("cut", 0), ("merge", [{}])])
def test_a_command_line_that_says_nonsense(word, value):
    with pytest.raises(ProjectError, match=f"^command line: {word}"):
        step(word, value)
