import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from tiny_training import Trained, settings

import lorabuild
from lorabuild.core.errors import StageError


class Small:
    """An objective on a device that holds so many images at once, and no more."""

    error = torch.OutOfMemoryError("too much")

    def __init__(self, inner, most):
        self.inner, self.most, self.sizes = inner, most, []

    def prepare(self, looks, step):
        return len(looks), self.inner.prepare(looks, step)

    def measure(self, prepared):
        size, made = prepared
        self.sizes.append(size)
        distances = self.inner.measure(made)
        if size > self.most:
            raise self.error
        return distances


def trained(folder, most, **words):
    made = []

    def around(objective):
        made.append(Small(objective, most))
        return made[0]

    found = Trained(folder, settings(batch=4, accumulation=2, **words), epochs=2, around=around)
    found.sizes = made[0].sizes
    return found


def close(one, other):
    for name, tensor in load(one.epochs[-1]).items():
        torch.testing.assert_close(tensor, load(other.epochs[-1])[name], rtol=1e-5, atol=1e-6)


def test_smaller_pieces_give_the_same_and_it_is_said_once_for_each_size(tmp_path):
    words = {"optimizer": {"type": "sgd", "lr": 0.1}}
    free, tight = trained(tmp_path / "free", 99, **words), trained(tmp_path / "tight", 1, **words)
    close(free, tight)
    assert [row.loss for row in tight.state.rows] == pytest.approx([row.loss for row in free.state.rows], rel=1e-5)
    assert tight.notes == [
        "4 images at once don't fit into memory; they go 2 at once, the same sums",
        "2 images at once don't fit into memory; they go 1 at once, the same sums",
    ]
    assert tight.sizes[:3] == [4, 2, 1] or tight.sizes[0] < 4
    assert max(tight.sizes[tight.sizes.index(1) :]) == 1  # it is remembered
    assert free.notes == []


def test_the_size_is_remembered_across_a_kill(tmp_path):
    tight = trained(tmp_path, 2)
    assert tight.state.at_once == 2
    for path in tmp_path.glob("state-*"):
        if path != min(tmp_path.glob("state-*")):
            path.unlink()
    again = trained(tmp_path, 2)
    assert max(again.sizes, default=0) <= 2
    assert again.epochs == tight.epochs


def test_not_even_one(tmp_path):
    with pytest.raises(StageError, match="not even one image"):
        trained(tmp_path, 0)


def test_another_error_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Small, "error", RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="multiplied"):
        trained(tmp_path, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_where_the_system_itself_gives_no_more():
    program = Path(__file__).with_name("short_of_memory.py")
    limits = ("0", "3.9", "0.9")  # at 3.9 four images don't fit forward, and two not backward
    room = os.environ | {"PYTHONPATH": str(Path(lorabuild.__file__).parents[1])}
    out = subprocess.run([sys.executable, program, *limits], env=room, capture_output=True, text=True, check=True)
    free, tight, none = map(json.loads, out.stdout.splitlines())
    assert tight["losses"] == pytest.approx(free["losses"], rel=1e-5)
    assert [text[:8] for text in tight["notes"]] == ["4 images", "2 images"]
    assert none["error"] == "not even one image at once fits into the memory of this device"
