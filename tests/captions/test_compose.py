import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.compose import caption
from lorabuild.captions.prune import Absorber
from lorabuild.captions.rules import Rules, rules_as_dict, rules_of
from lorabuild.captions.select import Thresholds
from lorabuild.captions.tags import spelling_key
from lorabuild.core.digest import canonical
from lorabuild.schema.captions import Captions

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "tag_rules.json").read_text("utf-8"))
UNPRUNED = """1girl, ascot, closed_mouth, frilled_ascot, frilled_skirt, frills, green_hair, long_sleeves,
looking_at_viewer, one-hour_drawing_challenge, open_mouth, plaid, plaid_skirt, plaid_vest, red_skirt, red_vest, shirt,
short_hair, simple_background, skirt, solo, umbrella, vest, white_shirt, yellow_ascot, yellow_background"""
CREATURE = "1creature, round_body, teal_skin, one_eye, antennae, cape, red_cape, grass, small, limbs, smile"

VOCABULARY = [
    "1girl", "smile", "shirt", "white_shirt", "White Shirt", "white_dress", "turtleneck_dress", "red_dress", "boots",
    "black_boots", "hat", "chat", "^_^", "blue_eyes", "meme", "no_hat", "grey_hair",
]  # fmt: skip
SCORES = st.lists(
    st.tuples(
        st.sampled_from(VOCABULARY),
        st.floats(0, 1).map(lambda x: round(x, 6)),
        st.sampled_from(["general", "general", "rating"]),
    )
)
TRIGGERS = st.lists(
    st.builds(
        Absorber,
        st.sampled_from(["zorbl", "cape_x", "white_shirt"]),
        st.lists(st.sampled_from(["*_dress", "white_*", "hat", "*boots", "*"]), max_size=2).map(tuple),
        st.lists(st.sampled_from(["smile", "*_shirt"]), max_size=1).map(tuple),
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda trigger: trigger.name,
)
RULES = st.builds(
    Rules,
    thresholds=st.sampled_from([(Thresholds(),), (Thresholds(0.35),)]),
    drop=st.sampled_from([(), ("meme", "no_*")]),
    replace=st.sampled_from(
        [(), (("grey_hair", "gray_hair"), ("hat", "")), (("red_dress", "long_dress"), ("boots", "shoes"))]
    ),
    consolidate=st.booleans(),
    order=st.sampled_from(["score", "alphabet", "frequency", "original"]),
    underscores=st.sampled_from(["keep", "space"]),
)


def general(text):
    return [(" ".join(tag.split()), 1.0, "general") for tag in text.split(",")]


def test_the_worked_example_of_the_craft():
    chara = Absorber("CharaA", ("1girl", "*_hair"))
    outfit = Absorber(
        "Outfit1", ("*ascot", "*skirt", "frills", "plaid", "*vest", "*shirt", "*_sleeves"), spares_footwear=True
    )
    made = caption(general(UNPRUNED), Rules(drop=("one-hour_*",)), [chara, outfit])
    assert made.text == (
        "CharaA, Outfit1, closed_mouth, looking_at_viewer, open_mouth, simple_background, solo, umbrella, "
        "yellow_background"
    )
    assert made.dropped == ("one-hour_drawing_challenge",)
    assert ("green_hair", "CharaA") in made.pruned
    assert len(made.tags) + len(made.pruned) + len(made.dropped) == len(general(UNPRUNED))


def test_the_creature_of_the_example_project():
    zorbl = Absorber("zorbl", ("1creature", "*_skin", "*_eye", "antennae", "*_body"))
    made = caption(general(CREATURE), Rules(), [zorbl, Absorber("zorbl_cape", ("cape", "*_cape"), (), True)])
    assert made.text == "zorbl, zorbl_cape, grass, small, limbs, smile"
    assert caption(general(CREATURE), Rules()).text == CREATURE.replace("cape, ", "", 1)


def test_thresholds_apply_to_scores_and_ratings_never_appear():
    scores = [
        ("explicit", 0.9, "rating"),
        ("smile", 0.5, "general"),
        ("hat", 0.3, "general"),
        ("miku", 0.6, "character"),
    ]
    assert caption(scores, Rules((Thresholds(0.35, 0.85),))).text == "smile"
    assert caption(scores, Rules((Thresholds(0.2, 0.5),))).text == "miku, smile, hat"


def test_a_tag_that_is_a_trigger_stands_once_and_first():
    assert caption(general("forest, Zorbl, hat"), Rules(), [Absorber("zorbl")]).text == "zorbl, forest, hat"


def test_a_trigger_is_written_as_it_is_declared():
    made = caption(general("long_hair, ^_^"), Rules(underscores="space"), [Absorber("zorbl_cape")])
    assert made.text == "zorbl_cape, long hair, ^_^"


def test_a_merged_tag_meets_the_rules_again():
    scores = general("white_dress, turtleneck_dress, smile")
    merged = "white_turtleneck_dress"
    assert caption(scores, Rules(drop=(merged,))).text == "smile"
    assert caption(scores, Rules(replace=((merged, "gown"),))).text == "gown, smile"
    assert caption(scores, Rules(), [Absorber("z", (merged,))]).pruned == ((merged, "z"),)


@pytest.mark.parametrize(
    ("counted", "rules"),
    [
        ("2girls", Rules()),
        ("2girls", Rules(drop=("2girls",))),
        ("two_girls", Rules(same=(("two_girls", "2girls"),))),
        ("pair", Rules(split=(("pair", ("1girl", "1boy")),))),
        ("1girl", Rules(add=("1boy",))),
    ],
)
def test_two_people_keep_their_dresses_apart(counted, rules):
    made = caption(general(f"{counted}, white_dress, turtleneck_dress"), rules)
    assert made.tags[-2:] == ("white_dress", "turtleneck_dress")


def test_a_count_that_stands_for_another_is_one_figure():
    made = caption(general("1woman, white_dress, turtleneck_dress"), Rules(replace=(("1woman", "1girl"),)))
    assert made.text == "1girl, white_turtleneck_dress"


def test_a_persons_text_wins():
    made = caption(general("hat"), Rules(drop=("tree",)), [Absorber("zorbl", ("sea",))], "a tree, the sea")
    assert made.text == "zorbl, a tree, the sea"
    assert made.human
    assert made.tags == ("a tree", "the sea")
    assert not made.pruned


def test_by_frequency_a_merged_tag_counts_as_its_parts():
    scores = general("smile, white_dress, turtleneck_dress, solo")
    made = caption(scores, Rules(order="frequency"), (), None, {"turtleneck_dress": 5, "solo": 9, "smile": 1})
    assert made.text == "solo, white_turtleneck_dress, smile"


def own(tags, trigger_names):
    return [(tag, 1.0 - place / 1000, "general") for place, tag in enumerate(tags) if tag not in trigger_names]


@given(SCORES, RULES, TRIGGERS)
def test_never_loses_a_trigger_and_they_come_first(scores, rules, triggers):
    names = [trigger.name for trigger in triggers]
    made = caption(scores, rules, triggers)
    assert made.text.split(", ")[: len(names)] == names or not names
    assert made.text == ", ".join([*names, *made.tags])


@given(SCORES, RULES, TRIGGERS)
def test_no_duplicates_and_nothing_made_up(scores, rules, triggers):
    made = caption(scores, rules, triggers)
    keys = [spelling_key(tag) for tag in made.tags]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & {spelling_key(trigger.name) for trigger in triggers}
    known = {spelling_key(tag) for tag, _, _ in scores} | {spelling_key(text) for _, text in rules.replace}
    merged = {
        "white_turtleneck_dress",
        "red_turtleneck_dress",
        "long_white_turtleneck_dress",
        "long_white_dress",
        "long_turtleneck_dress",
    }
    assert set(keys) <= known | merged


@given(SCORES, RULES, TRIGGERS)
def test_twice_is_once(scores, rules, triggers):
    once = caption(scores, rules, triggers)
    again = caption(own(once.tags, ()), rules, triggers)
    assert set(again.tags) == set(once.tags)
    if rules.order != "frequency":
        assert again.text == once.text


@given(SCORES, RULES, TRIGGERS, st.randoms())
def test_the_order_of_the_tagger_changes_only_the_order(scores, rules, triggers, random):
    shuffled = random.sample(scores, len(scores))
    one, other = caption(scores, rules, triggers), caption(shuffled, rules, triggers)
    assert {spelling_key(tag) for tag in one.tags} == {spelling_key(tag) for tag in other.tags}
    if rules.order == "alphabet":
        assert one.text.lower().replace("_", " ") == other.text.lower().replace("_", " ")


@given(st.text(max_size=60), st.lists(st.sampled_from(["zorbl", "a.b"]), unique=True))
def test_a_persons_text_is_stable_and_keeps_its_triggers(text, names):
    triggers = [Absorber(name) for name in names]
    once = caption([], Rules(), triggers, text)
    assert caption([], Rules(), triggers, once.text).text == once.text
    assert "\n" not in once.text
    assert "\r" not in once.text
    assert all(name in once.text.lower() for name in names)


def test_rules_come_from_the_settings():
    settings = Captions.model_validate(
        {"tagger": {"type": "wd14", "threshold": 0.4}, "drop": ["b", "a", "a"], "replace": {"x": "y"}}
    )
    rules = rules_of(settings)
    assert rules.thresholds == (Thresholds(0.4, 0.85),)
    assert rules_of(Captions()).thresholds == (Thresholds(),)
    assert rules_as_dict(settings)["drop"] == ["a", "b"]
    assert rules_as_dict(settings)["tagger.threshold"] == 0.4


def test_the_key_has_every_rule_and_not_the_model():
    def key(**words):
        return canonical(rules_as_dict(Captions.model_validate(words)))

    plain = key(tagger={"type": "wd14"})
    assert plain == key(tagger={"type": "wd14", "model": "elsewhere"})
    changed = [
        {"drop": ["a"]},
        {"replace": {"a": "b"}},
        {"consolidate": False},
        {"order": "alphabet"},
        {"underscores": "space"},
        {"tagger": {"type": "wd14", "threshold": 0.5}},
        {"tagger": {"type": "wd14", "character_threshold": 0.5}},
    ]
    keys = {plain, *(key(**({"tagger": {"type": "wd14"}} | words)) for words in changed)}
    assert len(keys) == len(changed) + 1


def test_captions_import_nothing_heavy():
    program = (
        "import sys; import lorabuild.captions.compose; "
        "print([name for name in ('numpy', 'PIL', 'torch', 'pydantic', 'onnxruntime') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_rule_at_once_in_its_order():
    scores = [
        ("smile", 0.9, "general"), ("Gray_Hair", 0.8, "general"), ("solo", 0.7, "general"), ("1girl", 0.6, "general"),
        ("saber_(fate)", 0.95, "character"), ("katana", 0.5, "general"), ("sword", 0.5, "general"),
        ("hat_and_cape", 0.4, "general"), ("^_^", 0.3, "general"),
    ]  # fmt: skip
    rules = Rules(
        add=("from_behind",),
        split=(("hat_and_cape", ("big_hat", "Red_Cape")),),
        same=(("gray_hair", "grey_hair"),),
        implies=(("katana", ("sword",)),),
        names="drop",
        case="lower",
        underscores="space",
        escape=True,
        counts_first=True,
    )
    made = caption(scores, rules, [Absorber("Zorbl (old)", ("*_cape",))])
    assert made.text == "Zorbl (old), 1girl, solo, from behind, smile, grey hair, katana, big hat, ^_^"
    assert made.dropped == ("saber_(fate)", "sword")
    assert made.pruned == (("Red_Cape", "Zorbl (old)"),)


def test_names_go_unless_they_are_triggers():
    scores = [("miku", 0.9, "character"), ("zorbl", 0.9, "character"), ("hat", 0.5, "general")]
    made = caption(scores, Rules(names="drop"), [Absorber("zorbl")])
    assert (made.text, made.dropped) == ("zorbl, hat", ("miku",))


def test_an_added_tag_may_be_absorbed_and_is_spared_other_rules():
    rules = Rules(add=("red_cape", "hat"), drop=("hat",), replace=(("hat", "cap"),))
    made = caption(general("hat, smile"), rules, [Absorber("z", ("*_cape",))])
    assert (made.text, made.pruned) == ("z, hat, smile", (("red_cape", "z"),))


def test_original_order_is_that_of_the_scores():
    scores = [
        ("b", 0.4, "general"),
        ("white_dress", 0.2, "general"),
        ("a", 0.9, "general"),
        ("long_dress", 0.8, "general"),
    ]
    assert caption(scores, Rules(order="original", add=("z",))).text == "b, long_white_dress, a, z"
    assert caption(scores, Rules()).text == "a, long_white_dress, b"


def test_a_tag_that_was_escaped_is_met_by_its_own_name():
    rules = Rules(escape=True, drop=("b_(c)",))
    assert caption(general(r"a_\(b\), b_\(c\), c_(d)"), rules).text == r"a_\(b\), c_\(d\)"


PROSE = [("hat", 0.9, "general"), ("A cat,\nsitting.", 1.0, "prose"), ("It rains.", 1.0, "prose")]


def test_styles():
    zorbl = [Absorber("zorbl")]
    assert caption(PROSE, Rules(), zorbl).text == "zorbl, hat"
    assert caption(PROSE, Rules(style="prose"), zorbl).text == "zorbl, A cat, sitting., It rains."
    both = caption(PROSE, Rules(style="tags+prose", case="lower"), zorbl)
    assert both.text == "zorbl, hat, A cat, sitting., It rains."
    assert (both.tags, both.prose) == (("hat",), ("A cat, sitting.", "It rains."))
    assert caption(PROSE[:1], Rules(style="prose"), zorbl).text == "zorbl, hat"
    made = caption(PROSE, Rules(style="prose", drop=("a",)), [Absorber("zorbl", ("hat",))])
    assert (made.pruned, made.dropped) == ((), ())  # who knows what sentences leave out


def test_a_persons_edits_come_last():
    rules = Rules(drop=("tree",), underscores="space", max_tokens=3)
    made = caption(
        general("red_hat, smile, sky"), rules, [Absorber("zorbl")], "+tree, -Red Hat\n+zorbl\n-zorbl", None, length
    )
    assert (made.text, made.tags, made.human) == ("zorbl, smile, tree", ("smile", "tree"), True)
    assert made.cut == ("sky",)
    assert caption(general("hat"), Rules(), (), "-hat").text == ""
    assert caption(general("a, hat, b"), Rules(), (), "+hat").text == "a, b, hat"


@pytest.mark.parametrize("edit", [r"-a_\(b\)", "-a_(b)", "-A (b)"])
def test_an_edit_names_a_tag_as_it_is_called_or_as_it_is_shown(edit):
    assert caption(general("a_(b), c"), Rules(escape=True), (), edit).text == "c"
    assert caption(general("a_(b), c"), Rules(escape=True), (), r"+a_\(b\)").text == r"c, a_\(b\)"


def length(text):
    return len(text.replace(", ", ",").split(","))


def test_the_last_tags_go_until_the_caption_fits():
    def cut(most):
        made = caption(general("a, b, c"), Rules(max_tokens=most), [Absorber("y"), Absorber("z")], None, None, length)
        return made.text, made.cut

    assert cut(9) == ("y, z, a, b, c", ())
    assert cut(4) == ("y, z, a, b", ("c",))
    assert cut(1) == ("y, z", ("a", "b", "c"))


TALK = "A cat sits on a mat. It rains, and a dog (black) runs by."


@pytest.mark.parametrize(
    ("most", "style", "expected"),
    [
        (18, "tags+prose", f"z, a, b, c, {TALK}"),
        (17, "tags+prose", f"z, a, b, {TALK}"),
        (13, "tags+prose", "z, a, b, c, A cat sits on a mat."),
        (9, "tags+prose", "z, a, b, A cat sits on a mat."),
        (6, "tags+prose", "z, A cat sits on a"),
        (6, "prose", "z, A cat sits on a"),
        (1, "tags+prose", "z"),
    ],
)
def test_sentences_have_the_first_choice_and_are_cut(most, style, expected):
    scores = [*general("a, b, c"), (TALK, 1.0, "prose")]
    rules = Rules(max_tokens=most, style=style)
    made = caption(scores, rules, [Absorber("z")], None, None, lambda text: len(text.split()))
    assert made.text == expected
    assert made.text == ", ".join(["z", *made.tags, *made.prose])
    assert (*made.tags, *made.cut) == (("a", "b", "c") if style != "prose" else ())


SENTENCES = st.lists(st.text(st.sampled_from("ab ., !"), max_size=30).filter(str.strip), max_size=2)


@given(SCORES, RULES, TRIGGERS, SENTENCES, st.integers(1, 20), st.sampled_from(["", "+x y, -hat"]))
def test_a_limit_holds_for_the_whole_caption_and_no_trigger_is_lost(scores, rules, triggers, said, most, edit):
    rules = replace(rules, max_tokens=most, style="tags+prose")
    scores = [*scores, *((text, 1.0, "prose") for text in said)]
    made = caption(scores, rules, triggers, edit or None, None, spelled)
    fixed = [*(trigger.name for trigger in triggers), *(["x y"] if edit else [])]
    assert spelled(made.text) <= max(most, spelled(", ".join(fixed)))
    assert made.text == ", ".join([*(trigger.name for trigger in triggers), *made.tags, *made.prose])
    whole = caption(scores, replace(rules, max_tokens=None), triggers, edit or None)
    assert made.text == whole.text or spelled(whole.text) > most


def spelled(text):
    """Tokens that are like CLIP's: words, and what stands between them."""
    return len(re.findall(r"\w+|[^\w\s]+", text))


@pytest.mark.parametrize("case", REFERENCE["sort_tags"])
def test_counts_stand_first_as_the_reference_but_solo_behind_them(case):
    made = caption(general(", ".join(case["in"])), Rules(counts_first=True)).tags
    expected = [tag for tag in case["out"] if tag != "solo" and (tag[0].isdigit() or tag.startswith("multiple"))]
    rest = [tag for tag in case["out"] if tag not in expected]
    assert {*made[: len(expected)]} == {*expected}
    assert list(made[len(expected) :]) == rest


@pytest.mark.parametrize(
    "case", [case for case in REFERENCE["tags_to_text"] if not {"include_score", "score_descend"} & {*case["kw"]}]
)
def test_spelling_as_the_reference(case):
    asked = case["kw"]
    rules = Rules(
        escape=asked.get("use_escape", True),
        underscores="space" if asked.get("use_spaces") else "keep",
        consolidate=False,
    )
    made = caption([(tag, score, "general") for tag, score in case["in"].items()], rules)
    assert {*made.tags} == {*case["out"].split(", ")}
    assert made.tags[:2] == tuple(case["out"].split(", ")[:2])


@pytest.mark.parametrize("case", REFERENCE["drop_overlap"])
def test_overlaps_as_the_reference_with_its_table(case):
    """Its table says tag → tags that imply it; a plain substring (``hat`` in ``chat``) stays here."""
    implies: dict[str, tuple[str, ...]] = {}
    for tag, others in REFERENCE["overlap_table"].items():
        implies |= {other: (*implies.get(other, ()), tag) for other in others}
    made = caption(general(", ".join(["2girls", *case["in"]])), Rules(implies=tuple(implies.items()))).tags[1:]
    spelled = {tag.replace(" ", "_") for tag in made}
    assert spelled == {tag.replace(" ", "_") for tag in case["out"]} | ({"hat"} & {*case["in"]})
