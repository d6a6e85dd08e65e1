import pytest

from lorabuild.schema.check import check
from lorabuild.schema.problems import ProblemsError

LONG, SHORT = "base", "base, family: sdxl"


@pytest.fixture
def said(project):
    """What check says about a network, on a base."""

    def tell(network, more="", base=LONG):
        loaded = project(f"network: {{{network}}}\n{more}", overrides=[f"base={{model: {base}}}"])
        try:
            check(loaded)
        except ProblemsError as error:
            return [(one["where"].rpartition(" ")[2], one["what"], one["next_step"]) for one in error.problems]
        return []

    return tell


GOOD = [
    "type: lora, blocks: cosine",
    "type: lora, blocks: {IN04: 0.5, 'OUT03-OUT05': 0}",
    "type: locon, blocks: 'BASE, IN sine, OUT cosine+0.2', block_dims: {M00: 32}",
    "type: locon, blocks: [" + ", ".join(["1"] * 17) + "]",
    "type: dylora, dim: 32, unit: 8",
    "type: ia3, blocks: MIDD",
]


@pytest.mark.parametrize("network", GOOD)
def test_what_is_right(said, network):
    assert said(network) == []


WRONG = [
    ("type: lora, blocks: {OUT3: 1}", "network.blocks", "there is no block `OUT3`", "did you mean `OUT03`?"),
    ("type: lora, blocks: [1, 0, 1]", "network.blocks", "a list of 3 values", "this family has 26 or 17 values"),
    ("type: lora, blocks: NONE", "network.blocks", "`blocks` leaves nothing to train", "leave `blocks` out"),
    ("type: lora, block_dims: {MIDD: 4}", "network.block_dims", "there is no block `MIDD`", ""),
]


@pytest.mark.parametrize(("network", "where", "what", "next_step"), WRONG)
def test_what_is_wrong(said, network, where, what, next_step):
    ((found, told, after),) = said(network)
    assert (found, told[: len(what)], after[: len(next_step)]) == (where, what, next_step)


def test_blocks_of_another_family(said):
    assert said("type: lora, blocks: {OUT08: 1}", base=SHORT) == []
    ((_, what, next_step),) = said("type: lora, blocks: {OUT09: 1}", base=SHORT)
    assert (what, next_step) == ("this family has no block `OUT09`", "it has BASE, IN00 to OUT08")
    assert "no block `IN09`" in said("type: lora, blocks: [" + ", ".join(["1"] * 26) + "]", base=SHORT)[0][1]


@pytest.mark.parametrize("kind", ["ia3", "diag_oft"])
def test_max_norm_needs_a_difference(said, kind):
    ((where, what, _),) = said(f"type: {kind}", "training: {max_norm: 1}\n")
    assert where == "training.max_norm"
    assert "max-norm scaling has nothing to shorten" in what
    assert said("type: lokr", "training: {max_norm: 1}\n") == []
