from fractions import Fraction

from lorabuild.balance.algebra import Shown, Source, Word
from lorabuild.balance.asking import asked
from lorabuild.schema.project import Project

SETTINGS = {
    "name": "t",
    "base": {"model": "base"},
    "triggers": {"zorbl": {}, "cape": {"kind": "outfit"}},
    "concepts": {
        "plain": {"folder": "a", "triggers": ["zorbl"], "weight": 2},
        "half": {"folder": "b", "triggers": ["zorbl", "cape"], "share": 0.5, "repeats": 3},
        "rest": {"folder": "b", "triggers": ["cape"], "rest_of": "half"},
    },
}
IMAGES = [{"concept": "plain", "repeats": 4, "tags": ["hat"], "pruned": [["eyes", "zorbl"]], "caption": "zorbl, hat"}]
IMAGES += [{"concept": "plain", "repeats": 4, "tags": ["bow"], "pruned": (), "human": True}]
SEEN = [{"name": "zorbl", "per_epoch": 4, "total": 32}]
ABSORBS = {"zorbl": ("@eyes",), "cape": ()}


def of(**sections):
    return asked(Project.model_validate(SETTINGS | sections), IMAGES, SEEN, ABSORBS)


def test_a_project_as_the_algebra_sees_it():
    found = of(budget={"steps": 100, "epochs": 3, "recipe": "prodigy"})
    assert found.words == (Word("zorbl", "character", 4, 32, ("@eyes",)), Word("cape", "outfit"))
    assert found.concepts[:2] == (
        Source("plain", ("zorbl",), "a", weight=2),
        Source("half", ("zorbl", "cape"), "b", repeats=3, whole=False),
    )
    assert not found.concepts[2].whole
    assert found.images == [
        Shown("plain", 4, ["hat"], [["eyes", "zorbl"]]),
        Shown("plain", 4, ["bow"], (), by_hand=True),
    ]
    assert (found.optimizer, found.recipe, found.steps, found.epochs) == ("adamw", "prodigy", 100, 3)


def test_what_lowers_a_recipe_lowers_what_is_enough():
    assert of().scale == 1
    assert of(images={"resolution": 1024}, training={"min_snr_gamma": 5}).scale == Fraction(3, 10)
    assert of(budget={"retro": True}).scale == Fraction(1, 3)
