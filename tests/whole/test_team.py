"""Several processes train as one: the same result, and none of them outlives the others."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small
import torch
from safetensors.torch import load

from lorabuild.core.store import Store

ONLY = sys.platform != "linux"
pytestmark = pytest.mark.skipif(ONLY, reason="looks at /proc")
LONG = ("--set", "budget.steps=4000", "--set", "training.save_state_every=5")


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """The small project, built as far as it goes without training."""
    folder = tmp_path_factory.mktemp("team")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    assert made.build("text").code == 0
    return made


@pytest.fixture(scope="module")
def alone(ready, tmp_path_factory):
    made = ready.copy(tmp_path_factory.mktemp("alone") / "tiny")
    assert made.build("train").code == 0
    return trained(made)


def trained(project):
    """Result, tensors of the last epoch, and log of the one training."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        (result,) = store.results(store.latest("train").values()).values()
        rows = [json.loads(line) for line in store.read(result.outputs["log"]).splitlines()]
        return result, load(store.read(result.outputs["epoch-0002"])), rows


def equal(one, other):
    (first, tensors, rows), (second, others, lines) = one, other
    assert first.key == second.key
    assert [row["step"] for row in rows] == [line["step"] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert line["loss"] == pytest.approx(row["loss"], abs=1e-5)
    assert tensors.keys() == others.keys()
    for name in tensors:
        torch.testing.assert_close(others[name], tensors[name], rtol=0, atol=1e-5)


def test_two_processes_come_to_what_one_comes_to(ready, alone, tmp_path):
    made = ready.copy(tmp_path / "tiny")
    done = made.process("train", "--processes", "2")
    _, said = done.communicate(timeout=300)
    assert done.returncode == 0, said
    both = trained(made)
    equal(alone, both)
    assert both[0].record == {**alone[0].record, "processes": 2}
    assert not list(made.path(".lorabuild/work").iterdir())


def test_under_torchrun(ready, alone, tmp_path):
    made = ready.copy(tmp_path / "tiny")
    words = ["--nproc-per-node", "2", "--master-port", "0", "-m", "lorabuild", "build", "train", "-C", str(made.root)]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", *words]
    for ran in (True, False):
        done = subprocess.run(run, env=room(), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert ("train     done" in done.stderr, "train     up to date" in done.stderr) == (ran, not ran)
    both = trained(made)
    equal(alone, both)
    assert both[0].record["processes"] == 2


def room():
    return os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def started(project):
    """A long training of two processes under way, and the helper's number."""
    process = project.process("train", "--processes", "2", *LONG)
    until = time.monotonic() + 120
    while not (saved := list(project.path(".lorabuild/work").glob("*/state-*"))):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.1)
    helpers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert saved
    return process, int(helpers[0])


def gone(pid, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(("who", "sign", "code"), [("helper", signal.SIGKILL, 1), ("leader", signal.SIGINT, 130)])
def test_all_end_when_one_does(ready, tmp_path, who, sign, code):
    made = ready.copy(tmp_path / "tiny")
    process, helper = started(made)
    os.kill(helper if who == "helper" else process.pid, sign)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert gone(helper)
    if who == "helper":
        assert "process 2 of the 2 that train was killed by signal 9" in said
    if sign == signal.SIGINT:
        assert "stopped; what is done is saved" in said


def test_words_that_make_no_team(ready):
    assert ready.build("train", "--nodes", "2").code == 2
    assert ready.build("train", "--processes", "0").code == 2
