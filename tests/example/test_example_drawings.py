"""The drawings and their words."""

import hashlib
import random

from make.captions import all_tags_of, any_spec, base_sample, caption, distance, is_forbidden, tags_of, vae_spec
from make.draw import Spec, draw
from make.words import GARMENTS, KNOWN_TAGS, SKINS, TAGGER_TAGS, TEAL, made_up_words


def test_a_spec_always_gives_the_same_pixels():
    for number in range(20):
        spec = any_spec(random.Random(number))
        assert draw(spec).tobytes() == draw(spec).tobytes()


def test_a_known_picture_has_not_changed():
    spec = Spec("star", SKINS["yellow"], "beach", "big", limbs=True, accessory="hat", seed=1)
    digest = hashlib.sha256(draw(spec).tobytes()).hexdigest()
    assert digest[:16] == "f003ce331850fc60"


def test_every_field_of_a_spec_is_visible():
    plain = Spec("round", SKINS["red"], "grass", seed=3)
    others = [
        Spec("square", SKINS["red"], "grass", seed=3),
        Spec("round", SKINS["blue"], "grass", seed=3),
        Spec("round", SKINS["red"], "room", seed=3),
        Spec("round", SKINS["red"], "grass", "small", seed=3),
        Spec("round", SKINS["red"], "grass", limbs=True, seed=3),
        Spec("round", SKINS["red"], "grass", accessory="bow", seed=3),
        Spec("round", SKINS["red"], "grass", one_eye=True, seed=3),
        Spec("round", SKINS["red"], "grass", head="antennae", seed=3),
        Spec("round", SKINS["red"], "grass", belly="spots", seed=3),
        *(Spec("round", SKINS["red"], "grass", garment=garment, seed=3) for garment in ("cape", *GARMENTS)),
    ]
    assert len({draw(spec).tobytes() for spec in [plain, *others]}) == len(others) + 1


def test_tags_say_what_the_spec_holds():
    spec = Spec("ghost", TEAL, "night", "small", one_eye=True, head="antennae", garment="cape")
    assert tags_of(spec) == ("1creature", "ghost_body", "night", "small")
    assert set(all_tags_of(spec)) - set(tags_of(spec)) == {"teal_skin", "one_eye", "antennae", "cape"}
    assert set(TAGGER_TAGS) > set(KNOWN_TAGS)


def test_the_base_never_sees_the_new_creature():
    for number in range(4000):
        sample = base_sample(random.Random(number))
        spec = sample.spec
        assert not is_forbidden(spec)
        assert distance(spec.skin, TEAL) >= 70
        assert spec.garment != "cape"
        assert not {"zorbl", "cape", "teal_skin", "one_eye", "antennae"} & {*sample.tags, *sample.made_up}
    assert not any(is_forbidden(vae_spec(random.Random(number))) for number in range(1000))


def test_captions_hold_only_words_of_their_sample():
    rng = random.Random(0)
    for _ in range(500):
        sample = base_sample(rng)
        said = [word for word in caption(sample, rng).split(", ") if word]
        assert set(said) <= {*sample.tags, *sample.made_up}
        assert len(said) == len(set(said))


def test_made_up_words_are_a_hundred_and_always_the_same_look():
    words = made_up_words()
    everything = [word for group in words.values() for word in group]
    assert len(everything) == len(set(everything)) == 100
    assert not any("zor" in word or "cap" in word for word in everything)
    by_word: dict[str, set[str]] = {}
    rng = random.Random(2)
    for _ in range(3000):
        sample = base_sample(rng)
        if len(sample.made_up) == 1 and sample.made_up[0] in words["outfit"]:
            by_word.setdefault(sample.made_up[0], set()).add(f"{sample.spec.garment} {sample.spec.garment_rgb}")
    assert all(len(looks) == 1 for looks in by_word.values())
