import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.amounts import seconds, shown, size

SIZES = {"20GB": 20 * 10**9, "1.5 gib": 3 << 29, "500": 500, " 2 MB ": 2 * 10**6, "0": 0, "3 tb": 3 * 10**12, "7 B": 7}
TIMES = {"24h": 86400, "30m": 1800, "30 min": 1800, "7d": 604800, "0": 0, "2w": 1209600, "90s": 90, "0.5h": 1800}
SHOWN = {0: "0 B", 9: "9 B", 999: "999 B", 1000: "1.0 kB", 12_345: "12 kB", 999_499: "999 kB", 999_500: "1.0 MB"}
SHOWN |= {1_234_000_000: "1.2 GB", 20 * 10**9: "20 GB", 34 * 10**12: "34.0 TB", 10**16: "10000.0 TB"}


@pytest.mark.parametrize(("text", "amount"), SIZES.items())
def test_sizes_are_read_as_people_write_them(text, amount):
    assert size(text) == amount


@pytest.mark.parametrize(("text", "amount"), TIMES.items())
def test_spans_of_time_are_read_as_people_write_them(text, amount):
    assert seconds(text) == amount


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "20 apples", "1e9", "1,5GB", "9" * 400])
def test_what_is_no_amount_is_refused_in_plain_words(text):
    with pytest.raises(ValueError, match="is not a size; write it like 20GB"):
        size(text)
    with pytest.raises(ValueError, match="is not a span of time; write it like 24h"):
        seconds(text or "24")


@pytest.mark.parametrize(("amount", "text"), SHOWN.items())
def test_bytes_are_shown_short(amount, text):
    assert shown(amount) == text


@given(st.integers(0, 10**15))
def test_what_is_shown_can_be_read_again_and_is_near(amount):
    assert abs(size(shown(amount)) - amount) <= 0.06 * amount
