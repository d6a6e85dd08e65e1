import pytest
from pydantic import ValidationError

from lorabuild.schema.regularization import AUTO, Generate


def test_a_count_is_a_number_or_counts_by_itself():
    assert (Generate().count, Generate(count=5).count, Generate(count="auto").count) == (32, 5, AUTO)


@pytest.mark.parametrize("count", [0, -1, "many", 2.5])
def test_nothing_is_no_count(count):
    with pytest.raises(ValidationError):
        Generate(count=count)
