import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import lorabuild
from lorabuild.training.together import ALONE, backend, joined


def team(folder, size, dies=""):
    """What each member saw; None for one that ended without a word."""
    room = {**os.environ, "PYTHONPATH": str(Path(lorabuild.__file__).parents[1]), "GLOO_SOCKET_IFNAME": "lo"}
    program = [sys.executable, "-W", "error", str(Path(__file__).with_name("a_team.py"))]
    words = [[*program, str(rank), str(size), str(folder), dies] for rank in range(size)]
    running = [subprocess.Popen(line, env=room, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for line in words]
    said = [process.communicate(timeout=120) for process in running]
    assert dies or not any(process.returncode for process in running), said[0][1].decode() + said[1][1].decode()
    return [json.loads(out) if out else None for out, _ in said]


def test_members_share_sum_gather_and_agree(tmp_path):
    size = 3
    seen = team(tmp_path, size)
    assert [one["shares"][0] for one in seen] == [list(range(5))[rank::size] for rank in range(size)]
    assert [one["shares"][1] for one in seen] == [[7]] + [[]] * (size - 1)
    total = sum(rank + 0.5 for rank in range(size))
    for one in seen:
        assert one["gathered"] == [[0, 1, 2, 3, 4], [7]]
        assert one["gradients"] == [[total] * 3, [[1, 1], [1, 1]], None]  # nobody has one: it keeps none
        assert one["agreed"] == 1.5
        assert "came to different numbers" in one["differ"]


def test_a_lost_member_is_noticed_by_the_other(tmp_path):
    first, second = team(tmp_path, 2, "dies")
    assert second is None
    assert "lost one of its processes" in first["lost"]


def test_one_is_a_team_that_costs_nothing(tmp_path):
    looks, values, held = [1, 2], torch.ones(2), nn.Parameter(torch.ones(1))
    with joined(None, 0, 1, torch.device("cpu"), lambda: None) as alone:
        assert alone is ALONE
    assert ALONE.share(looks) is looks
    assert ALONE.gather(values) is values
    assert (ALONE.rank, ALONE.size, ALONE.is_first, ALONE.agree(0.25)) == (0, 1, True, 0.25)
    ALONE.sum_gradients([held])
    ALONE.compare([held])
    assert held.grad is None


def test_gpus_sum_by_nccl_where_torch_has_it(monkeypatch):
    for there, wanted in ((True, "cpu:gloo,cuda:nccl"), (False, "gloo")):
        monkeypatch.setattr("torch.distributed.is_nccl_available", lambda there=there: there)
        assert (backend(torch.device("cuda")), backend(torch.device("cpu"))) == (wanted, "gloo")
