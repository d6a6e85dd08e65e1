import forms
import pytest
import torch

from lorabuild.networks import stored
from lorabuild.networks.inspect import inspected, kind, ranks

TYPES = {
    "locon": "LoCon",
    "dora": "LoCon + DoRA",
    "dylora": "LoCon",
    "loha": "LoHa",
    "lokr": "LoKr",
    "lokr whole": "LoKr",
    "ia3": "IA3",
    "diag_oft": "OFT",
    "full": "full",
}


@pytest.mark.parametrize("network", forms.NETWORKS)
def test_every_type_has_its_name(network):
    held = forms.state(network)
    assert inspected(held)["type"] == TYPES[network]
    linear = {key: tensor for key, tensor in held.items() if key.startswith(forms.LINEAR)}
    assert kind(stored.layers(linear)) == TYPES[network].replace("LoCon", "LoRA")


def test_blocks_parts_ranks_and_norms():
    held = forms.state("locon")
    text = {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": torch.ones(2, 3).half(),
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight": torch.ones(4, 2).half()}  # fmt: skip
    found = inspected(held | text)
    assert (found["layers"], found["parts"]) == (4, {"unet": 3, "text_encoder": 1})
    assert found["precision"] == {"float32": 9, "float16": 2}
    assert [(row["block"], row["layers"], row["dims"]) for row in found["blocks"]] == [
        ("BASE", 1, [2]),
        ("OUT03", 3, [3, 4]),
    ]
    assert found["blocks"][0]["norm"] == pytest.approx(12**0.5 * 2)
    norms = [float(stored.difference(layer).norm()) for layer in stored.layers(held).values()]
    assert found["blocks"][1]["norm"] == pytest.approx(sum(norm**2 for norm in norms) ** 0.5, rel=1e-5)
    assert found["dims"][0] == {"dim": 4, "alpha": 2.0, "layers": 2}
    assert (found["dim"], found["alpha"], found["conv_dim"]) == ("Dynamic", "2.0", "3")


def test_strange_layers_are_named():
    held = {"lora_unet_double_blocks_0_img_attn_qkv.strange": torch.ones(2)}
    found = inspected(held)
    assert found["unknown"] == ["lora_unet_double_blocks_0_img_attn_qkv"]
    assert [row["block"] for row in found["blocks"]] == ["other"]
    assert ranks(held) == dict.fromkeys(("dim", "alpha", "conv_dim", "conv_alpha"), "None")
