from typing import get_args

import pytest
import tiny_tagger

from lorabuild.captions.select import thresholds_as_dict
from lorabuild.schema.taggers import Camie, Merged, Part, Prose, Sidecar, Wd14
from lorabuild.taggers import merged

SETTINGS = Merged(of=(Wd14(model="one"), Sidecar(), Camie(model="two")))


def test_files_of_every_part_under_its_place(site, tmp_path):
    tiny_tagger.make(tmp_path / "one")
    tiny_tagger.mapped(tmp_path / "two", "camie")
    assert [*merged.digests(SETTINGS, site)] == [
        "of.0.model.onnx",
        "of.0.selected_tags.csv",
        "of.2.camie-tagger-v2.onnx",
        "of.2.camie-tagger-v2-metadata.json",
    ]


def test_the_kind_of_every_part_is_in_the_key_and_what_it_asks():
    found = merged.key_settings(Merged(of=(Sidecar(), Prose(prompt="describe"))))
    assert found["captions.tagger.of.0.type"] == "sidecar"
    assert found["captions.tagger.of.1.prompt"] == "describe"
    assert all(word.startswith("captions.tagger.of.") for word in found)


def test_scores_are_joined_best_first_and_tell_their_place():
    first, second = (
        [["hat", 0.9, "general"], ["cape", 0.2, "general"]],
        [["hat", 0.5, "general"], ["bow", 0.9, "other"]],
    )
    assert [score.stored for score in merged.joined([first, second])] == [
        ("hat", 0.9, "general"),
        ("bow", 0.9, "other", 1),
        ("hat", 0.5, "general", 1),
        ("cape", 0.2, "general"),
    ]


DISK = {"type", "model", "version", "extension"}  # another file, or another model, has other digests
WORDS = [(kind, name) for kind in get_args(get_args(Part)[0]) for name in kind.model_fields if name not in DISK]
BESIDE = {"mcut_floor": {"mcut": True}}
OTHER = {"max_pixels": 1024}


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_every_word_of_a_part_is_in_the_key_of_scores_or_of_captions(kind, name):
    def key(**words):
        settings = Merged(of=(Sidecar(), kind(**BESIDE.get(name, {}), **words)))
        return merged.key_settings(settings), thresholds_as_dict(settings)

    now = getattr(kind(), name)
    other = f"{now}x" if isinstance(now, str) else not now if isinstance(now, bool) else 1 if now != 1 else 0
    assert key(**{name: OTHER.get(name, other)}) != key()
