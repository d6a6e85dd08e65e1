"""To the original names and back, on the miniatures; the true architectures' names on the meta device."""

import json
from functools import cache

import pytest
import torch
from original import CLASSES, opened, parts
from sites import site

from lorabuild.models import keymap, source, weights
from lorabuild.models.keymap import Place


@pytest.fixture(scope="module", params=CLASSES)
def states(request, folders):
    """Part → its spelling and its tensors."""
    folder = folders[request.param]
    located = source.locate(site(folder.parent, folder, base={"family": request.param}))
    return {
        name: (part, opened(located, name, torch.float32).state_dict()) for name, part in parts(request.param).items()
    }


@cache
def shapes(family, part):
    """Of a real-size part's tensors, by name."""
    config = json.loads((source.CONFIGS / family / part / "config.json").read_text("utf-8"))
    return {name: held.shape for name, held in weights.empty(parts(family)[part], config).state_dict().items()}


def test_every_tensor_goes_to_its_original_name_and_back(states):
    for part, state in states.values():
        there = keymap.to_ldm(state, part.spelled)
        back = keymap.from_ldm(state, there, part.spelled)
        assert back.keys() == state.keys()
        for name, tensor in state.items():
            assert torch.equal(back[name], tensor), name


def test_no_two_tensors_have_one_place(states):
    for part, state in states.values():
        places = part.spelled(state)
        assert places.keys() == state.keys()
        assert len(set(places.values())) == len(places)


def test_nothing_of_diffusers_is_left_in_the_names(states):
    ours = (
        "resnets",
        "attentions",
        "samplers",
        "conv_shortcut",
        "time_emb_",
        "time_embedding",
        "mid_block",
        "up_blocks",
    )
    for part, state in states.values():
        assert [place.name for place in part.spelled(state).values() if any(word in place.name for word in ours)] == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("conv_in.weight", "input_blocks.0.0.weight"),
        ("add_embedding.linear_2.bias", "label_emb.0.2.bias"),
        ("time_embedding.linear_1.bias", "time_embed.0.bias"),
        ("down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"),
        ("down_blocks.1.resnets.0.conv_shortcut.weight", "input_blocks.4.0.skip_connection.weight"),
        ("down_blocks.2.attentions.1.proj_in.weight", "input_blocks.8.1.proj_in.weight"),
        ("mid_block.resnets.1.time_emb_proj.bias", "middle_block.2.emb_layers.1.bias"),
        ("mid_block.attentions.0.transformer_blocks.9.norm1.bias", "middle_block.1.transformer_blocks.9.norm1.bias"),
        ("up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.2.conv.weight"),
        ("up_blocks.2.resnets.2.norm2.bias", "output_blocks.8.0.out_layers.0.bias"),
        ("conv_norm_out.bias", "out.0.bias"),
    ],
)
def test_names_in_a_real_sdxl_file(name, place):
    assert keymap.unet(shapes("sdxl", "unet"))[name] == Place(place)


def test_upsampling_comes_after_attention_where_there_is_some():
    places = keymap.unet(shapes("sd15", "unet"))
    assert places["up_blocks.0.upsamplers.0.conv.weight"].name == "output_blocks.2.1.conv.weight"
    assert places["up_blocks.1.upsamplers.0.conv.weight"].name == "output_blocks.5.2.conv.weight"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("encoder.down_blocks.1.resnets.0.conv_shortcut.weight", Place("encoder.down.1.block.0.nin_shortcut.weight")),
        ("encoder.down_blocks.0.downsamplers.0.conv.bias", Place("encoder.down.0.downsample.conv.bias")),
        ("decoder.up_blocks.0.upsamplers.0.conv.bias", Place("decoder.up.3.upsample.conv.bias")),
        ("decoder.up_blocks.3.resnets.2.norm1.bias", Place("decoder.up.0.block.2.norm1.bias")),
        ("decoder.mid_block.attentions.0.to_out.0.weight", Place("decoder.mid.attn_1.proj_out.weight", "conv")),
        ("decoder.mid_block.attentions.0.to_q.bias", Place("decoder.mid.attn_1.q.bias")),
        ("decoder.mid_block.attentions.0.group_norm.weight", Place("decoder.mid.attn_1.norm.weight")),
        ("encoder.mid_block.resnets.1.conv2.weight", Place("encoder.mid.block_2.conv2.weight")),
        ("encoder.conv_norm_out.bias", Place("encoder.norm_out.bias")),
        ("post_quant_conv.weight", Place("post_quant_conv.weight")),
    ],
)
def test_names_in_a_real_autoencoder(name, place):
    assert keymap.vae(shapes("sd15", "vae"))[name] == place


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (
            "text_model.encoder.layers.31.self_attn.k_proj.bias",
            Place("transformer.resblocks.31.attn.in_proj_bias", "k"),
        ),
        ("encoder.layers.0.self_attn.q_proj.weight", Place("transformer.resblocks.0.attn.in_proj_weight", "q")),
        ("encoder.layers.0.self_attn.out_proj.weight", Place("transformer.resblocks.0.attn.out_proj.weight")),
        ("encoder.layers.0.mlp.fc2.bias", Place("transformer.resblocks.0.mlp.c_proj.bias")),
        ("text_model.embeddings.position_embedding.weight", Place("positional_embedding")),
        ("text_projection.weight", Place("text_projection", "turned")),
    ],
)
def test_names_in_openclip(name, place):
    assert keymap.open_clip([name]) == {name: place}


def test_queries_keys_and_values_are_one_tensor_in_openclip():
    held = {
        f"encoder.layers.0.self_attn.{third}_proj.weight": torch.full((2, 2), float(n)) for n, third in enumerate("kqv")
    }
    there = keymap.to_ldm(held, keymap.open_clip)
    assert {name: tensor[:, 0].tolist() for name, tensor in there.items()} == {
        "transformer.resblocks.0.attn.in_proj_weight": [1, 1, 0, 0, 2, 2]
    }


@pytest.mark.parametrize(
    ("family", "part", "count"),
    [
        ("sd15", "unet", 859_520_964),
        ("sd15", "vae", 83_653_863),
        ("sd15", "text_encoder", 123_060_480),
        ("sd2", "unet", 865_910_724),
        ("sd2", "text_encoder", 340_387_840),
        ("sdxl", "unet", 2_567_463_684),
        ("sdxl", "vae", 83_653_863),
        ("sdxl", "text_encoder", 123_060_480),
        ("sdxl", "text_encoder_2", 694_659_840),
    ],
)
def test_our_configs_make_models_of_the_published_size(family, part, count):
    assert sum(shape.numel() for shape in shapes(family, part).values()) == count
