from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packs import answered, asked, codes, folder, verdicts

from lorabuild.balance import separable
from lorabuild.balance.sets import sets_of
from lorabuild.balance.verdict import answer

FACE = "1girl red_eyes green_hair"
KINDS = "zorbl:character red:outfit blue:outfit"
RED = folder("red", 40, "zorbl red", ("smile",), zorbl=FACE, red="red_skirt skirt shirt")
BLUE = folder("blue", 40, "zorbl blue", ("forest",), zorbl=FACE, blue="blue_skirt skirt tie")


# The four projects with several triggers: same outfit everywhere, two outfits, two and misc, three with a sword.


def test_the_same_outfit_everywhere_cannot_be_told_from_its_wearer():
    found = codes("zorbl:character dress:outfit", folder("a", 40, "zorbl dress", (), zorbl=FACE, dress="dress"))
    assert found == {"zorbl": {("inseparable", ("dress",))}, "dress": {("inseparable", ("zorbl",))}}


def test_what_two_outfits_share_leaks_to_the_character_and_the_rest_is_their_own():
    found = codes(KINDS, RED, BLUE)
    assert found == {"zorbl": {("leaks-to-shared", ("skirt",))}, "red": set(), "blue": set()}


def test_a_misc_group_whose_captions_say_it_keeps_the_character_clean():
    misc = folder("misc", 40, "zorbl", ("skirt", "bikini"), zorbl=FACE)
    found = verdicts(KINDS, RED, BLUE, misc)
    assert codes(KINDS, RED, BLUE, misc) == {"zorbl": set(), "red": set(), "blue": set()}
    assert found["zorbl"].clean == (("skirt", ("misc",)),)
    assert found["red"].clean == ()


def test_a_sword_that_three_dresses_share_goes_to_the_character():
    dresses = [
        folder(name, 30, f"zorbl {name}", (name,), **{"zorbl": FACE, name: f"{name}_dress red_sword"})
        for name in ("red", "blue", "gold")
    ]
    found = verdicts(f"{KINDS} gold:outfit", *dresses)
    (leak,) = [one for one in found["zorbl"].findings if one.code == "leaks-to-shared"]
    assert leak.with_ == ("red_sword",)
    assert "red, blue and gold take red_sword out of 100 % of the captions beside zorbl" in leak.text
    assert "zorbl_sword: {kind: object, absorbs: [red_sword]}" in leak.remedy
    assert "misc: {folder: dataset/misc, triggers: [zorbl]}" in leak.remedy
    assert all(codes(f"{KINDS} gold:outfit", *dresses)[name] == set() for name in ("red", "blue", "gold"))


def test_what_is_advised_for_the_sword_is_enough():
    """A trigger of its own, and one of the four equal shares of an epoch for a retagged part of one folder."""
    dresses = [
        folder(name, 30, f"zorbl sword {name}", (name,), zorbl=FACE, sword="red_sword", **{name: f"{name}_dress"})
        for name in ("red", "blue", "gold")
    ]
    again = folder("blue_zorbl", 6, "zorbl", ("blue_dress", "red_sword"), repeats=5, zorbl=FACE)
    found = codes(f"{KINDS} gold:outfit sword:object", *dresses, again)
    assert set().union(*found.values()) == set()


def sworn(name, *, own=False, sword=True):
    """A dress with a katana, which has a trigger of its own or is the dress's."""
    dress = {name: f"{name}_dress" + " katana" * (sword and not own)}
    triggers = f"zorbl katana_x {name}" if own and sword else f"zorbl {name}"
    return folder(name, 30, triggers, (name,), zorbl=FACE, **({"katana_x": "katana"} if own and sword else {}), **dress)


def test_a_katana_in_two_of_three_groups_needs_a_trigger_of_its_own_and_that_is_enough():
    kinds = f"{KINDS} gold:outfit katana_x:object"
    shared = verdicts(kinds, sworn("red"), sworn("blue"), sworn("gold", sword=False))["zorbl"]
    (leak,) = [one for one in shared.findings if one.code == "leaks-to-shared"]
    assert (leak.with_, "67 %" in leak.text) == (("katana",), True)
    assert leak.remedy.splitlines()[1:] == [
        "triggers:",
        "  zorbl_katana: {kind: object, absorbs: [katana]}",
        "concepts:",
        "  blue: {triggers: [zorbl, zorbl_katana, blue]}",
        "  red: {triggers: [zorbl, zorbl_katana, red]}",
    ]
    own = codes(kinds, sworn("red", own=True), sworn("blue", own=True), sworn("gold", sword=False))
    assert own["zorbl"] == own["katana_x"] == set()


