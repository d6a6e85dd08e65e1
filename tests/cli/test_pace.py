import pytest
from events import PROGRESS, STAGE, WARNING, Clock

from lorabuild.cli.pace import Pace
from lorabuild.core.events import Event


def at(done, **more):
    return Event("progress", "tag", {"done": done, "total": 10, **more})


@pytest.fixture
def clock():
    return Clock()


def test_rate_and_time_left_from_the_first_progress_on(clock):
    pace = Pace(clock)
    pace(STAGE)
    clock.now += 30  # a model is loaded
    assert "rate" not in pace(at(2)).data
    clock.now += 2
    said = pace(at(6)).data
    assert (said["rate"], said["left"]) == (2.0, 2.0)


def test_what_a_stage_says_itself_stays(clock):
    pace = Pace(clock)
    pace(at(1))
    clock.now += 5
    event = at(2, rate=9.0, left=1.0)
    assert pace(event) is event


def test_too_little_to_measure_says_nothing(clock):
    pace = Pace(clock)
    pace(at(1))
    clock.now += 0.5
    assert "rate" not in pace(at(2)).data
    clock.now += 5
    assert "rate" not in pace(at(1)).data


def test_each_stage_and_each_run_of_it_is_measured_anew(clock):
    pace = Pace(clock)
    pace(at(1))
    clock.now += 5
    pace(STAGE)
    assert "rate" not in pace(at(9)).data
    clock.now += 5
    assert "rate" not in pace(Event("progress", "text", {"done": 9, "total": 10})).data


def test_other_events_pass(clock):
    assert Pace(clock)(WARNING) is WARNING
    assert Pace(clock)(PROGRESS) is PROGRESS
