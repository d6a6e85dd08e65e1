from types import SimpleNamespace

import pytest

from lorabuild.schema.caption_rules import CaptionRules
from lorabuild.schema.captions import Captions
from lorabuild.schema.check_captions import captions


def wrong(root, concept=None, **words):
    """Where and what, of every problem."""
    own = CaptionRules.model_validate(concept) if concept else None
    project = SimpleNamespace(captions=Captions.model_validate(words), concepts={"cape": SimpleNamespace(captions=own)})
    loaded = SimpleNamespace(
        project=project,
        place=lambda *trail: ".".join(trail),
        where=lambda dotted: dotted,
        site=SimpleNamespace(path=lambda name: root / name),
    )
    return [(problem.where, problem.what) for problem in captions(loaded)]


def test_a_project_without_rules_is_right(tmp_path):
    assert not wrong(tmp_path)


@pytest.mark.parametrize(
    ("words", "where", "what"),
    [
        ({"add": ["hat", "a, b"]}, "captions.add.1", "is several tags"),
        ({"split": {"a": ["b", " "]}}, "captions.split.a.1", "it is empty"),
        ({"replace": {"a": "@hair"}}, "captions.replace.a", "is a group of tags"),
        ({"same": {"a,b": ["c"]}}, "captions.same.a,b", "is several tags"),
        ({"concept": {"add": [""]}}, "concepts.cape.captions.add.0", "it is empty"),
        ({"for": [{"match": "a", "add": ["@hair"]}]}, "captions.for.0.add.0", "is a group of tags"),
        ({"for": [{"match": ["a", "../b.png"]}]}, "captions.for.0.match.1", "matches no path"),
        ({"for": [{"match": "data\\\\*.png"}]}, "captions.for.0.match.0", "matches no path"),
        ({"implications": "table.txt"}, "captions.implications", "is no table"),
        ({"implications": "table.csv"}, "captions.implications", "there is no file"),
    ],
)
def test_what_can_t_be_meant_is_named_with_its_place(tmp_path, words, where, what):
    ((place, said),) = wrong(tmp_path, **words)
    assert place == where
    assert what in said


def test_an_empty_replacement_drops_and_a_face_is_no_group(tmp_path):
    (tmp_path / "table.csv").touch()
    assert not wrong(tmp_path, replace={"a": ""}, add=["@_@", "hat"], implications="table.csv")