def test_a_trigger_for_what_all_dresses_share_is_not_enough_without_another_group():
    kinds = f"{KINDS} katana_x:object"
    both = [sworn("red", own=True), sworn("blue", own=True)]
    assert codes(kinds, *both)["zorbl"] == {("inseparable", ("katana_x",))}
    assert codes(kinds, *both, folder("misc", 30, "zorbl", (), zorbl=FACE))["zorbl"] == set()


def test_a_group_that_shows_the_same_without_the_trigger_makes_them_separable_again():
    """The remedy of the first project: a part of the folder once more, under the character alone."""
    dress = folder("a", 40, "zorbl dress", (), zorbl=FACE, dress="dress")
    again = folder("a_zorbl", 8, "zorbl", ("dress",), repeats=5, zorbl=FACE)
    assert codes("zorbl:character dress:outfit", dress, again) == {"zorbl": set(), "dress": set()}


# What fills a trigger.


def test_an_outfit_in_nearly_every_picture_becomes_part_of_the_character():
    plain = folder("plain", 10, "zorbl", (), zorbl=FACE)
    cape = folder("cape", 90, "zorbl red", (), zorbl=FACE, red="cape")
    assert codes(KINDS, plain, cape)["zorbl"] == {("dominated", ("red",))}
    assert codes(KINDS, plain, cape)["red"] == set()
    remedy = verdicts(KINDS, plain, cape)["zorbl"].findings[0].remedy
    assert "  cape: {share: 0.5}" in remedy
    assert "triggers: [red]" in remedy
    balanced = folder("plain", 10, "zorbl", (), repeats=5, zorbl=FACE)
    assert codes(KINDS, balanced, cape)["zorbl"] == set()


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (("white_background",), "character", {("dominated", ("white_background",))}),
        (("solo", "1boy", "6+girls", "multiple_boys"), "character", set()),
        (("boots",), "outfit", set()),
    ],
)
def test_what_captions_always_say_becomes_part_of_it_too(said, kind, told):
    assert codes(f"zorbl:{kind}", folder("a", 30, "zorbl", said, zorbl="red_eyes"))["zorbl"] == told


def test_a_fluid_trigger_is_meant_to_have_its_traits_said():
    assert codes("zorbl:character", folder("a", 30, "zorbl", ("red_eyes",)))["zorbl"] == set()


# Packs of characters.

SINGLES = (
    folder("ann", 60, "ann", ("smile",), ann="1girl red_eyes"),
    folder("ben", 60, "ben", ("hat",), ben="1boy blue_eyes"),
)
PACK = "ann:character ben:character"


def test_a_pack_whose_joint_pictures_name_both_and_count_nobody_is_in_order():
    duo = folder("duo", 60, "ann ben", (), ann="1girl red_eyes", ben="1boy blue_eyes")
    assert all(not verdict.findings for verdict in verdicts(PACK, *SINGLES, duo, epochs=20).values())


def test_a_count_in_the_joint_group_would_become_the_word_for_the_pair():
    duo = folder("duo", 60, "ann ben", ("2girls", "solo"), ann="red_eyes", ben="blue_eyes")
    found = verdicts(PACK, *SINGLES, duo)["ann"].findings[0]
    assert (found.code, found.with_) == ("dominated", ("2girls",))
    assert "ann: {absorbs: [2girls]}" in found.remedy
    assert codes(PACK, *SINGLES, duo)["ben"] == set()


def test_someone_in_the_picture_whom_no_trigger_names_is_noticed():
    duo = folder("duo", 60, "ann", (), ann="2girls red_eyes")
    found = verdicts(PACK, *SINGLES, duo)["ann"].findings[0]
    assert (found.code, found.with_) == ("dominated", ("2girls",))
    assert "  duo: {triggers: [ann, ben]}" in found.remedy


