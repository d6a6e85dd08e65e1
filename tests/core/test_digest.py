import json
import math

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.digest import canonical, digest, file_digest, make_key, short

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_digest_is_tagged_blake3():
    assert digest(b"abc") == "b3:" + blake3(b"abc").hexdigest()


@given(st.binary(max_size=5000))
def test_a_file_has_the_digest_of_its_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("file") / "x"
    path.write_bytes(data)
    assert file_digest(path) == digest(data)


def test_a_large_file_has_the_digest_of_its_bytes(tmp_path):
    data = bytes(range(256)) * (66 << 12)
    (tmp_path / "big").write_bytes(data)
    assert file_digest(tmp_path / "big") == digest(data)


@given(values)
def test_canonical_is_json_that_reads_back(value):
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(), values, max_size=4))
def test_canonical_knows_no_order(value):
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_canonical_takes_tuples_as_lists():
    assert canonical((1, (2, "a"))) == canonical([1, [2, "a"]]) == b'[1,[2,"a"]]'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_canonical_refuses_what_is_no_number(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": value})


def test_canonical_refuses_what_is_no_json():
    with pytest.raises(TypeError):
        canonical({"x": object()})


def test_canonical_takes_names_that_are_no_text():
    assert canonical("a\udcff") == b'"a\\udcff"'


def test_key_depends_on_stage_version_and_parts():
    keys = {
        make_key("tag", 1, {"a": 1}),
        make_key("tag", 2, {"a": 1}),
        make_key("scan", 1, {"a": 1}),
        make_key("tag", 1, {"a": 2}),
        make_key("tag", 1, {"a": 1, "b": None}),
    }
    assert len(keys) == 5
    assert make_key("tag", 1, {"b": 2, "a": 1}) == make_key("tag", 1, {"a": 1, "b": 2})


parts = st.dictionaries(st.text(), values, max_size=4)


def turned(value):
    """The same value with every dictionary in the other order."""
    if isinstance(value, dict):
        return {name: turned(inner) for name, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@given(parts)
def test_a_key_knows_no_order_however_deep(value):
    assert make_key("tag", 1, turned(value)) == make_key("tag", 1, value)


@given(parts, parts)
def test_keys_of_different_parts_differ(one, other):
    assert (make_key("tag", 1, one) == make_key("tag", 1, other)) == (canonical(one) == canonical(other))
    if one != other:
        assert make_key("tag", 1, one) != make_key("tag", 1, other)


@given(parts, st.text(), values, values)
def test_one_other_part_is_another_key(value, name, one, other):
    keys = {make_key("tag", 1, value | {name: part}) for part in (one, other)}
    assert len(keys) == (1 if canonical(one) == canonical(other) else 2)
    assert make_key("tag", 1, {key: part for key, part in value.items() if key != name}) not in keys


def test_a_key_never_changes():
    """A changed spelling of keys would throw away every store in the field."""
    key = make_key("tag", 1, {"pixels": "b3:00", "threshold": 0.35})
    assert key == "b3:791a7b8daa5e17791728281d139a8834d0717760135dcfb227ea2eaa61e06239"


def test_short():
    assert short("b3:0123456789abcdef") == "0123456789ab"
