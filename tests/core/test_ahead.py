"""lorabuild.core.ahead with several threads; how the training loop uses one is tested in tests/training."""

import threading
import time

import pytest

from lorabuild.core.ahead import ahead


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_answers_come_in_the_order_asked_whoever_is_done_first(threads):
    def slow_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return -number

    assert list(ahead(slow_first, range(20), 2 * threads - 1, threads)) == [(n, -n) for n in range(20)]


def test_several_work_at_once():
    both = threading.Barrier(2, timeout=10)
    assert [index for _, index in ahead(lambda _: both.wait() >= 0, range(4), 3, 2)] == [True] * 4
