import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.forms import Options, forms, most, options_of, parted
from lorabuild.schema.training import Training
from lorabuild.training.batches import Record, Text, forms_at, warmup_steps

STANDARD = json.loads((Path(__file__).parents[1] / "data" / "caption_forms.json").read_text())
"""What the standard trainer makes of captions where nothing is drawn."""

AROUND = ("caption_prefix", "caption_suffix")

EACH = (
    {"shuffle": True},
    {"drop": 0.5},
    {"fewest": 0},
    {"prefix": "a"},
    {"suffix": "a"},
    {"glue": ";"},
    {"wildcards": True},
)
captions = st.lists(st.sampled_from(["a", "b", "c d", "e_f", "g", "h"]), max_size=7, unique=True).map(", ".join)
settings = st.builds(
    Options,
    shuffle=st.booleans(),
    keep=st.integers(0, 3),
    drop=st.sampled_from([0.0, 0.3, 1.0]),
    fewest=st.none() | st.integers(0, 4),
    number=st.integers(1, 5),
)


def asked(told):
    """Our options and length of warm-up for the standard trainer's words."""
    warmup = told.get("token_warmup_step", 0)
    words = {"tag_dropout": told.get("caption_tag_dropout_rate", 0), "keep_tokens": told.get("keep_tokens", 0)}
    words |= {
        "keep_separator": told.get("keep_tokens_separator"),
        "caption_shuffle": told.get("shuffle_caption", False),
    }
    names = {"enable_wildcard": "wildcards"} | {name: name for name in (*AROUND, "secondary_separator")}
    words |= {ours: told[theirs] for theirs, ours in names.items() if theirs in told}
    words["token_warmup"] = {"steps": warmup, "min": told.get("token_warmup_min", 1)}
    return options_of(Training.model_validate(words), 0), warmup


def at(caption, options, step, warmup):
    """The texts that a look at this step may take."""
    made = forms(caption, options, 1)
    texts = tuple(Text(text, None) for text in made.texts)
    record = Record("a", "l", texts, "p", "plain", 1, False, (64, 64), (0.0,) * 6, early=made.early)
    return {text.tokens for text in forms_at(record, step, warmup)}


@pytest.mark.parametrize(("caption", "told", "result"), STANDARD["one"])
def test_equals_the_standard_trainer(caption, told, result):
    options, warmup = asked(told)
    assert at(caption, options, 0, warmup_steps(warmup, 1000)) == {result}


@pytest.mark.parametrize(("told", "total", "step", "result"), STANDARD["warmup"])
def test_warm_up_equals_the_standard_trainer_s(told, total, step, result):
    options, warmup = asked(told)
    assert at(STANDARD["caption"], options, step, warmup_steps(warmup, total)) == {result}


def test_without_options_a_caption_stays_to_the_letter():
    assert forms(" a ,,b ", Options(), 3) == ((" a ,,b ",), 0)


@given(captions, settings, st.integers(0, 99))
def test_kept_tags_stay_in_front_and_nothing_is_invented(caption, options, seed):
    tags = caption.split(", ") if caption else []
    made = forms(caption, options, seed)
    assert made == forms(caption, options, seed)
    for text in made.texts:
        found = text.split(", ") if text else []
        assert found[: options.keep] == tags[: options.keep]
        assert not Counter(found) - Counter(tags)
        if not options.drop and options.fewest is None:
            assert Counter(found) == Counter(tags)
    assert len(made.texts) - made.early in (1, options.number)
    assert len(made.texts) - made.early <= max(1, most(options))


@given(captions, settings)
def test_the_warm_up_has_one_form_for_each_number_of_tags(caption, options):
    if options.drop == 0 and options.fewest is not None:
        free = parted(caption, options.keep, None).free
        kept = parted(caption, options.keep, None).first
        made = forms(caption, options, 7)
        assert made.early == max(0, len(free) - options.fewest)
        for number, text in enumerate(made.texts[: made.early], options.fewest):
            assert sorted(text.split(", ") if text else []) == sorted([*kept, *free[:number]])


def test_orders_are_many_and_even():
    made = forms("k, a, b, c", Options(shuffle=True, keep=1, number=600), 1).texts
    counts = Counter(made)
    assert set(counts) == {f"k, {x}, {y}, {z}" for x in "abc" for y in "abc" for z in "abc" if len({x, y, z}) == 3}
    assert min(counts.values()) > 70


def test_each_tag_is_dropped_as_often_as_said():
    made = forms("k, a, b", Options(drop=0.3, keep=1, number=1000), 1).texts
    assert all(250 < sum(tag not in text.split(", ") for text in made) < 350 for tag in "ab")
    assert all(text.startswith("k") for text in made)


