import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.schema import blocks

DATA = Path(__file__).parents[1] / "data"
KNOWN = json.loads((DATA / "blocks.json").read_text("utf-8"))
LONG, SHORT = blocks.LONG, blocks.SHORT


@pytest.mark.parametrize(("kind", "size"), [("long", LONG), ("short", SHORT)])
def test_layers_are_in_the_blocks_that_the_client_finds(kind, size):
    known = KNOWN[kind]
    layers = json.loads((DATA / known["keys"]).read_text("utf-8"))
    names = [*layers["convolutions"]["layers"], *layers["linear"]["layers"]]
    for name in names:
        found = blocks.block_of(name)
        assert any(name.startswith(prefix) for prefix in known["prefixes"][found])
    assert blocks.size_of(names) == size
    for block, prefixes in known["prefixes"].items():
        assert {blocks.block_of(f"{prefix}0_x") for prefix in prefixes} == {block}


@pytest.mark.parametrize(("kind", "size"), [("long", LONG), ("short", SHORT)])
def test_counts_by_block_of_linear_layers(kind, size):
    names = json.loads((DATA / KNOWN[kind]["keys"]).read_text("utf-8"))["linear"]["layers"]
    found = Counter(map(blocks.block_of, names))
    assert set(found) == set(blocks.with_attention(size))
    with_convolutions = KNOWN[kind]["counts"]
    assert found["BASE"] == with_convolutions["BASE"]
    assert all(2 <= with_convolutions[block] - count <= 6 for block, count in found.items() if block != "BASE")


@pytest.mark.parametrize(("length", "names"), KNOWN["ids"].items())
def test_the_notations(length, names):
    size, found = blocks.NOTATIONS[int(length)]
    assert list(found) == names
    assert set(found) <= set(blocks.ids(size))


@pytest.mark.parametrize(("name", "values"), KNOWN["presets_17"].items())
def test_presets_are_those_of_the_client(name, values):
    found = blocks.expanded({name: 1.0}, LONG)
    assert [found[block] for block in blocks.with_attention(LONG)] == values
    others = {found[block] for block in blocks.ids(LONG) if block not in blocks.with_attention(LONG)}
    assert others == ({1.0} if name == "ALL" else {0.5} if name == "ALL0.5" else {0.0})


def test_lists_and_comma_texts_become_names():
    values = [0.5, *[1] * 16]
    wanted = {**dict.fromkeys(blocks.ids(LONG), 0), **dict.fromkeys(blocks.with_attention(LONG), 1), "BASE": 0.5}
    assert blocks.named(values) == blocks.named(",".join(map(str, values))) == wanted
    assert blocks.named([1] * 20) == dict.fromkeys(blocks.ids(SHORT), 1)
    assert blocks.positive([4] * 12).keys() == set(blocks.with_attention(SHORT))
    assert blocks.named({"IN01": 0.5}) == {"IN01": 0.5}
    assert blocks.named(3) == 3


def test_names_ranges_and_sides():
    found = blocks.expanded({"ALL": 2, "OUT03-OUT05": 0, "IN11 - OUT00": 0.5, "BASE": 1}, LONG)
    assert {block for block, value in found.items() if value == 0} == {"OUT03", "OUT04", "OUT05"}
    assert {block for block, value in found.items() if value == 0.5} == {"IN11", "M00", "OUT00"}
    assert found["BASE"] == 1
    assert blocks.expanded({"IN": 3}, SHORT) == {f"IN0{number}": 3 for number in range(9)}


def test_curves_are_those_of_the_standard_trainer():
    last = LONG - 1
    found = blocks.expanded({"IN sine+0.25": 1, "OUT cosine": 2}, LONG)
    assert [found[f"IN{n:02}"] for n in range(LONG)] == [math.sin(math.pi * n / last / 2) + 0.25 for n in range(LONG)]
    assert found["OUT00"] == pytest.approx(2)
    assert found["OUT11"] == 0
    assert "M00" not in found
    both = blocks.expanded(blocks.named("linear"), SHORT)
    assert [both[f"IN0{n}"] for n in range(9)] == [both[f"OUT0{n}"] for n in range(9)] == [n / 8 for n in range(9)]
    assert set(blocks.expanded({"zeros": 1}, SHORT).values()) == {0.0}
    assert blocks.expanded({"IN reverse_linear": 1}, LONG)["IN00"] == 1


@pytest.mark.parametrize(
    ("written", "size", "what", "next_step"),
    [
        ({"IN4": 1}, LONG, "there is no block `IN4`", "did you mean `IN04`?"),
        ({"OUT10": 1}, SHORT, "this family has no block `OUT10`", "it has BASE, IN00 to OUT08"),
        ({"OUT05-OUT03": 1}, LONG, "`OUT05-OUT03` runs backwards", "write `OUT03-OUT05`"),
        ({"IN04-OUT99": 1}, LONG, "there is no block `OUT99`", "did you mean `OUT09`?"),
        ({"MID": 1}, LONG, "there is no block `MID`", "did you mean `M00`?"),
        ({"IN03-OUT": 1}, LONG, "`IN03-OUT` has no number at both ends", "write `OUT` alone, or"),
        ({"cosin": 1}, LONG, "there is no block `cosin`", "did you mean `cosine`?"),
        ({"cosine+x": 1}, LONG, "`x` behind `cosine+` is no number", "write `cosine+0.25`"),
        (blocks.named([1] * 25), LONG, "a list of 25 values is no notation of blocks", "this family has 26 or 17"),
    ],
)
def test_what_is_wrong_is_said(written, size, what, next_step):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - both of its parts are compared
        blocks.expanded(written, size)
    assert caught.value.args[0] == what
    assert caught.value.args[1].startswith(next_step)


def test_presets_and_curves_are_no_ranks():
    with pytest.raises(ValueError, match="there is no block `MIDD`"):
        blocks.expanded({"MIDD": 4}, LONG, curves=False)


@given(st.lists(st.floats(0, 2), min_size=26, max_size=26))
def test_a_full_list_says_every_block(values):
    assert list(blocks.expanded(blocks.named(values), LONG).values()) == values


def test_what_is_in_no_block():
    assert blocks.block_of("lora_unet_conv_in") is None
    assert blocks.block_of("lora_unet_time_embedding_linear_1") is None
