import json

import light
import pytest

from lorabuild.core import graphics
from lorabuild.core.machine import available
from lorabuild.graph import preflight
from lorabuild.graph.forecast import forecast


def safetensors(path, shapes):
    """A file of this form with a header and no numbers behind it."""
    header = json.dumps({"__metadata__": {}, **{name: {"shape": shape} for name, shape in shapes.items()}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


UNET = {
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight": [3200, 3200],
    "conv_in.weight": [3200, 4, 3, 3],
}


@pytest.fixture
def big(project):
    safetensors(project / "base/unet/diffusion_pytorch_model.safetensors", UNET)
    safetensors(project / "base/text_encoder/model.safetensors", {"layers.0.mlp.fc1.weight": [3000, 1000]})
    light.built(project)
    return project


def warned(root, *overrides):
    with light.viewed(root, *overrides) as view:
        return {warning["code"]: warning["text"] for warning in forecast(view)["warnings"]}


def test_parameters_are_counted_from_the_headers(big):
    with light.viewed(big) as view:
        told = preflight.counted(view)
    assert told["frozen"] == 3200 * 3200 + 3200 * 4 * 9 + 3000 * 1000
    assert told["outputs"] >= 2 * 3200 * 16 * 16  # a bucket of 64 by 64 with a VAE that halves twice
    with light.viewed(big, "training.train=unet") as view:
        assert preflight.counted(view)["frozen"] == told["frozen"] - 3000 * 1000


def test_plan_warns_of_what_does_not_fit(big, monkeypatch):
    assert not {"memory", "disk"} & set(warned(big))
    monkeypatch.setattr(preflight, "available", lambda: 1 << 20)
    assert "are free on this machine" in warned(big)["memory"]
    assert warned(big, "training.batch=2")["memory"] != warned(big)["memory"]
    assert warned(big, "samples.during=true")["memory"] != warned(big)["memory"]
    monkeypatch.setattr(preflight, "room", lambda _folder: (1 << 10, 1))
    assert "the disk has" in warned(big)["disk"]


def test_a_gpu_s_memory_counts_where_there_is_one(big, monkeypatch):
    monkeypatch.setattr(preflight, "free_graphics_memory", lambda: 1 << 20)
    assert "on this GPU" in warned(big, "device.type=cuda")["memory"]
    assert "on this GPU" in warned(big, "device.type=auto")["memory"]
    assert "memory" not in warned(big, "device.type=cpu")


def test_what_is_done_needs_no_room(big, monkeypatch):
    light.finished(big)
    monkeypatch.setattr(preflight, "available", lambda: 1)
    assert "memory" not in warned(big)


@pytest.mark.parametrize("data", [b"", b"nonsense", (9).to_bytes(8, "little") + b"[]       ", b"\xff" * 20])
def test_a_file_that_is_none_counts_nothing(project, data):
    path = project / "base/unet/diffusion_pytorch_model.safetensors"
    path.write_bytes(data)
    with light.viewed(project, "training.train=unet") as view:
        assert preflight.counted(view) == {"frozen": 0, "outputs": 0}


def test_an_original_checkpoint_is_told_apart_by_its_names(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors(path, {"model.diffusion_model.x.weight": [2, 3], "first_stage_model.y": [9]})
    assert preflight._headers([path]) == {"model.diffusion_model.x.weight": (2, 3), "first_stage_model.y": (9,)}


def test_free_memory_is_what_the_container_allows(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n", "ascii")
    assert available(meminfo, tmp_path) == 5000 << 10
    (tmp_path / "memory.max").write_text("2000000\n", "ascii")
    (tmp_path / "memory.current").write_text("500000\n", "ascii")
    assert available(meminfo, tmp_path) == 1_500_000
    (tmp_path / "memory.max").write_text("max\n", "ascii")
    assert available(meminfo, tmp_path) == 5000 << 10
    assert available(tmp_path / "none", tmp_path / "none") is None


def test_a_machine_without_a_driver_has_no_gpu(monkeypatch):
    monkeypatch.setattr(graphics, "NAMES", ("no-such-library.so",))
    assert graphics.free_graphics_memory() is None


def test_plan_warns_of_what_the_device_can_t_do(big, monkeypatch):
    auto = "device.type=auto"
    monkeypatch.setattr(preflight, "free_graphics_memory", lambda: None)
    assert "fp16 is trained on CUDA only" in warned(big, auto, "training.precision=fp16")["device"]
    assert "device" not in warned(big, auto, "training.optimizer.type=adamw8bit")
    assert "device" not in warned(big, auto)
    monkeypatch.setattr(preflight, "free_graphics_memory", lambda: 80 << 30)
    assert "device" not in warned(big, auto, "training.precision=fp16")
