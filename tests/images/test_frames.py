import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.images.frames import receive, send

VALUES = st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists, max_leaves=9)


def through(*values):
    pipe = io.BytesIO()
    for value in values:
        send(pipe, value)
    pipe.seek(0)
    return [receive(pipe) for _ in values]


@given(VALUES, VALUES)
def test_values_come_out_as_they_went_in(one, two):
    assert through(one, two) == [one, two]


@pytest.mark.parametrize("shape", [(0, 3), (5, 4, 3), (300, 200, 3)])
def test_arrays_come_out_as_they_went_in(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    array.flags.writeable = False
    (found, twisted), text = through((array, array.swapaxes(0, 1)[::-1]), "after it")
    assert np.array_equal(found, array)
    assert np.array_equal(twisted, array.swapaxes(0, 1)[::-1])
    assert text == "after it"


@pytest.mark.parametrize("left", [0, 3, 8, 12, 30])
def test_a_pipe_that_ends_is_noticed(left):
    pipe = io.BytesIO()
    send(pipe, np.zeros(99))
    with pytest.raises(EOFError):
        receive(io.BytesIO(pipe.getvalue()[:left]))
