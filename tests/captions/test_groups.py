"""Tag groups: each holds what it should and nothing that it mustn't, and no tag lies in two that contradict."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from lorabuild.captions import groups
from lorabuild.captions.clothing import FOOTWEAR
from lorabuild.captions.groups import group, page, parts
from lorabuild.captions.pattern import matcher
from lorabuild.captions.tags import KAOMOJI, spelling_key
from lorabuild.core.errors import ProjectError
from lorabuild.schema.tag_groups import FOLDER, name_of, names

PAGE = Path(__file__).parents[2] / "docs/tag-groups.md"
WHOLE, PART = ("hair", "eyes", "garments"), "several_subjects"  # PART is of subject_count
LEAVES = [name for name in names() if name not in (*WHOLE, PART)]
COLOURS = ["black", "blue", "green", "red", "white"]

# tag → the one group that holds it, beside those made of others; `-` is none
TAGS = """
blue_eyes eye_color | heterochromia eye_color | light_blue_eyes eye_color | slit_pupils eyes | black_sclera eyes
closed_eyes expression | half-closed_eyes expression | one_eye_closed expression | @_@ expression | ^_^ expression
:d expression | tearing_up expression | crying expression | open_mouth expression | parted_lips expression
heart-shaped_pupils expression | looking_at_viewer gaze | facing_away gaze | looking_over_eyewear gaze
from_behind view | cowboy_shot view | pov_hands view | feet_out_of_frame view | upper_body view
blonde_hair hair_color | two-tone_hair hair_color | light_brown_hair hair_color | dyed_bangs hair_color
long_hair hair_length | very_long_hair hair_length | bald hair_length
hair_between_eyes hair_style | ahoge hair_style | low_ponytail hair_style | twin_braids hair_style
blunt_bangs hair_style | tri_tails hair_style | hair_bun hair_style | cone_hair_bun hair_style
beard facial_hair | thick_eyebrows facial_hair
wet_hair - | floating_hair - | holding_hair - | pubic_hair - | hand_in_own_hair - | hair_flip - | shiny_hair -
hair_ribbon accessory | hair_ornament accessory | star_hair_ornament accessory | hairband accessory | glasses accessory
red_ribbon accessory | fox_mask accessory | fake_animal_ears accessory | black-framed_eyewear accessory
wine_glass - | unworn_eyewear - | holding_mask - | bow_(weapon) -
dark_skin skin | tan skin | blue_skin skin | shiny_skin - | black_nails makeup | red_lips makeup | lipstick makeup
smeared_lipstick - | lipstick_mark - | mole_under_eye face_marks | freckles face_marks | mole_on_breast -
large_breasts body_size | tall_female body_size | muscular body_size | wide_hips body_size
cat_ears body_parts | demon_horns body_parts | fox_tail body_parts | angel_wings body_parts | halo body_parts
spread_wings - | tail_wagging - | hair_wings - | chicken_wings - | fox_girl species | elf species
1girl subject_count | 2boys subject_count | 6+girls subject_count | 1creature subject_count | solo - | no_humans -
white_shirt upper_garment | sweater_vest upper_garment | t-shirt upper_garment | tank_top upper_garment
torn_shirt - | no_shirt - | shirt_lift - | wet_shirt - | unworn_shirt - | holding_shirt - | naked_shirt - | shirt_pull -
pleated_skirt lower_garment | denim_shorts lower_garment | red_hakama lower_garment | skirt_hold - | no_pants -
white_dress dress | kimono dress | armored_dress dress | yukata dress | dress_lift - | open_kimono -
school_uniform uniform | serafuku uniform | maid_apron uniform | black_bodysuit uniform | alternate_costume -
mobile_suit - | black_jacket outerwear | red_cape outerwear | hoodie outerwear | open_jacket outerwear
jacket_on_shoulders - | black_bikini underwear_swimwear | school_swimsuit underwear_swimwear | bra underwear_swimwear
no_panties - | panty_pull - | panties_under_pantyhose - | witch_hat headwear | beret headwear | tiara headwear
unworn_hat - | chat - | hand_on_headwear - | red_necktie neckwear | choker neckwear | undone_necktie -
elbow_gloves handwear | black_pantyhose legwear | loose_socks legwear | torn_pantyhose - | no_socks -
black_boots footwear | high_heels footwear | brown_footwear footwear | no_shoes - | barefoot - | unworn_shoes -
long_sleeves garment_details | frills garment_details | belt garment_details | plaid garment_details | seat_belt -
chastity_belt - | sitting pose | arms_up pose | hand_on_own_hip pose | head_tilt pose | holding_sword -
white_background background | simple_background background | blurry_background background | forest -
greyscale_with_colored_background - | monochrome style | retro_artstyle style | watercolor_(medium) style
masterpiece quality_meta | highres quality_meta | score_9_up quality_meta | bad_pixiv_id quality_meta
photoshop_(medium) quality_meta | commentary_request quality_meta | watermark text_marks | twitter_username text_marks
speech_bubble text_marks | spoken_heart text_marks | english_text text_marks | umbrella - | sword - | meme -
"""
PAIRS = [tuple(entry.split()) for line in TAGS.strip().splitlines() for entry in line.split("|")]


def holders(tag):
    """The groups, without those made of others, that hold a tag; ``eyes`` only where it is not a colour."""
    found = [name for name in LEAVES if matcher((f"@{name}",))(tag)]
    return found or [name for name in ("eyes",) if matcher(("@eyes",))(tag)]


@pytest.mark.parametrize(("tag", "name"), PAIRS)
def test_a_tag_lies_in_its_group_and_in_no_other(tag, name):
    assert holders(tag) == [] if name == "-" else holders(tag) == [name]


def written(name):
    """What a group's patterns stand for: the plain ones, and for each star some words."""
    for pattern in group(name).takes:
        if name_of(pattern) or set(pattern) & set("?["):
            continue
        words = [*COLOURS, "striped", "frilled", "cat", "small"] if "*" in pattern else [""]
        yield from (pattern.replace("*", word) for word in words)