def test_other_seeds_and_captions_are_shuffled_otherwise():
    options = Options(shuffle=True, number=4)
    assert forms("a, b, c, d, e", options, 1) != forms("a, b, c, d, e", options, 2)
    orders = [
        [text.replace("x", "e") for text in forms(c, options, 1).texts] for c in ("a, b, c, d, e", "a, b, c, d, x")
    ]
    assert orders[0] != orders[1]


def test_more_forms_begin_with_the_same_ones():
    few, many = (forms("a, b, c, d, e", Options(shuffle=True, number=number), 1).texts for number in (3, 6))
    assert many[:3] == few


def test_kept_are_as_many_as_the_triggers_where_nothing_is_said():
    assert options_of(Training(), 2).keep == 2
    assert options_of(Training(keep_tokens=0), 2).keep == 0


def test_behind_a_second_separator_tags_are_kept_at_the_end():
    assert parted("a, b ||| c,, d ||| e", 9, "|||") == (["a", "b"], ["c", "d"], ["e"])
    for text in forms("a ||| b, c, d ||| e", Options(shuffle=True, separator="|||"), 5).texts:
        assert text.startswith("a, ")
        assert text.endswith(", e")


def test_numbers_never_change():
    """Every LoRA that was trained on shuffled captions depends on them."""
    options = Options(shuffle=True, keep=1, drop=0.2, fewest=3, number=2)
    wanted = ("k, a, c, b", "k, a, b, c, d", "k, b, d, c, a", "k, a, e, c, d, b")
    assert forms("k, a, b, c, d, e", options, 42) == (wanted, 2)


def test_kept_tags_are_those_of_the_prefix_and_the_triggers():
    training = Training(caption_shuffle=True, caption_prefix="best, sharp,", caption_suffix=", photo")
    options = options_of(training, 2)
    assert options.keep == 4
    for text in forms("zorbl, cape, a, b, c", options, 3).texts:
        assert text.startswith("best, sharp, zorbl, cape, ")
        assert sorted(text.split(", ")[4:]) == ["a", "b", "c", "photo"]
    assert options_of(training, 0, dressed=False) == Options(shuffle=True)


@pytest.mark.parametrize(("prefix", "suffix", "text"), [("a", "b", "a b"), ("a,", "", "a,"), ("", ", b", ", b")])
def test_around_an_empty_caption_no_blank_is_left(prefix, suffix, text):
    assert forms("", Options(prefix=prefix, suffix=suffix), 1).texts == (text,)


def test_glued_tags_stay_together():
    options = Options(shuffle=True, drop=0.5, glue=";;;", number=50)
    texts = forms("a;;;b, c, d;;;e;;;f", options, 1).texts
    assert {tuple(sorted(text.split(", "))) for text in texts} > {("a,b", "c"), ("d,e,f",)}
    assert all(("a" in text) == ("b" in text) and ("d" in text) == ("f" in text) for text in texts)


def test_wildcards_are_chosen_one_by_one_and_equally_often():
    texts = forms("k, {red| dark blue} hat, {a|b}", Options(wildcards=True, number=80), 1).texts
    assert set(texts) == {f"k, {colour} hat, {letter}" for colour in ("red", "dark blue") for letter in "ab"}
    assert sum("red" in text for text in texts) == sum(text.endswith("a") for text in texts) == 40
    many = Counter(forms("{a|b}, c, d", Options(wildcards=True, shuffle=True, number=600), 1).texts)
    assert len(many) == 12
    assert min(many.values()) > 25


def test_wildcards_are_left_alone_where_they_are_off():
    assert forms("{a|b}", Options(shuffle=True), 1).texts == ("{a|b}",)
    assert options_of(Training(), 0).wildcards is False


@given(st.lists(captions.filter(bool), min_size=1, max_size=4, unique=True), settings, st.integers(0, 9))
def test_every_line_is_read_equally_often(lines, options, seed):
    options = replace(options, wildcards=True, fewest=None, keep=0)
    texts = forms("\n".join(lines), options, seed).texts
    if not options.drop:
        made = Counter(tuple(sorted(text.split(", "))) for text in texts)
        wanted = Counter(tuple(sorted(line.split(", "))) for line in lines)
        assert made.keys() == wanted.keys()
        assert len({made[line] / wanted[line] for line in made}) == 1
    assert len(texts) <= most(options) + len(lines)


def test_a_warm_up_reads_the_first_line():
    made = forms("k, a, b\nx, y", Options(wildcards=True, keep=1, fewest=0, number=4), 1)
    assert made == (("k", "k, a", "k, a, b", "x, y"), 2)


def test_one_line_without_wildcards_has_the_forms_it_always_had():
    plain = Options(shuffle=True, keep=1, drop=0.2, fewest=3, number=2)
    assert forms("k, a, b, c, d, e", plain, 42) == forms("k, a, b, c, d, e", replace(plain, wildcards=True), 42)


@pytest.mark.parametrize("words", EACH)
def test_only_what_changes_no_caption_is_idle(words):
    assert Options(keep=2, separator="|||", number=3).idle
    assert not Options(**words).idle
