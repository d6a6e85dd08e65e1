"""SIGKILL at random instants: however often a build is killed, what it ends with is what one left alone ends with."""

import os

import pytest
from kills import HEAVY, LIGHT, Example, Light, shortened
from warm import Warm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="builds are forked here")
SEED = 20261121


def test_fifty_light_builds_killed_at_random_instants_end_as_if_nothing_had_happened(tmp_path):
    with Warm(*LIGHT) as warm:
        builds = Light(tmp_path, warm, SEED)
        for number in range(50):
            print(builds.run(number))  # pytest shows it when the test fails
        builds.finish()


def test_the_example_killed_eight_times_through_its_build_has_the_bytes_of_one_left_alone(tmp_path):
    with Warm(*HEAVY) as warm:
        builds = Example(tmp_path, warm, SEED, shortened)
        builds.reference()
        for number in range(8):
            print(builds.run(number, of=8))
