import argparse
import os
import subprocess
import sys

import pytest

from lorabuild.cli.together import add_processes, launched, leading
from lorabuild.core.errors import ProjectError
from lorabuild.core.launch import ALONE, Launch

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    for name in (*TORCHRUN, "LOCAL_WORLD_SIZE", "GLOO_SOCKET_IFNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")
    del os.environ["GLOO_SOCKET_IFNAME"]  # what is set below goes with the fixture


def args(*words):
    parser = argparse.ArgumentParser()
    add_processes(parser)
    return parser.parse_args(words)


def test_nothing_said_is_one_process():
    assert launched(args()) == ALONE
    with leading(ALONE):
        pass
    assert "GLOO_SOCKET_IFNAME" not in os.environ


def test_processes_of_one_machine_talk_over_loopback():
    assert launched(args("--processes", "2")) == Launch(0, 2, 0, 2, 1)
    assert os.environ.get("GLOO_SOCKET_IFNAME") == {"linux": "lo", "darwin": "lo0"}.get(sys.platform)


def test_a_launcher_s_word(monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert launched(args()) == Launch(1, 2, 1, 2, 0, "a:1")
    assert not {*TORCHRUN} & {*os.environ}


def test_both_is_one_too_many(monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProjectError, match="a launcher and --processes"):
        launched(args("--processes", "2"))


def test_none_is_too_few():
    with pytest.raises(ProjectError, match="--processes 0"):
        launched(args("--processes", "0"))


HELPING = """
import atexit, sys
from types import SimpleNamespace
from lorabuild.cli import together
from lorabuild.core.launch import Launch
from lorabuild.graph import worker

def wait(root, launch):
    print(f"{root} {launch.rank}", end="")
    if LOST:
        raise RuntimeError("connection reset")

worker.wait = wait
atexit.register(print, "; Python ended")
together.help_out(SimpleNamespace(site=SimpleNamespace(root="here")), Launch(1, 2, 1, 2))
"""


@pytest.mark.parametrize(("lost", "code", "said"), [(False, 0, "here 1"), (True, 1, "here 1; Python ended\n")])
def test_who_helps_leaves_at_once_when_its_share_is_done(lost, code, said):
    run = [sys.executable, "-c", HELPING.replace("LOST", str(lost))]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said)
    assert ("process 2 of 2 lost the first one: connection reset" in done.stderr) == lost
