from typing import get_args

import pytest
from pydantic import ValidationError

from lorabuild.schema.blocks import ids
from lorabuild.schema.network import LoCon, LoRA, Network

KINDS = get_args(get_args(Network)[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_defaults_leave_every_layer_as_it_is(kind):
    made = kind()
    assert made.type == kind.model_fields["type"].default
    assert made.blocks is made.layer_lrs is None
    assert not made.without
    assert not made.module_dropout


def test_blocks_are_read_in_every_notation(project):
    def read(blocks):
        return project(f"network: {{blocks: {blocks}}}\n").project.network.blocks

    assert read("cosine") == {"cosine": 1}
    assert read('"IN sine, OUT cosine+0.2"') == {"IN sine": 1, "OUT cosine+0.2": 1}
    assert read('{IN04: 0.5, "OUT03-OUT05": 0}') == {"IN04": 0.5, "OUT03-OUT05": 0}
    full = read("[" + ", ".join(map(str, range(26))) + "]")
    assert full == read('"' + ",".join(map(str, range(26))) + '"') == dict(zip(ids(12), range(26), strict=True))


def test_what_no_block_can_have_is_refused(wrong):
    ((problem),) = wrong("network: {blocks: {IN04: -1}}\n")
    assert "network.blocks.IN04" in problem["where"]
    assert wrong("network: {block_dims: {IN04: 1.5}}\n")
    assert wrong("network: {type: lora, conv_dim: 4}\n")[0]["what"].startswith("`conv_dim` is a word of ")
    with pytest.raises(ValidationError):
        LoRA(block_alphas={"IN04": 0})


def test_lists_of_ranks_and_alphas():
    made = LoCon(block_dims=[4] * 17, block_alphas=[2] * 17)
    assert made.block_dims["IN00"] == 0
    assert "IN00" not in made.block_alphas
