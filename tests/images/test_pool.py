import threading
import time

import pytest

from lorabuild.images import pool
from lorabuild.images.pool import in_order, plain
from lorabuild.schema.images import Images


def test_answers_come_in_the_order_asked():
    def work(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_order(work, range(40), 4)) == [(n, n * n) for n in range(40)]


def test_nothing_asked_gives_nothing():
    assert list(in_order(str, [])) == []


def test_only_a_few_are_under_way():
    started, lock = [], threading.Lock()

    def work(number):
        with lock:
            started.append(number)
        return number

    answers = in_order(work, range(1000), 2)
    next(answers)
    assert len(started) <= 5
    answers.close()
    assert len(started) <= 5


def test_the_next_batch_is_under_way_while_the_caller_is_busy_with_one():
    started = []
    answers = in_order(started.append, range(1000), 1, batch=4)
    next(answers)
    answers.close()
    assert len(started) <= 6
    ready = threading.Event()

    def work(number):
        if number == 4:
            ready.set()

    answers = in_order(work, range(1000), 1, batch=4)
    next(answers)
    assert ready.wait(10)
    answers.close()


def test_an_error_stops_what_has_not_begun():
    started = []

    def work(number):
        started.append(number)
        if number == 3:
            raise ValueError("broken")
        return number

    with pytest.raises(ValueError, match="broken"):
        list(in_order(work, range(1000), 2))
    assert len(started) < 20


def test_for_a_little_work_no_process_is_started(monkeypatch):
    monkeypatch.setattr(pool, "_Process", None)
    assert [answer for _, answer in in_order(str, range(2000), 2)] == [str(number) for number in range(2000)]


def test_settings_are_the_same_without_pydantic():
    settings = Images(resolution=640, buckets={"step": 16})
    assert (plain(settings).resolution, plain(settings).background) == (640, settings.background)
    assert plain(settings).buckets.step == 16
