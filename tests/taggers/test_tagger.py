"""Every tagger keeps the protocol."""

import inspect
import json
import subprocess
import sys
from typing import get_args

import pytest
import tiny_tagger

from lorabuild.core.words import hand
from lorabuild.schema.taggers import Sidecar, Tagger, Wd14
from lorabuild.taggers.tagger import Score

WORDS = [section.model_fields["type"].default for section in get_args(get_args(Tagger)[0])]
SETTINGS = {"wd14": Wd14(model="tagger"), "sidecar": Sidecar()}


@pytest.mark.parametrize("word", WORDS)
def test_the_names_of_a_tagger(word, site, tmp_path):
    tiny_tagger.make(tmp_path / "tagger")
    module = hand("taggers", word)
    assert module.READS in {"pixels", "side"}
    assert all(path.is_file() for path in module.digests(SETTINGS[word], site).values())
    json.dumps(module.key_settings(SETTINGS[word]))
    assert len(inspect.signature(module.load).parameters) == 3
    tagger = module.load(SETTINGS[word], site, 1)
    json.dumps(dict(tagger.record))
    assert tagger.batch >= 1
    assert tagger.tag([]) == []


@pytest.mark.parametrize("word", WORDS)
def test_planning_with_a_tagger_imports_nothing_heavy(word):
    program = (
        f"import sys; import lorabuild.taggers.{word}; "
        "print([name for name in ('numpy', 'PIL', 'torch', 'onnxruntime', 'huggingface_hub') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_score_is_a_list_of_three_in_json():
    assert json.dumps([Score("hat", 0.5, "general")]) == '[["hat", 0.5, "general"]]'
