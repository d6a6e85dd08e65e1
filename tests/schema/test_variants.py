from pathlib import Path

import pytest

from lorabuild.schema.load import parse
from lorabuild.schema.problems import ProblemsError

HEAD = """\
name: zorbl
base: {model: base}
concepts: {plain: {folder: a}}
network: {dim: 4}
variants:
"""


def read(text, *overrides):
    return parse(HEAD + text, Path("/nowhere"), overrides=overrides)


def test_a_variant_is_the_project_with_some_words_said_otherwise():
    loaded = read(
        "  big: {network.dim: 32, training.optimizer: {type: prodigy}}\n  slow: {training.optimizer.lr: 1e-5}\n"
    )
    big, slow = loaded.variants["big"].project, loaded.variants["slow"].project
    assert (big.name, big.network.dim, big.training.optimizer.type, big.variants) == ("zorbl-big", 32, "prodigy", {})
    assert (slow.name, slow.network.dim, slow.training.optimizer.lr) == ("zorbl-slow", 4, 1e-5)
    assert (loaded.project.name, loaded.project.network.dim) == ("zorbl", 4)
    assert loaded.project.variants["big"] == {"network.dim": 32, "training.optimizer": {"type": "prodigy"}}


def test_the_command_line_speaks_to_all_and_the_variant_has_the_last_word():
    loaded = read("  big: {network.dim: 32}\n", "network.dim=8", "training.seed=3")
    assert loaded.project.network.dim == 8
    assert (loaded.variants["big"].project.network.dim, loaded.variants["big"].project.training.seed) == (32, 3)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("  r: {network.dimm: 32}\n", "lora.yaml:6:7 network.dimm", "no word `dimm`"),
        ("  r:\n    network.dim: many\n", "lora.yaml:7:5 network.dim", "wants a whole number"),
        ("  r: {network: {type: loha, dmi: 3}}\n", "lora.yaml:6:29 network.dmi", "no word `dmi`"),
        ("  r: {network.dim.x: 3}\n", "lora.yaml:6:7 network.dim.x", "is no section"),
        ("  r: {name: x}\n", "lora.yaml:6:7 variants.r.name", "said once for the whole project"),
        ("  r: {store.keep: 3}\n", "lora.yaml:6:7 variants.r.store.keep", "said once"),
        ("  r: {variants: {}}\n", "lora.yaml:6:7 variants.r.variants", "said once"),
        ("  r/s: {network.dim: 3}\n", "lora.yaml:6:3 variants.r/s", "can't name a variant"),
        ("  r: {network.dim: 3}\n  R: {network.dim: 5}\n", "lora.yaml:7:3 variants.R", "differ in capitals only"),
    ],
)
def test_mistakes_have_their_place(text, where, what):
    with pytest.raises(ProblemsError) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert problem["where"] == where
    assert what in problem["what"]
    assert problem["next_step"]


def test_no_variants():
    assert read("").variants == {} == parse(HEAD.replace("variants:\n", ""), Path("/nowhere")).variants
