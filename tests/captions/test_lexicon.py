import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.lexicon import answer, free, nonsense, opened, plain, spaced, within
from lorabuild.core.errors import ProjectError

EXAMPLE = Path(__file__).parents[2] / "example_project/base/tokenizer/tokenizer.json"
SPELT = (
    ("p", "e</w>"),
    ("ca", "pe</w>"),
    ("u", "e</w>"),
    ("bl", "ue</w>"),
    ("db", "z</w>"),
    ("z", "or"),
    ("zor", "n</w>"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A vocabulary as CLIP's folders have it: letters, their endings, and a few words."""
    folder = tmp_path_factory.mktemp("clip")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_-"
    merges = [("c", "a"), ("b", "l"), ("d", "b"), ("o", "r"), *SPELT]
    words = [*letters, *(f"{one}</w>" for one in letters), *("".join(pair) for pair in merges), "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}), "utf-8")
    lines = [" ".join(pair) for pair in merges]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]), "utf-8")
    return opened([[folder / "vocab.json", folder / "merges.txt"]])


@pytest.fixture(scope="module")
def tiny():
    return opened([[EXAMPLE]])


@pytest.mark.parametrize(
    ("word", "tokens", "known"),
    [
        ("bulma_dbz", ("b", "u", "l", "m", "a", "dbz"), ("dbz",)),
        ("zorbl-cape", ("zor", "bl", "cape"), ("cape",)),
        ("Blue_Cape", ("blue", "cape"), ("blue", "cape")),
        ("xblue", ("x", "blue"), ("blue",)),
        ("xdbz", ("x", "dbz"), ()),
        ("zorn", ("zorn",), ("zorn",)),
        ("kuvo", ("k", "u", "v", "o"), ()),
    ],
)
def test_what_a_base_reads_of_a_word(clip, word, tokens, known):
    found = clip.read(word)
    assert found.known == known
    assert "".join(found.tokens) == "".join(tokens)


def test_a_piece_of_three_letters_means_nothing_and_a_word_of_three_does(clip):
    assert clip.read("dbz").known == ("dbz",)
    assert clip.read("xdbz").known == ()


def test_the_shipped_base_knows_its_own_words(tiny):
    assert tiny.read("star_body").known == ("star", "body")
    assert tiny.read("1creature").known == ("creature",)
    assert tiny.read("zorbl_cape").known == ()
    assert {"beach", "grass", "sunglasses"} <= set(tiny.words)
    assert plain(tiny) == ("beach", "night", "grass", "red")


def test_what_two_tokenizers_know_is_known(tiny, clip):
    both = type(tiny)([*tiny._tokenizers, *clip._tokenizers])
    assert both.read("star_cape").known == ("star", "cape")
    assert len(both.read("zorn").tokens) == len(tiny.read("zorn").tokens) > 1


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ProjectError, match="can't be read"):
        opened([[tmp_path / "tokenizer.json"]])


@given(st.text("abz_- ", max_size=12))
def test_separators_are_blanks(word):
    assert spaced(spaced(word)) == spaced(word)
    assert not {"_", "-", "  "} & {spaced(word)[at : at + length] for at in range(12) for length in (1, 2)}


def test_a_word_stands_in_a_tag_as_a_word_of_its_own():
    assert within("zorbl", "zorbl-plush")
    assert within("Zorbl_Cape", "red zorbl_cape")
    assert not within("zorbl", "zorblish_hat")
    assert not within("cape", "escape")


def test_a_free_word_is_proposed_as_it_is(tiny):
    assert free(tiny, "zorbl", ["hat"]) == ["zorbl"]


@pytest.mark.parametrize("word", ["zorbl", "star_body", "sunglasses_zorbl", "cat", "", "12"])
def test_what_is_proposed_is_free_and_always_the_same(tiny, clip, word):
    taken = {"zorbl", "zorbl_plush", "cat"}
    for lexicon in (tiny, clip):
        found = free(lexicon, word, taken)
        assert found == free(lexicon, word, random.sample(sorted(taken), 3))
        assert 0 < len(found) <= 5
        for other in found:
            assert not lexicon.read(other).known
            assert not any(within(other, tag) for tag in taken)


def test_of_several_words_the_unknown_one_is_proposed(tiny):
    assert free(tiny, "zorbl_sunglasses", [])[0] == "zorbl"


def test_few_tokens_come_first(clip):
    lengths = [len(clip.read(word).tokens) for word in free(clip, "zorbl", ["zorbl"])]
    assert lengths == sorted(lengths)


def test_nonsense_is_free_and_never_changes(tiny):
    assert nonsense(tiny) == ("patub", "todid", "zugak", "kaleb", "gagov", "gebak")


@pytest.mark.parametrize(("distance", "wanted"), [(0.1, 0.0), (0.05, 0.0), (0.2, 0.5), (0.3, 1.0), (0.5, 2.0)])
def test_an_answer_lies_between_nonsense_and_plain_words(distance, wanted):
    assert answer(distance, 0.1, 0.3) == pytest.approx(wanted)


def test_a_base_that_answers_nothing_differently_knows_nothing():
    assert answer(0.4, 0.3, 0.3) == answer(0.4, 0.3, 0.2) == 0
