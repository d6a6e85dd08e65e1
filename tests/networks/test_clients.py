import subprocess
import sys
from typing import get_args

import pytest

from lorabuild.networks.clients import CLIENTS, exact, said
from lorabuild.schema.network import IA3, DiagOFT, LoCon, LoHa, LoKr, LoRA, Network

KINDS = get_args(get_args(Network)[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_who_can_t_is_named_and_nobody_else(kind):
    lines = said(kind(), open_clip=True)
    missing = [client for client in CLIENTS if client not in exact(kind())]
    assert all(any(client in line for line in lines) for client in missing)
    assert bool(missing) == bool([line for line in lines if "unless q, k, v" not in line])


def test_what_resize_makes_a_lora_of_loads_in_diffusers():
    assert said(LoHa(), open_clip=False, resized=True) == []
    assert said(DiagOFT(), open_clip=False, resized=True)


def test_plain_loras_load_everywhere():
    assert said(LoRA(rs_lora=True, dropout=0.1), open_clip=True) == said(LoCon(), open_clip=True) == []
    assert exact(LoCon()) == CLIENTS


def test_what_the_matrix_says():
    assert exact(IA3()) == ("AUTOMATIC1111",)
    assert exact(LoHa()) == exact(LoKr()) == exact(DiagOFT()) == exact(LoRA(dora=True)) == CLIENTS[:-1]
    assert "drops the magnitudes" in said(LoRA(dora=True), open_clip=True)[0]
    assert "it refuses them" in said(LoKr(dora=True), open_clip=True)[0]


@pytest.mark.parametrize(
    ("network", "warned"),
    [
        (LoRA(), False),
        (LoRA(only=("*attn*",)), False),
        (LoRA(only=("*_q_proj", "*to_q")), True),
        (LoRA(without=("lora_te*",)), False),
        (LoRA(without=("*_out_proj",)), True),
        (IA3(), True),
    ],
)
def test_half_an_attention_is_warned_of(network, warned):
    assert any("unless q, k, v" in line for line in said(network, open_clip=True)) == warned


def test_it_needs_no_library():
    code = "import sys, lorabuild.networks.clients; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_text_encoder_s_attention_is_no_matter_without_openclip():
    few = LoRA(only=("*_q_proj", "lora_unet*"))
    assert [line.split()[0] for line in said(few, open_clip=True)] == ["AUTOMATIC1111"]
    assert said(few, open_clip=False) == []
