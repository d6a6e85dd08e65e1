"""A whole build on every device that this machine has, in every arithmetic that the device can do.

Where there is no GPU only the CPU's bf16 is left; on a machine with one the same tests prove its roads.
"""

import signal
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import small
import test_kills
import test_team
import torch
from fake_gpu import elsewhere

WAYS = [("cpu", "bf16")]
if torch.cuda.is_available():
    bf16 = [("cuda", "bf16")] if torch.cuda.is_bf16_supported() else []
    WAYS += [("cuda", "fp32"), ("cuda", "fp16"), *bf16]
CLOSE = {"fp32": 1e-3, "bf16": 3e-2, "fp16": 1e-2}
"""How far a step's loss may be from that of fp32 on the CPU."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small.make_models(tmp_path_factory.mktemp("devices") / "models")


@pytest.fixture(scope="module")
def exact(models, tmp_path_factory):
    """The losses of fp32 on the CPU."""
    made = small.make(tmp_path_factory.mktemp("exact") / "tiny", models)
    assert made.build("train").code == 0
    return [row["loss"] for row in test_team.trained(made)[2]]


def project(root, models, way):
    """The small project for a device and an arithmetic."""
    kind, precision = way
    made = small.make(root, models)
    made.write("type: cpu", f"type: {kind}")
    made.write("precision: fp32", f"precision: {precision}")
    return made


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_it_is_built_alike_and_once_and_goes_on_after_a_kill(way, models, exact, tmp_path):
    whole, cut = (project(tmp_path / name, models, way) for name in ("whole", "cut"))
    assert whole.build().code == 0
    result, _, rows = test_team.trained(whole)
    assert result.record["device"] == way[0]
    assert [row["loss"] for row in rows] == pytest.approx(exact, rel=CLOSE[way[1]])
    assert whole.build().ran == {}
    process = test_kills.started(cut, *test_kills.SAVING)
    test_kills.until(process, "progress", "train")
    process.kill()
    assert test_kills.ended(process)[0] == -signal.SIGKILL
    again = cut.build()
    assert again.code == 0
    assert test_kills.resumed(again)
    assert cut.sha() == whole.sha()


def test_what_a_gpu_is_to_do_leaves_nothing_behind_on_the_cpu(models, exact, tmp_path, monkeypatch):
    made = small.make(tmp_path / "there", models)
    with elsewhere(monkeypatch) as device:
        opened = SimpleNamespace(device=device, autocast=nullcontext)
        monkeypatch.setattr("lorabuild.models.device.pick", lambda *_: device)
        monkeypatch.setattr("lorabuild.training.device.open_device", lambda *_: opened)
        assert made.build().code == 0
    result, _, rows = test_team.trained(made)
    assert result.record["device"] == device.type
    assert [row["loss"] for row in rows] == pytest.approx(exact, rel=1e-5)
