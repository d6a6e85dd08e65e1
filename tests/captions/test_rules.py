"""Rules at their levels, and what of them is in a key."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.compose import caption
from lorabuild.captions.levels import by_frequency, for_images, matching
from lorabuild.captions.prune import Absorber
from lorabuild.captions.rules import SWITCHES, Rules, layered, rules_as_dict, rules_of
from lorabuild.captions.synonyms import GROUPS, shipped
from lorabuild.captions.tags import spelling_key
from lorabuild.core.digest import canonical
from lorabuild.schema.caption_rules import CaptionRules
from lorabuild.schema.captions import Captions
from lorabuild.schema.project import Project

USUAL = {"name": "zorbl", "base": {"model": "base"}, "triggers": {"zorbl": {}}}


def project(captions, **concepts):
    known = {name: {"folder": f"dataset/{name}", **words} for name, words in concepts.items()}
    return Project.model_validate({**USUAL, "concepts": known, "captions": captions})


def said(settings, concept, path):
    return for_images(settings, lambda more: rules_of(settings.captions, more))(concept, path)


def made(tags, settings, concept="cape", path="dataset/cape/a.png", triggers=()):
    scores = [(tag, 1.0, "general") for tag in tags.split(", ")]
    return caption(scores, said(settings, concept, path), triggers).text


BACK = {"match": "dataset/cape/*_back.png", "drop": ["smile"], "add": ["from_behind"]}


def test_each_level_adds_to_those_above():
    settings = project({"drop": ["meme"], "for": [BACK]}, cape={"captions": {"drop": ["hat"]}}, plain={})
    tags = "meme, hat, smile, cape"
    assert made(tags, settings, "plain", "dataset/plain/a_back.png") == "hat, smile, cape"
    assert made(tags, settings) == "smile, cape"
    assert made(tags, settings, path="dataset/cape/a_back.png") == "from_behind, cape"


def test_the_nearest_level_has_the_last_word():
    later = {"match": ["dataset/**/b*.png"], "underscores": "keep", "replace": {"cap": "beret"}}
    settings = project(
        {
            "underscores": "space",
            "replace": {"hat": "cap"},
            "add": ["solo"],
            "for": [{**BACK, "drop": ["solo"]}, later],
        },
        cape={"captions": {"underscores": "keep", "replace": {"cap": "hat"}}},
    )
    assert made("red_hat, hat", settings, "plain") == "solo, red hat, cap"
    assert made("cap, red_bow", settings) == "solo, hat, red_bow"
    assert made("cap, x", settings, path="dataset/cape/a_back.png") == "from_behind, hat, x"
    assert made("cap, x", settings, path="dataset/cape/b_back.png") == "from_behind, beret, x"


def test_what_a_level_adds_is_spared_its_own_and_farther_drops():
    settings = project({"drop": ["*_background"]}, cape={"captions": {"add": ["simple_background"]}})
    assert made("yellow_background, hat", settings) == "simple_background, hat"


def test_images_with_the_same_rules_share_one_answer():
    settings = project({"for": [BACK]}, cape={}, plain={})
    answer = for_images(settings, lambda more: object())
    assert answer("cape", "dataset/cape/a.png") is answer("cape", "dataset/cape/b.png")
    assert answer("cape", "dataset/cape/a.png") is not answer("cape", "dataset/cape/a_back.png")
    assert answer("", "elsewhere/a.png") is answer("", "elsewhere/b.png")


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("dataset/cape/*_back.png", "dataset/cape/a_back.png", True),
        ("./dataset/*.png", "dataset/a.png", True),
        ("dataset/*", "dataset/cape/a.png", False),
        ("dataset/**/*.png", "dataset/a.png", True),
        ("dataset/**/*.png", "dataset/x/y/a.png", True),
        ("dataset/**", "dataset/x/y/a.png", True),
        ("**/a.png", "a.png", True),
        ("a[12].png", "a1.png", True),
        ("a[!12].png", "a1.png", False),
        ("a[!12].png", "a/.png", False),
        ("a[.png", "a[.png", True),
        ("a?.png", "a/.png", False),
        ("A.png", "a.png", False),
    ],
)
def test_globs(glob, path, matches):
    assert matching((glob,))(path) is matches


@given(st.text("ab*?[]!/.-^\\", max_size=12), st.text("ab/.", max_size=8))
def test_any_glob_can_be_asked(glob, path):
    matching((glob,))(path)


def test_frequency_at_any_level_looks_at_all_images():
    assert not by_frequency(project({}, cape={}))
    assert by_frequency(project({"order": "frequency"}, cape={}))
    assert by_frequency(project({}, cape={"captions": {"order": "frequency"}}))
    assert by_frequency(project({"for": [{"match": "a", "order": "frequency"}]}, cape={}))


def test_without_new_words_a_key_is_what_it_was():
    captions = Captions.model_validate({"tagger": {"type": "wd14"}, "drop": ["b", "a"], "replace": {"x": "y"}})
    assert rules_as_dict(captions) == {
        "tagger.threshold": 0.35,
        "tagger.character_threshold": 0.85,
        "drop": ["a", "b"],
        "replace": {"x": "y"},
        "consolidate": True,
        "order": "score",
        "underscores": "keep",
    }
    assert rules_as_dict(captions, [CaptionRules()]) == rules_as_dict(captions)


NEW = {
    "style": "prose", "add": ["a"], "split": {"a": ["b"]}, "same": {"a": ["b"]}, "implies": {"a": ["b"]},
    "synonyms": True, "names": "drop", "case": "lower", "escape": True, "order": "original", "counts_first": True,
    "max_tokens": 75,
}  # fmt: skip


@pytest.mark.parametrize("word", NEW)
def test_each_new_word_is_in_the_key_at_every_level(word):
    plain = canonical(rules_as_dict(Captions()))
    here = rules_as_dict(Captions.model_validate({word: NEW[word]}))
    assert canonical(here) != plain
    assert canonical(rules_as_dict(Captions(), [CaptionRules.model_validate({word: NEW[word]})])) == canonical(here)


def test_the_defaults_of_the_rules_are_those_of_the_settings():
    usual, rules = Rules(), rules_of(Captions())
    assert all(getattr(rules, name) == getattr(usual, name) for name in (*SWITCHES, "add", "drop", "same", "split"))
    assert set(CaptionRules.model_fields) == {*SWITCHES, "drop", "add", "replace", "split", "same", "implies"}


def test_a_nearer_table_keeps_what_it_chose():
    assert layered({"grey": "gray"}, {"gray": "grey", "red": "crimson"}) == {"grey": "gray", "red": "crimson"}
    settings = project(
        {"synonyms": True, "same": {"gray_eyes": ["grey_eyes"]}, "replace": {"jumper": "jumper"}}, cape={}
    )
    assert made("grey_eyes, jumper, gray_hair", settings) == "gray_eyes, jumper, grey_hair"


def test_synonyms_are_off_until_they_are_asked_for():
    assert made("gray_eyes, jumper", project({}, cape={})) == "gray_eyes, jumper"
    assert (
        made("gray_eyes, Twin Tails, jumper", project({"synonyms": True}, cape={})) == "grey_eyes, twintails, sweater"
    )
    settings = project({"synonyms": True}, cape={"captions": {"synonyms": False}})
    assert made("gray_eyes", settings) == "gray_eyes"


def test_the_shipped_synonyms_are_keys_each_in_one_group():
    table = shipped()
    assert all(tag == spelling_key(tag) for pair in table.items() for tag in pair)
    assert not table.keys() & set(table.values())
    assert len(table) == sum(len(line.split()) - 1 for line in GROUPS.strip().splitlines())


def test_a_drop_group_and_an_implication_by_the_person():
    settings = project({"implies": {"katana": ["sword"], "sword": ["weapon"]}, "drop": ["@expression"]}, cape={})
    assert made("weapon, katana, smile", settings) == "katana"
    assert made("weapon, hat", settings) == "weapon, hat"


WORDS = [
    "1girl",
    "solo",
    "hat",
    "red_hat",
    "Red Hat",
    "gray_eyes",
    "katana",
    "sword",
    "weapon",
    "^_^",
    "a_(b)",
    "2boys",
]
TEXTS = st.sampled_from(WORDS)
LISTS = st.lists(TEXTS, max_size=2).map(tuple)
LEVEL = st.fixed_dictionaries(
    {},
    optional={
        "drop": st.lists(st.sampled_from(["hat", "*_hat", "s*"]), max_size=2).map(tuple),
        "add": LISTS,
        "replace": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "split": st.dictionaries(TEXTS, LISTS, max_size=2),
        "same": st.dictionaries(TEXTS, LISTS, max_size=2),
        "implies": st.dictionaries(TEXTS, LISTS, max_size=3),
        "synonyms": st.booleans(),
        "names": st.sampled_from(["keep", "drop"]),
        "case": st.sampled_from(["keep", "lower"]),
        "underscores": st.sampled_from(["keep", "space"]),
        "escape": st.booleans(),
        "order": st.sampled_from(["score", "alphabet", "original"]),
        "counts_first": st.booleans(),
        "max_tokens": st.integers(1, 12),
    },
)
KINDS = st.sampled_from(["general", "character"])
SCORES = st.lists(st.tuples(TEXTS, st.floats(0, 1), KINDS), max_size=6)
GENERAL = st.lists(st.tuples(TEXTS, st.floats(0, 1), st.just("general")), max_size=6)
NAMES = st.lists(st.sampled_from(["zorbl", "hat", "a_(b)"]), max_size=2, unique=True)


def length(text):
    return len(text.replace(",", " ,").split())


@given(GENERAL, st.lists(LEVEL, max_size=3), NAMES)
def test_no_rule_loses_a_trigger_and_twice_is_once(scores, levels, names):
    rules = rules_of(Captions(), [CaptionRules.model_validate(level) for level in levels])
    triggers = [Absorber(name, ("*_hat",)) for name in names]
    once = caption(scores, rules, triggers, count=length)
    assert once.text.split(", ")[: len(names)] == names or not names
    again = caption(
        [(tag, 1 - place / 99, "general") for place, tag in enumerate(once.tags)], rules, triggers, count=length
    )
    if rules.max_tokens is None:
        assert {*map(spelling_key, again.tags)} == {*map(spelling_key, once.tags)}
    else:
        assert length(once.text) <= max(rules.max_tokens, length(", ".join(names)))


@given(SCORES, LEVEL, NAMES, st.randoms())
def test_the_order_of_the_scores_changes_only_the_order(scores, level, names, random):
    rules = rules_of(Captions(), [CaptionRules.model_validate({**level, "max_tokens": None})])
    triggers = [Absorber(name, ("*_hat",)) for name in names]
    shuffled = random.sample(scores, len(scores))
    one, other = caption(scores, rules, triggers), caption(shuffled, rules, triggers)
    assert {*map(spelling_key, one.tags)} == {*map(spelling_key, other.tags)}
    assert len({*map(spelling_key, one.tags)}) == len(one.tags)


def test_rules_as_dict_is_json():
    json.dumps(rules_as_dict(Captions.model_validate(NEW)))
