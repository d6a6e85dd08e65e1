"""What is packed draws in diffusers exactly as it was trained."""

import json
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from kept import Kept

from lorabuild.core.events import silent
from lorabuild.core.item import Item
from lorabuild.models import family, source
from lorabuild.networks import attach
from lorabuild.publish import file
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import package

sys.path.insert(0, str(Path(__file__).parents[1]))

BUILD = json.loads((Path(__file__).parents[1] / "data" / "finished_build.json").read_text("utf-8"))
PARTS = {"unet", "text_encoder"}


@pytest.fixture
def site(tmp_path):
    import tiny_sd15

    tiny_sd15.make(tmp_path / "base")
    return Site(Project.model_validate({**BUILD["project"], "base": {"model": "base"}}), tmp_path)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("precision", "network"),
    [
        ("fp16", {}),
        ("bf16", {}),
        ("fp32", {"block_alphas": {"OUT03-OUT06": 1, "IN01": 3}}),
        ("fp32", {"rs_lora": True, "block_dims": {"OUT03-OUT06": 2, "IN01": 6}}),
    ],
    ids=["fp16", "bf16", "alphas by block", "rsLoRA with dims by block"],
)
def test_unet_and_text_encoder_answer_the_same_in_diffusers(site, precision, network):
    from diffusers import StableDiffusionPipeline

    words = {
        **BUILD["project"],
        "base": {"model": "base"},
        "output": {**BUILD["project"]["output"], "precision": precision},
        "network": {**BUILD["project"]["network"], **network},
    }
    site = Site(Project.model_validate(words), site.root)
    model = family.load(
        source.locate(site), site.project.base, {*PARTS, "tokenizer"}, torch.device("cpu"), torch.float32
    )
    adapter = attach.attach(model.layers(PARTS, convolutions=True), site.project.network, 0)
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(tensor.shape, generator=generator) / 20 if name.endswith("up.weight") else tensor
        for name, tensor in adapter.state().items()
    }
    outputs = Kept()
    lora = outputs.write(safetensors.torch.save(state))
    package.run([Item("package", "b3:0", reads={**BUILD["reads"], "lora": lora})], site, outputs, silent)
    packed = outputs.made("package", "zorbl.safetensors")
    (site.root / "zorbl.safetensors").write_bytes(packed)
    adapter.load_state({name: tensor.float() for name, tensor in file.load(packed).items()})

    pipeline = StableDiffusionPipeline.from_pretrained(site.root / "base", local_files_only=True)
    pipeline.load_lora_weights(site.root, weight_name="zorbl.safetensors", local_files_only=True)
    noisy, context = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 77, 16, generator=generator)

    def answers():
        words = model.encode_text(model.tokenize(["a b"]))["hidden"]
        return model.predict(noisy, torch.tensor([500]), {"hidden": context}), words

    with torch.no_grad():
        ours = answers()
        read, _ = pipeline.encode_prompt("a b", torch.device("cpu"), 1, do_classifier_free_guidance=False)
        theirs = pipeline.unet(noisy, torch.tensor([500]), context).sample, read
        adapter.multiplier = 0
        base = answers()
    for made, wanted, without in zip(ours, theirs, base, strict=True):
        assert torch.allclose(made, wanted, atol=2e-6)
        assert not torch.allclose(made, without, atol=1e-2)
