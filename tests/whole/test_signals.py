"""Ctrl-C and SIGTERM at any instant: a word, its exit code, what is done is kept, the next build is right."""

import os
import shutil
import signal

import pytest
from kills import LIGHT, crowd, drawn, losses
from lit import Lit, state
from warm import Warm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="builds are forked here")
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SAID = "stopped; what is done is saved – run `lorabuild` again to go on"


@pytest.mark.parametrize("by", ENDS, ids=["SIGINT", "SIGTERM"])
def test_a_build_that_is_stopped_at_any_instant_says_so_and_keeps_every_item_it_has(tmp_path, by):
    root, stopped = crowd(tmp_path / "crowd"), 0
    with Warm(*LIGHT) as warm:
        whole = warm.build(root, "balance").seconds
        right = state(root)
        for number in range(15):
            shutil.rmtree(root / ".lorabuild")
            after = whole * (0.15 + drawn(number).random())  # not before the command line is at work
            run = warm.build(root, "balance", kill_after=after, by=by)
            assert run.code in (0, ENDS[by]), (number, run.text)
            own = run.text.partition("Exception ignored in")[0]  # Python's own words where it falls into a destructor
            assert "Traceback" not in own
            if run.code:
                stopped += 1
                assert SAID in run.text
                assert not list(root.glob(".lorabuild/holder"))
            again = warm.build(root, "balance")
            assert again.code == 0
            assert max([0, *(count for _, count in losses(run, again))]) == 0, number
            assert state(root) == right
    assert stopped
    Lit(root).right()
