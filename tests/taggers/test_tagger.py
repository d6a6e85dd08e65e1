"""Every tagger keeps the protocol."""

import inspect
import json
import subprocess
import sys
from functools import partial
from typing import get_args

import pytest
import tiny_captioner
import tiny_tagger
from PIL import Image

from lorabuild.captions.select import LOWEST
from lorabuild.core.words import hand
from lorabuild.schema.taggers import Tagger
from lorabuild.taggers.tagger import FLOOR, Category, Score

KINDS = {section.model_fields["type"].default: section for section in get_args(get_args(Tagger)[0])}
MAKERS = {
    "wd14": tiny_tagger.make,
    "cl_tagger": partial(tiny_tagger.mapped, kind="cl_tagger"),
    "camie": partial(tiny_tagger.mapped, kind="camie"),
    "prose": tiny_captioner.blip2,
}
HEAVY = ("numpy", "PIL", "torch", "transformers", "onnxruntime", "huggingface_hub")


def settings_of(word, tmp_path):
    """Settings of a tagger whose model is there."""
    if word == "merged":
        return KINDS[word](of=(settings_of("wd14", tmp_path), settings_of("sidecar", tmp_path)))
    if word in MAKERS:
        MAKERS[word](tmp_path / word)
        return KINDS[word](model=word)
    return KINDS[word]()


@pytest.mark.parametrize("word", KINDS)
def test_the_names_of_a_tagger(word, site, tmp_path):
    module, settings = hand("taggers", word), settings_of(word, tmp_path)
    digests = module.digests(settings, site)
    assert all(path.is_file() for path in digests.values())
    assert set(map(str, digests)) == set(digests)
    json.dumps(module.key_settings(settings))
    module.fetch(settings, site)
    assert hasattr(module, "costs") == (word != "sidecar")
    if word != "sidecar":
        assert module.costs(settings, site) == []  # nothing of a folder is on the hub


@pytest.mark.parametrize("word", [word for word in KINDS if word != "merged"])
def test_a_loaded_tagger(word, site, tmp_path):
    module, settings = hand("taggers", word), settings_of(word, tmp_path)
    assert module.READS in {"pixels", "side"}
    assert len(inspect.signature(module.load).parameters) == 3
    tagger = module.load(settings, site, 1)
    json.dumps(dict(tagger.record))
    assert tagger.batch >= 1
    assert tagger.tag([]) == []
    shown = (
        ["red, hat", ""] if module.READS == "side" else [Image.new("RGB", (9, 16), name) for name in ("red", "blue")]
    )
    together = tagger.tag(shown)
    assert together[0]
    assert together == [tagger.tag([one])[0] for one in shown] == tagger.tag(shown[::-1])[::-1]
    assert {score.category for scores in together for score in scores} <= set(get_args(Category))


@pytest.mark.parametrize("word", KINDS)
def test_planning_with_a_tagger_imports_nothing_heavy(word):
    program = f"import sys; import lorabuild.taggers.{word}; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_score_is_a_list_of_three_in_json_or_of_four_with_its_place():
    assert json.dumps(Score("hat", 0.5, "general").stored) == '["hat", 0.5, "general"]'
    assert json.dumps(Score("hat", 0.5, "general", 1).stored) == '["hat", 0.5, "general", 1]'


def test_selection_knows_the_floor_of_the_scores():
    assert LOWEST == FLOOR
