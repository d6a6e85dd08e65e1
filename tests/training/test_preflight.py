import pytest
from tiny_training import settings

from lorabuild.training import preflight
from lorabuild.training.preflight import checkpointing, disk, memory, outputs, too_full, too_much

GB = 10**9
UNET = {
    "conv_in.weight": (320, 4, 3, 3),
    "time_embedding.linear_1.weight": (1280, 320),
    "down_blocks.0.attentions.0.proj_in.weight": (320, 320, 1, 1),
    "down_blocks.1.resnets.0.conv1.weight": (640, 320, 3, 3),
    "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": (640, 768),
    "mid_block.resnets.0.conv1.weight": (640, 640, 3, 3),
    "up_blocks.0.resnets.0.conv1.weight": (640, 640, 3, 3),
    "up_blocks.1.resnets.0.conv1.weight": (320, 320, 3, 3),
    "conv_out.bias": (4,),
}
ORIGINAL = {
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "model.diffusion_model.time_embed.0.weight": (1280, 320),
    "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
    "model.diffusion_model.input_blocks.4.0.in_layers.2.weight": (640, 320, 3, 3),
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 768),
    "model.diffusion_model.middle_block.0.in_layers.2.weight": (640, 640, 3, 3),
    "model.diffusion_model.output_blocks.0.0.in_layers.2.weight": (640, 640, 3, 3),
    "model.diffusion_model.output_blocks.3.0.in_layers.2.weight": (320, 320, 3, 3),
}


def test_every_layer_counts_at_the_size_of_its_block_under_either_name():
    expected = 3 * 320 * 64 * 64 + 3 * 640 * 32 * 32 + 640 * 77
    assert outputs(UNET, 64, 64) == outputs(ORIGINAL, 64, 64) == expected
    assert outputs({}, 64, 64) == 0


def of_sd15(device, **words):
    return memory(settings(**{"batch": 1, **words}), 860_000_000, 3_200_000, 235_000_000, device=device)


def test_a_full_size_training_takes_what_it_takes():
    """SD1.5 in float32 at 512 pixels: 1.86 GB of activations were measured, with 235 million outputs."""
    needs = of_sd15("cuda", precision="fp32")
    assert needs.activations == pytest.approx(1.86 * GB, rel=0.05)
    assert needs.weights == 4 * 860_000_000
    assert needs.trained == 16 * 3_200_000
    assert needs.total(checkpointing=True) < needs.total(checkpointing=False)
    assert of_sd15("cuda", precision="bf16").activations * 2 == needs.activations
    more = of_sd15("cuda", precision="fp32", batch=4, ema={})
    assert more.activations == 4 * needs.activations
    assert more.trained == needs.trained + 4 * 3_200_000


def test_on_a_cpu_a_state_is_in_memory_three_times_while_it_is_saved():
    assert of_sd15("cpu", ema={}).trained == (4 + 3 * (4 + 8 + 4)) * 3_200_000


NARROW = {"sd15": (37_522_628, 1_671_168, 12_049_792), "sdxl": (144_793_196, 11_711_232, 23_165_024)}
"""Of the models of benchmarks/memory.py: parameters, those of the LoRA, outputs of all layers at 256 pixels."""
KINDS = [
    {"precision": "fp32"},
    {"precision": "fp32", "gradient_checkpointing": True},
    {"precision": "bf16"},
    {"precision": "bf16", "gradient_checkpointing": True},
    {"precision": "fp32", "optimizer": {"type": "prodigy"}},
]
PEAKS = {
    ("sd15", 1): (730, 672, 688, 662, 751),
    ("sd15", 4): (1095, 819, 844, 709, 1092),
    ("sdxl", 1): (1617, 1509, 1310, 1253, 1830),
    ("sdxl", 4): (2543, 1654, 1598, 1292, 2700),
}
"""Megabytes that the process took (benchmarks/RESULTS.md)."""


@pytest.mark.parametrize(("family", "batch"), PEAKS)
def test_an_estimate_is_more_than_what_was_measured_and_not_much_more(family, batch):
    for words, peak in zip(KINDS, PEAKS[family, batch], strict=True):
        needs = memory(settings(batch=batch, **words), *NARROW[family], device="cpu")
        share = needs.total(checkpointing=bool(words.get("gradient_checkpointing"))) / (peak << 20)
        assert 1.05 <= share <= 1.35, words


@pytest.mark.parametrize(
    ("word", "free", "expected"),
    [(True, 99 * GB, True), (False, 1, False), ("auto", 99 * GB, False), ("auto", 5 * GB, True), ("auto", None, False)],
)
def test_activations_are_computed_twice_where_they_would_not_fit(word, free, expected):
    training = settings(gradient_checkpointing=word)
    needs = memory(training, 860_000_000, 3_200_000, 235_000_000, device="cpu")
    assert checkpointing(training, needs, free) == expected


def test_what_does_not_fit_is_said_with_what_to_do():
    training = settings(batch=8)
    needs = memory(training, 860_000_000, 3_200_000, 235_000_000, device="cuda")
    assert too_much(training, needs, 80 * GB, "cuda") == ""
    assert too_much(training, needs, None, "cuda") == ""
    said = too_much(training, needs, 6 * GB, "cuda")
    assert "6.0 GB are free on this GPU" in said
    assert "training.batch (now 8" in said
    assert "more of memory" in too_much(training, needs.ahead(), GB, "cuda")
    assert needs.ahead().total(checkpointing=False) == needs.trained + needs.activations
    assert too_full(GB, 2 * GB) == too_full(GB, None) == ""
    assert "keep_checkpoints" in too_full(3 * GB, 2 * GB)


def test_the_disk_holds_every_checkpoint_twice_and_some_states():
    plain = disk(settings(), 1_000_000, 10, 1000)
    assert 80_000_000 < plain < 140_000_000
    assert disk(settings(keep_checkpoints=2), 1_000_000, 10, 1000) < plain
    assert disk(settings(save_every=100), 1_000_000, 10, 1000) == plain + 80_000_000


def test_every_optimizer_is_known():
    from lorabuild.training.optimizers import OPTIMIZERS

    assert set(preflight.REMEMBERED) == set(OPTIMIZERS) - {"custom"}


def test_a_compiler_that_is_not_there_is_said_before_anything_runs(monkeypatch):
    wanted = settings(compile=True)
    monkeypatch.setattr(preflight.shutil, "which", lambda name: None)
    assert "needs a C++ compiler such as g++, which isn't found here" in preflight.unable(wanted, "cpu")
    monkeypatch.setattr(preflight, "find_spec", lambda name: None)
    assert "needs triton" in preflight.unable(wanted, "cuda")
    monkeypatch.setattr(preflight, "find_spec", lambda name: name)
    monkeypatch.setattr(preflight.shutil, "which", lambda name: name if name == "clang++" else None)
    assert preflight.unable(wanted, "cpu") is None
    assert preflight.unable(wanted, "cuda") is None
    assert preflight.unable(settings(), "cpu") is None
