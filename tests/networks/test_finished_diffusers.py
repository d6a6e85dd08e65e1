"""A file whose layers differ in rank and strength does in diffusers what it does here."""

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from sites import site

from lorabuild.models import family, source
from lorabuild.networks.attach import attach, load
from lorabuild.networks.finish import finished
from lorabuild.schema.finish import step
from lorabuild.schema.network import LoCon

CPU = torch.device("cpu")


def test_reweighted_and_resized_by_energy(tiny, tmp_path):
    where = site(tiny.parent, tiny)
    model = family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)
    layers = model.layers(("unet", "text_encoder"), convolutions=True)
    adapter = attach(layers, LoCon(dim=6, alpha=3, conv_dim=4, conv_alpha=2), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    held = adapter.state()
    adapter.detach()
    made = finished(held, [step("blocks", {"OUT03-OUT06": 0.3, "IN01": 0}), step("resize", {"energy": 0.8})])
    assert len({len(tensor) for name, tensor in made.items() if "lora_down" in name}) > 2
    save_file(made, tmp_path / "lora.safetensors")
    tokens, noisy, t = model.tokenize(["a b"]), torch.randn(1, 4, 8, 8), torch.tensor([400])
    plain = model.encode_text(tokens)
    worn = load(layers, made)
    with torch.no_grad():
        read, answer = model.encode_text(tokens)["hidden"], model.predict(noisy, t, plain)
    worn.detach()
    pipe = StableDiffusionPipeline.from_pretrained(tiny, safety_checker=None)
    pipe.load_lora_weights(tmp_path, weight_name="lora.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(pipe.text_encoder(tokens[:, 0]).last_hidden_state, read, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(pipe.unet(noisy, t, plain["hidden"]).sample, answer, rtol=1e-4, atol=1e-4)
