import threading
import time
from contextlib import closing
from itertools import count, islice

import pytest
from test_objective import EVERYTHING, denoising

from lorabuild.core.ahead import ahead


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.mark.parametrize("depth", [0, 1, 2, 7])
def test_everything_comes_once_and_in_order(depth):
    assert list(ahead(lambda x: x * x, range(6), depth)) == [(x, x * x) for x in range(6)]
    assert list(ahead(lambda x: x, [], depth)) == []
    assert not threads()


def test_so_many_are_done_ahead_and_no_more():
    done, wanted = [], []

    def asked():
        for number in range(10):
            wanted.append(number)
            yield number

    with closing(ahead(lambda x: done.append(x) or x, asked(), 2)) as made:
        assert next(made) == (0, 0)
        wait_for(lambda: done == [0, 1, 2])
        assert wanted == [0, 1, 2]
        next(made)
        wait_for(lambda: done == [0, 1, 2, 3])


def wait_for(condition):
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_what_goes_wrong_is_raised_in_its_turn():
    def prepare(number):
        if number == 2:
            raise ValueError("this one")
        return number

    made = ahead(prepare, range(9))
    assert [next(made), next(made)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="this one"):
        next(made)
    assert not threads()


def test_what_goes_wrong_in_the_wish_list_is_raised_too():
    def asked():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ahead(lambda x: x, asked()))
    assert not threads()


def test_closing_ends_the_thread_though_there_is_no_end_of_work():
    with closing(ahead(lambda x: x, count())) as made:
        assert [one for one, _ in islice(made, 5)] == [0, 1, 2, 3, 4]
        assert threads()
    assert not threads()


def test_a_batch_that_was_prepared_ahead_is_the_same():
    made, looks = denoising(frozen=False, **EVERYTHING)
    batches = [looks[start : start + 2] for start in range(0, len(looks), 2)]
    for batch, prepared in ahead(lambda batch: made.prepare(batch, 0), batches):
        assert made.measure(prepared).tolist() == made(batch, 0).tolist()