def test_what_both_characters_have_leaks_to_the_uniform_that_both_wear():
    kinds = f"{PACK} uniform:outfit"
    ann = folder("a", 60, "ann uniform", (), ann="1girl brown_hair", uniform="uniform_x")
    ben = folder("b", 60, "ben uniform", (), ben="1girl brown_hair", uniform="uniform_x")
    found = codes(kinds, *SINGLES, ann, ben)
    assert found["uniform"] == {("leaks-to-shared", ("brown_hair",))}


# What holds for every project.

NAMES, TAGS = ("t0", "t1", "t2", "t3"), ("hat", "red_hat", "coat", "2girls", "eyes")
KIND = st.sampled_from(["character", "outfit", "object", "style"])


@st.composite
def projects(draw):
    """Kinds and one to five folders of equal images."""
    kinds = " ".join(f"{name}:{draw(KIND)}" for name in NAMES)
    folders = []
    for number in range(draw(st.integers(1, 5))):
        triggers = draw(st.lists(st.sampled_from(NAMES), unique=True))
        taken: dict[str, str] = {}
        for tag in TAGS:
            if triggers and draw(st.booleans()):
                owner = draw(st.sampled_from(triggers))
                taken[owner] = f"{taken.get(owner, '')} {tag}"
        said = draw(st.lists(st.sampled_from(TAGS), unique=True))
        images, repeats = draw(st.integers(1, 70)), draw(st.integers(1, 9))
        folders.append(folder(f"c{number}", images, " ".join(triggers), said, repeats, **taken))
    return kinds, folders


@given(projects())
def test_new_names_change_no_verdict(project):
    kinds, folders = project
    renamed = [folder_under(str.upper, told) for told in folders]
    first, second = answered(kinds, *folders), answered(upper(kinds), *renamed)
    for one, other in zip(first.triggers, second.triggers, strict=True):
        assert one.absorbs == other.absorbs
        assert one.clean == other.clean
        told = [(f.code, tuple(name.upper() if name in NAMES else name for name in f.with_)) for f in one.findings]
        assert told == [(f.code, f.with_) for f in other.findings]


def upper(kinds):
    return " ".join(f"{name.upper()}:{kind}" for name, kind in (entry.split(":") for entry in kinds.split()))


def folder_under(rename, told):
    source, shown = told
    taken = {}
    for tag, owner in shown[0].pruned:
        taken[rename(owner)] = f"{taken.get(rename(owner), '')} {tag}"
    return folder(
        source.name, len(shown), " ".join(map(rename, source.triggers)), shown[0].said, shown[0].repeats, **taken
    )


@given(projects(), st.randoms(use_true_random=False))
def test_no_order_of_concepts_images_or_tags_changes_a_word(project, chance):
    kinds, folders = project
    mixed = asked(kinds, *chance.sample(folders, len(folders)))
    images = [image._replace(said=list(image.said)[::-1], pruned=list(image.pruned)[::-1]) for image in mixed.images]
    chance.shuffle(images)
    assert answer(replace(mixed, images=images)) == answered(kinds, *folders)


@given(projects(), st.sampled_from(NAMES))
def test_a_trigger_that_once_stands_alone_is_inseparable_from_none(project, name):
    kinds, folders = project
    found = codes(kinds, *folders, folder("alone", 3, name))
    assert not [told for told in found[name] if told[0] == "inseparable"]


@given(projects())
def test_inseparable_are_always_both(project):
    kinds, folders = project
    pairs = {
        (name, other)
        for name, told in codes(kinds, *folders).items()
        for code, others in told
        if code == "inseparable"
        for other in others
    }
    assert pairs == {(other, name) for name, other in pairs}


@given(projects(), st.sampled_from(NAMES))
def test_what_most_captions_say_never_leaks_and_nothing_leaks_to_who_absorbs_it(project, name):
    kinds, folders = project
    said = folder("said", 70 * 9 * 5, name, TAGS)
    assert not [told for told in codes(kinds, *folders, said)[name] if told[0] == "leaks-to-shared"]
    sets = sets_of(asked(kinds, *folders))
    for trigger in NAMES:
        taken = sets.taken(sets.of(trigger), trigger)
        assert not any(taken[tag] for leak in separable.leaking(sets, trigger) for tag in leak.with_)