@pytest.mark.parametrize("name", [*LEAVES, "eyes"])
def test_no_line_of_a_group_lies_in_another(name):
    found = {tag: holders(spelling_key(tag)) for tag in written(name)}
    assert {tag: held for tag, held in found.items() if held not in ([name], [])} == {}
    plain = {pattern for pattern in group(name).takes if not set(pattern) & set("*?[") and not name_of(pattern)}
    assert {tag for tag in plain if found[tag] != [name]} == set(), "a line that the file itself leaves out"


def test_wholes_are_made_of_their_parts():
    assert {f"@{name}" for name in ("hair_color", "hair_length", "hair_style")} < set(group("hair").takes)
    takes = matcher(("@garments",))
    made = [f"{colour}_{thing}" for colour, thing in product(COLOURS, ("shirt", "skirt", "dress", "hat", "socks"))]
    assert all(map(takes, made))
    assert not any(takes(shoe) or takes(f"black_{shoe}") for shoe in FOOTWEAR)


def test_every_face_is_an_expression():
    assert [face for face in sorted(KAOMOJI) if not matcher(("@expression",))(spelling_key(face))] == []


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.txt")), ids=lambda file: file.stem)
def test_a_file_is_tidy(file):
    about, *lines = file.read_text("utf-8").splitlines()
    assert about.startswith("# ")
    assert about.endswith(".")
    assert len(lines) == len(set(lines))
    patterns = [line.removeprefix("not ") for line in lines]
    assert all(pattern == spelling_key(pattern) and pattern for pattern in patterns)
    assert all((FOLDER / f"{name}.txt").is_file() for name in map(name_of, patterns) if name)


def test_the_groups_that_people_ask_for():
    asked = """eye_color eyes hair_color hair_style hair_length hair skin makeup face_marks body_size body_parts
    subject_count several_subjects upper_garment lower_garment dress outerwear underwear_swimwear headwear accessory
    legwear footwear garments expression gaze view pose background style quality_meta text_marks"""
    assert set(asked.split()) <= set(names())


@pytest.fixture
def edited(monkeypatch, tmp_path):
    """Groups of our own, read anew."""
    monkeypatch.setattr(groups, "FOLDER", tmp_path)

    def edit(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.txt").write_text(f"# About.\n{text}\n", "utf-8")
        group.cache_clear()
        groups._digest.cache_clear()

    yield edit
    group.cache_clear()
    groups._digest.cache_clear()


def test_a_key_changes_with_a_group_and_the_groups_in_it(edited):
    edited(hair="@hair_color\n*_hair", hair_color="red_hair\nnot wet_hair", skin="tan")
    before = parts(["@hair", "@skin", "hat", "@_@"])
    assert set(before) == {"tag group @hair", "tag group @skin"}
    edited(hair="*_hair\n@hair_color")
    assert parts({"a": ("@hair", "@skin")}) == before, "the order of lines says nothing"
    edited(hair_color="red_hair")
    after = parts(["@hair", "@skin"])
    assert after["tag group @hair"] != before["tag group @hair"]
    assert after["tag group @skin"] == before["tag group @skin"]


def test_an_unknown_group_is_answered_with_the_nearest():
    with pytest.raises(ProjectError, match="no tag group `@hairs`") as caught:
        group("hairs")
    assert caught.value.next_step == "did you mean `@hair`?"


def test_the_page_is_current():
    assert PAGE.read_text("utf-8") == page(), "write lorabuild.captions.groups.page() to docs/tag-groups.md"


def test_groups_are_read_only_where_they_are_named():
    script = """
import builtins, io, sys
seen, before = [], io.open
def watched(file, *rest, **more):
    seen.append(str(file))
    return before(file, *rest, **more)
io.open = builtins.open = watched
from lorabuild.captions import prune
prune.Absorber("z", ("*_eyes",)).takes("blue_eyes")
assert not [file for file in seen if file.endswith(".txt")]
prune.Absorber("z", ("@makeup",)).takes("blue_eyes")
assert {file.split("/")[-1] for file in seen if file.endswith(".txt")} == {"makeup.txt", "_state.txt"}
assert not {"pydantic", "yaml", "numpy", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
