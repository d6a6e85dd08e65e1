import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.digest import digest
from lorabuild.graph.column import Column, raw, split

NAMES = st.lists(st.text(max_size=3), unique=True, max_size=12)


def held(names, output="latents"):
    return {name: (digest(name.encode()), {output: digest(b"of " + name.encode())}) for name in names}


@given(NAMES)
def test_what_goes_in_comes_out(names):
    column = Column.of(held(names), ["latents"])
    assert dict(column.items()) == held(names)
    assert len(column) == len(names)
    assert [f"b3:{key.hex()}" for key in split(column.keys)] == [key for key, _ in held(names).values()]


@given(NAMES, st.sets(st.text(max_size=3)))
def test_marks_go_with_their_items(names, some):
    column = Column.of(held(names), ["latents"], range(len(names)))
    assert list(column.less(some).marks) == [place for place, name in enumerate(names) if name not in some]
    assert column.less(some).plus(column.only(some)).marks == column.less(some).marks + column.only(some).marks


@given(NAMES, st.sets(st.text(max_size=3)), st.integers(0, 12))
def test_facts_go_with_their_items(names, some, place):
    facts = {name: {"tags": [name, "hat"], "human": not name, "cut": None} for name in names}
    first, second = (
        Column.of(held(part), facts=[facts[name] for name in part]) for part in (names[:place], names[place:])
    )
    assert dict(first.plus(second).facts()) == facts
    assert dict(first.plus(second).less(some).facts()) == {name: facts[name] for name in names if name not in some}


@given(NAMES, st.sets(st.text(max_size=3)))
def test_less_and_only_part_it_in_two(names, some):
    column = Column.of(held(names), ["latents"])
    assert dict(column.less(some).items()) == held([name for name in names if name not in some])
    assert dict(column.only(some).items()) == held([name for name in names if name in some])


@given(NAMES, st.integers(0, 12))
def test_plus_joins_what_was_parted(names, place):
    first, second = (Column.of(held(part), ["latents"]) for part in (names[:place], names[place:]))
    assert list(first.plus(second).items()) == list(held(names).items())


def test_other_outputs_do_not_go_together():
    with pytest.raises(ValueError, match="outputs"):
        Column.of(held("a"), ["latents"]).plus(Column.of(held("b", "tokens"), ["tokens"]))


def test_nothing_at_all():
    assert list(Column().items()) == []
    assert Column().less({"a"}) == Column()
    assert raw("b3:" + "0f" * 32) == b"\x0f" * 32
