"""The file that is shipped – kohya names, fp16 – does in diffusers what the trained adapter did here."""

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from sites import site

from lorabuild.models import family, source
from lorabuild.networks.attach import attach, wants_convolutions
from lorabuild.schema.network import LoCon, LoRA

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "settings",
    [
        LoRA(dim=4, alpha=3, rs_lora=True),
        LoCon(dim=4, alpha=3, conv_dim=2, conv_alpha=3),
    ],
    ids=lambda s: s.type,
)
def test_loads_with_equal_unet_and_text_encoder(tiny, tmp_path, settings):
    where = site(tiny.parent, tiny)
    model = family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)
    layers = model.layers(("unet", "text_encoder"), convolutions=wants_convolutions(settings))
    tokens, noisy, t = model.tokenize(["a b"]), torch.randn(1, 4, 8, 8), torch.tensor([400])
    plain = model.encode_text(tokens)
    before = model.predict(noisy, t, plain)
    adapter = trained(attach(layers, settings, 0))
    with torch.no_grad():
        read = model.encode_text(tokens)["hidden"]
        answer = model.predict(noisy, t, plain)
    save_file({name: tensor.half() for name, tensor in adapter.state().items()}, tmp_path / "lora.safetensors")

    pipe = StableDiffusionPipeline.from_pretrained(tiny, safety_checker=None)
    pipe.load_lora_weights(tmp_path, weight_name="lora.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(pipe.text_encoder(tokens[:, 0]).last_hidden_state, read, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(pipe.unet(noisy, t, plain["hidden"]).sample, answer, rtol=1e-4, atol=1e-4)
    assert (answer - before).abs().max() > 0.05
    assert (read - plain["hidden"]).abs().max() > 0.05


def trained(adapter):
    """Stirred, and rounded to what fp16 can hold, so that only the road is tested and not the rounding."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
            parameter.copy_(parameter.half())
    return adapter
